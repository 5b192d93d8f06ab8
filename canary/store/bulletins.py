"""From claimed messages to what they say: the facts, and how their cases stand by now."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import distinct, func
from sqlmodel import Session, col, select

from canary.model.alert import UNKNOWN, Alert, Bulletin, Standing
from canary.store.outbox import Due
from canary.store.tables import CaseRow, CaseVendorRow, VendorRow
from canary.store.tallies import StrikeRow
from canary.store.telling import WatchRow

LEAKED = 0.5
"""A field of a persona counts as leaked when that is more likely than not."""

MOST_CASES = 1000
"""So many cases of one matter are counted together."""

_COLLECTIONS = ("hourly", "daily", "catch-up")


def compile_all(session: Session, claimed: Sequence[Due]) -> list[Bulletin]:
    """Return what each claimed message says."""
    return [_compile(session, due) for due in claimed]


def _compile(session: Session, due: Due) -> Bulletin:
    digest = due.topic in _COLLECTIONS or " from " in due.topic
    lead, *others = due.facts
    standing = UNKNOWN if digest and others else standing_of(session, due.facts, due.topic)
    return Bulletin(lead, tuple(others), standing, update=due.ordinal > 0 and not digest, digest=digest)


def standing_of(session: Session, facts: Sequence[Alert], topic: str = "") -> Standing:
    """Return how the cases of some facts stand, with all others of their matter; suspects, fields and window are the first's."""
    told = dict.fromkeys(fact.case for fact in facts if fact.case)
    matter = select(WatchRow.case_id).where(WatchRow.topic == topic).limit(MOST_CASES) if topic and told else None
    numbers = list(told | dict.fromkeys(session.exec(matter) if matter is not None else ()))
    first = session.get(CaseRow, numbers[0]) if numbers else None
    if first is None:
        return UNKNOWN
    canaries, hits = _counts(session, numbers)
    return Standing(
        cases=len(numbers), vendors=_vendors(session, numbers), canaries=canaries, hits=hits,
        suspects=suspects_of(first), window=window_of(first.findings), fields=leaked_fields(first.findings),
    )  # fmt: skip


def suspects_of(case: CaseRow) -> tuple[tuple[str, float], ...]:
    """Return the likeliest suspects of a case by name."""
    return tuple((str(s["name"]), float(s["p"])) for s in case.suspects[:5])


def window_of(findings: Mapping[str, Any]) -> tuple[datetime, datetime] | None:
    """Return the time in which the leak most likely happened."""
    window = findings.get("window")
    return (_time(window["from_90"]), _time(window["to_90"])) if window else None


def leaked_fields(findings: Mapping[str, Any]) -> tuple[str, ...]:
    """Return which fields of the personas leaked, more likely than not."""
    fields: Iterable[Mapping[str, Any]] = findings.get("fields") or ()
    return tuple(str(found["field"]) for found in fields if float(found["p"]) >= LEAKED)


def _counts(session: Session, cases: Collection[int]) -> tuple[int, int]:
    counts = func.count(distinct(col(StrikeRow.canary_id))), func.sum(col(StrikeRow.leaks))
    canaries, hits = session.exec(select(*counts).where(col(StrikeRow.case_id).in_(cases), StrikeRow.leaks > 0)).one()
    return canaries, int(hits or 0)


def _vendors(session: Session, cases: Collection[int]) -> tuple[str, ...]:
    query = (
        select(VendorRow.name)
        .join(CaseVendorRow, col(CaseVendorRow.vendor_id) == VendorRow.id)
        .where(col(CaseVendorRow.case_id).in_(cases))
        .distinct()
        .order_by(VendorRow.name)
    )
    return tuple(session.exec(query).all())


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
