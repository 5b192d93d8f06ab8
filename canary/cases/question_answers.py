"""One answer of the owner for all senders of a question, but those that are left out."""

from collections.abc import Collection
from datetime import datetime

from sqlmodel import Session

from canary.cases import answers
from canary.cases.rejudge import RejudgeOutcome
from canary.model.sender import SenderState
from canary.senders.profile import open_questions
from canary.senders.questions import Question
from canary.store.queries.vendors import Unknown

_ANSWERS = {SenderState.LEARNED: answers.approve, SenderState.DENIED: answers.deny}
Member = tuple[str, str]
"""A sender at a vendor: the slug of the vendor and the key of the sender."""


def get_question(session: Session, group: str, now: datetime) -> Question:
    """Return an open question by its name; raises Unknown where it is answered, or was never asked."""
    found = open_questions(session, now, group)
    if not found:
        raise Unknown(f"question {group!r}: none of this name waits for an answer; see `canary sender list`")
    return found[0]


def answer_question(
    session: Session,
    question: Question,
    state: SenderState,
    who: str,
    now: datetime,
    *,
    only: Collection[Member] | None = None,
) -> RejudgeOutcome:
    """Approve (`learned`) or refuse (`denied`) the senders of a question, or `only` some; the others go on waiting.

    Raises Unknown for a sender that does not belong to it.
    """
    members = [(member.vendor, member.key) for member in question.members]
    for vendor, key in only or ():
        if (vendor, key) not in members:
            raise Unknown(f"sender {key!r} at {vendor!r}: not one that question {question.group!r} is about")
    total = RejudgeOutcome()
    for vendor, key in members:
        if only is None or (vendor, key) in only:
            total.add(_ANSWERS[state](session, vendor, key, who, now))
    return total
