"""Addresses that were given away before: a list or an export, shown as a table to confirm, then adopted."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from canary.importing import import_store
from canary.importing.alias_list import AliasList, read_octets
from canary.importing.fault_lines import said_once
from canary.importing.list_adoption import from_list
from canary.judge.adoption import AdoptionProposal, Left, mail_order
from canary.web.csv_file import csv_lines
from canary.web.issue_forms import IssueRefused
from canary.web.rendering import PageContext
from canary.web.routes import Role, WebRoute
from canary.web.uploads import LARGEST_TEXT, LARGEST_UPLOAD, Uploaded

MOST = 10_000
SHOWN = 200
_COLUMNS = ("address", "vendor", "channel", "domains", "issued")


@dataclass(frozen=True, slots=True)
class AdoptionPlan:
    """What a list would become: `rows` is the list as it is sent again, without anything else of the file."""

    listed: AliasList
    found: Sequence[AdoptionProposal]
    left: Sequence[Left]
    rows: str

    @property
    def faults(self) -> list[str]:
        """What is wrong with lines of it, each mistake once."""
        return said_once(self.listed.faults)

    @property
    def issued_before(self) -> int:
        """How many of its addresses are canaries already."""
        return len(self.listed.told) - len(self.found) - len(self.left)


class AdoptionPage:
    """A page to take over addresses that are in use already."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            WebRoute("GET", "/canaries/adopt", Role.ANALYST, self.form),
            WebRoute("POST", "/canaries/adopt", Role.ANALYST, self.look, largest=LARGEST_UPLOAD),
            WebRoute("POST", "/canaries/adopt/confirm", Role.ANALYST, self.adopt, largest=LARGEST_UPLOAD),
        )

    def form(self, request: Request, done: int = 0) -> Response:
        """Ask for a list."""
        return self._show(request, done=min(done, MOST))

    def look(self, request: Request, form: Uploaded) -> Response:
        """Show what a list would become; nothing is changed, and nothing of a file is kept."""
        typed = form.fields.get("rows", "")
        try:
            plan = self._plan(form.octets, form.name) if form.octets else self._plan(typed.encode(), "The list", typed)
        except ValueError as fault:
            return self._show(request, fault=str(fault), rows=typed)
        with self._frame.writing(request) as session:
            told = f"{len(plan.listed.told)} addresses"
            self._frame.audit(session, request, "address-list-read", plan.listed.form, told)
        return self._show(request, plan=plan, rows=plan.rows)

    def adopt(self, request: Request, form: Uploaded) -> Response:
        """Make canaries of the addresses of a list; one that cannot be read is shown again as it was sent."""
        typed = form.fields.get("rows", "")
        try:
            plan = self._plan(typed.encode(), "The list", typed)
        except ValueError as fault:
            return self._show(request, fault=str(fault), rows=typed)
        with self._frame.writing(request) as session:
            made = import_store.adopt(session, plan.found, self._frame.clock(), self._frame.config.issuing.draw)
            self._frame.audit(session, request, "addresses-adopted", plan.listed.form, f"{made} addresses")
        return RedirectResponse(f"/canaries/adopt?done={made}", 303)

    def _plan(self, octets: bytes, name: str, typed: str = "") -> AdoptionPlan:
        """Read a list; raises ValueError for what is none."""
        issuing = self._frame.config.issuing
        listed = read_octets(octets, name, issuing.never, issuing.domains)
        if not listed.told:
            raise IssueRefused(_empty(listed, name))
        if len(listed.told) > MOST:
            raise IssueRefused(f"{name}: more than {MOST:,} addresses: use `canary adopt FILE` for so many.")
        found, left = mail_order(from_list(self._frame.database, listed.told, self._frame.clock()))
        rows = typed or _written(listed)
        if len(rows) > LARGEST_TEXT:
            raise IssueRefused(f"{name}: too much for a page: use `canary adopt FILE`.")
        return AdoptionPlan(listed, found, left, rows)

    def _show(
        self, request: Request, *, plan: AdoptionPlan | None = None, fault: str = "", rows: str = "", done: int = 0
    ) -> Response:
        return self._frame.show(
            request, "adoption.html", 400 if fault else 200, plan=plan, fault=fault, rows=rows, done=done, shown=SHOWN,
            own=self._frame.config.issuing.domains,
        )  # fmt: skip


def _empty(listed: AliasList, name: str) -> str:
    if listed.faults:
        return f"No address can be used. {' '.join(said_once(listed.faults)[:3])}"
    if listed.passed:
        return f"{name} ({listed.form}): none of its {listed.passed:,} accounts has an address at a domain of yours."
    return f"{name}: no address in it: write lines such as tea@example.org,Tea Shop"


def _written(listed: AliasList) -> str:
    rows = (
        (address, row.vendor, row.channel, " ".join(row.domains), row.issued or "")
        for address, row in listed.told.items()
    )
    return "".join(csv_lines(_COLUMNS, rows, _COLUMNS))
