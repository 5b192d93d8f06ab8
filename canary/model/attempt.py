"""A recipient that was tried and is no canary, or a canary that was tried and sent nothing."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AttemptKind(StrEnum):
    """What was tried: `guess` a never-issued recipient, `probe` an issued one without DATA, `relay` a foreign domain.

    `verify` is a question for an address by VRFY or EXPN, which was not answered.
    """

    GUESS = "guess"
    PROBE = "probe"
    RELAY = "relay"
    VERIFY = "verify"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try; `source` is the client's network (/24 or /48), `address` the issued address that was meant, else empty.

    In a flood one stands for `count` tries of the same kind in the same hour.
    """

    kind: AttemptKind
    domain: str
    source: str
    at: datetime
    address: str = ""
    count: int = 1
