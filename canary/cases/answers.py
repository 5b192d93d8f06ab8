"""The owner's word on senders, and what is learned from mail: past mail is judged again by it, and the cases follow."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import case, func
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, select

from canary.cases import records
from canary.cases.charge import CASES_LOCK
from canary.cases.rejudge import RejudgeCause, RejudgeOutcome, of_sender, rejudge
from canary.judge.lifecycle import LATE
from canary.judge.senders import LearningStep, confirmed_account, next_step, observed_senders
from canary.model.alert import Alert
from canary.model.canary import Canary
from canary.model.identity import Identity, Proof
from canary.model.party import Vendor
from canary.model.sender import KNOWN, Learning, SenderState
from canary.model.verdict import Judgement, Verdict
from canary.senders import supplier_links
from canary.senders.profile import _SENDER, _row, _sender
from canary.senders.supplier_links import Use
from canary.store.database import lock
from canary.store.queries import audit, outbox
from canary.store.queries.vendors import vendor_row
from canary.store.tables import SenderRow

_OWN = (Verdict.EXPECTED, Verdict.SUPPLIER)


@dataclass(frozen=True, slots=True)
class SenderSight:
    """One judged mail at one canary, as far as it bears on who sends for the vendor."""

    vendor_id: int
    vendor: Vendor
    canary: Canary
    judgement: Judgement
    who: Identity
    mail_id: int
    at: datetime
    sender: str = ""
    subject: str = ""


@dataclass(slots=True)
class _Seen:
    """What a batch shows of one key at one vendor."""

    state: SenderState
    proof: Proof
    sights: list[SenderSight] = field(default_factory=list)
    confirmed: bool = False

    @property
    def first(self) -> SenderSight:
        return min(self.sights, key=lambda sight: sight.at)

    @property
    def last(self) -> SenderSight:
        return max(self.sights, key=lambda sight: sight.at)


def record_senders(session: Session, sights: Sequence[SenderSight], learning: Learning) -> None:
    """Let the profiles learn from judged mails that are kept: count, learn, ask, and note what is new.

    Called last in its transaction: whoever waits for the lock of the cases must not hold a profile meanwhile.
    """
    seen, uses = _seen(sights, learning), list[Use]()
    if seen:
        if any(s.state is SenderState.PENDING or s.confirmed for s in seen.values()):
            lock(session, CASES_LOCK)
        for row in _count(session, seen):
            uses += _follow(session, row, seen[row.vendor_id, row.key], learning)
    for sight in sights:
        if sight.judgement.verdict in _OWN:
            uses += supplier_links.uses(sight.vendor_id, sight.vendor, sight.canary.channel, sight.at, sight.who)
            _note_late(session, sight)
    supplier_links.learn(session, uses)


def decide(session: Session, vendor: str, key: str, state: SenderState, cause: RejudgeCause) -> RejudgeOutcome:
    """Approve (`learned`) or refuse (`denied`) a sender, judge its past mail again, and write down who did so.

    Raises Unknown for a sender that was never seen at the vendor, ValueError for one that was declared. Saying it
    again changes nothing.
    """
    lock(session, CASES_LOCK)
    owner = vendor_row(session, vendor)
    row = _row(session, owner, key)
    if row.state == state:
        return RejudgeOutcome()
    if row.state == SenderState.DECLARED:
        raise ValueError(f"sender {key!r}: declared as {owner.name}'s own; there is nothing to decide")
    row.state, row.decided_at, row.decided_by = state.value, cause.at, cause.who[:100]
    session.add(row)
    session.flush()
    if state is SenderState.DENIED and "/" in key:
        supplier_links.forget(session, owner.id or 0, *key.split("/", 1))
    outcome = rejudge(session, owner.id or 0, of_sender(key), cause)
    supplier_links.learn(session, outcome.uses.values())
    audit.note(session, owner.id or 0, cause.at, f"sender-{state.value}", cause.text, cause.who)
    audit.audit(session, cause.at, cause.who, f"sender-{state.value}", f"{vendor}: {key}", str(outcome))
    session.flush()
    return outcome


def declare(session: Session, vendor: str, keys: Collection[str], who: str, now: datetime) -> RejudgeOutcome:
    """Take note that domains or accounts were declared as a vendor's own, whatever was decided before; judge their past mail."""
    owner, total = vendor_row(session, vendor), RejudgeOutcome()
    for key in sorted(keys):
        row = session.exec(select(SenderRow).where(SenderRow.vendor_id == owner.id, SenderRow.key == key)).first()
        if row is not None:
            row.state, row.decided_at, row.decided_by = SenderState.DECLARED.value, now, who[:100]
            session.add(row)
            session.flush()
        cause = RejudgeCause(f"{key} was declared by {who}.", who, now)
        outcome = rejudge(session, owner.id or 0, of_sender(key), cause)
        supplier_links.learn(session, outcome.uses.values())
        total.add(outcome)
    if keys:
        audit.audit(session, now, who, "sender-declared", f"{vendor}: {', '.join(sorted(keys))}", str(total))
    return total


def retract(session: Session, vendor: str, key: str, who: str, now: datetime) -> RejudgeOutcome:
    """Take back that a domain or account was declared: it waits for a decision again, and its past mail is judged anew."""
    owner = vendor_row(session, vendor)
    row = session.exec(select(SenderRow).where(SenderRow.vendor_id == owner.id, SenderRow.key == key)).first()
    if row is not None:
        row.state, row.decided_at, row.decided_by = SenderState.PENDING.value, now, who[:100]
        session.add(row)
        session.flush()
    outcome = rejudge(session, owner.id or 0, of_sender(key), RejudgeCause(f"{key} is no longer declared.", who, now))
    audit.audit(session, now, who, "sender-retracted", f"{vendor}: {key}", str(outcome))
    return outcome


def approve(session: Session, vendor: str, key: str, who: str, now: datetime) -> RejudgeOutcome:
    """Say that a sender writes for a vendor."""
    return decide(session, vendor, key, SenderState.LEARNED, RejudgeCause(f"{key} was approved by {who}.", who, now))


def deny(session: Session, vendor: str, key: str, who: str, now: datetime) -> RejudgeOutcome:
    """Say that a sender has nothing to do with a vendor."""
    return decide(session, vendor, key, SenderState.DENIED, RejudgeCause(f"{key} was refused by {who}.", who, now))


def _seen(sights: Sequence[SenderSight], learning: Learning) -> dict[tuple[int, str], _Seen]:
    found: dict[tuple[int, str], _Seen] = {}
    for sight in sights:
        for key, state in observed_senders(sight.who, sight.vendor, sight.judgement):
            found.setdefault((sight.vendor_id, key), _Seen(state, sight.who.proof)).sights.append(sight)
        age = sight.at - sight.canary.issued
        account = confirmed_account(sight.who, sight.vendor, sight.judgement, age, learning)
        if account:
            entry = found.setdefault((sight.vendor_id, account), _Seen(SenderState.LEARNED, sight.who.proof))
            entry.sights.append(sight)
            entry.confirmed = True
    return found


def _count(session: Session, seen: dict[tuple[int, str], _Seen]) -> Sequence[SenderRow]:
    """Add to the counts of all senders in one step of the store, and return them as they stand now."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    values = [
        {
            "vendor_id": vendor, "key": key, "state": entry.state.value, "proof": entry.proof.value,
            "first_at": entry.first.at, "last_at": entry.last.at, "count": len(entry.sights), "decided_by": "",
            "mail_id": entry.first.mail_id,
        }
        for (vendor, key), entry in sorted(seen.items())
    ]  # fmt: skip
    row = insert(SenderRow).values(values)
    new, old = row.excluded, _SENDER.c
    changes = {
        "count": old.count + new.count,
        "first_at": case((old.first_at <= new.first_at, old.first_at), else_=new.first_at),
        "last_at": case((old.last_at >= new.last_at, old.last_at), else_=new.last_at),
        "mail_id": func.coalesce(old.mail_id, new.mail_id),
        "state": case((new.state == SenderState.DECLARED.value, new.state), else_=old.state),
    }
    written = row.on_conflict_do_update(index_elements=["vendor_id", "key"], set_=changes).returning(SenderRow)
    return session.scalars(written, execution_options={"populate_existing": True}).all()


def _follow(session: Session, row: SenderRow, entry: _Seen, learning: Learning) -> Iterable[Use]:
    """Do what follows from a sender having been seen again; return the suppliers that mail judged anew shows."""
    last, state = entry.last, SenderState(row.state)
    fresh = state is SenderState.PENDING or (state is SenderState.LEARNED and row.count == len(entry.sights))
    if entry.confirmed:
        text = f"{row.key} sends for {last.vendor.name}, whose own signature came with it."
        return _learn(session, row, last, text) if fresh else ()
    if entry.state is state is SenderState.PENDING:
        return _step(session, row, last, learning)
    if entry.state is state or {entry.state, state} <= KNOWN:
        return ()
    # Somebody decided between our judging and our counting.
    cause = RejudgeCause(f"{row.key} had been decided on.", "canary", last.at)
    return rejudge(session, row.vendor_id, of_sender(row.key), cause).uses.values()


def _step(session: Session, row: SenderRow, last: SenderSight, learning: Learning) -> Iterable[Use]:
    quiet = records.open_case_of(session, last.vendor_id) is None
    step = next_step(_sender(row, last.vendor.slug), last.judgement, last.canary.issued, learning, quiet=quiet)
    if step is LearningStep.LEARN:
        told = f"{last.vendor.name} now also sends through {row.key}: learned after {learning.quiet.days} quiet days."
        return _learn(session, row, last, told)
    if step is LearningStep.ASK and row.asked_at is None:
        _ask(session, row, last)
    return ()


def _learn(session: Session, row: SenderRow, last: SenderSight, text: str) -> Iterable[Use]:
    row.state, row.decided_at, row.decided_by = SenderState.LEARNED.value, last.at, "canary"
    session.add(row)
    audit.note(session, row.vendor_id, last.at, "sender-learned", text)
    session.flush()
    return rejudge(session, row.vendor_id, of_sender(row.key), RejudgeCause(text, "canary", last.at)).uses.values()


def _ask(session: Session, row: SenderRow, last: SenderSight) -> None:
    row.asked_at = last.at
    session.add(row)
    text = f"{row.key} began to write to addresses of {last.vendor.name}: does it write for it?"
    audit.note(session, row.vendor_id, last.at, "sender-asked", text)
    outbox.put(session, _question(row, last))


def _question(row: SenderRow, last: SenderSight) -> Alert:
    return Alert(
        id=str(uuid5(NAMESPACE_URL, f"canary:new-sender:{last.vendor.slug}:{row.vendor_id}:{row.key}")), kind="new-sender",
        at=last.at, vendor=last.vendor.name, verdict=last.judgement.verdict.value,
        confidence=last.judgement.confidence, canary=last.canary.address, sender=last.sender, subject=last.subject[:300],
        reasons=tuple(reason.text for reason in last.judgement.reasons), identity=row.key, vendors=(last.vendor.slug,),
    )  # fmt: skip


def _note_late(session: Session, sight: SenderSight) -> None:
    """Write into the vendor's timeline that it still writes, once for each end."""
    for reason in sight.judgement.reasons:
        if reason.code in LATE:
            since = getattr(sight.vendor.endings, LATE[reason.code])
            if not audit.noted_since(session, sight.vendor_id, reason.code.value, since):
                audit.note(
                    session, sight.vendor_id, sight.at, reason.code.value, f"{sight.vendor.name} wrote. {reason.text}"
                )
                session.flush()
