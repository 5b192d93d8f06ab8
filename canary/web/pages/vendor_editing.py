"""A vendor as its owner edits it: name, dates, tags and suppliers; and what it may become: part of another, or gone."""

from datetime import UTC, date, datetime, time
from typing import Annotated

from fastapi import Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel
from sqlmodel import Session

from canary.cases import answers, end_dates, vendor_changes
from canary.cases.party_changes import MAX_NAME
from canary.cases.past_mail import OwnerWord
from canary.model.party import SupplierLink, Vendor
from canary.store.queries import vendor_tags, vendors
from canary.store.queries.vendors import Unknown, get_vendor
from canary.web.party_pages import PartyKind, PartyPages
from canary.web.rendering import Field, FormText, PageContext, map_store_errors
from canary.web.routes import Role, WebRoute

MAX_GRACE, MAX_CHANNEL = 3650, 60
_VENDORS = PartyKind("/vendors", "/#vendors", get_vendor, vendor_changes)


class VendorForm(BaseModel):
    """What may be edited of a vendor, as it comes in; days are ISO dates, empty for none."""

    name: FormText = ""
    tags: FormText = ""
    contract: FormText = ""
    erasure: FormText = ""
    unsubscribed: FormText = ""
    grace: FormText = ""


class SupplyForm(BaseModel):
    """A supplier that a vendor passes addresses to, as it comes in."""

    supplier: FormText = ""
    channel: FormText = ""
    account: FormText = ""
    since: FormText = ""
    until: FormText = ""


class VendorEditingPage:
    """A page to edit a vendor, with a page before each change that cannot be taken back."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            WebRoute("GET", "/vendors/{slug}/edit", Role.ANALYST, self.form),
            WebRoute("POST", "/vendors/{slug}/edit", Role.ANALYST, self.change),
            WebRoute("POST", "/vendors/{slug}/suppliers", Role.ANALYST, self.supply),
            WebRoute("POST", "/vendors/{slug}/suppliers/remove", Role.ANALYST, self.withdraw),
            *PartyPages(self._frame, _VENDORS, self._refuse).routes(),
        )

    def form(self, request: Request, slug: str) -> Response:
        """Show what may be edited."""
        return self._show(request, slug)

    def change(self, request: Request, slug: str, form: Annotated[VendorForm, Form()]) -> Response:
        """Change what was edited; a form that is refused keeps what was typed."""
        try:
            with self._frame.writing(request) as session:
                self._apply(request, session, slug, form)
        except Unknown:
            return self._show(request, slug)
        except ValueError as fault:
            return self._show(request, slug, typed=form, fault=str(fault))
        return RedirectResponse(f"/vendors/{slug}", 303)

    def supply(self, request: Request, slug: str, form: Annotated[SupplyForm, Form()]) -> Response:
        """Record that a vendor passes addresses to a supplier."""
        try:
            with self._frame.writing(request) as session:
                who, now = request.state.user.name, self._frame.clock()
                link = _link(slug, form)
                answers.declare_supply(session, link, form.supplier.strip(), who, now)
                self._frame.audit(session, request, "supplier-declared", f"{slug}: {link.supplier}", form.channel)
        except Unknown:
            return self._show(request, slug)
        except ValueError as fault:
            return self._show(request, slug, given=form, fault=str(fault))
        return RedirectResponse(f"/vendors/{slug}/edit#suppliers", 303)

    def withdraw(self, request: Request, slug: str, supplier: Field = "", channel: Field = "") -> Response:
        """Record that a vendor does not pass addresses to a supplier."""
        with map_store_errors(), self._frame.writing(request) as session:
            who, now = request.state.user.name, self._frame.clock()
            answers.drop_supply(session, slug, supplier, channel or None, who, now)
            self._frame.audit(session, request, "supplier-withdrawn", f"{slug}: {supplier}", channel or "every channel")
        return RedirectResponse(f"/vendors/{slug}/edit#suppliers", 303)

    def _refuse(self, request: Request, slug: str, fault: str, into: str) -> Response:
        return self._show(request, slug, fault=fault, into=into)

    def _apply(self, request: Request, session: Session, slug: str, form: VendorForm) -> None:
        who, now = request.state.user.name, self._frame.clock()
        told = {"contract": form.contract, "erasure": form.erasure, "unsubscribed": form.unsubscribed}
        ends = {name: _day(day, name.title()) for name, day in told.items()}
        grace = form.grace.strip()
        if grace and not (grace.isascii() and grace.isdigit() and len(grace) < 5 and int(grace) <= MAX_GRACE):
            raise ValueError(f"Days of grace {grace[:20]!r}: give a number of days up to {MAX_GRACE:,}, or nothing.")
        wanted = form.tags.replace(",", " ").lower().split()
        held = vendor_tags.by_vendor(session, [slug]).get(slug, ())
        vendor_changes.rename(session, slug, form.name, self._word(request))
        vendor_tags.drop_tags(session, slug, set(held) - set(wanted))
        vendor_tags.add_tags(session, slug, wanted)
        end_dates.set_endings(session, slug, ends, who, now)
        end_dates.set_grace(session, slug, int(grace) if grace else None, who, now)
        self._frame.audit(session, request, "vendor-changed", slug)

    def _show(
        self, request: Request, slug: str, *, typed: VendorForm | None = None, given: SupplyForm | None = None,
        fault: str = "", into: str = "",
    ) -> Response:  # fmt: skip
        with map_store_errors(), self._frame.database.reading() as session:
            vendor, held = get_vendor(session, slug), vendor_changes.holdings(session, slug)
            tags = vendor_tags.by_vendor(session, [vendor.slug]).get(vendor.slug, ())
            others = {short: name for short, name in vendors.vendor_names(session).items() if short != vendor.slug}
            suppliers = sorted({*vendors.supplier_names(session).values()})
        return self._frame.show(
            request, "vendoredit.html", 400 if fault else 200, vendor=vendor, held=held,
            form=typed or _form(vendor, tags), given=given or SupplyForm(), others=others, suppliers=suppliers,
            fault=fault, into=into,
        )  # fmt: skip

    def _word(self, request: Request) -> OwnerWord:
        return OwnerWord(request.state.user.name, self._frame.clock())


def _form(vendor: Vendor, tags: tuple[str, ...]) -> VendorForm:
    ends = vendor.endings
    return VendorForm(
        name=vendor.name, tags=" ".join(tags), contract=_written(ends.contract), erasure=_written(ends.erasure),
        unsubscribed=_written(ends.unsubscribed), grace="" if ends.grace is None else str(ends.grace.days),
    )  # fmt: skip


def _link(slug: str, form: SupplyForm) -> SupplierLink:
    name, channel = form.supplier.strip(), form.channel.strip()
    if len(name) > MAX_NAME or not name.isprintable() or not any(letter.isalnum() for letter in name):
        raise ValueError(f"Supplier {name[:40]!r}: give its name, such as Letter Works.")
    if len(channel) > MAX_CHANNEL or not channel.isprintable():
        raise ValueError(f"Channel {channel[:40]!r}: give a word such as newsletter, or nothing for all.")
    return SupplierLink(
        slug, vendors.slug(name), channel or None, _day(form.since, "Since"), _day(form.until, "Until"),
        form.account.strip(),
    )  # fmt: skip


def _written(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d}" if at else ""


def _day(text: str, what: str) -> datetime | None:
    if not text.strip():
        return None
    try:
        return datetime.combine(date.fromisoformat(text.strip()), time(), UTC)
    except ValueError:
        raise ValueError(f"{what} {text[:20]!r}: give a day such as 2026-05-01, or nothing.") from None
