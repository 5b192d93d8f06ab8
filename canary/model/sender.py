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


class SenderAnswer(StrEnum):
    """What the owner says about a sender: it writes for the vendor, it does not, or as if nothing had been said."""

    APPROVE = "approve"
    DENY = "deny"
    UNDO = "undo"


UNSEEN = "unseen"
"""What a sender was that nothing was known of when the owner first decided about it."""

KNOWN = frozenset({SenderState.DECLARED, SenderState.LEARNED})
"""States in which mail from a sender counts as the vendor's own."""


@dataclass(frozen=True, slots=True)
class Sender:
    """One proven identity at one vendor; `key` is an organisational domain, `esp/account`, or `domain via platform`.

    `asked` is when the owner was asked about it, `by` who decided; a declared one may never have been seen. `before` is
    its state before the owner's word, `unseen` for none, empty where there is no word to be taken back. `group` is the
    question that it belongs to, `plausibility` the probability that it writes for the vendor, both while undecided.
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
    before: str = ""
    vendor_name: str = ""
    group: str = ""
    plausibility: float = 0.0


LEARNED_FOR = timedelta(days=42)
"""For how long after an address was issued an account is learned that the vendor's own proof comes through."""
