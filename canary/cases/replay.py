"""Cases after an answer: what was assigned since the newest decision on cases is assigned again, hit by hit.

So the cases are the same whether an answer about a sender comes before or after the mail it is about. Hits that had
their case when somebody last decided on a case keep it. A case that was opened since keeps its number if it keeps any
of its hits; otherwise it is closed, or becomes part of the case that has its mail now (docs/cases.md).
"""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, update
from sqlmodel import Session, col, select

from canary.cases import burning, records
from canary.cases.assign import CaseAssigner, CaseHit, LeakCase
from canary.cases.due import mark_due
from canary.cases.history import StoredCases, newest_decision
from canary.cases.keep_hits import reopen
from canary.cases.weigh import weigh_now
from canary.model.canary import CanaryState
from canary.model.case import OPEN, CaseState
from canary.model.verdict import HINTS, LEAKS
from canary.store.tables import (
    CampaignHitRow,
    CanaryRow,
    CaseRow,
    CaseVendorRow,
    HitRow,
    MailRow,
    SupplierLinkRow,
    VendorRow,
)
from canary.store.tables.base import metadata

BATCH = 1000
_BEARING = sorted(verdict.value for verdict in LEAKS | HINTS)


@dataclass(frozen=True, slots=True)
class RejudgeCause:
    """Why hits are judged again: what was decided, in words, by whom and when.

    The cases are weighed in the same transaction, unless it is not to wait for that.
    """

    text: str
    who: str
    at: datetime
    at_once: bool = True


@dataclass(frozen=True, slots=True)
class CaseStanding:
    """Which cases of some vendors are open, and which of their addresses count as leaked."""

    open_cases: frozenset[int]
    burned: frozenset[str]


@dataclass(slots=True)
class Replayed:
    """The outcome: cases opened and closed, all cases whose hits changed, and their campaigns.

    `freed` are addresses that no longer count as leaked, `burned` those that do now.
    """

    before: CaseStanding
    vendors: frozenset[int]
    cases: set[int] = field(default_factory=set)
    campaigns: set[int] = field(default_factory=set)
    opened: list[int] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    freed: list[str] = field(default_factory=list)
    burned: list[str] = field(default_factory=list)

    def conclude(self, session: Session, cause: RejudgeCause) -> None:
        """Have the cases weighed that changed, and note which are open and which addresses are burned as a result."""
        mark_due(session, self.cases, cause.at)
        if cause.at_once:
            weigh_now(session, self.cases, cause.at, cause.text)
        after = standing(session, self.vendors)
        self.opened = sorted(after.open_cases - self.before.open_cases)
        self.closed = sorted(self.before.open_cases - after.open_cases)
        self.burned = sorted(after.burned - self.before.burned)
        self.freed = sorted(self.before.burned - after.burned)


def standing(session: Session, of: Collection[int]) -> CaseStanding:
    """Return how the cases and addresses of some vendors stand."""
    session.flush()
    members = select(CaseVendorRow.case_id).where(col(CaseVendorRow.vendor_id).in_(of))
    cases = select(CaseRow.id).where(col(CaseRow.id).in_(members), col(CaseRow.state).in_(OPEN))
    burned = select(CanaryRow.address).where(col(CanaryRow.vendor_id).in_(of), CanaryRow.state == CanaryState.BURNED)
    return CaseStanding(frozenset(filter(None, session.exec(cases))), frozenset(session.exec(burned)))


def replay(
    session: Session, vendor: int, freed: Counter[int], canaries: Collection[int], cause: RejudgeCause
) -> Replayed:
    """Assign again what bears on the cases of a vendor and of all vendors connected with it.

    `freed` counts the hits that were just taken out of cases, `canaries` are those whose hits changed their verdict.
    The caller holds `Lock.CASES`, recounts what campaigns hit, and then calls `conclude`.
    """
    session.flush()
    connected = connected_vendors(session, vendor)
    play = _Play(session, connected, cause, Replayed(standing(session, connected), connected))
    play.begin(freed)
    for hit in play.hits():
        play.assign(hit)
    play.number_cases()
    play.write(freed)
    burning.set_burned(session, play.canaries | set(canaries))
    session.flush()
    return play.outcome


def connected_vendors(session: Session, vendor: int) -> frozenset[int]:
    """Return the vendors whose cases may be connected with those of one, directly or through others.

    Two vendors are connected if they have had a case in common, or a supplier and a campaign.
    """
    found, fresh = {vendor}, {vendor}
    while fresh:
        cases = select(CaseVendorRow.case_id).where(col(CaseVendorRow.vendor_id).in_(fresh))
        beside = set(session.exec(select(CaseVendorRow.vendor_id).where(col(CaseVendorRow.case_id).in_(cases))))
        supplied = select(SupplierLinkRow.supplier_id).where(col(SupplierLinkRow.vendor_id).in_(fresh))
        sharing = select(SupplierLinkRow.vendor_id).where(col(SupplierLinkRow.supplier_id).in_(supplied))
        hit = select(CampaignHitRow.campaign_id).join(CanaryRow, col(CanaryRow.id) == CampaignHitRow.canary_id)
        campaigns = hit.where(col(CanaryRow.vendor_id).in_(fresh), CampaignHitRow.campaign_id > 0)
        same = (
            select(CanaryRow.vendor_id)
            .join(CampaignHitRow, col(CampaignHitRow.canary_id) == CanaryRow.id)
            .where(col(CampaignHitRow.campaign_id).in_(campaigns), col(CanaryRow.vendor_id).in_(sharing))
        )
        fresh = {v for v in beside | set(session.exec(same.distinct())) if v} - found
        found |= fresh
    return frozenset(found)


@dataclass(slots=True)
class _Group:
    """The hits of one case, with the first of them; those whose case changes wait until it has a number."""

    case: LeakCase
    first: Row[Any]
    moved: list[dict[str, Any]] = field(default_factory=list)
    joined: int = 0


class _Play:
    """The cases of connected vendors as they were at the newest decision, and the hits since then, assigned again."""

    def __init__(self, session: Session, vendors: Collection[int], cause: RejudgeCause, outcome: Replayed) -> None:
        """Read the cases as they were then."""
        self.outcome, self.canaries = outcome, set[int]()
        self._session, self._vendors, self._cause = session, vendors, cause
        self._decision = newest_decision(session)
        self._stored = StoredCases(session, self._decision)
        self._assigner = CaseAssigner(self._stored)
        self._groups: dict[LeakCase, _Group] = {}
        self._left: Counter[int] = Counter()
        self._went: dict[int, LeakCase] = {}
        self._nowhere: list[dict[str, Any]] = []
        self._begun: set[int] = set()
        mine = self._cases()
        self._since = {row.id: row for row in mine if row.decision >= self._decision}
        self._reopened = {n: row for row in mine if (n := row.id) and _since(row.reopened, self._decision)}

    def begin(self, freed: Counter[int]) -> None:
        """Settle cases again that mail had reopened since, and those that lost their last hit."""
        for number, row in self._reopened.items():
            case = self._stored.load([number])[0]
            row.state, row.outcome, row.reopened = case.state.value, case.outcome, None
        emptied = [number for number in sorted(freed) if number not in self._since and not self._keeps_any(number)]
        for case in self._stored.load(emptied):
            if case.in_play:
                case.state, case.outcome = CaseState.CLOSED, CaseState.FALSE_POSITIVE.value

    def hits(self) -> Iterator[Row[Any]]:
        """Yield the hits that were assigned, or began to bear on a case, since the newest decision, in their order."""
        query = (
            select(  # type: ignore[call-overload]
                HitRow.id, HitRow.canary_id, HitRow.at, HitRow.verdict, HitRow.case_id, HitRow.burns,
                CanaryRow.vendor_id, VendorRow.name, MailRow.campaign_id,
            )
            .join(CanaryRow, CanaryRow.id == HitRow.canary_id)
            .join(VendorRow, VendorRow.id == CanaryRow.vendor_id)
            .outerjoin(MailRow, MailRow.id == HitRow.mail_id)
            .where(col(CanaryRow.vendor_id).in_(self._vendors), col(HitRow.verdict).in_(_BEARING))
            .where(HitRow.decision >= self._decision, col(CanaryRow.tentative).is_(False))
            .order_by(HitRow.id)
        )  # fmt: skip
        # They change when all of them were seen, so that one reading of them does.
        yield from self._session.execute(query.execution_options(yield_per=BATCH))

    def assign(self, row: Row[Any]) -> None:
        """Assign one hit again; a new case takes the number of the case that its hit had, if that is free."""
        hit = CaseHit(row.vendor_id, row.name, row.canary_id, row.at, row.verdict in LEAKS, row.campaign_id or 0)
        made = self._assigner.assign(hit)
        case, burns = made.case, made.burns
        if case is not None:
            self._reuse_number(case, row.case_id)
            self._groups.setdefault(case, _Group(case, row))
        if burns or row.burns:
            self.canaries.add(row.canary_id)
        if row.case_id == (case.number if case else None) and row.burns == burns:
            return
        (self._groups[case].moved if case else self._nowhere).append({"hit": row.id, "burned": burns})
        self.outcome.campaigns.add(hit.campaign)
        if case is None or row.case_id != case.number:
            self._count_move(row.case_id, case, leak=hit.leak)

    def _reuse_number(self, case: LeakCase, number: int | None) -> None:
        """Let a case that was begun here be the one that its first hit had, and its state that of this."""
        if number is not None and not case.number and number in self._since:
            row = self._since.pop(number)
            case.number, case.state, case.outcome = number, CaseState(row.state), row.outcome
            self._stored.rows[number] = row

    def _count_move(self, source: int | None, target: LeakCase | None, *, leak: bool) -> None:
        if target is not None:
            self._groups[target].joined += 1
        if source is not None:
            self._left[source] += 1
        if source is not None and target is not None and leak:
            self._went[source] = target

    def number_cases(self) -> None:
        """Begin the cases that have no number yet."""
        for group in self._groups.values():
            case, first = group.case, group.first
            if not case.number:
                row = self._begin(first)
                case.number = row.id or 0
                self._stored.rows[case.number] = row
                self._begun.add(case.number)
            row = self._stored.rows[case.number]
            if row.decision >= self._decision:
                row.opening_hit = first.id

    def _begin(self, first: Row[Any]) -> CaseRow:
        """Begin a case, or again the one that its first hit had begun once."""
        again = records.find_emptied(self._session, first.vendor_id, first.id)
        if again is None:
            return records.begin_case(self._session, first.vendor_id, first.at, self._decision)
        text = f"Its first mail is from somebody else after all: {self._cause.text}"
        records.open_again(self._session, again, self._cause.at, text, self._cause.who, self._decision)
        return again

    def write(self, freed: Counter[int]) -> None:
        """Write what changed: the cases of hits, and the state, the vendors and the timeline of cases."""
        for group in self._groups.values():
            row = self._stored.rows[group.case.number]
            _move(self._session, group.moved, group.case.number)
            row.last_hit_at = max(row.last_hit_at, group.case.last_hit_at)
            if group.joined and group.case.number not in self._begun:
                self._note(row, "judged-again", f"{_mails(group.joined)} joined the case: {self._cause.text}")
        _move(self._session, self._nowhere, None)
        for group in self._groups.values():
            if group.case.is_fresh:
                burning.follow_state(self._session, self._stored.rows[group.case.number])
        self._reopen()
        gone = {number: count for number, count in (freed + self._left).items() if number}
        self.outcome.cases = set(gone) | {group.case.number for group in self._groups.values() if group.moved}
        for number in sorted(self.outcome.cases):
            self._set_vendors(self._session.get_one(CaseRow, number))
        for number, count in sorted(gone.items()):
            self._settle(self._session.get_one(CaseRow, number), count)

    def _reopen(self) -> None:
        """Reopen settled cases that got mail that is new to them, and note which are settled after all."""
        again = {case.number: case for case in self._groups if case.before}
        for number, case in again.items():
            reopen(self._stored.rows[number], case, self._decision)
            if number not in self._reopened:
                self._note(self._stored.rows[number], "reopened", f"Reopened: {self._cause.text}")
        for number, row in self._reopened.items():
            if number not in again:
                self._note(row, "state", f"Settled again as before: {self._cause.text}")

    def _settle(self, row: CaseRow, count: int) -> None:
        """Note how many mails left a case; without any it is closed, or becomes part of the case that has its mail now."""
        into = self._went.get(row.id or 0)
        self._note(row, "judged-again", f"{_mails(count)} left the case: {self._cause.text}")
        row.last_hit_at = records.last_hit_at(self._session, row)
        if records.has_evidence(self._session, row):
            return
        # What a case had before the line that a decision drew can have left it only by being no leak.
        into = self._went.get(row.id or 0) if row.decision >= self._decision else None
        records.close_empty(self._session, row, self._cause.at, self._cause.who, into.number if into else None)

    def _set_vendors(self, row: CaseRow) -> None:
        """Set the vendors of a case to those whose addresses were hit in it, the first of them in the lead."""
        query = select(CanaryRow.vendor_id).join(HitRow, col(HitRow.canary_id) == CanaryRow.id)
        found = set(self._session.exec(query.where(HitRow.case_id == row.id).distinct()))
        members = self._session.exec(select(CaseVendorRow).where(CaseVendorRow.case_id == row.id)).all()
        for member in members:
            if member.vendor_id in self._vendors and member.vendor_id not in found:
                self._session.delete(member)
        for vendor in sorted(found - {member.vendor_id for member in members}):
            self._session.add(CaseVendorRow(case_id=row.id or 0, vendor_id=vendor))
        self._session.flush()
        row.vendor_id = records.leading_vendor(self._session, row)

    def _cases(self) -> list[CaseRow]:
        members = select(CaseVendorRow.case_id).where(col(CaseVendorRow.vendor_id).in_(self._vendors))
        query = select(CaseRow).where(col(CaseRow.id).in_(members), col(CaseRow.merged_into).is_(None))
        return list(self._session.exec(query.order_by(col(CaseRow.id))))

    def _keeps_any(self, number: int) -> bool:
        query = select(HitRow.id).where(HitRow.case_id == number, col(HitRow.verdict).in_(_BEARING))
        return self._session.exec(query.where(HitRow.decision < self._decision).limit(1)).first() is not None

    def _note(self, row: CaseRow, kind: str, text: str) -> None:
        self._session.add(row)
        records.add_event(self._session, row, self._cause.at, kind, text, self._cause.who)


def _since(reopened: dict[str, Any] | None, decision: int) -> bool:
    return reopened is not None and int(reopened["decision"]) >= decision


def _move(session: Session, moved: list[dict[str, Any]], case: int | None) -> None:
    if moved:
        session.connection().execute(_MOVE, [{**each, "case": case} for each in moved])


def _mails(count: int) -> str:
    return "1 mail" if count == 1 else f"{count} mails"


_HIT = metadata.tables["hit"]
_MOVE = update(_HIT).where(_HIT.c.id == bindparam("hit")).values(case_id=bindparam("case"), burns=bindparam("burned"))
