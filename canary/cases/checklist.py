"""The checklist of a case: what is to be done, what was ticked, and new addresses for those that were hit."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from canary.canaries import lifecycle
from canary.cases import letters, records
from canary.cases.conclusions import calls_for_action, conclusion_of
from canary.cases.next_steps import Concern, Task, tasks
from canary.cases.workflow import get_active_case
from canary.model.address import Draw
from canary.model.canary import Canary
from canary.model.case import LeakManner, SuspectKind
from canary.model.decision import Decision
from canary.store.codec import findings_of
from canary.store.decoy_mac import decoy_mac_of
from canary.store.queries.canaries import in_order_of_issue
from canary.store.queries.vendors import Unknown, vendor_row
from canary.store.tables import CampaignHitRow, CanaryRow, CaseRow, CaseVendorRow, TaskRow, VendorRow

MOST, VENDORS = 2000, 20


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """A task, and who did it when; both are empty where the facts show that it is done."""

    task: Task
    done_at: datetime | None = None
    by: str = ""

    @property
    def done(self) -> bool:
        """Whether nothing is left to do about it."""
        return self.task.done or self.done_at is not None


def checklist(session: Session, case: CaseRow) -> tuple[ChecklistItem, ...]:
    """Return the tasks of a case, with those that were ticked; none while no leak is likelier than one."""
    if not calls_for_action(case):
        return ()
    ticked = {row.code: row for row in session.exec(select(TaskRow).where(TaskRow.case_id == case.id))}
    fields = findings_of(case.findings).fields
    answer = conclusion_of(case)
    found = tasks(
        _concerns(session, case), fields, letters.suspected(session, case), case.aware_at,
        own_side=answer.kind is SuspectKind.OWNER, passed_on=answer.manner is LeakManner.PASSED_ON,
    )  # fmt: skip
    return tuple(
        ChecklistItem(task, row.done_at, row.by) if (row := ticked.get(task.code)) else ChecklistItem(task)
        for task in found
    )


def tick(session: Session, number: int, code: str, word: Decision, *, done: bool = True) -> None:
    """Tick a task of the checklist, or take the tick back; raises Unknown for a task that is not on it."""
    case = get_active_case(session, number)
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
    _record(session, case, "done" if done else "not-done", point.task.text, word)


def rotate_hit_addresses(session: Session, number: int, vendor: str, draw: Draw, word: Decision) -> list[Canary]:
    """Issue the next generation for each address of a vendor that a case hit and that has none yet; raises Unknown."""
    case, row = get_active_case(session, number), vendor_row(session, vendor)
    hit = [canary for canary in _hit_canaries(session, case) if canary.vendor_id == row.id]
    waiting = [canary for canary in hit if canary.rotated_at is None]
    made = [lifecycle.rotate(session, canary.address, draw, word.at) for canary in waiting]
    for old, new in zip(waiting, made, strict=True):
        _record(
            session, case, "rotated", f"{old.address} is followed by {new.address} (generation {new.generation}).", word
        )
    return made


def _record(session: Session, case: CaseRow, kind: str, text: str, word: Decision) -> None:
    records.add_decision(session, case, kind, text, word)


def _concerns(session: Session, case: CaseRow) -> list[Concern]:
    query = select(VendorRow).join(CaseVendorRow).where(CaseVendorRow.case_id == case.id).order_by(VendorRow.name)
    hit: dict[int | None, list[CanaryRow]] = {}
    for canary in _hit_canaries(session, case):
        hit.setdefault(canary.vendor_id, []).append(canary)
    found = [(row, hit[row.id]) for row in session.exec(query) if row.id in hit]
    return [
        Concern(row.slug, row.name, len(its), sum(canary.rotated_at is None for canary in its))
        for row, its in found[:VENDORS]
    ]


def _hit_canaries(session: Session, case: CaseRow) -> list[CanaryRow]:
    """Return the issued addresses that a case hit."""
    hit = select(CampaignHitRow.canary_id).where(CampaignHitRow.case_id == case.id, CampaignHitRow.leaks > 0)
    query = select(CanaryRow).where(col(CanaryRow.id).in_(hit))
    is_decoy = decoy_mac_of(session).is_decoy
    return [row for row in session.exec(query.order_by(*in_order_of_issue()).limit(MOST)) if not is_decoy(row)]
