"""A fact worth telling, as it is kept in the outbox until every destination has it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Alert:
    """What happened, in plain values; `id` is stable and is the idempotency key of every delivery.

    `kind` is `case-opened`, `new-sender` or `test`. `suspects` are (name, probability) pairs, highest first; `reasons`
    are sentences; `identity` is the key of a sender that is asked about. Text that came from mail (`sender`, `subject`,
    `identity`) is hostile and must be escaped by whoever shows it.
    """

    id: str
    kind: str
    at: datetime
    case: int
    vendor: str
    verdict: str
    confidence: float
    canary: str
    sender: str
    subject: str
    reasons: tuple[str, ...] = ()
    suspects: tuple[tuple[str, float], ...] = ()
    identity: str = ""
