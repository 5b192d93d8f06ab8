"""How simulated installations look and what befalls them: one mix of all knobs, and the named mixes that are compared."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from canary.model.case import SuspectKind

Range = tuple[float, float]

SOMEBODY: Mapping[SuspectKind, float] = {
    SuspectKind.VENDOR: 0.25,
    SuspectKind.SUPPLIER: 0.20,
    SuspectKind.OWNER: 0.05,
}
"""How many of all worlds have a leak at each kind of source; in the rest nobody leaked."""


@dataclass(frozen=True, slots=True)
class PopulationParams:
    """Who holds which address: vendors, suppliers, canaries, decoys, and how much of it the model is told."""

    vendors: int = 50
    suppliers: int = 8
    suppliers_per_vendor: tuple[int, int] = (1, 3)
    popularity: float = 1.0
    """Zipf exponent: the n-th supplier is chosen in proportion to n to the power of minus this."""
    account_canaries: int = 0
    """Addresses per vendor that suppliers never see; where there are any, the others are newsletter addresses."""
    canaries: int = 1
    decoys: int = 30
    domains: int = 1
    years: float = 2.0
    late_share: float = 0.2
    """How many vendors were given their address during the span instead of at its start."""
    guessable_share: float = 0.3
    guessable_bits: Range = (12.0, 24.0)
    random_bits: Range = (40.0, 65.0)
    published_share: float = 0.0
    persona_share: float = 0.0
    edges_missing: float = 0.0
    edges_inferred: float = 0.0
    """How many edges were only inferred: the model is told `edge_p`, and that share of them is real."""
    edge_p: float = 0.7
    rotation_days: float = 0.0
    staggered: bool = True
    never_given: float = 0.0
    """How many of the addresses, all made by programs then, nobody was ever given."""
    confirmed: float = 0.99
    """How many of the others their vendor's mail confirms, or a person once somebody else writes there."""


@dataclass(frozen=True, slots=True)
class Leaking:
    """What a leak does: whose, how much of a list is taken, when and how often it is mailed."""

    shares: Mapping[SuspectKind, float] = field(default_factory=lambda: SOMEBODY)
    second: float = 0.0
    """How many of the worlds with a leak have a second one, independent of the first."""
    harvested: float = 0.5
    """Probability that the addresses which one vendor shows in public are collected there, beside any other leak."""
    coverage: Range = (0.05, 0.6)
    tenants: float = 1.0
    """Probability that a vendor's account at a leaking supplier was among those taken."""
    campaigns: float = 7.0
    reach: Range = (0.3, 0.9)
    fast_share: float = 0.3
    fast_days: float = 7.0
    slow_days: float = 90.0
    impersonation_share: float = 0.1
    third_party_share: float = 0.15
    """How many campaigns are mailed by a proven but unrelated organisation that bought the list."""
    field_leaks: float = 0.5
    field_used: float = 0.35
    passing: Mapping[SuspectKind, float] = field(default_factory=dict)
    """How many of the leaks of each kind of source are lists passed on to bulk senders on purpose."""
    buyers: float = 15.0
    buyer_days: float = 400.0
    handed: float = 0.95
    validated: float = 0.0
    """How many lists are tried out before they are used, each address by itself and without a mail."""
    validated_days: float = 10.0
    """How long before the first campaign, in the mean."""


@dataclass(frozen=True, slots=True)
class Background:
    """What hits canaries though nobody leaked, and how well the judge tells it from crime.

    A lawful third party mails once a year, so that most of the vendors that have one show it within two years: with
    guesses and strays, a judge who trusts only the vendor itself then suspects 105 innocents in 1000 canary-years.
    """

    attacks: float = 1.0
    guessed_share: float = 0.15
    tries_per_attack: float = 600
    """Recipients tried: as many as meet the easiest addresses (12 bits) as often as `guessed_share` says."""
    stray_tries: float = 240.0
    """Never-issued recipients tried in a year outside of attacks."""
    misdirected: float = 0.02
    lawful_share: float = 0.15
    lawful_mails: float = 1.0
    agents: float = 0.0
    """How many parties a year begin to write for vendors that did not name them, each for a share of all vendors."""
    agent_clients: Range = (0.02, 0.2)
    agent_mails: float = 6.0
    """How often a year such a party writes, each time to all its clients' addresses."""
    named: bool = False
    """Whether mails of bulk senders prove who sent them, so that what one sender writes counts once."""
    fragmented: float = 0.15
    score_shape: float = 0.3
    """How seldom the judge is sure: the score of crime is Beta(1+s, s), of lawful mail Beta(s, 1+s), so that a score
    of c always means odds of c : 1-c for crime."""


@dataclass(frozen=True, slots=True)
class Mix:
    """All knobs of a simulated world."""

    population: PopulationParams = field(default_factory=PopulationParams)
    leaking: Leaking = field(default_factory=Leaking)
    background: Background = field(default_factory=Background)


_BUSY = Background()
_SLOW = Leaking()
_TIMES_3 = Background(
    attacks=3 * _BUSY.attacks,
    stray_tries=3 * _BUSY.stray_tries,
    misdirected=3 * _BUSY.misdirected,
    lawful_mails=3 * _BUSY.lawful_mails,
)
_TWICE = {kind: 2 * p for kind, p in SOMEBODY.items()}
_NAMED = Background(named=True)
_PASSING = {SuspectKind.VENDOR: 0.5, SuspectKind.SUPPLIER: 0.1}

MIXES: Mapping[str, Mix] = {
    "standard": Mix(),
    "per-channel": Mix(population=PopulationParams(account_canaries=1)),
    "two-leaks": Mix(leaking=Leaking(shares=_TWICE, second=1.0)),
    "rates-x3": Mix(background=_TIMES_3),
    "delays-x2": Mix(leaking=Leaking(fast_days=2 * _SLOW.fast_days, slow_days=2 * _SLOW.slow_days)),
    "low-coverage": Mix(leaking=Leaking(coverage=(0.02, 0.1))),
    "edges-missing": Mix(population=PopulationParams(edges_missing=0.3)),
    "wrong-priors": Mix(leaking=Leaking(shares={k: p / 5 for k, p in SOMEBODY.items()})),
    "wrong-kinds": Mix(
        leaking=Leaking(shares={SuspectKind.VENDOR: 0.05, SuspectKind.SUPPLIER: 0.25, SuspectKind.OWNER: 0.2})
    ),
    "tenants": Mix(leaking=Leaking(tenants=0.3)),
    "few-tenants": Mix(leaking=Leaking(shares={SuspectKind.SUPPLIER: 0.5}, tenants=0.05)),
    "passed-on": Mix(leaking=Leaking(passing=_PASSING), background=_NAMED),
    "passed-on-rates-x3": Mix(leaking=Leaking(passing=_PASSING), background=replace(_TIMES_3, named=True)),
    "two-ways": Mix(leaking=Leaking(shares=_TWICE, second=1.0, passing=_PASSING), background=_NAMED),
    "agents": Mix(background=replace(_NAMED, agents=2.0)),
    "validated": Mix(leaking=Leaking(validated=0.6)),
    "rotation": Mix(population=PopulationParams(account_canaries=1, rotation_days=90)),
    "personas": Mix(population=PopulationParams(persona_share=1.0)),
    "accounts": Mix(
        population=PopulationParams(account_canaries=1, canaries=2),
        leaking=Leaking(shares={**SOMEBODY, SuspectKind.ACCOUNT: 0.1}),
    ),
    "published": Mix(population=PopulationParams(published_share=0.02)),
    "tentative": Mix(population=PopulationParams(never_given=0.5, guessable_share=0.0)),  # programs draw 65 bits
    "inferred-edges": Mix(population=PopulationParams(edges_inferred=0.5)),
}
"""The mixes by name; the first is the one that bounds are set on."""

MISSPECIFIED = ("rates-x3", "delays-x2", "low-coverage", "edges-missing", "wrong-priors", "wrong-kinds")
"""Mixes that differ from what the model believes in one respect each."""
