"""Counters: what comes or changes is counted in its own transaction, so that pages read sums and never add up.

All counts of a transaction are written at its end, those of vendors first and in one order: two workers never wait for
each other in a circle.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, bindparam, case, delete, func, select, text, update
from sqlalchemy.dialects import postgresql
from sqlmodel import Session, col

from canary.model.verdict import FAMILIAR, HINTS, LEAKS, SERIES_OF, Verdict
from canary.store.campaign_hits import HitKey, add_strikes
from canary.store.database import at_end
from canary.store.tables import (
    NEVER,
    CampaignHitRow,
    CanaryCountRow,
    CanaryRow,
    DayCountRow,
    HitRow,
    MailRow,
    VendorCountRow,
    VendorOutsiderRow,
    VendorWeekRow,
)
from canary.store.tables.base import metadata
from canary.store.upsert import insert_for

CHUNK = 500
_SUMS = "canary.sums"

_VENDOR, _CANARY, _WEEK, _DAY, _OUTSIDER, _STRIKE, _HIT, _PLANTED = (
    metadata.tables[str(row.__tablename__)]
    for row in (
        VendorCountRow, CanaryCountRow, VendorWeekRow, DayCountRow, VendorOutsiderRow, CampaignHitRow, HitRow, CanaryRow,
    )
)  # fmt: skip
_KINDS = ("own", "outside", "asking", "hints", "other")
_KIND: dict[str, str] = {verdict.value: "other" for verdict in Verdict} | {
    **{verdict.value: "own" for verdict in FAMILIAR},
    **{verdict.value: "outside" for verdict in LEAKS},
    **{verdict.value: "hints" for verdict in HINTS},
    Verdict.NEW_SENDER.value: "asking",
}


@dataclass(frozen=True, slots=True)
class CountedHit:
    """One hit as far as it counts; campaign and case are 0 for none, `proven` is the organisation that sent it."""

    canary: int
    at: datetime
    verdict: str
    proven: str = ""
    campaign: int = 0
    case: int = 0


class CounterSums:
    """Hits that came and hits that are gone, added up; its size is that of the canaries and weeks they concern."""

    def __init__(self) -> None:
        """Begin with zero."""
        self._kinds: dict[int, Counter[str]] = defaultdict(Counter)
        self._weeks: Counter[tuple[int, date, str]] = Counter()
        self._outsiders: Counter[tuple[int, str]] = Counter()
        self._days: Counter[tuple[date, str]] = Counter()
        self._outside: dict[int, tuple[datetime, datetime]] = {}
        self._last: dict[int, datetime] = {}
        self._heard: dict[tuple[int, str], datetime] = {}
        self._gone: set[int] = set()

    def add(self, hit: CountedHit) -> None:
        """Count a hit that came."""
        self._count(hit, 1)
        if hit.verdict == Verdict.GUESS:
            return
        self._last[hit.canary] = max(hit.at, self._last.get(hit.canary, hit.at))
        if hit.verdict in LEAKS:
            first, last = self._outside.get(hit.canary, (hit.at, hit.at))
            self._outside[hit.canary] = min(first, hit.at), max(last, hit.at)
            who = hit.canary, hit.proven
            self._heard[who] = max(hit.at, self._heard.get(who, hit.at))

    def remove(self, hit: CountedHit) -> None:
        """Count a hit that is gone or has changed."""
        self._count(hit, -1)
        if hit.verdict in LEAKS:
            self._gone.add(hit.canary)

    def write(self, session: Session) -> None:
        """Add all to the stored counts."""
        owners = _owners(session, self._kinds)
        writer = _Writer(session)
        writer.vendors(_by_vendor(self._tallies(), owners))
        writer.canaries([{**row, "vendor_id": owners[row["canary_id"]]} for row in self._tallies()])
        writer.weeks(_summed(((owners[canary], *rest), n) for (canary, *rest), n in self._weeks.items()))
        writer.outsiders(
            _summed(((owners[canary], who), n) for (canary, who), n in self._outsiders.items()),
            _latest(((owners[canary], who), at) for (canary, who), at in self._heard.items()),
        )
        if self._gone:
            writer.look_again(self._gone, {owners[canary] for canary in self._gone})
        writer.days(self._days)

    def _count(self, hit: CountedHit, by: int) -> None:
        day = hit.at.date()
        self._days[day, hit.verdict] += by
        if hit.verdict == Verdict.GUESS:  # a decoy belongs to no vendor
            return
        self._kinds[hit.canary][_KIND[hit.verdict]] += by
        series = SERIES_OF[hit.verdict].replace("-", "_")
        self._weeks[hit.canary, day - timedelta(days=day.weekday()), series] += by
        if hit.verdict in LEAKS:
            self._outsiders[hit.canary, hit.proven] += by

    def _tallies(self) -> list[dict[str, Any]]:
        return [
            {
                "canary_id": canary, **{kind: kinds[kind] for kind in _KINDS},
                "first_outside": self._outside.get(canary, (None, NEVER))[0],
                "last_outside": self._outside.get(canary, (None, NEVER))[1],
                "last_at": self._last.get(canary, NEVER),
            }
            for canary, kinds in sorted(self._kinds.items())
        ]  # fmt: skip


def sums_of(session: Session) -> CounterSums:
    """Return what this transaction has counted so far; it is written at the end."""
    if _SUMS not in session.info:
        session.info[_SUMS] = CounterSums()
        at_end(session, _SUMS, session.info[_SUMS].write)
    found: CounterSums = session.info[_SUMS]
    return found


def count(session: Session, came: Sequence[CountedHit]) -> None:
    """Count hits that came; for hits of a campaign or a case the caller holds `Lock.CASES`."""
    if came:
        _count(session, sums_of(session), came)


def _count(session: Session, sums: CounterSums, came: Sequence[CountedHit]) -> None:
    struck, leaks = Counter[HitKey](), Counter[HitKey]()
    for hit in came:
        sums.add(hit)
        if hit.campaign or hit.case:
            strike = HitKey(hit.campaign, hit.canary, hit.case)
            struck[strike] += 1
            leaks[strike] += hit.verdict in LEAKS
    add_strikes(session, struck, leaks)


def recount(session: Session) -> int:
    """Count everything again, whatever the counts are now; return how many hits there are."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("LOCK TABLE hit IN SHARE MODE"))
    session.flush()
    for table in (_VENDOR, _CANARY, _WEEK, _DAY, _OUTSIDER, _STRIKE):
        session.execute(delete(table))
    seen = 0
    for batch in _all_hits(session):
        sums = CounterSums()
        _count(session, sums, batch)
        sums.write(session)
        seen += len(batch)
    return seen


def read_last_again(session: Session, canaries: Collection[int]) -> None:
    """Read again when mail came last to canaries some of whose hits were deleted, and to their vendors."""
    vendors = set(_owners(session, canaries).values()) - {0}
    for statement, numbers in ((_CANARY_LAST, canaries), (_VENDOR_LAST, vendors)):
        for number in sorted(numbers):
            session.connection().execute(statement, {"number": number})


def _all_hits(session: Session, size: int = 20_000) -> Iterator[list[CountedHit]]:
    query: Select[Any] = (
        select(  # type: ignore[call-overload]
            HitRow.id, HitRow.canary_id, HitRow.at, HitRow.verdict, MailRow.identity_domain, MailRow.campaign_id, HitRow.case_id
        )
        .outerjoin_from(HitRow, MailRow, col(MailRow.id) == HitRow.mail_id)
        .order_by(HitRow.id)
        .limit(size)
    )  # fmt: skip
    last = 0
    while rows := session.execute(query.where(col(HitRow.id) > last)).all():
        last = rows[-1][0]
        yield [CountedHit(row[1], row[2], row[3], row[4] or "", row[5] or 0, row[6] or 0) for row in rows]


def _owners(session: Session, canaries: Collection[int]) -> dict[int, int]:
    """Return the number of the vendor of each canary, 0 for a decoy."""
    numbers, found = sorted(canaries), dict[int, int]()
    owner: Select[Any] = select(CanaryRow.id, CanaryRow.vendor_id)  # type: ignore[call-overload]
    for at in range(0, len(numbers), CHUNK):
        rows = session.execute(owner.where(col(CanaryRow.id).in_(numbers[at : at + CHUNK])))
        found |= {row[0]: row[1] or 0 for row in rows}
    return found


def _by_vendor(tallies: Iterable[Mapping[str, Any]], owners: Mapping[int, int]) -> list[dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    for row in tallies:
        vendor = owners[row["canary_id"]]
        sums = found.setdefault(
            vendor, {"vendor_id": vendor, "first_outside": None, "last_outside": NEVER, "last_at": NEVER}
        )
        for kind in _KINDS:
            sums[kind] = sums.get(kind, 0) + row[kind]
        sums["first_outside"] = min(filter(None, (sums["first_outside"], row["first_outside"])), default=None)
        sums["last_outside"] = max(sums["last_outside"], row["last_outside"])
        sums["last_at"] = max(sums["last_at"], row["last_at"])
    return [sums for vendor, sums in sorted(found.items()) if vendor]


def _summed(counts: Iterable[tuple[Any, int]]) -> Counter[Any]:
    found: Counter[Any] = Counter()
    for key, number in counts:
        found[key] += number
    return found


def _latest(times: Iterable[tuple[Any, datetime]]) -> dict[Any, datetime]:
    found: dict[Any, datetime] = {}
    for key, at in times:
        found[key] = max(at, found.get(key, at))
    return found


class _Writer:
    """Writes sums in one order, so that workers never wait for each other in a circle."""

    def __init__(self, session: Session) -> None:
        self.connection = session.connection()

    def vendors(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._add(_VENDOR, rows)

    def canaries(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._add(_CANARY, rows)

    def weeks(self, sums: Mapping[tuple[int, date, str], int]) -> None:
        rows: dict[tuple[int, date], dict[str, Any]] = {}
        blank = {name.replace("-", "_"): 0 for name in dict.fromkeys(SERIES_OF.values())}
        for (vendor, week, series), number in sums.items():
            row = rows.setdefault((vendor, week), {"vendor_id": vendor, "week": week, **blank})
            row[series] += number
        self._add(_WEEK, [row for key, row in sorted(rows.items()) if key[0]])

    def outsiders(self, sums: Mapping[tuple[int, str], int], heard: Mapping[tuple[int, str], datetime]) -> None:
        rows: list[dict[str, Any]] = [
            {"vendor_id": vendor, "domain": who, "count": number, "last_at": heard.get((vendor, who), NEVER)}
            for (vendor, who), number in sorted(sums.items())
            if vendor
        ]
        if not rows:
            return
        fresh = [row for row in rows if row["count"] > 0]
        new = Counter[int]()
        for row in self._new(fresh):
            new[row] += 1
        self._add(_OUTSIDER, [row for row in rows if row["count"]])
        if any(row["count"] < 0 for row in rows):
            new.subtract(self._emptied({row["vendor_id"] for row in rows}))
        changed = [{"vendor": vendor, "by": number} for vendor, number in sorted(new.items()) if number]
        if changed:
            self.connection.execute(_MORE_OUTSIDERS, changed)

    def days(self, sums: Mapping[tuple[date, str], int]) -> None:
        rows = [
            {"day": day, "verdict": verdict, "count": number}
            for (day, verdict), number in sorted(sums.items())
            if number
        ]
        self._add(_DAY, rows)

    def look_again(self, canaries: Collection[int], vendors: Collection[int]) -> None:
        """Read again when outside mail came first and last, where some of it turned out not to be outside mail."""
        for number in sorted(canaries):
            self.connection.execute(_CANARY_AGAIN, {"number": number})
        for number in sorted(filter(None, vendors)):
            self.connection.execute(_VENDOR_AGAIN, {"number": number})

    def _new(self, rows: Sequence[Mapping[str, Any]]) -> list[int]:
        if not rows:
            return []
        blank = [{**row, "count": 0} for row in rows]
        statement = insert_for(self.connection, _OUTSIDER).on_conflict_do_nothing().returning(_OUTSIDER.c.vendor_id)
        return list(self.connection.execute(statement, blank).scalars())

    def _emptied(self, vendors: Collection[int]) -> list[int]:
        empty = delete(_OUTSIDER).where(_OUTSIDER.c.vendor_id.in_(vendors), _OUTSIDER.c.count <= 0)
        return list(self.connection.execute(empty.returning(_OUTSIDER.c.vendor_id)).scalars())

    def _add(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows to those of the same key, column by column."""
        if not rows:
            return
        key = self.connection.dialect.name, table.name, tuple(rows[0])
        if key not in _ADDING:
            statement = insert_for(self.connection, table)
            keys = [column.name for column in table.primary_key]
            more = {
                name: _HOW.get(name, _sum)(table.c[name], statement.excluded[name])
                for name in rows[0]
                if name not in keys
            }
            _ADDING[key] = statement.on_conflict_do_update(index_elements=keys, set_=more)
        self.connection.execute(_ADDING[key], list(rows))


_ADDING: dict[tuple[str, str, tuple[str, ...]], postgresql.Insert] = {}
"""Statements that add rows to those of the same key, by dialect, table and columns: each is made once."""


def _sum(kept: ColumnElement[int], more: ColumnElement[int]) -> ColumnElement[int]:
    return kept + more


def _replaced(_: ColumnElement[int], new: ColumnElement[int]) -> ColumnElement[int]:
    return new


def _later(kept: ColumnElement[datetime], other: ColumnElement[datetime]) -> ColumnElement[datetime]:
    return case((other > kept, other), else_=kept)


def _earlier(kept: ColumnElement[datetime], other: ColumnElement[datetime]) -> ColumnElement[datetime]:
    return case((kept.is_(None), other), (other < kept, other), else_=kept)


_HOW: Mapping[str, Callable[[ColumnElement[Any], ColumnElement[Any]], ColumnElement[Any]]] = {
    "first_outside": _earlier, "last_outside": _later, "last_at": _later, "vendor_id": _replaced,
}  # fmt: skip
"""How a new value of a column goes to the one that is there; all others are added up."""

_MORE_OUTSIDERS = (
    update(_VENDOR)
    .where(_VENDOR.c.vendor_id == bindparam("vendor"))
    .values(outsiders=_VENDOR.c.outsiders + bindparam("by"))
)
_LEAKS_THERE = (_HIT.c.canary_id == bindparam("number")) & _HIT.c.verdict.in_(sorted(LEAKS))
_CANARY_AGAIN = (
    update(_CANARY)
    .where(_CANARY.c.canary_id == bindparam("number"))
    .values(
        first_outside=select(func.min(_HIT.c.at)).where(_LEAKS_THERE).scalar_subquery(),
        last_outside=func.coalesce(select(func.max(_HIT.c.at)).where(_LEAKS_THERE).scalar_subquery(), NEVER),
    )
)
_ITS = select(_PLANTED.c.id).where(_PLANTED.c.vendor_id == bindparam("number"))
_VENDOR_AGAIN = (
    update(_VENDOR)
    .where(_VENDOR.c.vendor_id == bindparam("number"))
    .values(
        first_outside=select(func.min(_CANARY.c.first_outside)).where(_CANARY.c.canary_id.in_(_ITS)).scalar_subquery(),
        last_outside=func.coalesce(
            select(func.max(_CANARY.c.last_outside)).where(_CANARY.c.canary_id.in_(_ITS)).scalar_subquery(), NEVER
        ),
    )
)
_CANARY_LAST = (
    update(_CANARY)
    .where(_CANARY.c.canary_id == bindparam("number"))
    .values(
        last_at=func.coalesce(
            select(func.max(_HIT.c.at))
            .where(_HIT.c.canary_id == bindparam("number"), _HIT.c.verdict != Verdict.GUESS.value)
            .scalar_subquery(),
            NEVER,
        )
    )
)
_VENDOR_LAST = (
    update(_VENDOR)
    .where(_VENDOR.c.vendor_id == bindparam("number"))
    .values(
        last_at=func.coalesce(
            select(func.max(_CANARY.c.last_at)).where(_CANARY.c.canary_id.in_(_ITS)).scalar_subquery(), NEVER
        )
    )
)
