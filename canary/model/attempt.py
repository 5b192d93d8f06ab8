"""Attempts: a recipient that was tried and is no canary, or a canary that was tried and sent no mail."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AttemptKind(StrEnum):
    """What was tried: `guess` a never-issued recipient, `probe` an issued one without DATA, `relay` a foreign domain.

    `verify` is a VRFY or EXPN command, which got no answer about the address.
    """

    GUESS = "guess"
    PROBE = "probe"
    RELAY = "relay"
    VERIFY = "verify"


class LocalShape(StrEnum):
    """What the local part of a guess looks like: all that is kept of it, since it may be somebody's real name."""

    ROLE = "role"
    WORD = "word"
    NAME = "name"
    NUMBERED = "numbered"
    RANDOM = "random"
    UNKNOWN = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt; `source` is the client's network (/24 or /48), `address` the issued address tried, or empty.

    `shape` is that of a guess, empty where it was not looked at. In a flood one attempt represents `count` attempts of
    the same kind in the same hour.
    """

    kind: AttemptKind
    domain: str
    source: str
    at: datetime
    address: str = ""
    shape: LocalShape = LocalShape.UNKNOWN
    count: int = 1
