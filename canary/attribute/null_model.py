"""How often sendings come that no leak explains: guessing, accidents, lawful third parties, plain chance."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf, log, log1p

import numpy as np

from canary.attribute.priors import Rates
from canary.attribute.world import CampaignHit, CanaryFacts, GuessCount, World
from canary.model.verdict import Verdict

YEAR = 365.25
_DAY = timedelta(days=1)
_LARGEST_ODDS = 50.0
"""No verdict counts for more than this, however sure it is of itself."""

_OUTSIDER_ODDS = 0.25
"""A proven outsider in bulk is more often a lawful partner nobody told us of than a thief."""

_SOFTWARE_MISTAKE = 1e-5
"""How likely mail for a random decoy is some mistake of software, when there is mail by mistake."""

HINT_ODDS = 0.1
"""Backscatter and probes say little about who has the address."""


@dataclass(frozen=True, slots=True)
class ObservedSending:
    """One campaign as attribution sees it: when it began, whom it hit, what it repeated, and how its odds lie.

    `crime` is how much likelier its content is from a thief than from somebody lawful; `log_rate` is the logarithm of
    how often per day a sending like it, of these very addresses, comes without a leak (in the same measure as `crime`):
    hundreds of addresses meet by chance more seldom than a float can say. `proven` means that a mail of it proved some
    sender.
    """

    id: str
    at: datetime
    mark: frozenset[str]
    crime: float
    log_rate: float
    fields: frozenset[str] = frozenset()
    proven: bool = True


def observed_sendings(world: World, rates: Rates) -> tuple[ObservedSending, ...]:
    """Return the campaigns of a world, oldest first; several mails of one campaign to one address count once."""
    canaries = {c.id: c for c in world.canaries}
    by_campaign: dict[str, list[CampaignHit]] = {}
    for hit in world.hits:
        if hit.canary in canaries and _crime_odds(hit) > 0:
            by_campaign.setdefault(hit.campaign, []).append(hit)
    null_model = _NullModel(world, rates, canaries, by_campaign.values())
    observed = (null_model.sending(name, hits) for name, hits in by_campaign.items())
    return tuple(sorted(observed, key=lambda s: (s.at, s.id)))


class _NullModel:
    """What is ordinary in one world."""

    def __init__(
        self, world: World, rates: Rates, canaries: Mapping[str, CanaryFacts], campaigns: Iterable[list[CampaignHit]]
    ) -> None:
        self.rates, self.canaries = rates, canaries
        self.guesses_per_year = _guesses_per_year(world.guess_counts)
        self.guessability = {name: self._guessability(canary) for name, canary in canaries.items()}
        self.guessable = tuple(sorted((canaries[name].issued, g) for name, g in self.guessability.items() if g > 1e-6))
        self.lawful_rates = self._lawful_rates(world, campaigns)

    def sending(self, name: str, hits: list[CampaignHit]) -> ObservedSending:
        """Return one campaign with its odds."""
        at, mark = min(s.at for s in hits), frozenset(s.canary for s in hits)
        crime = max(_crime_odds(s) for s in hits)
        fields = frozenset(field for s in hits for field in s.fields)
        lawful = all(s.verdict == Verdict.THIRD_PARTY for s in hits)
        rate = np.logaddexp(
            self._log_dictionary_rate(mark, at, crime), self._log_chance_rate(mark, crime, lawful=lawful)
        )
        proven = any(s.proven for s in hits)
        return ObservedSending(name, at, mark, crime, float(rate) - log(YEAR), fields, proven)

    def _guessability(self, canary: CanaryFacts) -> float:
        """How open to dictionaries an address is, in 0 to 1: all that is human-like, hardly anything random.

        Where so much was tried that even the random is within reach, that counts as well (union bound).
        """
        over = max(0.0, canary.bits - self.rates.guessable_bits)
        tried = self.guesses_per_year.get(canary.domain, 0.0) / max(self.rates.dictionary, 1.0)
        beyond = max(canary.bits, self.rates.guessable_bits)
        return float(min(1.0, 2.0**-over + tried * 2.0**-beyond))

    def _lawful_rates(self, world: World, campaigns: Iterable[list[CampaignHit]]) -> dict[str, float]:
        """How often a year lawful third parties of each vendor write, by what they did since its first address was issued."""
        single_mails = Counter(
            str(self.canaries[hits[0].canary].vendor)
            for hits in campaigns
            if len({s.canary for s in hits}) == 1 and all(s.verdict == Verdict.THIRD_PARTY for s in hits)
        )
        years_exposed: dict[str, float] = {}
        for canary in self.canaries.values():
            age = max(0.0, (world.now - canary.issued) / _DAY / YEAR)
            years_exposed[str(canary.vendor)] = max(age, years_exposed.get(str(canary.vendor), 0.0))
        shape, years = self.rates.third_party
        return {vendor: (shape + single_mails[vendor]) / (years + years_exposed[vendor]) for vendor in years_exposed}

    def _log_dictionary_rate(self, mark: frozenset[str], at: datetime, crime: float) -> float:
        """How often a year (log) a run meets just these of the guessable addresses, over what part runs may meet."""
        met = [self.guessability[name] for name in mark]
        if not all(met):
            return -inf
        present = [g for issued, g in self.guessable if issued <= at]
        total = sum(weight for _, weight in self.rates.guessed)
        chances = [
            _log(weight / total)
            + sum(log(part * g) - log1p(-part * g) for g in met)
            + sum(log1p(-part * g) for g in present)
            for part, weight in self.rates.guessed
        ]
        return _log(self.rates.dictionary * crime) + float(np.logaddexp.reduce(chances))

    def _log_chance_rate(self, mark: frozenset[str], crime: float, *, lawful: bool) -> float:
        """How often a year (log) accidents, strangers and lawful third parties meet just these addresses."""
        rates = self.rates
        rate = _log(rates.stray * crime) + _log(rates.chance) * (len(mark) - 1)
        # Nobody has a decoy to write to by mistake; it can only be guessed.
        rate += sum(
            log(max(_SOFTWARE_MISTAKE, self.guessability[name])) for name in mark if self.canaries[name].vendor is None
        )
        vendors = [vendor for name in mark if (vendor := self.canaries[name].vendor) is not None]
        if len(mark) > 1 or not vendors:
            return rate
        lawful_rate = self.lawful_rates.get(vendors[0], 0.0) if lawful else 0.0
        return float(np.logaddexp(rate, _log(rates.misdirected + lawful_rate)))


def _log(rate: float) -> float:
    return log(rate) if rate > 0 else -inf


def _guesses_per_year(guess_counts: Iterable[GuessCount]) -> dict[str, float]:
    """How many never-issued recipients are tried a year, by domain."""
    counts: Counter[str] = Counter()
    days: dict[str, float] = {}
    for span in guess_counts:
        counts[span.domain] += span.count
        days[span.domain] = days.get(span.domain, 0.0) + max(0.0, (span.until - span.since) / _DAY)
    return {domain: count * YEAR / max(1.0, days[domain]) for domain, count in counts.items()}


def _crime_odds(hit: CampaignHit) -> float:
    if hit.verdict in (Verdict.SPAM, Verdict.IMPERSONATION):
        sure = min(max(hit.confidence, 0.0), 1.0)
        return min(_LARGEST_ODDS, max(1 / _LARGEST_ODDS, sure / (1 - sure) if sure < 1 else _LARGEST_ODDS))
    return {Verdict.THIRD_PARTY: _OUTSIDER_ODDS, Verdict.BACKSCATTER: HINT_ODDS, Verdict.PROBE: HINT_ODDS}.get(
        Verdict(hit.verdict), 0.0
    )
