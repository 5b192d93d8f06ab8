"""A summary of each vendor: its mails by verdict, its open case, and what is believed of that."""

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import Session, col, select

from canary.cases.conclusions import conclusion_of
from canary.cases.records import open_case_of
from canary.model.verdict import Verdict
from canary.store.tables import CanaryRow, HitRow, VendorRow


@dataclass(frozen=True, slots=True)
class VendorSummary:
    """One vendor's line: counts by verdict, the number of its case, and what is believed of that in a few words."""

    name: str
    verdicts: Counter[str]
    case: int | None = None
    answer: str = ""


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
    if case is None:
        return VendorSummary(row.name, verdicts)
    return VendorSummary(row.name, verdicts, case.id, conclusion_of(case).short)
