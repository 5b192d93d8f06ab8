"""All that attribution looks at, as facts: who was given which address when, what hit it, how much was guessed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from canary.model.case import LeakManner, SuspectKind


class Source(NamedTuple):
    """A party that may have leaked.

    The id of an account is `supplier/vendor`, that of `published` the vendor who shows an address; the owner has none.
    """

    kind: SuspectKind
    id: str = ""


NO_LEAK: frozenset[Source] = frozenset()
"""The hypothesis that nobody leaked."""


@dataclass(frozen=True, slots=True)
class SupplyFacts:
    """A vendor hands the addresses of some channels (none named: of all) to a supplier, from and until a time.

    `p` is the probability that it does so at all, below 1 where this was only inferred; `fields` are the persona's
    facts that go with the address, None where nobody said which.
    """

    supplier: str
    channels: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    p: float = 1.0
    fields: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class VendorFacts:
    """A vendor, and the suppliers it hands addresses on to."""

    id: str
    suppliers: tuple[SupplyFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class CanaryFacts:
    """One address: whom it was given to (a decoy: nobody), since when, how hard it is to guess, what went with it.

    With a `count` it stands for so many addresses that nothing hit and of which all of this is true, the time of issue
    to within a few days (`canary.attribute.grouping`).
    """

    id: str
    domain: str
    vendor: str | None
    issued: datetime
    channel: str = "signup"
    generation: int = 1
    bits: float = 60.0
    published: bool = False
    fields: frozenset[str] = frozenset()
    count: int = 1


@dataclass(frozen=True, slots=True)
class CampaignHit:
    """One charged hit; `fields` are the persona's facts that its mail repeats, `proven` whether it proved any sender.

    `sender` is the one that it proved to come from, empty where that is not known; `case` is the number of the case that
    it is kept with, 0 for none.
    """

    canary: str
    at: datetime
    campaign: str
    verdict: str
    confidence: float
    fields: frozenset[str] = frozenset()
    proven: bool = True
    sender: str = ""
    case: int = 0


@dataclass(frozen=True, slots=True)
class GuessCount:
    """How many never-issued recipients of a domain were tried in a span of time."""

    domain: str
    since: datetime
    until: datetime
    count: int


@dataclass(frozen=True, slots=True)
class World:
    """One installation as of `now`; canaries by id, everything of one time zone."""

    now: datetime
    vendors: tuple[VendorFacts, ...] = ()
    canaries: tuple[CanaryFacts, ...] = ()
    hits: tuple[CampaignHit, ...] = ()
    guess_counts: tuple[GuessCount, ...] = ()


@dataclass(frozen=True, slots=True)
class Posterior:
    """What is believed about a world: probabilities of the sets of sources that leaked, the empty set meaning no leak.

    `hypotheses` sum to 1, `marginals` give for each source the probability that it leaked, alone or with another, and
    `bayes_factors` its Bayes factor, which unlike the probability does not depend on priors, `manners` how likely each
    way is in which it happened, given that it leaked. `leak` is the probability that a leak is behind at least one of
    the sendings asked about, `behind` for each source that its leak is; a leak that nothing shows yet is in neither.
    """

    hypotheses: Mapping[frozenset[Source], float]
    marginals: Mapping[Source, float]
    bayes_factors: Mapping[Source, float] = field(default_factory=dict)
    manners: Mapping[Source, Mapping[LeakManner, float]] = field(default_factory=dict)
    behind: Mapping[Source, float] = field(default_factory=dict)
    leak: float = 0.0

    def singles(self) -> dict[Source, float]:
        """Return for each source the probability that it leaked and no other did."""
        return {next(iter(sources)): p for sources, p in self.hypotheses.items() if len(sources) == 1}
