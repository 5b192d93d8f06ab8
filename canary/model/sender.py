"""Who sends for a vendor: proven identities, each with its state."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from canary.model.identity import Proof


class SenderState(StrEnum):
    """Whether a sender writes for a vendor: declared by the owner, learned from mail, not yet decided, refused."""

    DECLARED = "declared"
    LEARNED = "learned"
    PENDING = "pending"
    DENIED = "denied"


KNOWN = frozenset({SenderState.DECLARED, SenderState.LEARNED})
"""States in which mail from a sender counts as the vendor's own."""


@dataclass(frozen=True, slots=True)
class Sender:
    """One proven identity at one vendor; `key` is an organisational domain, `esp/account`, or `domain via platform`.

    `asked` is when the owner was asked about it, `by` who decided; a declared one may never have been seen. `group` is
    the question that it belongs to, `plausibility` the probability that it writes for the vendor, both while undecided.
    """

    vendor: str
    key: str
    state: SenderState
    proof: Proof = Proof.NONE
    first: datetime | None = None
    last: datetime | None = None
    count: int = 0
    asked: datetime | None = None
    decided: datetime | None = None
    by: str = ""
    subject: str = ""
    name: str = ""
    mail: int | None = None
    group: str = ""
    plausibility: float = 0.0


@dataclass(frozen=True, slots=True)
class Learning:
    """How senders are learned: for how long after an address was issued, and after how much quiet time."""

    period: timedelta = timedelta(days=42)
    quiet: timedelta = timedelta(days=14)
