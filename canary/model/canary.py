"""An address we issued: to which vendor, through which channel, since when, and how hard it is to guess."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

IN_USE_BEFORE = timedelta(days=3653)
"""So long before the latest time of its issue an address can have been given away if nobody knows the day."""


class Style(StrEnum):
    """What an address looks like to the vendor that is given it."""

    TAGGED = "tagged"
    PLAUSIBLE = "plausible"
    PLUS = "plus"


class CanaryState(StrEnum):
    """The state of an address; it keeps listening in every state."""

    ACTIVE = "active"
    ROTATED = "rotated"
    BURNED = "burned"


class Hiding(StrEnum):
    """Why an address is out of the lists for every day; it keeps listening all the same."""

    NOT = ""
    RESTED = "rested"
    DISMISSED = "dismissed"
    SWITCHED_OFF = "switched-off"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Persona:
    """Facts given to one canary's vendor only, so that anyone who repeats them got them from that vendor."""

    given_name: str
    family_name: str
    phone: str = ""
    company: str = ""
    street: str = ""
    town: str = ""
    postcode: str = ""
    birthday: str = ""


@dataclass(frozen=True, slots=True)
class Canary:
    """One unique address; `vendor` is None for a decoy, which nobody was ever given. `id` is random, and public.

    One that is `undated` was given away at some time before `issued`.

    One that is `published` is shown in public, by the owner's word on the address, `published_set`, or else on its vendor.
    One that is `tentative` was made by a program, and nobody has confirmed that it was given away: it is evidence of
    nothing. `note` is what the program said of it.
    """

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
    published_set: bool | None = None
    tentative: bool = False
    hidden: Hiding = Hiding.NOT
    note: str = ""
    undated: bool = False

    @property
    def since(self) -> datetime:
        """The earliest time at which it can have been given away."""
        return earliest_issue(self.issued, undated=self.undated)

    @property
    def domain(self) -> str:
        """The domain of the address."""
        return self.address.rpartition("@")[2]


def earliest_issue(issued: datetime, *, undated: bool) -> datetime:
    """Return the earliest time at which an address can have been given away."""
    return issued - IN_USE_BEFORE if undated else issued
