"""A suspected leak: its hits, its campaigns, and the suspects with their probabilities."""

from dataclasses import dataclass
from enum import StrEnum


class CaseState(StrEnum):
    """Where a case stands; all but the last three are open."""

    NEW = "new"
    INVESTIGATING = "investigating"
    NOTIFIED = "vendor-notified"
    CONFIRMED = "confirmed"
    DENIED = "denied"
    FALSE_POSITIVE = "false-positive"
    CLOSED = "closed"


SETTLED = (CaseState.DENIED, CaseState.FALSE_POSITIVE, CaseState.CLOSED)
OUTCOMES = (CaseState.CONFIRMED, CaseState.DENIED, CaseState.FALSE_POSITIVE)

TRANSITIONS: dict[CaseState, tuple[CaseState, ...]] = {
    CaseState.NEW: (CaseState.INVESTIGATING, CaseState.NOTIFIED, CaseState.FALSE_POSITIVE),
    CaseState.INVESTIGATING: (
        CaseState.NOTIFIED, CaseState.CONFIRMED, CaseState.FALSE_POSITIVE, CaseState.CLOSED,
    ),
    CaseState.NOTIFIED: (
        CaseState.INVESTIGATING, CaseState.CONFIRMED, CaseState.DENIED, CaseState.FALSE_POSITIVE, CaseState.CLOSED,
    ),
    CaseState.CONFIRMED: (CaseState.INVESTIGATING, CaseState.DENIED, CaseState.CLOSED),
    CaseState.DENIED: (
        CaseState.INVESTIGATING, CaseState.CONFIRMED, CaseState.FALSE_POSITIVE, CaseState.CLOSED,
    ),
    CaseState.FALSE_POSITIVE: (CaseState.INVESTIGATING, CaseState.CLOSED),
    CaseState.CLOSED: (CaseState.INVESTIGATING,),
}  # fmt: skip
"""What a person may make of a case, by its state."""


class HitEffect(StrEnum):
    """What a leak hit does to a case of its vendor: it joins, opens the case again, or begins another one."""

    JOIN = "join"
    REOPEN = "reopen"
    NEW_CASE = "new-case"


def effect_of_hit(state: CaseState, outcome: str, *, campaign_known: bool, canary_known: bool) -> HitEffect:
    """Return what a leak hit does to a case, given whether the case has its campaign and its canary already.

    An open case takes it. One that is settled takes more of the same without a word, and is opened again by a campaign
    or a canary that is new to it. One that was a false positive stays settled whatever else its campaigns hit, and
    says nothing about others: these begin another case.
    """
    if state not in SETTLED:
        return HitEffect.JOIN
    if CaseState.FALSE_POSITIVE in (state, outcome):
        return HitEffect.JOIN if campaign_known else HitEffect.NEW_CASE
    return HitEffect.JOIN if campaign_known and canary_known else HitEffect.REOPEN


class SuspectKind(StrEnum):
    """What may have leaked."""

    VENDOR = "vendor"
    SUPPLIER = "supplier"
    ACCOUNT = "account"
    OWNER = "owner"
    PUBLISHED = "published"
    NOBODY = "none"


@dataclass(frozen=True, slots=True)
class Suspect:
    """A possible source with the probability that it leaked; `hit` of the `held` canaries it had were hit.

    `factor` is the Bayes factor against no leak, which unlike the probability depends on no prior.
    """

    kind: SuspectKind
    id: str
    p: float
    hit: int = 0
    held: int = 0
    name: str = ""
    factor: float = 1.0


def percent(p: float) -> str:
    """Say a probability in whole percent; nothing uncertain ever reads as certain."""
    if 0.005 < p < 0.995:
        return f"{p:.0%}"
    return "over 99%" if p > 0.5 else "under 1%"
