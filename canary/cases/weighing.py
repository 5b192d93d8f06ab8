"""What weighing the evidence does to a case: it opens, it is explained, or people are asked whether it is.

Nothing here but the rule: `canary.cases.weigh` gathers, asks and writes.
"""

from enum import StrEnum

from canary.model.case import OPEN, CaseState

CASE_AT = "judge.case_at"
"""Under this name a session of the store carries how likely a leak must be for a case to open."""

JOINS = "cases.joins"
"""Under this name a session carries whether cases are joined that one leak explains better than several; they usually are."""

USUAL = 0.5
"""Likelier than not."""

_CLOSES_AT = 0.6
"""A case closes below this part of what opens it, so that it does not open and close with every mail."""


class Step(StrEnum):
    """What becomes of a case that was weighed."""

    STAY = "stay"
    OPEN = "open"
    EXPLAIN = "explain"
    PROPOSE = "propose"


def next_step(state: CaseState, leak: float, case_at: float = USUAL, *, touched: bool = False) -> Step:
    """Return what becomes of a case, given how likely a leak is behind its hits.

    What a person has touched closes by a person only; what people settled stays settled.
    """
    if state in (CaseState.WATCHED, CaseState.EXPLAINED):
        return Step.OPEN if leak >= case_at else Step.STAY
    if state not in OPEN or leak >= case_at * _CLOSES_AT:
        return Step.STAY
    return Step.PROPOSE if touched or state is not CaseState.NEW else Step.EXPLAIN
