"""A supplier as its owner edits it: name and domains; and what it may become: part of another, or gone."""

from typing import Annotated

from fastapi import Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel

from canary.cases import supplier_changes
from canary.cases.past_mail import OwnerWord
from canary.judge.sites import domain_of
from canary.senders.declared_suppliers import declare
from canary.store.queries.suppliers import get_supplier, list_suppliers
from canary.store.queries.vendors import Unknown
from canary.web.party_pages import PartyKind, PartyPages
from canary.web.rendering import FormText, PageContext, map_store_errors
from canary.web.routes import Role, WebRoute

_SUPPLIERS = PartyKind("/suppliers", "/suppliers", get_supplier, supplier_changes)


class SupplierForm(BaseModel):
    """What may be edited of a supplier, as it comes in; domains are added."""

    name: FormText = ""
    domains: FormText = ""


class SupplierEditingPage:
    """A page to edit a supplier, with a page before each change that cannot be taken back."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            WebRoute("GET", "/suppliers/{slug}/edit", Role.ANALYST, self.form),
            WebRoute("POST", "/suppliers/{slug}/edit", Role.ANALYST, self.change),
            *PartyPages(self._frame, _SUPPLIERS, self._refuse).routes(),
        )

    def form(self, request: Request, slug: str) -> Response:
        """Show what may be edited."""
        return self._show(request, slug)

    def change(self, request: Request, slug: str, form: Annotated[SupplierForm, Form()]) -> Response:
        """Change what was edited; a form that is refused keeps what was typed."""
        word = OwnerWord(request.state.user.name, self._frame.clock())
        try:
            with self._frame.writing(request) as session:
                found = get_supplier(session, slug)
                supplier_changes.rename(session, slug, form.name, word)
                if domains := domains_of(form.domains):
                    declare(session, found.slug, domains, word.who, word.at)
        except Unknown:
            return self._show(request, slug)
        except ValueError as fault:
            return self._show(request, slug, typed=form, fault=str(fault))
        return RedirectResponse(f"/suppliers/{found.slug}", 303)

    def _refuse(self, request: Request, slug: str, fault: str, into: str) -> Response:
        return self._show(request, slug, fault=fault, into=into)

    def _show(
        self, request: Request, slug: str, *, typed: SupplierForm | None = None, fault: str = "", into: str = ""
    ) -> Response:
        with map_store_errors(), self._frame.database.reading() as session:
            supplier, held = get_supplier(session, slug), supplier_changes.holdings(session, slug)
            others = {each.slug: each.name for each in list_suppliers(session) if each.slug != supplier.slug}
        return self._frame.show(
            request, "supplieredit.html", 400 if fault else 200, supplier=supplier, held=held,
            form=typed or SupplierForm(name=supplier.name), others=others, fault=fault, into=into,
        )  # fmt: skip


def domains_of(text: str) -> list[str]:
    """Return the domains that were typed, with blanks or commas between; each may be the address of a page."""
    return [domain_of(each) for each in text.replace(",", " ").split()]
