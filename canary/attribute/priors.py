"""What attribution assumes before it has seen anything: priors, rates and delays, each with where it comes from."""

from dataclasses import dataclass

Weighted = tuple[tuple[float, float], ...]
"""Values with their prior weights."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Every assumption of the likelihood; hazards and rates are per year, delays in days, the rest probabilities.

    Leaks: `vendor` follows Tripwire (DeBlasio et al., IMC 2017: some 0.55 % of sites a year, of which few were mailed);
    `supplier` and `owner` are set beside it, a supplier being a richer target than each of its customers; `account` is
    one customer's account at a supplier; `published` is harvesting of an address its vendor shows (FTC 2002: 86 % of
    posted addresses); `pair` is how likely two leaks are, relative to independence.
    Dumps: `coverage` is how much of what a source held gets out; `tenants` how many of a supplier's accounts are hit
    (Epsilon 2011: about 2 % of its clients; Silverpop 2010: more than a hundred of them; the weights are set);
    `unlisted` is the chance that a supplier holds an address nobody told us of: small where the map is complete, larger
    where it is not. Sendings: `campaigns` is how many a leak brings in all, `reach` how much of a dump one sending
    covers, little where mails of one sending cannot be told to be one; `delays` the mixture of quick fraudsters, slow
    list sellers (Prince et al., Project Honey Pot) and those who use a list years later (set), `dormancy` how long a
    list may lie before it is first used (Silverpop 2010 to 2011: three to five months); it widens the window.
    Passing on: `passing` and `supplier_passing` are how often a year a vendor or a supplier hands its addresses on to
    bulk senders on purpose, and `resold` how many stolen lists end with such senders; `handed` is how much of what a
    source held is in a list passed on, `buyers` how many senders a list gets in all, `bought` how much of it each
    covers, `buyer_delays` how long after it they write: they keep coming for years. All of these are set.
    Background: `dictionary` runs a year, each meeting `guessed` of the addresses that can be guessed (fewer than
    `guessable_bits`); `misdirected` single mails by mistake per address; `stray` single mails of crime that nothing
    explains, `stray_random` the same at an address nobody can guess: of more than 100,000 addresses that Tripwire kept
    and never gave to anyone none was broken into in 18 months. Lawful third parties write to the addresses of a vendor
    by a gamma of `third_party` (shape, years), and are at most a few. `chance` and `chance_random` are what each further
    address costs a coincidence.
    Fields: `field_used` is how often a sending repeats a field that its sender has, `field_chance` how often it meets
    one by accident; suppliers are handed the `passed_on` ones unless somebody says otherwise.
    """

    vendor: float = 0.0021
    supplier: float = 0.018
    account: float = 0.0001
    owner: float = 0.012
    published: float = 1.0
    pair: float = 0.05
    passing: float = 0.0016
    supplier_passing: float = 0.0008
    resold: float = 0.03
    handed: Weighted = ((0.6, 0.3), (0.95, 0.7))
    buyers: Weighted = ((3.0, 0.3), (12.0, 0.4), (40.0, 0.3))
    bought: Weighted = ((0.4, 0.3), (0.7, 0.4), (0.95, 0.3))
    buyer_delays: Weighted = ((120.0, 0.4), (600.0, 0.6))
    coverage: Weighted = ((0.03, 0.14), (0.08, 0.16), (0.18, 0.23), (0.32, 0.22), (0.47, 0.15), (0.7, 0.1))
    reach: Weighted = ((0.08, 0.04), (0.35, 0.28), (0.6, 0.39), (0.85, 0.29))
    campaigns: Weighted = ((3.0, 0.2), (7.0, 0.5), (15.0, 0.3))
    tenants: Weighted = ((1.0, 0.55), (0.3, 0.15), (0.07, 0.15), (0.015, 0.15))
    unlisted: Weighted = ((0.003, 0.9), (0.1, 0.1))
    delays: Weighted = ((7.0, 0.3), (90.0, 0.6), (500.0, 0.1))
    dormancy: Weighted = ((0.0, 0.6), (90.0, 0.4))
    dictionary: float = 1.0
    guessed: Weighted = ((0.05, 0.25), (0.15, 0.5), (0.4, 0.25))
    guessable_bits: float = 26.0
    misdirected: float = 0.02
    stray: float = 0.001
    stray_random: float = 0.0001
    third_party: tuple[float, float] = (0.1, 1.0)
    chance: float = 0.001
    chance_random: float = 0.0001
    field_used: float = 0.35
    field_chance: float = 0.0001
    passed_on: frozenset[str] = frozenset({"name", "given name", "family name"})


RATES = Rates()

CARRIED_AS = "attribution.rates"
"""Under this name a session of the store carries the assumptions to where a case is assessed."""
