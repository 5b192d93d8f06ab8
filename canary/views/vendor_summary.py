"""A summary of each vendor: its mails by verdict, its open case, and the likeliest suspect."""

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import Session, col, select

from canary.cases.records import open_case_of
from canary.model.verdict import Verdict
from canary.store.codec import suspects_of
from canary.store.tables import CanaryRow, HitRow, VendorRow


@dataclass(frozen=True, slots=True)
class VendorSummary:
    """One vendor's line: counts by verdict, the number of its case and the top suspect with its probability."""

    name: str
    verdicts: Counter[str]
    case: int | None = None
    suspect: str = ""
    p: float = 0.0


def standings(session: Session) -> list[VendorSummary]:
    """Return the summary of every vendor by name."""
    counted: dict[int, Counter[str]] = {}
    query = select(CanaryRow.vendor_id, HitRow.verdict, func.count()).join(
        HitRow, col(HitRow.canary_id) == CanaryRow.id
    )
    query = query.where(HitRow.verdict != Verdict.GUESS.value)  # at decoys, which belong to no vendor
    for vendor, verdict, count in session.exec(query.group_by(col(CanaryRow.vendor_id), HitRow.verdict)).all():
        counted.setdefault(vendor or 0, Counter())[verdict] = count
    rows = session.exec(select(VendorRow).order_by(VendorRow.name)).all()
    return [_standing(session, row, counted.get(row.id or 0, Counter())) for row in rows]


def _standing(session: Session, row: VendorRow, verdicts: Counter[str]) -> VendorSummary:
    case = open_case_of(session, row.id or 0)
    suspects = suspects_of(case.suspects) if case else ()
    if case is None or not suspects:
        return VendorSummary(row.name, verdicts, case.id if case else None)
    return VendorSummary(row.name, verdicts, case.id, suspects[0].name, suspects[0].p)
