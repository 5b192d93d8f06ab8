"""What was assigned to which case before, as `canary.cases.assign` asks for it, and the numbers of people's decisions."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import ColumnElement, bindparam, func, true
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from canary.cases.assign import LeakCase
from canary.model.case import CaseState
from canary.model.verdict import HINTS, LEAKS
from canary.store.tables import CanaryRow, CaseDecisionRow, CaseRow, CaseVendorRow, HitRow, MailRow, SupplierLinkRow

_LEAKS = sorted(verdict.value for verdict in LEAKS)
_BEARING = sorted(verdict.value for verdict in LEAKS | HINTS)
_NONE = 2**31 - 1  # the largest number that a column of ours holds


def newest_decision(session: Session) -> int:
    """Return the number of the newest decision on a case or a campaign, 0 while there is none."""
    return session.exec(select(func.max(CaseDecisionRow.id))).one() or 0


def number_decision(session: Session, who: str, at: datetime) -> None:
    """Number a decision on a case or a campaign: hits that have their case by now keep it."""
    session.add(CaseDecisionRow(at=at, who=who[:100]))
    session.flush()


class StoredCases:
    """The stored cases; with `before`, as they were when that decision had just been made."""

    def __init__(self, session: Session, before: int | None = None) -> None:
        """Read all that is stored, or with `before` only what had its case when that decision was made."""
        self._session = session
        self._before = _NONE if before is None else before
        self._known: dict[int, LeakCase] = {}
        self._of_vendor: dict[int, list[LeakCase]] = {}
        self.rows: dict[int, CaseRow] = {}
        self._sharing = cache(self._with_supplier_of)

    def cases_of(self, vendor: int) -> Sequence[LeakCase]:
        """Return the cases that a vendor is part of; those merged into others or left without mail are not."""
        if vendor not in self._of_vendor:
            self.look_up([vendor])
        return self._of_vendor[vendor]

    def look_up(self, vendors: Collection[int]) -> None:
        """Look up at once the cases that some vendors are part of."""
        if not vendors:
            return
        query = select(CaseVendorRow.vendor_id, CaseRow).join(CaseRow, col(CaseRow.id) == CaseVendorRow.case_id)
        query = query.where(col(CaseVendorRow.vendor_id).in_(vendors), col(CaseRow.merged_into).is_(None))
        if self._before != _NONE:
            query = query.where(self._had_vendor())
        self._of_vendor |= {vendor: [] for vendor in vendors}
        for vendor, row in self._session.exec(query.order_by(col(CaseRow.id))):
            for case in self._in_play([row]):
                case.vendors.add(vendor)
                self._of_vendor[vendor].append(case)

    def with_campaign(self, numbers: Collection[int], campaign: int) -> Collection[int]:
        """Return which of some cases have a leak hit of a campaign."""
        if not numbers:
            return ()
        query = select(HitRow.case_id).join(MailRow, col(MailRow.id) == HitRow.mail_id)
        mine = col(HitRow.case_id).in_(numbers) & (col(MailRow.campaign_id) == campaign)
        return {n for n in self._session.exec(query.where(mine, self._leaks()).distinct()) if n}

    def has_canary(self, number: int, canary: int) -> bool:
        """Whether a case has a leak hit of a canary."""
        values = {"case": number, "canary": canary, "before": self._before}
        return self._session.connection().execute(_HAS_CANARY, values).first() is not None

    def hit_by_campaign(self, campaign: int, vendors: Collection[int]) -> Iterable[LeakCase]:
        """Return the cases with a leak hit of a campaign at some vendors, whatever their state."""
        hit = (
            select(HitRow.case_id)
            .join(MailRow, col(HitRow.mail_id) == MailRow.id)
            .join(CanaryRow, col(HitRow.canary_id) == CanaryRow.id)
            .where(MailRow.campaign_id == campaign, col(CanaryRow.vendor_id).in_(vendors), self._leaks())
        )
        query = select(CaseRow).where(col(CaseRow.id).in_(hit), col(CaseRow.merged_into).is_(None))
        return self._in_play(self._session.exec(query))

    def load(self, numbers: Collection[int]) -> list[LeakCase]:
        """Return cases by their numbers."""
        query = select(CaseRow).where(col(CaseRow.id).in_(numbers)).order_by(col(CaseRow.id))
        return self._in_play(self._session.exec(query))

    def sharing_supplier(self, vendor: int, at: datetime) -> Collection[int]:
        """Return the vendors that were known before a time to have a supplier in common with one."""
        return {other for other, since in self._sharing(vendor) if all(begun is None or begun < at for begun in since)}

    def _with_supplier_of(self, vendor: int) -> list[tuple[int, tuple[datetime | None, datetime | None]]]:
        """Return the vendors that have a supplier in common with one, with the times since when each has it."""
        mine, theirs = aliased(SupplierLinkRow), aliased(SupplierLinkRow)
        query = select(theirs.vendor_id, mine.since, theirs.since).where(
            mine.vendor_id == vendor, theirs.supplier_id == mine.supplier_id, theirs.vendor_id != vendor
        )
        return [(other, (since, their_since)) for other, since, their_since in self._session.exec(query)]

    def _in_play(self, rows: Iterable[CaseRow]) -> list[LeakCase]:
        found = []
        for row in rows:
            if row.decision >= self._before or row.emptied:
                continue
            number = row.id or 0
            if number not in self._known:
                self._known[number] = LeakCase(number, row.opening_hit, *self._state(row), row.last_hit_at)
                self.rows[number] = row
            found.append(self._known[number])
        return found

    def _state(self, row: CaseRow) -> tuple[CaseState, str]:
        again = row.reopened
        if again and again["decision"] >= self._before:
            return CaseState(again["state"]), again["outcome"]
        return CaseState(row.state), row.outcome

    def _had_vendor(self) -> ColumnElement[bool]:
        """Whether a vendor that is part of a case was so before."""
        hits = select(HitRow.id).join(CanaryRow, col(CanaryRow.id) == HitRow.canary_id)
        its = hits.where(HitRow.case_id == CaseVendorRow.case_id, CanaryRow.vendor_id == CaseVendorRow.vendor_id)
        before = its.where(col(HitRow.verdict).in_(_BEARING), col(HitRow.decision) < self._before)
        return before.correlate(CaseVendorRow).exists()

    def _leaks(self) -> ColumnElement[bool]:
        kept = true() if self._before == _NONE else col(HitRow.decision) < self._before
        return col(HitRow.verdict).in_(_LEAKS) & kept


_HAS_CANARY = (
    select(HitRow.id)
    .where(HitRow.case_id == bindparam("case"), HitRow.canary_id == bindparam("canary"))
    .where(col(HitRow.verdict).in_(_LEAKS), col(HitRow.decision) < bindparam("before"))
    .limit(1)
)
