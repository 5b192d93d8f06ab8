"""The first steps after the first run: DNS, a vendor with an address, a destination of alerts, and a mail that arrives."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from canary.authenticate.dns_records import CheckedRecord
from canary.model.party import SupplierLink
from canary.store.queries import canaries, vendors
from canary.store.queries.outbox import DeliveryStatus
from canary.views.canary_pages import canary_page
from canary.views.models import CanaryLine, HitLine
from canary.web.destination_forms import CHOICES, DestinationForm
from canary.web.issue_forms import IssueRefused, IssueRequest, fill, wish
from canary.web.pages.alert_setup import test_of
from canary.web.rendering import Field, Key, PageContext
from canary.web.routes import Role, WebRoute

HERE = "/setup/start"


@dataclass(frozen=True, slots=True)
class FirstSteps:
    """How far an installation is: its newest address with what came to it, its destinations, and the last test of one."""

    address: CanaryLine | None
    hits: tuple[HitLine, ...]
    destinations: tuple[str, ...]
    test: DeliveryStatus | None


class StartPage:
    """One page with all steps, each with its form until it is done."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            WebRoute("GET", HERE, Role.ADMIN, self.start),
            WebRoute("POST", f"{HERE}/vendor", Role.ADMIN, self.add_vendor),
            WebRoute("POST", f"{HERE}/self-test", Role.ADMIN, self.send),
            WebRoute("GET", f"{HERE}/arrived", Role.ADMIN, self.arrived),
        )

    async def start(
        self, request: Request, check: Annotated[bool, Query()] = False, delivery: Key = None, sent: bool = False
    ) -> Response:
        """Show the steps; DNS is asked only on request."""
        arranged = self._frame.config.arranged
        asked = await arranged.check() if check and arranged.check else None
        lines = asked if asked is not None else [CheckedRecord(record) for record in arranged.records]
        return await run_in_threadpool(
            self._show, request, lines=lines, checked=asked is not None, delivery=delivery, sent=sent
        )

    def add_vendor(
        self, request: Request, name: Field = "", domain: Field = "", supplier: Field = "", channel: Field = "signup"
    ) -> Response:
        """Add the first vendor, the supplier that it passes addresses on to, and issue its first address."""
        try:
            wanted = wish(name, channel, "1", "tagged", domain)
            if len(supplier) > 100 or not supplier.isprintable():
                raise IssueRefused(f"Supplier {supplier[:40]!r}: give a name of at most 100 characters.")
            with self._frame.writing(request) as session:
                self._add(session, request, wanted, supplier.strip())
        except ValueError as fault:
            typed = {"name": name, "domain": domain, "supplier": supplier, "channel": channel}
            return self._show(request, fault=str(fault), typed=typed)
        return RedirectResponse(f"{HERE}#address", 303)

    def _add(self, session: Session, request: Request, wanted: IssueRequest, supplier: str) -> None:
        now = self._frame.clock()
        [made] = fill(session, [wanted], self._frame.config.issuing, now)
        if supplier:
            known = vendors.add_supplier(session, supplier, now)
            vendors.add_supply(session, SupplierLink(made.vendor or "", known.slug))
        self._frame.audit(
            session, request, "canaries-issued", made.address, f"to {wanted.vendor}, by way of {supplier}"
        )

    def send(self, request: Request) -> Response:
        """Send a mail of ours to the newest address through the own listener."""
        send = self._frame.config.self_test
        with self._frame.database.reading() as session:
            address = canaries.newest_active(session)
        if send is None or address is None:
            raise HTTPException(404, "There is no address yet: issue one first.")
        try:
            send(address)
        except ValueError as fault:
            return self._show(request, send_fault=str(fault))
        with self._frame.writing(request) as session:
            self._frame.audit(session, request, "self-test", address)
        return RedirectResponse(f"{HERE}?sent=1#arrived", 303)

    def arrived(self, request: Request) -> Response:
        """Show what came to the newest address, as a part that asks again until something did."""
        with self._frame.database.reading() as session:
            found = _first_steps(session, (), None)
        return self._frame.show(request, "_arrived.html", found=found, sent=True)

    def _show(self, request: Request, delivery: int | None = None, **given: object) -> Response:
        names = tuple(each.name for each in self._frame.destinations())
        with self._frame.database.reading() as session:
            found = _first_steps(session, names, delivery)
        records = [CheckedRecord(record) for record in self._frame.config.arranged.records]
        facts = {
            "lines": records,
            "checked": False,
            "sent": False,
            "fault": "",
            "send_fault": "",
            "typed": _UNTYPED,
            **given,
        }
        wrong = bool(facts["fault"] or facts["send_fault"])
        return self._frame.show(
            request, "start.html", 422 if wrong else 200, found=found, form=DestinationForm(), choices=CHOICES, **facts
        )


_UNTYPED = {"name": "", "domain": "", "supplier": "", "channel": "signup"}


def _first_steps(session: Session, destinations: tuple[str, ...], delivery: int | None) -> FirstSteps:
    address = canaries.newest_active(session)
    line: CanaryLine | None = None
    hits: tuple[HitLine, ...] = ()
    if address and (page := canary_page(session, canaries.find_canaries(session, [address])[address].id)):
        line, hits = page
    return FirstSteps(line, hits, destinations, test_of(session, delivery) if delivery else None)
