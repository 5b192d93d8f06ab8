"""A recipient that was tried and is no canary, or a canary that was tried and sent nothing."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AttemptKind(StrEnum):
    """What was tried: `guess` a never-issued recipient, `probe` an issued one without DATA, `relay` a foreign domain."""

    GUESS = "guess"
    PROBE = "probe"
    RELAY = "relay"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try; `source` is the client's network (/24 or /48), `address` the issued address of a probe, else empty."""

    kind: AttemptKind
    domain: str
    source: str
    at: datetime
    address: str = ""
