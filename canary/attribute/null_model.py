"""How often sendings come that no leak explains: guessing, accidents, lawful third parties, plain chance."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import exp, inf, log, log1p
from statistics import fmean

import numpy as np

from canary.attribute.priors import Rates, Weighted
from canary.attribute.world import CampaignHit, CanaryFacts, GuessCount, World
from canary.model.verdict import Verdict

YEAR = 365.25
_DAY = timedelta(days=1)
_LARGEST_ODDS = 50.0
"""No verdict counts for more than this, however sure it is of itself."""

_OUTSIDER_ODDS = 0.15
"""A proven outsider in bulk is more often a lawful partner nobody told us of than a thief."""

_TRADE_EXPONENT = 0.25
"""Who buys lists is a little more like a thief than lawful senders are: odds of crime of 49 count as 2.6."""

_LAWFUL_PARTIES, _LAWFUL_MAILS = 3, 12
"""So many parties of a vendor nobody told us of may well write to its addresses, or so many mails of parties without a
name, which may be one; each beyond is ever less lawful."""

_BEYOND = 0.2
"""How likely there is one party more beyond these, by one: set. Two may be an accident, a dozen cannot."""

_SEVERAL = "several vendors"
"""Whose third parties those are that several vendors told."""

_SERVED: Weighted = ((0.02, 0.4), (0.1, 0.4), (0.4, 0.2))
_SERVED_OF_SUPPLIER: Weighted = ((0.1, 0.55), (0.4, 0.35), (0.9, 0.1))
"""An agent nobody told us of has many clients: this part of all vendors, or of those that share a supplier: set."""

_SERVED_AGAIN, _FEW = 0.2, 3
"""So likely a party serves just those few vendors that another one serves: they may belong together."""

_BURSTS = ((5, timedelta(days=1)), (8, timedelta(days=3)), (12, timedelta(days=7)))
"""So many senders that first write to an address within so short a time were signed up by one stranger: a subscription bomb."""

_AFTERMATH, _LEAST_SHARE = timedelta(days=60), 0.5
"""Newsletters that come seldom first write weeks later. Buyers of a list never come at once in such a part of all."""

_BOMB_ODDS = 5.0
"""Such a bomb is an attack by one who knows the address, in whichever way; what it brings is as lawful as its senders are."""

_TOGETHER = timedelta(days=1)
"""What one named sender writes to several addresses within a day is one sending, whatever its mails look like."""

_MANY = 100
"""In an installation of more addresses than these, a coincidence meets no more of them than in one of these."""

_SOFTWARE_MISTAKE = 1e-5
"""How likely mail for a random decoy is some mistake of software, when there is mail by mistake."""

_ALIKE = 150
"""So many sendings of a kind to the very same addresses count, the oldest: a leak is thought to bring fewer, so that
thousands of mails at one address say nothing new, and cost nothing."""

HINT_ODDS = 0.1
"""Backscatter and probes say little about who has the address."""


@dataclass(frozen=True, slots=True)
class ObservedSending:
    """One campaign as attribution sees it: when it began, whom it hit, what it repeated, and how its odds lie.

    `crime` is how much likelier its content is from a thief than from somebody lawful, `trade` how much likelier it is
    from a bulk sender that was given a list; `log_rate` is the logarithm of
    how often per day a sending like it, of these very addresses, comes without a leak (in the same measure as `crime`):
    hundreds of addresses meet by chance more seldom than a float can say. `proven` means that a mail of it proved some
    sender; `campaigns` are all that it is made of.
    """

    id: str
    at: datetime
    mark: frozenset[str]
    crime: float
    trade: float
    log_rate: float
    fields: frozenset[str] = frozenset()
    proven: bool = True
    campaigns: tuple[str, ...] = ()


def observed_sendings(world: World, rates: Rates) -> tuple[ObservedSending, ...]:
    """Return the sendings of a world, oldest first; several mails of one campaign to one address count once.

    Campaigns of one bulk sender at one address are one sending, and so is all that a subscription bomb brought. Of very
    many alike some count.
    """
    canaries = {c.id: c for c in world.canaries}
    hits = [hit for hit in world.hits if hit.canary in canaries and _crime_odds(hit) > 0]
    of_party: dict[str, list[CampaignHit]] = {}
    first = _first_of_each_party(hits)
    for hit in hits:
        of_party.setdefault(first[hit.campaign], []).append(hit)
    by_campaign = _which_count(of_party)
    null_model = _NullModel(world, rates, canaries, by_campaign)
    observed = (null_model.sending(name, hits) for name, hits in by_campaign.items())
    return tuple(sorted(observed, key=lambda s: (s.at, s.id)))


def _which_count(campaigns: Mapping[str, list[CampaignHit]]) -> Mapping[str, list[CampaignHit]]:
    """Return the sendings that count: all but the newest of very many of a kind to the same addresses."""
    if len(campaigns) <= _ALIKE:
        return campaigns
    alike: dict[object, list[tuple[datetime, str]]] = defaultdict(list)
    for name, hits in campaigns.items():
        kind = frozenset(hit.verdict in (Verdict.SPAM, Verdict.IMPERSONATION) for hit in hits)
        alike[frozenset(hit.canary for hit in hits), kind].append((min(hit.at for hit in hits), name))
    counting = {name for each in alike.values() for _, name in sorted(each)[:_ALIKE]}
    return {name: hits for name, hits in campaigns.items() if name in counting}


class _NullModel:
    """What is ordinary in one world."""

    def __init__(
        self,
        world: World,
        rates: Rates,
        canaries: Mapping[str, CanaryFacts],
        campaigns: Mapping[str, list[CampaignHit]],
    ) -> None:
        self.rates, self.canaries = rates, canaries
        self.addresses = sum(canary.count for canary in world.canaries)
        self.guesses_per_year = _guesses_per_year(world.guess_counts)
        self.guessability = {name: self._guessability(canary) for name, canary in canaries.items()}
        guessable = ((canaries[name], g) for name, g in self.guessability.items() if g > 1e-6)
        self.guessable = tuple(sorted((c.issued, g, c.count) for c, g in guessable))
        # How likely (log) a run misses the first so many of these, by what part of the addresses runs may meet.
        self.missed = [
            np.cumsum([0.0, *(count * log1p(-part * g) for _, g, count in self.guessable)]) for part, _ in rates.guessed
        ]
        self.lawful_rates = dict(self._lawful_rates(world, campaigns))

    def sending(self, name: str, hits: list[CampaignHit]) -> ObservedSending:
        """Return one campaign with its odds."""
        at, mark = min(s.at for s in hits), frozenset(s.canary for s in hits)
        bomb = is_bomb(hits)
        crime = _BOMB_ODDS if bomb else _odds_of_all(hits, _crime_odds)
        fields = frozenset(field for s in hits for field in s.fields)
        rate = np.logaddexp(
            self._log_dictionary_rate(mark, at, crime),
            self._log_chance_rate(mark, crime, self.lawful_rates.get(name, 0.0)),
        )
        trade = _odds_of_all(hits, _trade_odds)
        proven, campaigns = any(s.proven for s in hits), tuple(sorted({hit.campaign for hit in hits}))
        return ObservedSending(name, at, mark, crime, trade, float(rate) - log(YEAR), fields, proven, campaigns)

    def _guessability(self, canary: CanaryFacts) -> float:
        """How open to dictionaries an address is, in 0 to 1: all that is human-like, hardly anything random.

        Where so much was tried that even the random is within reach, that counts as well (union bound).
        """
        over = max(0.0, canary.bits - self.rates.guessable_bits)
        tried = self.guesses_per_year.get(canary.domain, 0.0) / max(self.rates.dictionary, 1.0)
        beyond = max(canary.bits, self.rates.guessable_bits)
        return float(min(1.0, 2.0**-over + tried * 2.0**-beyond))

    def _lawful_rates(self, world: World, campaigns: Mapping[str, list[CampaignHit]]) -> Iterator[tuple[str, float]]:
        """Yield for each sending of a third party how often a year such a party lawfully writes to just these addresses.

        Who has some has more, up to a few; then each is less likely than the one before it.
        """
        parties: dict[tuple[str, int], list[tuple[datetime, str]]] = defaultdict(list)
        told: dict[str, frozenset[str]] = {}
        for name, hits in campaigns.items():
            told[name] = self._lawfully_told(hits)
            if told[name]:
                whose = next(iter(told[name])) if len(told[name]) == 1 else _SEVERAL
                most = _LAWFUL_PARTIES if hits[0].sender else _LAWFUL_MAILS
                parties[whose, most].append((min(s.at for s in hits), name))
        (shape, years), exposed, clients = self.rates.third_party, self._years_exposed(world), _clients(world)
        for (whose, most), mails in parties.items():
            rate = (shape + min(len(mails), most)) / (years + exposed[whose])
            served = set[frozenset[str]]()
            for number, (_, campaign) in enumerate(sorted(mails), 1):
                again = _SERVED_AGAIN if told[campaign] in served and len(told[campaign]) <= _FEW else 0.0
                served.add(told[campaign])
                chance = max(again, _chance_of_clients(told[campaign], clients))
                yield campaign, rate * _BEYOND ** max(0, number - most) * chance

    def _lawfully_told(self, hits: Sequence[CampaignHit]) -> frozenset[str]:
        """The vendors that lawfully told the one third party which a sending comes from; none if it is no such party's.

        Without a name it may be anybody's, and counts only at a single address.
        """
        canaries = {s.canary for s in hits}
        lawful = all(s.verdict == Verdict.THIRD_PARTY for s in hits)
        if is_bomb(hits) or not (lawful or (_is_one_bulk_sender(hits) and _odds_of_all(hits, _crime_odds) < 1)):
            return frozenset()
        vendors = {self.canaries[name].vendor for name in canaries}
        return (
            frozenset(map(str, vendors))
            if len(canaries) == 1 or (hits[0].sender and None not in vendors)
            else frozenset()
        )

    def _years_exposed(self, world: World) -> dict[str, float]:
        """Return for how many years each vendor has had an address."""
        years: dict[str, float] = {}
        for canary in self.canaries.values():
            age = max(0.0, (world.now - canary.issued) / _DAY / YEAR)
            for whose in (str(canary.vendor), _SEVERAL):
                years[whose] = max(age, years.get(whose, 0.0))
        return years

    def _log_dictionary_rate(self, mark: frozenset[str], at: datetime, crime: float) -> float:
        """How often a year (log) a run meets just these of the guessable addresses, over what part runs may meet."""
        met = [self.guessability[name] for name in mark]
        if not all(met):
            return -inf
        present = bisect_right(self.guessable, at, key=lambda address: address[0])
        total = sum(weight for _, weight in self.rates.guessed)
        chances = [
            _log(weight / total) + sum(log(part * g) - log1p(-part * g) for g in met) + missed[present]
            for (part, weight), missed in zip(self.rates.guessed, self.missed, strict=True)
        ]
        return _log(self.rates.dictionary * crime) + float(np.logaddexp.reduce(chances))

    def _log_chance_rate(self, mark: frozenset[str], crime: float, lawful: float) -> float:
        """How often a year (log) accidents, strangers and lawful third parties meet just these addresses."""
        rates = self.rates
        open_to_all = min(self.guessability[name] for name in mark)
        stray = rates.stray_random + (rates.stray - rates.stray_random) * open_to_all
        further = rates.chance_random + (rates.chance - rates.chance_random) * open_to_all
        further *= min(1.0, _MANY / self.addresses)
        rate = _log(stray * crime) + _log(further) * (len(mark) - 1)
        # Nobody has a decoy to write to by mistake; it can only be guessed.
        rate += sum(
            log(max(_SOFTWARE_MISTAKE, self.guessability[name])) for name in mark if self.canaries[name].vendor is None
        )
        by_mistake = rates.misdirected if len(mark) == 1 and self.canaries[next(iter(mark))].vendor is not None else 0.0
        return float(np.logaddexp(rate, _log(by_mistake + lawful)))


def _clients(world: World) -> list[tuple[frozenset[str], Weighted]]:
    """Whom a party nobody told us of may serve, with the part of them that it does: any vendors, or those of one supplier."""
    tenants: dict[str, set[str]] = defaultdict(set)
    for vendor in world.vendors:
        for supply in vendor.suppliers:
            tenants[supply.supplier].add(vendor.id)
    return [
        (frozenset(vendor.id for vendor in world.vendors), _SERVED),
        *((frozenset(served), _SERVED_OF_SUPPLIER) for served in tenants.values() if len(served) > 1),
    ]


def _chance_of_clients(told: frozenset[str], clients: Iterable[tuple[frozenset[str], Weighted]]) -> float:
    """How likely a party that serves several vendors serves just these; one that serves one vendor is certain."""
    if len(told) == 1:
        return 1.0
    chances = (
        sum(w * part ** len(told) * (1 - part) ** (len(served) - len(told)) for part, w in parts)
        for served, parts in clients
        if told <= served
    )
    return max(chances, default=0.0)


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


def _odds_of_all(hits: Sequence[CampaignHit], odds: Callable[[CampaignHit], float]) -> float:
    """What the hits of one sending say together: a bulk sender is judged by all that it wrote, and others by the worst."""
    found = [odds(hit) for hit in hits]
    return exp(fmean(map(log, found))) if _is_one_bulk_sender(hits) else max(found)


def _is_one_bulk_sender(hits: Sequence[CampaignHit]) -> bool:
    """Whether one proven sender wrote all of it, and bulk mail among it."""
    verdicts = {hit.verdict for hit in hits}
    one = len({hit.sender for hit in hits}) == 1 and bool(hits[0].sender) and all(hit.proven for hit in hits)
    return one and Verdict.THIRD_PARTY in verdicts and verdicts <= {Verdict.THIRD_PARTY, Verdict.SPAM}


def is_bomb(hits: Sequence[CampaignHit]) -> bool:
    """Return whether hits of one sending are what several senders wrote: only a subscription bomb joins these."""
    return len({hit.sender or hit.campaign for hit in hits if hit.verdict == Verdict.THIRD_PARTY}) >= _BURSTS[0][0]


def _trade_odds(hit: CampaignHit) -> float:
    return 1.0 if hit.verdict == Verdict.THIRD_PARTY else float(_crime_odds(hit) ** _TRADE_EXPONENT)


def _first_of_each_party(hits: Sequence[CampaignHit]) -> dict[str, str]:
    """Return for each campaign the first one of its party: one bulk sender at an address, or one subscription bomb."""
    first: dict[str, str] = {}

    def root(campaign: str) -> str:
        while first[campaign] != campaign:
            campaign = first[campaign]
        return campaign

    by_sender: dict[tuple[str, str], str] = {}
    last: dict[str, CampaignHit] = {}
    new: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
    first |= {hit.campaign: hit.campaign for hit in hits}
    bulk = {(hit.canary, hit.sender) for hit in hits if hit.verdict == Verdict.THIRD_PARTY and hit.sender}
    ordered = sorted(hits, key=lambda hit: (hit.at, hit.campaign))
    for hit in (hit for hit in ordered if hit.verdict == Verdict.THIRD_PARTY or _is_beside_bulk(hit, bulk)):
        latest = last.get(hit.sender)
        if hit.sender and latest and hit.at - latest.at <= _TOGETHER:
            first[root(hit.campaign)] = root(latest.campaign)
        last[hit.sender] = hit
        party = (hit.canary, hit.sender or f"campaign {hit.campaign}")
        if party in by_sender:
            first[root(hit.campaign)] = root(by_sender[party])
        else:
            by_sender[party] = hit.campaign
            new[hit.canary].append((hit.at, hit.campaign))
    for burst in (burst for arrivals in new.values() for burst in _bursts(arrivals)):
        for campaign in burst:
            first[root(campaign)] = root(burst[0])
    return {campaign: root(campaign) for campaign in first}


def _is_beside_bulk(hit: CampaignHit, bulk: Collection[tuple[str, str]]) -> bool:
    """Whether a proven bulk sender wrote it, to an address that has its bulk: a word of thanks, or of alarm, is no thief."""
    return hit.verdict == Verdict.SPAM and hit.proven and (hit.canary, hit.sender) in bulk


def _bursts(arrivals: Sequence[tuple[datetime, str]]) -> Iterator[list[str]]:
    """Yield the campaigns of each subscription bomb, given when each party's first one began, in order of time."""
    times, done = [at for at, _ in arrivals], 0
    for first, begin in enumerate(times):
        if first < done:
            continue
        end = bisect_right(times, begin + _AFTERMATH)
        together = (bisect_right(times, begin + within, first) - first for _, within in _BURSTS)
        if any(
            number >= max(least, _LEAST_SHARE * (end - first))
            for number, (least, _) in zip(together, _BURSTS, strict=True)
        ):
            yield [campaign for _, campaign in arrivals[first:end]]
            done = end
