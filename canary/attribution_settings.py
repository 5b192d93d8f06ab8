"""The section of the settings that holds what attribution assumes; each line says where its number comes from."""

from collections.abc import Callable, Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from canary.attribute.priors import RATES, Rates, Weighted

_POSSIBLE: Mapping[str, Callable[[float], bool]] = {
    **dict.fromkeys(("coverage", "reach", "handed", "bought", "guessed"), lambda p: 0 < p < 1),
    "tenants": lambda p: 0 < p <= 1,
    "unlisted": lambda p: 0 <= p < 1,
    "campaigns": lambda mean: 0 < mean <= 32,
    "buyers": lambda mean: 0 < mean <= 48,
    "delays": lambda days: days > 0,
    "buyer_delays": lambda days: days > 0,
    "dormancy": lambda days: days >= 0,
}
"""Which values a table may hold."""


class Assumptions(BaseModel):
    """Priors, rates and delays of attribution; a table is a list of values with their weights."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    vendor: float = Field(default=RATES.vendor, ge=0, description="Leaks of a vendor a year (Tripwire 2017: .0055).")
    supplier: float = Field(default=RATES.supplier, ge=0, description="Leaks of a supplier a year (set, see docs).")
    account: float = Field(default=RATES.account, ge=0, description="Leaks of one account at a supplier a year (set).")
    owner: float = Field(default=RATES.owner, ge=0, description="Leaks of the own side a year (set).")
    published: float = Field(
        default=RATES.published, ge=0, description="Harvesting a year of what is shown (FTC 2002)."
    )
    pair: float = Field(default=RATES.pair, ge=0, description="Two leaks at once, relative to independence (set).")
    passing: float = Field(default=RATES.passing, ge=0, description="Lists that a vendor passes on a year (set).")
    supplier_passing: float = Field(
        default=RATES.supplier_passing, ge=0, description="Lists that a supplier passes on a year (set)."
    )
    resold: float = Field(default=RATES.resold, ge=0, le=1, description="Share of stolen lists sold to senders (set).")
    handed: Weighted = Field(default=RATES.handed, description="Share of the addresses in a list passed on (set).")
    buyers: Weighted = Field(default=RATES.buyers, description="Senders that use a list passed on, in all (set).")
    bought: Weighted = Field(default=RATES.bought, description="Share of such a list that one sender covers (set).")
    buyer_delays: Weighted = Field(
        default=RATES.buyer_delays, description="Mean days until such a sender writes (set)."
    )
    coverage: Weighted = Field(
        default=RATES.coverage, description="Share of a source's addresses that a leak takes (set)."
    )
    reach: Weighted = Field(default=RATES.reach, description="Share of a stolen list that one campaign reaches (set).")
    campaigns: Weighted = Field(default=RATES.campaigns, description="Campaigns that a leak brings in all (set).")
    tenants: Weighted = Field(
        default=RATES.tenants,
        description="Share of a supplier's accounts hit (Epsilon 2011: .02, Silverpop 2010: more).",
    )
    unlisted: Weighted = Field(
        default=RATES.unlisted, description="Chance that a supplier holds an undeclared address (set)."
    )
    delays: Weighted = Field(
        default=RATES.delays, description="Mean days from leak to sending (Prince et al., Project Honey Pot)."
    )
    dormancy: Weighted = Field(
        default=RATES.dormancy, description="Mean days before a list is first used (Silverpop 2010 to 2011)."
    )
    dictionary: float = Field(default=RATES.dictionary, ge=0, description="Runs of guessing a year (set).")
    guessed: Weighted = Field(default=RATES.guessed, description="Share of guessable addresses that a run hits (set).")
    guessable_bits: float = Field(default=RATES.guessable_bits, ge=0, le=128, description="Bits that can be guessed.")
    misdirected: float = Field(
        default=RATES.misdirected, ge=0, description="Mails by mistake per address and year (set)."
    )
    stray: float = Field(
        default=RATES.stray, gt=0, description="Unexplained crime a year at an address that can be guessed (set)."
    )
    stray_random: float = Field(
        default=RATES.stray_random, gt=0, description="The same at one that nobody can guess (set after Tripwire 2017)."
    )
    third_party: tuple[float, float] = Field(
        default=RATES.third_party,
        description="Legitimate third parties' mails per vendor: a gamma's shape and years (set).",
    )
    chance: float = Field(
        default=RATES.chance,
        gt=0,
        lt=1,
        description="What each further address that can be guessed costs a coincidence (set).",
    )
    chance_random: float = Field(
        default=RATES.chance_random, gt=0, lt=1, description="The same of one that nobody can guess (set)."
    )
    field_used: float = Field(
        default=RATES.field_used, gt=0, lt=1, description="Share of campaigns that repeat a known fact (set)."
    )
    field_chance: float = Field(default=RATES.field_chance, gt=0, lt=1, description="The same by accident (set).")
    passed_on: frozenset[str] = Field(default=RATES.passed_on, description="Facts of a persona that suppliers get.")

    @model_validator(mode="after")
    def _are_possible(self) -> Self:
        for name, possible in _POSSIBLE.items():
            table: Weighted = getattr(self, name)
            if any(weight < 0 or not possible(value) for value, weight in table) or not sum(w for _, w in table):
                raise ValueError(f"{name} = {[list(p) for p in table]!r}: give values of its kind with their weights")
        if min(self.third_party) <= 0:
            raise ValueError(f"third_party = {list(self.third_party)!r}: both must be above 0")
        return self

    @property
    def rates(self) -> Rates:
        """The same, as the likelihood takes it."""
        return Rates(**{name: getattr(self, name) for name in type(self).model_fields})
