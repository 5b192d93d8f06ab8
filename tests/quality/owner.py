"""The owner of the measured world: knows what every mail is, and answers each question a day after it was asked."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlmodel import Session, select

from canary.cases.question_answers import Member, answer_question
from canary.model.sender import SenderState
from canary.pipeline.story import Context
from canary.senders import profile
from canary.senders.questions import Question
from canary.store.tables import HitRow, MailRow, OutboxRow
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
        """How many questions were put to the owner: a message each, however many senders one is about."""
        with self.parts.store.reading() as session:
            facts = session.exec(select(OutboxRow.fact)).all()
        return sum(fact["kind"] == "new-sender" for fact in facts)

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
            for question in profile.open_questions(session, now):
                asked = [member.asked for member in question.members if member.asked]
                if asked and min(asked) <= now - _THINKS:
                    self._answer(session, question, now)

    def _answer(self, session: Session, question: Question, now: datetime) -> None:
        """Give one answer for those asked about that are the vendors', another for the rest; what only waits is left."""
        whose: dict[bool, set[Member]] = {}
        for member in question.members:
            if member.asked:
                own = self._truth(session, member.mail).kind == "own"
                whose.setdefault(own, set()).add((member.vendor, member.key))
        for own, members in whose.items():
            state = SenderState.LEARNED if own else SenderState.DENIED
            answer_question(session, question, state, "owner", now, only=members)

    def _truth(self, session: Session, mail_id: int | None) -> Truth:
        return self.truths[session.get_one(MailRow, mail_id).key]
