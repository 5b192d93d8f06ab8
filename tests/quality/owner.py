"""The owner of the measured world: knows what every mail is, and answers each question a day after it was asked."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlmodel import Session, func, select

from canary.cases import answers
from canary.model.sender import SenderState
from canary.pipeline.story import Context
from canary.senders import profile
from canary.store.tables import HitRow, MailRow, SenderRow
from tests.quality.houses import BEGIN
from tests.quality.post import Truth

_THINKS = timedelta(days=1)


class Owner:
    """Answers correctly; `first` keeps the verdict each hit had at first, by row id."""

    def __init__(self, parts: Context, truths: Mapping[str, Truth]) -> None:
        self.parts = parts
        self.truths = truths
        self.first: dict[int, str] = {}
        self._looked = BEGIN

    @property
    def asked(self) -> int:
        """How many questions there were."""
        with self.parts.store.reading() as session:
            return session.exec(
                select(func.count()).select_from(SenderRow).where(SenderRow.asked_at.is_not(None))  # type: ignore[union-attr]
            ).one()

    def saw(self, keys: list[str]) -> None:
        """Note what is said of mails as they come in."""
        with self.parts.store.reading() as session:
            query = select(HitRow.id, HitRow.verdict).join(MailRow, MailRow.id == HitRow.mail_id)  # type: ignore[arg-type]
            found = session.exec(query.where(MailRow.key.in_(keys))).all()  # type: ignore[attr-defined]
            self.first.update({number or 0: verdict for number, verdict in found})

    def answer(self, now: datetime) -> None:
        """Answer what was asked a day ago or more, by what the first mail of the sender was; looks twice a day."""
        if now < self._looked + timedelta(hours=12):
            return
        self._looked = now
        with self.parts.store.writing() as session:
            for sender in profile.list_senders(session, states=[SenderState.PENDING]):
                if sender.asked is not None and sender.asked <= now - _THINKS:
                    say = answers.approve if self._truth(session, sender.mail).kind == "own" else answers.deny
                    say(session, sender.vendor, sender.key, "owner", now)

    def _truth(self, session: Session, mail_id: int | None) -> Truth:
        return self.truths[session.get_one(MailRow, mail_id).key]
