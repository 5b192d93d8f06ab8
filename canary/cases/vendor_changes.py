"""A vendor renamed, merged into another or removed by its owner: past mail is judged again, and cases follow."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, select

from canary.cases.due import cases_of_vendor, mark_due
from canary.cases.party_changes import checked_name, counted
from canary.cases.past_mail import OwnerWord, judge_past_mail
from canary.cases.rejudge import RejudgeOutcome, decide_about
from canary.cases.weigh import weigh_now
from canary.store.decoy_mac import decoy_mac_of
from canary.store.locks import Lock, lock
from canary.store.party_merging import VENDOR, PartyMove, delete_party_rows
from canary.store.queries import audit
from canary.store.queries.vendors import MAX_BRANDS, Duplicate, get_vendor, named_slug, vendor_row
from canary.store.tables import (
    CanaryRow,
    CaseVendorRow,
    FormerSlugRow,
    HitRow,
    SenderRow,
    SupplierLinkRow,
    VendorBrandRow,
    VendorDomainRow,
    VendorRow,
)
from canary.store.vendor_merging import move_vendor_rows


@dataclass(frozen=True, slots=True)
class VendorHoldings:
    """What hangs on a vendor: how many addresses, mails, cases, senders, suppliers and domains."""

    addresses: int
    mails: int
    cases: int
    senders: int
    suppliers: int
    domains: int

    @property
    def stays(self) -> str:
        """Why it cannot be removed, empty where it can."""
        if not self.addresses:
            return ""
        return (
            f"has {self}: it may write to its addresses for ever, and so they keep listening; "
            f"merge it into another vendor, or say when it should fall silent"
        )

    def __str__(self) -> str:
        """Return it in words."""
        return counted((
            (self.addresses, "address", "addresses"), (self.mails, "mail", "mails"), (self.cases, "case", "cases"),
            (self.senders, "sender", "senders"), (self.suppliers, "supplier", "suppliers"), (self.domains, "domain", "domains"),
        ))  # fmt: skip


def holdings(session: Session, vendor: str) -> VendorHoldings:
    """Return what hangs on a vendor; raises Unknown. Decoys are no addresses of it."""
    number = vendor_row(session, vendor).id or 0
    is_decoy = decoy_mac_of(session).is_decoy
    marked: Any = select(CanaryRow.address, CanaryRow.mac).where(CanaryRow.vendor_id == number)
    addresses = sum(not is_decoy(row) for row in session.execute(marked.execution_options(yield_per=1000)))
    hits = select(func.count()).select_from(HitRow).join(CanaryRow)
    counts = [
        session.exec(select(func.count()).select_from(row).where(row.vendor_id == number)).one()
        for row in (CaseVendorRow, SenderRow, SupplierLinkRow, VendorDomainRow)
    ]
    return VendorHoldings(addresses, session.exec(hits.where(CanaryRow.vendor_id == number)).one(), *counts)


def rename(session: Session, vendor: str, name: str, word: OwnerWord) -> RejudgeOutcome:
    """Give a vendor another name, under the same short name; raises Unknown, Duplicate, and ValueError for no name."""
    row, name = vendor_row(session, vendor), checked_name(name)
    if name == row.name:
        return RejudgeOutcome()
    other = named_slug(session, name)
    if other not in ("", row.slug):
        raise Duplicate(f"name {name!r}: vendor {other!r} has it: merge the two, or choose another")
    decide_about(session, row.id or 0)
    before, row.name = row.name, name
    brand = session.get(VendorBrandRow, (row.id, name))
    if brand is not None:
        session.delete(brand)
    session.add(row)
    cause = word.cause(f"{before} was renamed to {name} by {word.who}.")
    outcome = judge_past_mail(session, row.id or 0, "", cause, word.at_once)
    _record(session, row, "vendor-renamed", cause.text, word)
    return outcome


def merge(session: Session, vendor: str, into: str, word: OwnerWord) -> RejudgeOutcome:
    """Let all that hangs on a vendor be another's, of which its name becomes a further one; raises Unknown and ValueError."""
    lock(session, Lock.CASES)
    source, target = vendor_row(session, vendor), vendor_row(session, into)
    if source.id == target.id:
        raise ValueError(f"vendor {vendor!r}: a vendor cannot be merged with itself; name another one")
    name, slug, move = source.name, source.slug, PartyMove(VENDOR, source.id or 0, target.id or 0)
    decide_about(session, move.target)
    held = get_vendor(session, target.slug)
    cases = {*cases_of_vendor(session, move.source), *cases_of_vendor(session, move.target)}
    move_vendor_rows(session, move)
    session.add(FormerSlugRow(slug=slug, vendor_id=move.target))
    if name not in held.names and len(held.brands) < MAX_BRANDS:
        session.merge(VendorBrandRow(vendor_id=move.target, name=name, created_at=word.at))
    session.flush()
    cause = word.cause(f"{name} became part of {held.name} by {word.who}.")
    outcome = judge_past_mail(session, move.target, "", cause, word.at_once)
    mark_due(session, cases, word.at)
    weigh_now(session, cases, word.at, cause.text)
    _record(session, session.get_one(VendorRow, move.target), "vendor-merged", cause.text, word)
    return outcome


def remove(session: Session, vendor: str, word: OwnerWord) -> RejudgeOutcome:
    """Remove a vendor that nobody gave an address to; raises Unknown, and ValueError where it has any."""
    row = vendor_row(session, vendor)
    held = holdings(session, row.slug)
    if held.stays:
        raise ValueError(f"vendor {row.slug!r} {held.stays}")
    if session.exec(select(CanaryRow.id).where(CanaryRow.vendor_id == row.id).limit(1)).first():
        raise ValueError(f"vendor {row.slug!r} cannot be removed; merge it into another vendor")
    lock(session, Lock.CASES)
    audit.audit(session, word.at, word.who, "vendor-removed", row.slug, f"{row.name}, with {held}.")
    delete_party_rows(session, VENDOR, row.id or 0)
    return RejudgeOutcome()


def _record(session: Session, row: VendorRow, action: str, text: str, word: OwnerWord) -> None:
    audit.note(session, row.id or 0, word.at, action, text, word.who)
    audit.audit(session, word.at, word.who, action, row.slug, text)
    session.flush()
