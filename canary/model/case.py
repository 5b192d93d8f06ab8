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
