"""The desk of a case: what is to be done about it, what was ticked, and addresses given anew."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from canary.attribute.todo import Concern, Task, tasks
from canary.model.address import Draw
from canary.model.canary import Canary
from canary.model.word import Word
from canary.store import canaries, cases, events, letters
from canary.store.casebook import live
from canary.store.paperwork import TaskRow
from canary.store.seals import seals_of
from canary.store.tables import CanaryRow, CaseRow, CaseVendorRow, VendorRow
from canary.store.tallies import StrikeRow
from canary.store.vendors import Unknown, vendor_row

MOST, VENDORS = 2000, 20


@dataclass(frozen=True, slots=True)
class Point:
    """A task, and when it was done by whom; what the facts show done was done by nobody in particular."""

    task: Task
    done_at: datetime | None = None
    by: str = ""

    @property
    def done(self) -> bool:
        """Whether nothing is left to do about it."""
        return self.task.done or self.done_at is not None


def checklist(session: Session, case: CaseRow) -> tuple[Point, ...]:
    """Return what is to be done about a case, with what was ticked."""
    ticked = {row.code: row for row in session.exec(select(TaskRow).where(TaskRow.case_id == case.id))}
    fields = {str(f["field"]): float(f["p"]) for f in case.findings.get("fields", ())}
    found = tasks(_concerns(session, case), fields, letters.suspected(session, case), case.aware_at)
    return tuple(Point(task, row.done_at, row.by) if (row := ticked.get(task.code)) else Point(task) for task in found)


def tick(session: Session, number: int, code: str, word: Word, *, done: bool = True) -> None:
    """Tick a point of the checklist, or take the tick back; raises Unknown for a point that is not on it."""
    case = live(session, number)
    point = next((p for p in checklist(session, case) if p.task.code == code), None)
    if point is None:
        codes = ", ".join(p.task.code for p in checklist(session, case))
        raise Unknown(f"task {code!r}: not on the checklist of case {number}; choose one of {codes}")
    row = session.get(TaskRow, (number, code))
    if done == (row is not None):
        return
    if row is not None:
        session.delete(row)
    else:
        session.add(TaskRow(case_id=number, code=code, done_at=word.at, by=word.who))
    _tell(session, case, "done" if done else "not-done", point.task.text, word)


def rotate(session: Session, number: int, vendor: str, draw: Draw, word: Word) -> list[Canary]:
    """Issue the next generation for each address of a vendor that a case hit and that has none yet; raises Unknown."""
    case, row = live(session, number), vendor_row(session, vendor)
    hit = [canary for canary in _struck(session, case) if canary.vendor_id == row.id]
    waiting = [canary for canary in hit if canary.rotated_at is None]
    made = [canaries.rotate(session, canary.address, draw, word.at) for canary in waiting]
    for old, new in zip(waiting, made, strict=True):
        _tell(
            session, case, "rotated", f"{old.address} is followed by {new.address} (generation {new.generation}).", word
        )
    return made


def _tell(session: Session, case: CaseRow, kind: str, text: str, word: Word) -> None:
    cases.note(session, case, word.at, kind, text, word.who)
    events.audit(session, word.at, word.who, f"case-{kind}", f"case {case.id}", text)


def _concerns(session: Session, case: CaseRow) -> list[Concern]:
    query = select(VendorRow).join(CaseVendorRow).where(CaseVendorRow.case_id == case.id).order_by(VendorRow.name)
    hit: dict[int | None, list[CanaryRow]] = {}
    for canary in _struck(session, case):
        hit.setdefault(canary.vendor_id, []).append(canary)
    found = [(row, hit[row.id]) for row in session.exec(query) if row.id in hit]
    return [
        Concern(row.slug, row.name, len(its), sum(canary.rotated_at is None for canary in its))
        for row, its in found[:VENDORS]
    ]


def _struck(session: Session, case: CaseRow) -> list[CanaryRow]:
    """Return the issued addresses that a case hit."""
    hit = select(StrikeRow.canary_id).where(StrikeRow.case_id == case.id, StrikeRow.leaks > 0)
    query = select(CanaryRow).where(col(CanaryRow.id).in_(hit), col(CanaryRow.vendor_id).is_not(None))
    tell = seals_of(session).tell
    return [row for row in session.exec(query.order_by(col(CanaryRow.id)).limit(MOST)) if not tell(row)]
