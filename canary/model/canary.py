"""An address we issued: to whom, through which channel, since when, and how hard it is to guess."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Style(StrEnum):
    """How an address looks to the one who is given it."""

    TAGGED = "tagged"
    PLAUSIBLE = "plausible"
    PLUS = "plus"


class CanaryState(StrEnum):
    """Where an address stands in its life; every state keeps listening."""

    ACTIVE = "active"
    ROTATED = "rotated"
    BURNED = "burned"


@dataclass(frozen=True, slots=True)
class Persona:
    """Facts told to one canary's vendor only, so that whoever repeats them had them from there."""

    given_name: str
    family_name: str
    phone: str = ""
    company: str = ""


@dataclass(frozen=True, slots=True)
class Canary:
    """One unique address; `vendor` is None for a decoy, which nobody was ever given. `id` is random, and public."""

    id: int
    address: str
    vendor: str | None
    channel: str
    generation: int
    style: Style
    bits: float
    state: CanaryState
    issued: datetime
    persona: Persona | None = None
    published: bool = False

    @property
    def domain(self) -> str:
        """The domain of the address."""
        return self.address.rpartition("@")[2]
