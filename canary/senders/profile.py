"""The sender profile of each vendor: who was seen to send for it, who was learned, asked about, approved or refused."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, case, func, or_
from sqlmodel import Session, col, select

from canary.judge.grounds import Ground, grounds_of
from canary.model.identity import Proof
from canary.model.sender import UNSEEN, Sender, SenderState
from canary.senders.questions import EXPIRES, Question, group_questions
from canary.store.codec import identity_of
from canary.store.queries.vendors import Unknown, vendor_row
from canary.store.tables import CanaryRow, HitRow, MailRow, MailSenderRow, SenderRow, VendorRow
from canary.store.tables.base import metadata

_SENDER = metadata.tables["sender"]
_PLAUSIBILITY = case((_SENDER.c.state == SenderState.PENDING.value, _SENDER.c.plausibility), else_=0)


MOST_WAITING = 2000
"""How many undecided senders are read; the most plausible first."""

PLATFORMS = "canary.platforms"
"""The name under which a session has what knows the domains of platforms, which prove and name no single sender."""


def platforms_of(session: Session) -> Callable[[str], bool]:
    """Return what knows the domains of platforms that many senders share."""
    shared: Callable[[str], bool] = session.info.get(PLATFORMS, lambda _: False)
    return shared


def list_senders(
    session: Session,
    vendor: str | None = None,
    states: Collection[SenderState] = tuple(SenderState),
    limit: int = 1000,
    now: datetime | None = None,
    only: Sequence[ColumnElement[bool]] = (),
) -> list[Sender]:
    """Return senders, the undecided first, the most plausible leading, then by vendor and key; `name` and `subject` are those of the first mail.

    With `now` an undecided sender that has been silent for so long that its question expired is left out; `only` are
    further conditions on its row.
    """
    query = (
        _senders()
        .where(col(SenderRow.state).in_([state.value for state in states]), *(_current(now) if now else ()), *only)
        .order_by(
            SenderRow.state != SenderState.PENDING.value, _PLAUSIBILITY.desc(), col(VendorRow.slug), col(SenderRow.key)
        )
    )
    if vendor is not None:
        query = query.where(VendorRow.slug == vendor_row(session, vendor).slug)
    return [read_sender(*found) for found in session.exec(query.limit(limit)).all()]


def open_questions(session: Session, now: datetime, group: str = "") -> list[Question]:
    """Return the questions that wait for an answer, the most plausible first; only the one of a name where it is given."""
    query = _senders().where(SenderRow.state == SenderState.PENDING.value, *_current(now))
    if group:
        query = query.where(_question() == group)
    found = session.exec(query.order_by(col(SenderRow.plausibility).desc(), col(SenderRow.id)).limit(MOST_WAITING))
    return group_questions((read_sender(*each) for each in found.all()), now)


def waiting(session: Session, now: datetime) -> int:
    """Count the questions that were asked and wait for an answer."""
    pending = SenderRow.state == SenderState.PENDING.value, col(SenderRow.asked_at).is_not(None)
    return session.exec(select(func.count(_question().distinct())).where(*pending, *_current(now))).one()


def asking_vendors(now: datetime) -> Any:
    """Select the vendors with a sender that waits for an answer."""
    pending = SenderRow.state == SenderState.PENDING.value
    return select(SenderRow.vendor_id).where(pending, *_current(now)).distinct()


def _senders() -> Any:
    query = select(  # type: ignore[call-overload]
        SenderRow, VendorRow.slug, MailRow.subject, MailRow.sender_name, MailRow.sender, VendorRow.name
    )
    return query.join(VendorRow).outerjoin(MailRow, col(MailRow.id) == SenderRow.mail_id)


def _question() -> Any:
    """Return the question that a sender belongs to; one that no mail brought up is one of its own."""
    return func.coalesce(func.nullif(_SENDER.c.question, ""), "sender:" + _SENDER.c.key)


def _current(now: datetime) -> tuple[Any, ...]:
    """Leave out undecided senders whose question expired."""
    since, decided = now - EXPIRES, col(SenderRow.state) != SenderState.PENDING.value
    return (
        or_(
            decided, col(SenderRow.last_at).is_(None), col(SenderRow.last_at) >= since, col(SenderRow.asked_at) >= since
        ),
    )


def get_sender_row(session: Session, owner: VendorRow, key: str) -> SenderRow:
    """Return the profile of a sender, made from its mails if it has none yet; its state is then `unseen`."""
    return find_sender_row(session, owner, key) or _from_mails(session, owner, key)


def find_sender_row(session: Session, owner: VendorRow, key: str) -> SenderRow | None:
    """Return the profile of a sender, if it has one."""
    query = select(SenderRow).where(SenderRow.vendor_id == owner.id, SenderRow.key == key)
    return session.exec(query.with_for_update()).first()


def _from_mails(session: Session, owner: VendorRow, key: str) -> SenderRow:
    query = (
        select(MailRow.id, MailRow.received_at, col(MailRow.identity))
        .join(MailSenderRow, col(MailSenderRow.mail_id) == MailRow.id)
        .join(HitRow, col(HitRow.mail_id) == MailRow.id)
        .join(CanaryRow, col(CanaryRow.id) == HitRow.canary_id)
        .where(MailSenderRow.key == key, CanaryRow.vendor_id == owner.id)
        .order_by(col(MailRow.received_at))
        .limit(1000)
    )
    # A platform that signs besides the sender is not a sender: only what may be decided about by the mail counts.
    shared = platforms_of(session)
    found = [(n, at, who) for n, at, kept in session.exec(query) if key in grounds_of(who := identity_of(kept), shared)]
    if not found:
        raise Unknown(
            f"sender {key!r} was never seen at {owner.slug!r}: see `canary sender list --vendor {owner.slug}`"
        )
    proven = [each for each in found if grounds_of(each[2])[key] is not Ground.CLAIM]
    first, last, proof = found[0], found[-1], proven[0][2].proof if proven else Proof.NONE
    row = SenderRow(
        vendor_id=owner.id or 0, key=key, state=UNSEEN, proof=proof.value, first_at=first[1],
        last_at=last[1], count=len({n for n, _, _ in found}), mail_id=first[0],
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def read_sender(
    row: SenderRow, vendor: str, subject: str | None = "", name: str | None = "", address: str | None = "",
    vendor_name: str = "",
) -> Sender:  # fmt: skip
    """Return a row as a sender of a vendor, by its slug."""
    return Sender(
        vendor, row.key, SenderState(row.state), Proof(row.proof), row.first_at, row.last_at, row.count, row.asked_at,
        row.decided_at, row.decided_by, subject or "", f"{name} <{address}>" if address else "", row.mail_id, row.before,
        vendor_name, row.question or f"sender:{row.key}", row.plausibility,
    )  # fmt: skip
