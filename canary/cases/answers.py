"""The owner's answers about who writes for a vendor, and what mail taught: past mail is judged again, cases follow."""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlmodel import Session, select

from canary.cases.rejudge import RejudgeOutcome, decide_about, of_sender, rejudge
from canary.cases.replay import RejudgeCause
from canary.judge.organisation import organisation
from canary.model.party import SupplierLink
from canary.model.sender import SenderState
from canary.senders import supplier_links
from canary.senders.learn import Lesson, mark_learned
from canary.senders.profile import get_sender_row
from canary.store.queries import audit, vendors
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


def declare_domains(session: Session, vendor: str, domains: Iterable[str], who: str, now: datetime) -> RejudgeOutcome:
    """Remember further domains of a vendor, whatever was decided of them before; their past mail is judged again."""
    owner = vendor_row(session, vendor)
    decide_about(session, owner.id or 0)
    fresh = vendors.add_domains(session, vendor, domains, now)
    return _declare(session, owner, {organisation(domain) for domain in fresh}, who, now)


def declare_supply(session: Session, supply: SupplierLink, supplier: str, who: str, now: datetime) -> RejudgeOutcome:
    """Remember that a vendor passes addresses to a supplier, by its name; past mail of its account there is judged again."""
    owner = vendor_row(session, supply.vendor)
    decide_about(session, owner.id or 0)
    before = vendors.get_vendor(session, owner.slug).declared_accounts
    vendors.add_supplier(session, supplier, now)
    vendors.add_supply(session, supply)
    fresh = vendors.get_vendor(session, owner.slug).declared_accounts - before
    return _declare(session, owner, fresh, who, now)


def drop_supply(
    session: Session, vendor: str, supplier: str, channel: str | None, who: str, now: datetime
) -> RejudgeOutcome:
    """Forget that a vendor passes addresses to a supplier: its account there waits for a decision again; raises Unknown."""
    owner = vendor_row(session, vendor)
    decide_about(session, owner.id or 0)
    key = vendors.drop_supply(session, vendor, supplier, channel)
    if not key or key in vendors.get_vendor(session, vendor).declared_accounts:
        return RejudgeOutcome()
    _set_state(session, owner, key, SenderState.PENDING, who, now)
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


def _declare(session: Session, owner: VendorRow, keys: Collection[str], who: str, now: datetime) -> RejudgeOutcome:
    total = RejudgeOutcome()
    for key in sorted(keys):
        _set_state(session, owner, key, SenderState.DECLARED, who, now)
        cause = RejudgeCause(f"{key} was declared by {who}.", who, now)
        total.add(_judge_past_mail(session, owner, key, cause))
    if keys:
        audit.audit(session, now, who, "sender-declared", f"{owner.slug}: {', '.join(sorted(keys))}", str(total))
    return total


def _set_state(session: Session, owner: VendorRow, key: str, state: SenderState, who: str, now: datetime) -> None:
    """Bring a sender that is known already into another state."""
    row = session.exec(select(SenderRow).where(SenderRow.vendor_id == owner.id, SenderRow.key == key)).first()
    if row is not None:
        row.state, row.decided_at, row.decided_by = state.value, now, who[:100]
        session.add(row)
        session.flush()


def _judge_past_mail(session: Session, owner: VendorRow, key: str, cause: RejudgeCause) -> RejudgeOutcome:
    return rejudge(session, owner.id or 0, of_sender(key), cause)
