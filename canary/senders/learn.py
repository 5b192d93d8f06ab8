"""What judged mail teaches about who sends for a vendor: counted, learned, or asked about once.

Mails are observed one after the other (`SenderLessons`); what was seen is written with the batch. A mail that
teaches something ends its batch, as later mails have to be judged by what is known then.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import case, func, or_, tuple_
from sqlalchemy.sql.dml import ReturningInsert
from sqlmodel import Session, col, select

from canary.judge.lifecycle import LATE
from canary.judge.senders import asks_owner, confirmed_account, observed_senders
from canary.model.canary import Canary
from canary.model.identity import Identity
from canary.model.party import Vendor
from canary.model.sender import KNOWN, Sender, SenderState
from canary.model.verdict import OWN, Judgement
from canary.senders import asking, supplier_links
from canary.senders.profile import read_sender
from canary.senders.questions import group_of, is_open
from canary.senders.supplier_links import Use, uses
from canary.store.queries import audit
from canary.store.tables import SenderRow
from canary.store.tables.base import metadata
from canary.store.upsert import insert_for, sums

_SENDER = metadata.tables["sender"]
_Key = tuple[int, str]


@dataclass(frozen=True, slots=True, eq=False)
class SenderSight:
    """One judged mail at one canary, as far as it bears on who sends for the vendor.

    `own_way` means that it shows by which way the vendor sends: its proof cannot have travelled.
    """

    vendor_id: int
    vendor: Vendor
    canary: Canary
    judgement: Judgement
    who: Identity
    at: datetime
    sender: str = ""
    subject: str = ""
    own_way: bool = False


@dataclass(frozen=True, slots=True)
class Lesson:
    """Something learned about a sender: its past mail is judged again for the reason given.

    `new` means that mail showed it, and not a decision that came in between.
    """

    vendor_id: int
    key: str
    text: str
    at: datetime
    new: bool = True


@dataclass(slots=True)
class _Seen:
    """What a batch shows of one key at one vendor: the first mail, the last one, and how many."""

    key: str
    state: SenderState
    first: SenderSight
    mail: int
    last_at: datetime
    count: int = 0
    plausibility: float = 0.0

    @property
    def question(self) -> str:
        """The question that it belongs to while nobody has decided."""
        pending = self.state is SenderState.PENDING
        return group_of(self.key, self.first.vendor, self.plausibility) if pending else ""

    def add(self, sight: SenderSight, mail: int) -> None:
        self.count += 1
        self.plausibility = max(self.plausibility, sight.judgement.plausibility)
        self.last_at = max(self.last_at, sight.at)
        if sight.at < self.first.at:
            self.first, self.mail = sight, mail


def shown_keys(sight: SenderSight, learned_for: timedelta) -> list[tuple[_Key, SenderState, bool]]:
    """Return the senders that a mail shows, with their state, and whether the vendor's own proof confirms one."""
    found = [
        ((sight.vendor_id, key), state, False)
        for key, state in observed_senders(sight.who, sight.vendor, sight.judgement)
    ]
    if not sight.own_way:
        return found
    age = sight.at - sight.canary.since
    account = confirmed_account(sight.who, sight.vendor, sight.judgement, age, learned_for)
    return [*found, ((sight.vendor_id, account), SenderState.LEARNED, True)] if account else found


class SenderLessons:
    """The senders that the mails of a batch show, one mail after the other, with what was known of them before."""

    def __init__(self, session: Session, sights: Sequence[SenderSight], learned_for: timedelta) -> None:
        """Look up the senders that these mails may show."""
        self._seen: dict[_Key, _Seen] = {}
        self._to_ask: dict[_Key, tuple[SenderSight, datetime | None]] = {}
        self._lessons: dict[_Key, Lesson] = {}
        self._own: list[SenderSight] = []
        self._uses: list[Use] = []
        self._new_supplier = False
        self._shown = {sight: shown_keys(sight, learned_for) for sight in sights}
        shown = (each for its in self._shown.values() for each in its)
        self._senders = _known_senders(
            session, {key for key, state, confirmed in shown if _may_teach(state, confirmed)}
        )

    @property
    def lessons(self) -> list[Lesson]:
        """What was learned of senders."""
        return list(self._lessons.values())

    @property
    def have_taught(self) -> bool:
        """Whether something was learned, of senders or suppliers; no further mail is to be looked at then."""
        return bool(self._lessons) or self._new_supplier

    @property
    def may_teach(self) -> bool:
        """Whether something may be learned from the mails, or asked."""
        return any(_may_teach(state, confirmed) for shown in self._shown.values() for _, state, confirmed in shown)

    def observe(self, sight: SenderSight, mail: int) -> None:
        """Observe one judged mail, by its row id."""
        for key, state, confirmed in self._shown[sight]:
            self._seen.setdefault(key, _Seen(key[1], state, sight, mail, sight.at)).add(sight, mail)
            if not _may_teach(state, confirmed):
                continue
            sender = self._senders.get(key) or Sender(sight.vendor.slug, key[1], state, sight.who.proof)
            self._senders[key] = self._judge(sight, sender, state, confirmed=confirmed)
        if sight.judgement.verdict in OWN:
            self._own.append(sight)
        if sight.own_way:
            shown = list(uses(sight.vendor_id, sight.vendor, sight.canary.channel, sight.at, sight.who))
            self._uses += shown
            self._new_supplier |= not all(use.is_known for use in shown)

    def write(self, session: Session, now: datetime) -> None:
        """Write what was seen: counts, questions, suppliers; lessons are applied where past mail is judged again."""
        if self._seen:
            rows = _count(session, self._seen)
            asking.ask(session, [fresh for row in rows for fresh in self._fresh(row)], now)
            for row in rows:
                self._follow(row)
        for sight in self._own:
            _note_late(session, sight)
        supplier_links.learn(session, self._uses)

    def _judge(self, sight: SenderSight, sender: Sender, state: SenderState, *, confirmed: bool) -> Sender:
        """Return a sender as it is after one more of its mails."""
        key = sight.vendor_id, sender.key
        asked = sender.asked if is_open(sender, sight.at) else None
        first, last = min(sender.first or sight.at, sight.at), max(sender.last or sight.at, sight.at)
        after = replace(sender, count=sender.count + 1, first=first, last=last)
        if confirmed:
            if not sender.count or sender.state is SenderState.PENDING:
                text = f"{sender.key} sends for {sight.vendor.name}, whose own signature came with it."
                self._lessons[key] = Lesson(*key, text, sight.at)
            return replace(after, state=SenderState.LEARNED)
        if not state is sender.state is SenderState.PENDING:
            return after
        if asks_owner(replace(sender, asked=asked), sight.judgement):
            self._to_ask[key] = sight, sender.asked
            return replace(after, asked=sight.at)
        return after

    def _fresh(self, row: SenderRow) -> Iterator[asking.Fresh]:
        """Yield a sender to be asked about, unless another process decided or asked since it was looked up."""
        sight, asked = self._to_ask.get((row.vendor_id, row.key), (None, None))
        if sight and row.asked_at == asked and row.state == SenderState.PENDING:
            yield asking.Fresh(
                row, sight.vendor, sight.canary.address, sight.judgement, sight.sender, sight.subject, sight.at
            )

    def _follow(self, row: SenderRow) -> None:
        """Note what was decided about a sender by another process."""
        key, now, shown = (row.vendor_id, row.key), SenderState(row.state), self._seen[row.vendor_id, row.key].state
        if key not in self._lessons and shown is not now and not {shown, now} <= KNOWN:
            # Another process learned it between our judging and our counting.
            self._lessons[key] = Lesson(
                *key, f"{row.key} had been decided meanwhile.", self._seen[key].last_at, new=False
            )


def _may_teach(state: SenderState, confirmed: bool) -> bool:
    return confirmed or state is SenderState.PENDING


def mark_learned(session: Session, lesson: Lesson) -> None:
    """Mark a sender as learned, unless a person decided about it meanwhile."""
    mine = (SenderRow.vendor_id == lesson.vendor_id, SenderRow.key == lesson.key)
    row = session.exec(select(SenderRow).where(*mine).with_for_update()).one()
    if row.state == SenderState.PENDING or (row.state == SenderState.LEARNED and not row.decided_by):
        row.state, row.decided_at, row.decided_by = SenderState.LEARNED.value, lesson.at, "canary"
        session.add(row)
        audit.note(session, row.vendor_id, lesson.at, "sender-learned", lesson.text)
        session.flush()


def _known_senders(session: Session, keys: Collection[_Key]) -> dict[_Key, Sender]:
    if not keys:
        return {}
    rows = session.exec(select(SenderRow).where(tuple_(col(SenderRow.vendor_id), col(SenderRow.key)).in_(sorted(keys))))
    return {(row.vendor_id, row.key): read_sender(row, "") for row in rows}


def _count(session: Session, seen: Mapping[_Key, _Seen]) -> Sequence[SenderRow]:
    """Add to the counts of all senders in one statement, and return them as they are now."""
    values = [
        {
            "vendor_id": vendor, "key": key, "state": entry.state.value, "proof": entry.first.who.proof.value,
            "first_at": entry.first.at, "last_at": entry.last_at, "count": entry.count, "decided_by": "",
            "mail_id": entry.mail, "question": entry.question, "plausibility": entry.plausibility,
        }
        for (vendor, key), entry in sorted(seen.items())
    ]  # fmt: skip
    # The values are no part of the statement: so it is compiled once, and not for every number of rows again.
    dialect = session.get_bind().dialect.name
    if dialect not in _COUNTING:
        _COUNTING[dialect] = _counting(session)
    return session.scalars(_COUNTING[dialect], values, execution_options={"populate_existing": True}).all()


_COUNTING: dict[str, ReturningInsert[SenderRow]] = {}
"""What `_counting` returned, by dialect."""


def _counting(session: Session) -> ReturningInsert[SenderRow]:
    row = insert_for(session, SenderRow)
    new, old = row.excluded, _SENDER.c
    likelier = new.plausibility > old.plausibility
    changes = {
        **sums(row, "count"),
        "first_at": case((old.first_at <= new.first_at, old.first_at), else_=new.first_at),
        "last_at": case((old.last_at >= new.last_at, old.last_at), else_=new.last_at),
        "mail_id": func.coalesce(old.mail_id, new.mail_id),
        "question": case((or_(likelier, old.question == ""), new.question), else_=old.question),
        "plausibility": case((likelier, new.plausibility), else_=old.plausibility),
        "state": case((new.state == SenderState.DECLARED.value, new.state), else_=old.state),
    }
    return row.on_conflict_do_update(index_elements=["vendor_id", "key"], set_=changes).returning(SenderRow)


def _note_late(session: Session, sight: SenderSight) -> None:
    """Write into the vendor's timeline that it still writes, once for each end."""
    for reason in sight.judgement.reasons:
        if reason.code in LATE:
            since = getattr(sight.vendor.endings, LATE[reason.code])
            if not audit.noted_since(session, sight.vendor_id, reason.code.value, since):
                text = f"{sight.vendor.name} wrote. {reason.text}"
                audit.note(session, sight.vendor_id, sight.at, reason.code.value, text)
                session.flush()
