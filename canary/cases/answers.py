"""The owner's answers about who writes for a vendor, and what mail taught: past mail is judged again, cases follow."""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlmodel import Session

from canary.cases.past_mail import OwnerWord, judge_past_mail
from canary.cases.rejudge import RejudgeOutcome, decide_about, of_sender, rejudge
from canary.cases.replay import RejudgeCause
from canary.evidence.entries import EntryKind, answer_entry
from canary.evidence.leaves import log_row
from canary.judge.organisation import organisation
from canary.judge.senders import is_supply
from canary.model.identity import Proof
from canary.model.party import SupplierLink
from canary.model.sender import UNSEEN, SenderAnswer, SenderState
from canary.senders import supplier_links
from canary.senders.learn import Lesson, mark_learned
from canary.senders.profile import find_sender_row, get_sender_row
from canary.store.queries import audit, vendors
from canary.store.queries.vendors import vendor_row
from canary.store.tables import SenderRow, VendorRow

_STATES = {SenderAnswer.APPROVE: SenderState.LEARNED, SenderAnswer.DENY: SenderState.DENIED}
_DONE = {SenderAnswer.APPROVE: "approved", SenderAnswer.DENY: "refused"}


def answer(session: Session, vendor: str, key: str, said: SenderAnswer, word: OwnerWord) -> RejudgeOutcome:
    """Apply what the owner says of a sender, judge its past mail again, and record who decided.

    A domain that mail only claims, and never proved, becomes one of the vendor's family when it is approved. Raises
    Unknown for a sender that was never seen at the vendor, ValueError for one that was declared. The same answer again
    changes nothing.
    """
    owner = vendor_row(session, vendor)
    decide_about(session, owner.id or 0)
    if said is SenderAnswer.UNDO:
        return _undo(session, owner, key, word)
    row = get_sender_row(session, owner, key)
    if row.state == _STATES[said] or (row.state == SenderState.DECLARED and said is SenderAnswer.APPROVE):
        return RejudgeOutcome()
    if row.state == SenderState.DECLARED and not row.before:
        raise ValueError(f"sender {key!r}: declared as {owner.name}'s own; there is nothing to decide")
    family = row.state == SenderState.DECLARED or (said is SenderAnswer.APPROVE and _is_claim(row))
    cause = word.cause(f"{key} was {_DONE[said]} by {word.who}.")
    if family and said is SenderAnswer.APPROVE:
        _decide(session, row, SenderState.DECLARED, cause)
        vendors.add_domains(session, owner.slug, [key], word.at, origin="answer")
    else:
        _leave_family(session, owner, key if family else "")
        _decide(session, row, _STATES[said], cause)
    if said is SenderAnswer.DENY and "/" in key:
        supplier_links.forget(session, owner.id or 0, *key.split("/", 1))
    session.flush()
    outcome = judge_past_mail(session, owner.id or 0, "" if family else key, cause, word.at_once)
    return _recorded(session, owner, f"sender-{row.state}", key, outcome, cause)


def approve(session: Session, vendor: str, key: str, who: str, now: datetime) -> RejudgeOutcome:
    """Approve a sender: it writes for the vendor."""
    return answer(session, vendor, key, SenderAnswer.APPROVE, OwnerWord(who, now))


def deny(session: Session, vendor: str, key: str, who: str, now: datetime) -> RejudgeOutcome:
    """Refuse a sender: it has nothing to do with the vendor."""
    return answer(session, vendor, key, SenderAnswer.DENY, OwnerWord(who, now))


def undo(session: Session, vendor: str, key: str, who: str, now: datetime) -> RejudgeOutcome:
    """Take an answer about a sender back: what it was before, it is again."""
    return answer(session, vendor, key, SenderAnswer.UNDO, OwnerWord(who, now))


def declare_domains(session: Session, vendor: str, domains: Iterable[str], who: str, now: datetime) -> RejudgeOutcome:
    """Remember further domains of a vendor, whatever was decided of them before; its past mail is judged again."""
    owner = vendor_row(session, vendor)
    decide_about(session, owner.id or 0)
    fresh = vendors.add_domains(session, vendor, domains, now)
    keys = sorted({organisation(domain) for domain in fresh})
    cause = RejudgeCause(f"{', '.join(keys)} was declared by {who}.", who, now)
    for row in filter(None, (find_sender_row(session, owner, key) for key in keys)):
        _decide(session, row, SenderState.DECLARED, cause)
    return _judge_family(session, owner, "sender-declared", keys, cause)


def retract_domains(session: Session, vendor: str, domains: Iterable[str], who: str, now: datetime) -> RejudgeOutcome:
    """Remove domains of a vendor: what was said of their senders before holds again; raises Unknown."""
    owner = vendor_row(session, vendor)
    decide_about(session, owner.id or 0)
    gone = vendors.drop_domains(session, vendor, domains)
    kept = {organisation(domain) for domain in vendors.get_vendor(session, vendor).domains}
    for key in sorted({organisation(domain) for domain in gone} - kept):
        row = find_sender_row(session, owner, key)
        if row is not None and row.state == SenderState.DECLARED:
            _restore(session, row)
    cause = RejudgeCause(f"{', '.join(gone)} was removed by {who}.", who, now)
    return _judge_family(session, owner, "sender-retracted", gone, cause)


def add_brands(session: Session, vendor: str, brands: Iterable[str], who: str, now: datetime) -> RejudgeOutcome:
    """Remember further names of a vendor; its past mail is judged again; raises ValueError for an unusable one."""
    owner = vendor_row(session, vendor)
    decide_about(session, owner.id or 0)
    fresh = vendors.add_brands(session, vendor, brands, now)
    cause = RejudgeCause(f"The name {', '.join(fresh)} was added by {who}.", who, now)
    return _judge_family(session, owner, "brand-added", fresh, cause)


def drop_brands(session: Session, vendor: str, brands: Iterable[str], who: str, now: datetime) -> RejudgeOutcome:
    """Remove further names of a vendor; its past mail is judged again; raises Unknown."""
    owner = vendor_row(session, vendor)
    decide_about(session, owner.id or 0)
    gone = vendors.drop_brands(session, vendor, brands)
    cause = RejudgeCause(f"The name {', '.join(gone)} was removed by {who}.", who, now)
    return _judge_family(session, owner, "brand-removed", gone, cause)


def declare_supply(session: Session, supply: SupplierLink, supplier: str, who: str, now: datetime) -> RejudgeOutcome:
    """Remember that a vendor passes addresses to a supplier, by its name; past mail of its account there is judged again."""
    owner = vendor_row(session, supply.vendor)
    decide_about(session, owner.id or 0)
    before = vendors.get_vendor(session, owner.slug).declared_accounts
    vendors.add_supplier(session, supplier, now)
    vendors.add_supply(session, supply)
    return judge_accounts(session, owner, before, who, now)


def drop_supply(
    session: Session, vendor: str, supplier: str, channel: str | None, who: str, now: datetime
) -> RejudgeOutcome:
    """Forget that a vendor passes addresses to a supplier: its account there waits for a decision again; raises Unknown."""
    owner = vendor_row(session, vendor)
    decide_about(session, owner.id or 0)
    before = vendors.get_vendor(session, owner.slug).declared_accounts
    vendors.drop_supply(session, vendor, supplier, channel)
    return judge_accounts(session, owner, before, who, now)


def judge_accounts(
    session: Session, owner: VendorRow, before: frozenset[str], who: str, now: datetime
) -> RejudgeOutcome:
    """Judge past mail of a vendor's accounts at suppliers again that are declared now and were not before, or no longer."""
    after, total = vendors.get_vendor(session, owner.slug).declared_accounts, RejudgeOutcome()
    for keys, state, action, word in (
        (after - before, SenderState.DECLARED, "sender-declared", f"was declared by {who}"),
        (before - after, SenderState.PENDING, "sender-retracted", "is no longer declared"),
    ):
        outcome = RejudgeOutcome()
        for key in sorted(keys):
            _set_state(session, owner, key, state, who, now)
            cause = RejudgeCause(f"{key} {word}.", who, now)
            outcome.add(judge_past_mail(session, owner.id or 0, key, cause))
        if keys:
            audit.audit(session, now, who, action, f"{owner.slug}: {', '.join(sorted(keys))}", str(outcome))
        total.add(outcome)
    return total


def apply_lessons(session: Session, lessons: Iterable[Lesson]) -> None:
    """Mark senders as learned that mail showed to be the vendor's, and judge their past mail again."""
    for lesson in lessons:
        if lesson.new:
            mark_learned(session, lesson)
        owner = session.get_one(VendorRow, lesson.vendor_id)
        cause = RejudgeCause(lesson.text, "canary", lesson.at, at_once=False)
        rejudge(session, owner.id or 0, of_sender(lesson.key), cause)


def _undo(session: Session, owner: VendorRow, key: str, word: OwnerWord) -> RejudgeOutcome:
    row = find_sender_row(session, owner, key)
    if row is None or not row.before:
        return RejudgeOutcome()
    family = row.state == SenderState.DECLARED
    _leave_family(session, owner, key if family else "")
    _restore(session, row)
    cause = word.cause(f"The answer about {key} was taken back by {word.who}.")
    outcome = judge_past_mail(session, owner.id or 0, "" if family else key, cause, word.at_once)
    return _recorded(session, owner, "sender-undone", key, outcome, cause)


def _judge_family(
    session: Session, owner: VendorRow, action: str, what: Collection[str], cause: RejudgeCause
) -> RejudgeOutcome:
    """Judge all past mail of a vendor again: names and domains bear on what anybody's mail is to it."""
    if not what:
        return RejudgeOutcome()
    outcome = judge_past_mail(session, owner.id or 0, "", cause)
    return _recorded(session, owner, action, ", ".join(what), outcome, cause)


def _recorded(
    session: Session, owner: VendorRow, action: str, about: str, outcome: RejudgeOutcome, cause: RejudgeCause
) -> RejudgeOutcome:
    """Record a decision about a vendor in its timeline and in the audit log; return what it did."""
    line = audit.note(session, owner.id or 0, cause.at, action, cause.text, cause.who)
    log_row(session, EntryKind.ANSWER, line, lambda: answer_entry(line, owner.slug))
    audit.audit(session, cause.at, cause.who, action, f"{owner.slug}: {about}", str(outcome))
    session.flush()
    return outcome


def _decide(session: Session, row: SenderRow, state: SenderState, cause: RejudgeCause) -> None:
    """Bring a sender into a state by the owner's word; what it was before the first word is kept."""
    row.before = row.before or row.state
    row.state, row.decided_at, row.decided_by = state.value, cause.at, cause.who[:100]
    session.add(row)


def _restore(session: Session, row: SenderRow) -> None:
    """Bring a sender back into the state before the owner's word."""
    if row.before in ("", UNSEEN):
        session.delete(row)
    else:
        by = "canary" if row.before == SenderState.LEARNED else ""
        row.state, row.before, row.decided_at, row.decided_by = row.before, "", None, by
        session.add(row)
    session.flush()


def _leave_family(session: Session, owner: VendorRow, key: str) -> None:
    """Remove the domains of an organisation from a vendor's family, where it was put there by an answer."""
    mine = vendors.get_vendor(session, owner.slug).domains
    vendors.drop_domains(session, owner.slug, [domain for domain in mine if organisation(domain) == key])


def _set_state(session: Session, owner: VendorRow, key: str, state: SenderState, who: str, now: datetime) -> None:
    """Bring a sender that is known already into another state."""
    row = find_sender_row(session, owner, key)
    if row is not None:
        row.state, row.decided_at, row.decided_by = state.value, now, who[:100]
        session.add(row)
        session.flush()


def _is_claim(row: SenderRow) -> bool:
    """Whether no mail ever proved it: it is a domain that stands in From addresses."""
    return row.proof == Proof.NONE and not is_supply(row.key)
