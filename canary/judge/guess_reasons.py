"""What is said of the chance that an address was guessed, and of a hit at one that nobody was given."""

from canary.judge.confidence import confidence
from canary.judge.guess import Chance, odds
from canary.model.verdict import Judgement, Reason, StatedReason, Verdict, state_reason


def guessing(chance: Chance) -> StatedReason:
    """Return the reason that says how likely it is that the address was guessed."""
    facts = _told(chance)
    if chance.shape:
        return state_reason(Reason.GUESS_BY_SHAPE, tried=f"{chance.tried:,}", shape=chance.shape.value, **facts)
    return state_reason(Reason.HARD_TO_GUESS if chance.hard else Reason.EASY_TO_GUESS, **facts)


def _told(chance: Chance) -> dict[str, str]:
    return {"odds": odds(chance.p), "attempts": f"{chance.attempts:,}"}


def at_decoy(chance: Chance) -> Judgement:
    """Judge a hit at a decoy: it was guessed, or if that is out of the question, lost on the owner's own side."""
    how = state_reason(Reason.RANDOM_DECOY, **_told(chance)) if chance.hard else guessing(chance)
    sure = confidence(Verdict.GUESS, (Reason.NEVER_ISSUED, how.code))
    return Judgement(Verdict.GUESS, sure, (state_reason(Reason.NEVER_ISSUED), how))
