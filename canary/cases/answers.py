"""The owner's answers about who writes for a vendor, and what mail taught: past mail is judged again, cases follow."""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlmodel import Session, select

from canary.cases.rejudge import RejudgeOutcome, decide_about, of_sender, rejudge
from canary.cases.replay import RejudgeCause
from canary.model.sender import SenderState
from canary.senders import supplier_links
from canary.senders.learn import Lesson, mark_learned
from canary.senders.profile import get_sender_row
from canary.store.queries import audit
from canary.store.queries.vendors import vendor_row
from canary.store.tables import SenderRow, VendorRow


def decide(session: Session, vendor: str, key: str, state: SenderState, cause: RejudgeCause) -> RejudgeOutcome:
    """Approve (`learned`) or refuse (`denied`) a sender, judge its past mail again, and record who decided.

    Raises Unknown for a sender that was never seen at the vendor, ValueError for one that was declared. Deciding the
    same again changes nothing.
    """
    owner = vendor_row(session, vendor)
    decide_about(session, owner.id or 0)
    row = get_sender_row(session, owner, key)
    if row.state == state:
        return RejudgeOutcome()
    if row.state == SenderState.DECLARED:
        raise ValueError(f"sender {key!r}: declared as {owner.name}'s own; there is nothing to decide")
    row.state, row.decided_at, row.decided_by = state.value, cause.at, cause.who[:100]
    session.add(row)
    session.flush()
    if state is SenderState.DENIED and "/" in key:
        supplier_links.forget(session, owner.id or 0, *key.split("/", 1))
    outcome = _judge_past_mail(session, owner, key, cause)
    audit.note(session, owner.id or 0, cause.at, f"sender-{state.value}", cause.text, cause.who)
    audit.audit(session, cause.at, cause.who, f"sender-{state.value}", f"{vendor}: {key}", str(outcome))
    session.flush()
    return outcome


def declare(session: Session, vendor: str, keys: Collection[str], who: str, now: datetime) -> RejudgeOutcome:
    """Record that domains or accounts were declared as a vendor's, whatever was decided before; judge their past mail."""
    owner, total = vendor_row(session, vendor), RejudgeOutcome()
    decide_about(session, owner.id or 0)
    for key in sorted(keys):
        row = session.exec(select(SenderRow).where(SenderRow.vendor_id == owner.id, SenderRow.key == key)).first()
        if row is not None:
            row.state, row.decided_at, row.decided_by = SenderState.DECLARED.value, now, who[:100]
            session.add(row)
            session.flush()
        cause = RejudgeCause(f"{key} was declared by {who}.", who, now)
        total.add(_judge_past_mail(session, owner, key, cause))
    if keys:
        audit.audit(session, now, who, "sender-declared", f"{vendor}: {', '.join(sorted(keys))}", str(total))
    return total


def retract(session: Session, vendor: str, key: str, who: str, now: datetime) -> RejudgeOutcome:
    """Take back that a domain or account was declared: it waits for a decision again, and its past mail is judged again."""
    owner = vendor_row(session, vendor)
    decide_about(session, owner.id or 0)
    row = session.exec(select(SenderRow).where(SenderRow.vendor_id == owner.id, SenderRow.key == key)).first()
    if row is not None:
        row.state, row.decided_at, row.decided_by = SenderState.PENDING.value, now, who[:100]
        session.add(row)
        session.flush()
    outcome = _judge_past_mail(session, owner, key, RejudgeCause(f"{key} is no longer declared.", who, now))
    audit.audit(session, now, who, "sender-retracted", f"{vendor}: {key}", str(outcome))
    return outcome


def approve(session: Session, vendor: str, key: str, who: str, now: datetime) -> RejudgeOutcome:
    """Approve a sender: it writes for the vendor."""
    return decide(session, vendor, key, SenderState.LEARNED, RejudgeCause(f"{key} was approved by {who}.", who, now))


def deny(session: Session, vendor: str, key: str, who: str, now: datetime) -> RejudgeOutcome:
    """Refuse a sender: it has nothing to do with the vendor."""
    return decide(session, vendor, key, SenderState.DENIED, RejudgeCause(f"{key} was refused by {who}.", who, now))


def apply_lessons(session: Session, lessons: Iterable[Lesson]) -> None:
    """Mark senders as learned that mail showed to be the vendor's, and judge their past mail again."""
    for lesson in lessons:
        if lesson.new:
            mark_learned(session, lesson)
        owner = session.get_one(VendorRow, lesson.vendor_id)
        _judge_past_mail(session, owner, lesson.key, RejudgeCause(lesson.text, "canary", lesson.at))


def _judge_past_mail(session: Session, owner: VendorRow, key: str, cause: RejudgeCause) -> RejudgeOutcome:
    outcome = rejudge(session, owner.id or 0, of_sender(key), cause)
    supplier_links.learn(session, outcome.uses.values())
    return outcome
