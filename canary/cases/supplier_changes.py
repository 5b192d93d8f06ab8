"""A supplier renamed, merged into another or removed by its owner: accounts are judged by it, and cases weighed again."""

from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import Session, col, select

from canary.cases.answers import judge_accounts
from canary.cases.due import cases_of_vendor, mark_due
from canary.cases.party_changes import checked_name, counted
from canary.cases.past_mail import OwnerWord
from canary.cases.rejudge import RejudgeOutcome, decide_about
from canary.cases.weigh import weigh_now
from canary.model.case import SuspectKind
from canary.store.locks import Lock, lock
from canary.store.party_merging import SUPPLIER, PartyMove, delete_party_rows
from canary.store.queries import audit
from canary.store.queries.vendors import Duplicate, find_supplier_row, get_vendor, supplier_row
from canary.store.supplier_merging import move_supplier_rows
from canary.store.tables import (
    FormerSupplierRow,
    SupplierDomainRow,
    SupplierLinkRow,
    SupplierRow,
    SuspectHistoryRow,
    VendorRow,
)


@dataclass(frozen=True, slots=True)
class SupplierHoldings:
    """What hangs on a supplier: vendors that pass addresses to it, those of them by whose mail it is known, and the rest.

    `cases` are those in which it was among the likeliest suspects.
    """

    vendors: int
    shown: int
    cases: int
    domains: int

    @property
    def stays(self) -> str:
        """Why it cannot be removed, empty where it can."""
        if not self.shown:
            return ""
        return (
            f"has {self}: mail of {counted([(self.shown, 'of these vendors', 'of these vendors')])} shows it, and would "
            f"show it again; merge it into another supplier, or withdraw it from the vendor"
        )

    def __str__(self) -> str:
        """Return it in words."""
        return counted((
            (self.vendors, "vendor", "vendors"), (self.cases, "case", "cases"), (self.domains, "domain", "domains"),
        ))  # fmt: skip


def holdings(session: Session, supplier: str) -> SupplierHoldings:
    """Return what hangs on a supplier; raises Unknown."""
    row = supplier_row(session, supplier)
    vendors = select(func.count(func.distinct(SupplierLinkRow.vendor_id))).where(SupplierLinkRow.supplier_id == row.id)
    suspected = select(func.count(func.distinct(SuspectHistoryRow.case_id))).where(
        SuspectHistoryRow.kind == SuspectKind.SUPPLIER.value, SuspectHistoryRow.suspect == row.slug
    )
    domains = select(func.count()).select_from(SupplierDomainRow).where(SupplierDomainRow.supplier_id == row.id)
    shown = vendors.where(SupplierLinkRow.origin == "learned")
    return SupplierHoldings(*(session.exec(query).one() for query in (vendors, shown, suspected, domains)))


def rename(session: Session, supplier: str, name: str, word: OwnerWord) -> RejudgeOutcome:
    """Give a supplier another name, under the same short name; raises Unknown, Duplicate, and ValueError for no name."""
    row, name = supplier_row(session, supplier), checked_name(name)
    other = find_supplier_row(session, name)
    if other is not None and other.id != row.id:
        raise Duplicate(f"name {name!r}: supplier {other.slug!r} has it: merge the two, or choose another")
    if name != row.name:
        before, row.name = row.name, name
        session.add(row)
        _record(session, "supplier-renamed", row.slug, f"{before} was renamed to {name} by {word.who}.", word)
    return RejudgeOutcome()


def merge(session: Session, supplier: str, into: str, word: OwnerWord) -> RejudgeOutcome:
    """Let all that hangs on a supplier be another's, which is found by its short name; raises Unknown and ValueError."""
    lock(session, Lock.CASES)
    source, target = supplier_row(session, supplier), supplier_row(session, into)
    if source.id == target.id:
        raise ValueError(f"supplier {supplier!r}: a supplier cannot be merged with itself; name another one")
    _refuse_two_accounts(session, source, target)
    move, text = (
        PartyMove(SUPPLIER, source.id or 0, target.id or 0),
        f"{source.name} became part of {target.name} by {word.who}.",
    )
    slug = source.slug
    change = _ClientVendors(session, word, _clients(session, move.source, move.target))
    move_supplier_rows(session, move)
    session.add(FormerSupplierRow(slug=slug, supplier_id=move.target))
    outcome = change.judge(text)
    _record(session, "supplier-merged", session.get_one(SupplierRow, move.target).slug, text, word)
    return outcome


def remove(session: Session, supplier: str, word: OwnerWord) -> RejudgeOutcome:
    """Remove a supplier that no mail shows, with what was declared of it; raises Unknown, and ValueError for another."""
    row, held = supplier_row(session, supplier), holdings(session, supplier)
    if held.stays:
        raise ValueError(f"supplier {row.slug!r} {held.stays}")
    lock(session, Lock.CASES)
    slug, text = row.slug, f"{row.name} was removed by {word.who}, with {held}."
    change = _ClientVendors(session, word, _clients(session, row.id or 0))
    delete_party_rows(session, SUPPLIER, row.id or 0)
    outcome = change.judge(text)
    _record(session, "supplier-removed", slug, text, word)
    return outcome


class _ClientVendors:
    """The vendors that a change concerns, with the accounts that were theirs before it."""

    def __init__(self, session: Session, word: OwnerWord, vendors: list[int]) -> None:
        self._session, self._word, self._vendors = session, word, vendors
        for number in vendors:
            decide_about(session, number)
        self._before = {number: self._accounts(number) for number in vendors}

    def judge(self, text: str) -> RejudgeOutcome:
        """Judge mail of accounts again that are the vendors' now or no longer, and weigh the cases of the vendors again."""
        session, word, outcome = self._session, self._word, RejudgeOutcome()
        session.flush()
        for number in self._vendors:
            owner = session.get_one(VendorRow, number)
            outcome.add(judge_accounts(session, owner, self._before[number], word.who, word.at))
        cases = {case for number in self._vendors for case in cases_of_vendor(session, number)}
        mark_due(session, cases, word.at)
        weigh_now(session, cases, word.at, text)
        return outcome

    def _accounts(self, number: int) -> frozenset[str]:
        return get_vendor(self._session, self._session.get_one(VendorRow, number).slug).declared_accounts


def _clients(session: Session, *suppliers: int) -> list[int]:
    theirs = select(SupplierLinkRow.vendor_id).where(col(SupplierLinkRow.supplier_id).in_(suppliers))
    return sorted(session.exec(theirs.distinct()))


def _refuse_two_accounts(session: Session, source: SupplierRow, target: SupplierRow) -> None:
    """Refuse to forget an account: of one channel a vendor has one at a supplier."""
    told = select(SupplierLinkRow.vendor_id, SupplierLinkRow.channel, SupplierLinkRow.account).where(
        SupplierLinkRow.origin == "declared", SupplierLinkRow.account != ""
    )
    mine, theirs = (
        {(vendor, channel): account for vendor, channel, account in session.exec(told.where(SupplierLinkRow.supplier_id == row.id))}
        for row in (source, target)
    )  # fmt: skip
    for at, account in mine.items():
        if theirs.get(at, account) != account:
            vendor = session.get_one(VendorRow, at[0])
            raise ValueError(
                f"supplier {source.slug!r}: vendor {vendor.slug!r} has the account {account[:40]!r} there and "
                f"{theirs[at][:40]!r} at {target.slug!r}: withdraw one of them first"
            )


def _record(session: Session, action: str, slug: str, text: str, word: OwnerWord) -> None:
    audit.audit(session, word.at, word.who, action, slug, text)
    session.flush()
