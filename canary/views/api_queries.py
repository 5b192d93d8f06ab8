"""Lists for programs: bounded, in the order of a key, each page after or before the last row seen."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import or_
from sqlmodel import Session, col

from canary.model.case import OPEN, CaseState
from canary.model.party import Vendor
from canary.store.codec import reasons_of
from canary.store.decoy_mac import decoy_mac_of
from canary.store.queries.vendors import vendors_by_id
from canary.store.tables import CanaryRow, CaseRow, CaseVendorRow, HitRow, MailRow, SenderRow, VendorRow, VendorTagRow
from canary.views.models import CanaryLine
from canary.views.view_queries import canaries_after, canary_query, choose, read_canaries

Moment = tuple[datetime, int]
"""Where a list by time continues: the time and the number of the last row seen."""


@dataclass(frozen=True, slots=True)
class Among:
    """A filter of canaries, mails, hits, cases or senders; an empty field filters nothing."""

    vendor: str = ""
    canary: str = ""
    channel: str = ""
    verdict: str = ""
    state: str = ""
    domain: str = ""
    case: int | None = None
    campaign: int | None = None
    open: bool | None = None
    tentative: bool | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class HitFact:
    """A hit with its address; `vendor` is None where that is a decoy."""

    row: HitRow
    address: str
    vendor: str | None


@dataclass(frozen=True, slots=True)
class HitRecord:
    """A hit with what its mail says about itself; a probe has no mail, so all of that is empty.

    `vendor` is None where the address is a decoy, `reasons` are codes with a sentence each.
    """

    id: int
    at: datetime
    address: str
    vendor: str | None
    verdict: str
    confidence: float
    reasons: tuple[Mapping[str, str], ...]
    sender: str = ""
    subject: str = ""
    message_id: str = ""
    sha256: str = ""


def vendors_after(session: Session, after: str, limit: int, tag: str = "") -> list[Vendor]:
    """Return vendors in order of their slugs."""
    query = choose(VendorRow.id).where(col(VendorRow.slug) > after).order_by(col(VendorRow.slug)).limit(limit)
    if tag:
        query = query.join(VendorTagRow, col(VendorTagRow.vendor_id) == col(VendorRow.id)).where(
            col(VendorTagRow.tag) == tag
        )
    found = vendors_by_id(session, session.execute(query).scalars())
    return sorted(found.values(), key=lambda vendor: vendor.slug)


def issued_after(session: Session, after: int, limit: int, among: Among) -> Sequence[CanaryLine]:
    """Return issued addresses in order of issue, after the one with a number."""
    query = canaries_after(canary_query(), after)
    pairs = ((VendorRow.slug, among.vendor), (CanaryRow.channel, among.channel), (CanaryRow.state, among.state))
    query = query.where(*(col(column) == value for column, value in pairs if value))
    if among.tentative is not None:
        query = query.where(col(CanaryRow.tentative).is_(among.tentative))
    return read_canaries(session, query, limit)


def canary_line(session: Session, number: int) -> CanaryLine | None:
    """Return one issued address, None for an unknown number."""
    return next(iter(read_canaries(session, canary_query().where(col(CanaryRow.id) == number), 1)), None)


def mails_before(session: Session, before: Moment | None, limit: int, among: Among) -> list[MailRow]:
    """Return mails by their time, newest first."""
    query = _latest(choose(MailRow), MailRow.received_at, MailRow.id, before).limit(limit)
    query = query.where(*_within(MailRow.received_at, among))
    if among.campaign is not None:
        query = query.where(col(MailRow.campaign_id) == among.campaign)
    if among.domain:
        query = query.where(col(MailRow.identity_domain) == among.domain)
    return list(session.execute(query).scalars())


def hits_of_mails(session: Session, mails: Collection[int]) -> dict[int, list[HitFact]]:
    """Return the hits of each of these mails, at each canary it reached."""
    found: dict[int, list[HitFact]] = {}
    for fact in _facts(
        session, _hits().where(col(HitRow.mail_id).in_(mails)).order_by(col(HitRow.id)), 100 * len(mails)
    ):
        found.setdefault(fact.row.mail_id or 0, []).append(fact)
    return found


def hits_before(session: Session, before: Moment | None, limit: int, among: Among) -> list[HitFact]:
    """Return hits by their time, newest first; those at decoys have no vendor."""
    query = _latest(_hits(), HitRow.at, HitRow.id, before).where(*_within(HitRow.at, among))
    pairs = ((HitRow.verdict, among.verdict), (CanaryRow.address, among.canary), (VendorRow.slug, among.vendor))
    query = query.where(*(col(column) == value for column, value in pairs if value))
    if among.case is not None:
        query = query.where(col(HitRow.case_id) == among.case)
    if not among.vendor:
        return _facts(session, query.limit(limit), limit)
    # A decoy has the number of a vendor it was never given to: only its code tells, so more may have to be read.
    return _facts(session, query, limit, owned=True)


def hit_records_before(session: Session, before: Moment | None, limit: int, among: Among) -> list[HitRecord]:
    """Return hits with their mails by their time, newest first."""
    facts = hits_before(session, before, limit, among)
    mail = choose(MailRow.id, MailRow.sender, MailRow.subject, MailRow.message_id, MailRow.sha256)
    chosen = mail.where(col(MailRow.id).in_({fact.row.mail_id for fact in facts}))
    mails = {number: rest for number, *rest in session.execute(chosen)}
    return [
        HitRecord(
            f.row.id or 0, f.row.at, f.address, f.vendor, f.row.verdict, f.row.confidence,
            tuple({"code": why.code.value, "text": why.text} for why in reasons_of(f.row.reasons)), *mails.get(f.row.mail_id, ()),
        )
        for f in facts
    ]  # fmt: skip


def cases_before(session: Session, before: int | None, limit: int, among: Among) -> list[CaseRow]:
    """Return cases, newest first; what is watched only where that state is asked for."""
    query = choose(CaseRow).order_by(col(CaseRow.id).desc()).limit(limit)
    if before is not None:
        query = query.where(col(CaseRow.id) < before)
    # What is watched is no case.
    asked = col(CaseRow.state) == among.state if among.state else col(CaseRow.state) != CaseState.WATCHED
    query = query.where(asked)
    if among.open is not None:
        query = query.where(col(CaseRow.state).in_(OPEN) if among.open else col(CaseRow.state).not_in(OPEN))
    if among.vendor:
        query = query.join(CaseVendorRow).join(VendorRow, col(VendorRow.id) == col(CaseVendorRow.vendor_id))
        query = query.where(col(VendorRow.slug) == among.vendor)
    return list(session.execute(query).scalars())


def vendors_of_cases(session: Session, cases: Collection[int]) -> dict[int, list[str]]:
    """Return the slugs of the vendors whose canaries were hit in each of these cases."""
    query = choose(CaseVendorRow.case_id, VendorRow.slug).join(VendorRow).order_by(col(VendorRow.slug))
    found: dict[int, list[str]] = {}
    for case, slug in session.execute(query.where(col(CaseVendorRow.case_id).in_(cases))):
        found.setdefault(case, []).append(slug)
    return found


def senders_after(session: Session, after: int, limit: int, among: Among) -> Sequence[tuple[SenderRow, str]]:
    """Return senders with the slug of the vendor, in the order in which they were first seen."""
    query = choose(SenderRow, VendorRow.slug).join(VendorRow).where(col(SenderRow.id) > after)
    pairs = ((SenderRow.state, among.state), (VendorRow.slug, among.vendor))
    query = query.where(*(col(column) == value for column, value in pairs if value))
    return [(row, slug) for row, slug in session.execute(query.order_by(col(SenderRow.id)).limit(limit))]


def _latest(query: Any, at: Any, key: Any, before: Moment | None) -> Any:
    query = query.order_by(col(at).desc(), col(key).desc())
    if before is None:
        return query
    # The first condition is what an index can begin with.
    return query.where(col(at) <= before[0], or_(col(at) < before[0], col(key) < before[1]))


def _within(column: Any, among: Among) -> list[Any]:
    since = [] if among.since is None else [col(column) >= among.since]
    return since if among.until is None else [*since, col(column) < among.until]


def _hits() -> Any:
    query = choose(HitRow, CanaryRow, VendorRow.slug).join(CanaryRow, col(CanaryRow.id) == col(HitRow.canary_id))
    return query.outerjoin(VendorRow, col(VendorRow.id) == col(CanaryRow.vendor_id))


def _facts(session: Session, query: Any, limit: int, *, owned: bool = False) -> list[HitFact]:
    is_decoy = decoy_mac_of(session).is_decoy
    with session.execute(query.execution_options(yield_per=max(limit, 1))) as found:
        facts = (HitFact(hit, canary.address, None if is_decoy(canary) else slug) for hit, canary, slug in found)
        return list(islice((fact for fact in facts if fact.vendor is not None or not owned), limit))
