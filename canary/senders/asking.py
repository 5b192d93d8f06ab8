"""Ask the owner about senders: one alert for each question, however many senders join it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, or_
from sqlmodel import Session, col, select

from canary.model.alert import Alert, fact_id
from canary.model.party import Vendor
from canary.model.sender import Sender
from canary.model.verdict import Judgement
from canary.senders.profile import read_sender
from canary.senders.questions import AskingStep, Tie, approved_keys, is_open, last_asked, next_asking
from canary.store.queries import audit, outbox
from canary.store.tables import SenderRow, VendorRow

MOST_MEMBERS = 1000
"""Of a question with more senders the last ones that were asked about say whether it is asked again."""


@dataclass(frozen=True, slots=True, eq=False)
class Fresh:
    """A sender that is to be asked about, with the mail that brought it up."""

    row: SenderRow
    vendor: Vendor
    canary: str
    judgement: Judgement
    sender: str
    subject: str
    at: datetime

    @property
    def profile(self) -> Sender:
        """The sender as it is kept."""
        return read_sender(self.row, self.vendor.slug)


def ask(session: Session, fresh: Sequence[Fresh], now: datetime) -> None:
    """Let senders join their questions, and ask those questions that are due."""
    groups: dict[str, list[Fresh]] = {}
    _reunite(session, [each.row for each in fresh if each.row.question == Tie.UNLIKELY])
    for each in fresh:
        groups.setdefault(each.profile.group, []).append(each)
    for group, found in sorted(groups.items()):
        _ask_group(session, group, found, now)


def _reunite(session: Session, unlikely: Sequence[SenderRow]) -> None:
    """Let unlikely senders join the question that is about them already, at a vendor where they were likelier."""
    names = {f"{Tie.SENDER}:{row.key}": row.key for row in unlikely}
    found = session.exec(select(SenderRow.question).where(col(SenderRow.question).in_(names)).distinct()).all()
    for row in unlikely:
        if f"{Tie.SENDER}:{row.key}" in found:
            row.question = f"{Tie.SENDER}:{row.key}"
            session.add(row)


def _ask_group(session: Session, group: str, fresh: Sequence[Fresh], now: datetime) -> None:
    mine = {each.row.id for each in fresh}
    standing = [(row, read_sender(row, slug)) for row, slug in _members(session, group) if row.id not in mine]
    others = [sender for _, sender in standing]
    steps = [(each, next_asking(each.profile, others, now)) for each in fresh]
    due = [each for each, step in steps if step is AskingStep.ASK]
    if due:
        before = last_asked([*others, *(each.profile for each in fresh)])
        outbox.put(session, _alert(group, due, before))
    settled = approved_keys(others)
    waited = [row for row, sender in standing if due and _waits(sender, now) and sender.key not in settled]
    for row in (*(each.row for each, step in steps if step is not AskingStep.WAIT), *waited):
        row.asked_at = now
        session.add(row)
    for each, step in steps:
        if step is not AskingStep.WAIT:
            text = f"{each.row.key} began to write to addresses of {each.vendor.name}: does it write for it?"
            audit.note(session, each.row.vendor_id, each.at, "sender-asked", text)


def _waits(sender: Sender, now: datetime) -> bool:
    """Whether a sender was listed and has not been asked about."""
    return sender.asked is None and is_open(sender, now)


def _members(session: Session, group: str) -> Iterable[tuple[SenderRow, str]]:
    query = (
        select(SenderRow, VendorRow.slug)
        .join(VendorRow)
        .where(
            or_(
                col(SenderRow.question) == group,
                and_(col(SenderRow.question) == "", "sender:" + col(SenderRow.key) == group),
            )
        )
        .order_by(col(SenderRow.asked_at).is_(None), col(SenderRow.asked_at).desc(), col(SenderRow.id).desc())
        .limit(MOST_MEMBERS)
    )
    return session.exec(query).all()


def _alert(group: str, due: Sequence[Fresh], last: datetime | None) -> Alert:
    """Return the question in words about the most plausible sender; it is another one each time that it is asked."""
    lead = max(due, key=lambda each: each.judgement.plausibility)
    slugs = tuple(dict.fromkeys((lead.vendor.slug, *(each.vendor.slug for each in due))))
    return Alert(
        id=fact_id("new-sender", group, last.isoformat() if last else ""), kind="new-sender",
        at=lead.at, case=0, vendor=lead.vendor.name, verdict=lead.judgement.verdict.value,
        confidence=lead.judgement.confidence, canary=lead.canary, sender=lead.sender,
        subject=lead.subject[:300], reasons=tuple(reason.text for reason in lead.judgement.reasons),
        identity=lead.row.key, vendors=slugs, group=group, senders=len({each.row.key for each in due}),
        plausibility=lead.row.plausibility,
    )  # fmt: skip
