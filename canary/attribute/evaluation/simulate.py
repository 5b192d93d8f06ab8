"""Worlds made by chance, with the truth about them kept apart: what methods of attribution are measured on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.random import Generator

from canary.attribute.evaluation.population import Kept, Population, build_population, held
from canary.attribute.evaluation.scenarios import Mix, Range
from canary.attribute.world import CampaignHit, GuessCount, Source, World
from canary.model.case import SuspectKind
from canary.model.verdict import Verdict

BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
"""When every simulated span begins; day 0 of all times below."""
_SPREAD_HOURS, _SPREAD_SIGMA, _LONGEST_DAYS = 1 / 3, 2.0, 2.0
"""Mails of one sending trail its first by a log-normal delay with this median."""


@dataclass(frozen=True, slots=True)
class Leak:
    """One leak as it really was; `first` is when its first mail hit a canary, if any did."""

    source: Source
    at: datetime
    coverage: float
    campaigns: int
    accounts: frozenset[str]
    fields: frozenset[str]
    first: datetime | None = None


@dataclass(frozen=True, slots=True)
class Truth:
    """What no model is shown: the leaks, what really sent each campaign, and all rates (in the mix).

    `coverage` is that of each leak; without one, that which a leak would have had, so that it gives nothing away.
    """

    mix: Mix
    leaks: tuple[Leak, ...]
    causes: Mapping[str, str]
    coverage: tuple[float, ...]

    @property
    def sources(self) -> frozenset[Source]:
        """The sources that leaked."""
        return frozenset(leak.source for leak in self.leaks)

    @property
    def visible(self) -> bool:
        """Whether any leak was ever seen."""
        return any(leak.first is not None for leak in self.leaks)


@dataclass(frozen=True, slots=True)
class _Sending:
    at: float
    canaries: Kept
    hostile: bool
    cause: str
    verdict: Verdict
    score: float
    fields: frozenset[str] = frozenset()


def simulate(mix: Mix, rng: Generator) -> tuple[World, Truth]:
    """Make one world of the mix, and the truth about it."""
    ground = build_population(mix.planting, BEGIN, rng)
    sources = [*_sources(mix, ground, rng), *_harvested(mix, ground, rng)]
    leaks = [_leak(mix, ground, source, rng) for source in sources]
    attacks = _attack_days(mix, rng)
    sendings = [
        *(s for n, leak in enumerate(leaks) for s in _exploit(mix, ground, leak, f"leak {n}", rng)),
        *_guesses(mix, ground, attacks, rng),
        *_strays(mix, ground, rng),
        *_lawful(mix, ground, rng),
    ]
    hits, causes = _deliver(mix, ground, sendings, rng)
    world = World(BEGIN + timedelta(days=ground.days), ground.parties, ground.planted, hits, _tries(mix, attacks, rng))
    coverage = tuple(leak.coverage for leak in leaks) or (_between(mix.leaking.coverage, rng),)
    seen = tuple(_seen(leak, n, hits, causes) for n, leak in enumerate(leaks))
    return world, Truth(mix, seen, causes, coverage)


def _sources(mix: Mix, ground: Population, rng: Generator) -> list[Source]:
    shares = mix.leaking.shares
    if rng.random() >= sum(shares.values()):
        return []
    first = _source(mix, ground, rng)
    if rng.random() >= mix.leaking.second:
        return [first]
    second = first
    while second == first:
        second = _source(mix, ground, rng)
    return [first, second]


def _harvested(mix: Mix, ground: Population, rng: Generator) -> list[Source]:
    shown = sorted({c.vendor for c in ground.planted if c.published and c.vendor})
    return [Source(SuspectKind.PUBLISHED, vendor) for vendor in shown if rng.random() < mix.leaking.harvested]


def _source(mix: Mix, ground: Population, rng: Generator) -> Source:
    shares = mix.leaking.shares
    weights = np.array(list(shares.values()))
    kind = list(shares)[int(rng.choice(len(weights), p=weights / weights.sum()))]
    names = {
        SuspectKind.VENDOR: ground.vendors,
        SuspectKind.SUPPLIER: ground.suppliers,
        SuspectKind.ACCOUNT: tuple(f"{supplier}/{vendor}" for vendor, supplier in sorted(ground.edges)),
    }.get(kind, ("",))
    return Source(kind, names[int(rng.integers(len(names)))])


def _leak(mix: Mix, ground: Population, source: Source, rng: Generator) -> Leak:
    knobs = mix.leaking
    taken = {v for v in ground.vendors if rng.random() < knobs.tenants}
    known = ground.fields_at(source)
    return Leak(
        source,
        at=BEGIN + timedelta(days=rng.uniform(0, ground.days)),
        coverage=_between(knobs.coverage, rng),
        campaigns=int(rng.poisson(knobs.campaigns)),
        accounts=frozenset(taken if source.kind is SuspectKind.SUPPLIER else ()),
        fields=frozenset(f for f in sorted(known) if rng.random() < knobs.field_leaks),
    )


def _exploit(mix: Mix, ground: Population, leak: Leak, cause: str, rng: Generator) -> Iterator[_Sending]:
    knobs, at = mix.leaking, (leak.at - BEGIN) / timedelta(days=1)
    there = held(ground, leak.source) & (ground.issued <= at)
    if leak.source.kind is SuspectKind.SUPPLIER:
        there &= np.array([c.vendor in leak.accounts for c in ground.planted])
    dump = there & (rng.random(len(there)) < leak.coverage)
    for _ in range(leak.campaigns):
        days = knobs.fast_days if rng.random() < knobs.fast_share else knobs.slow_days
        reached = dump & (rng.random(len(dump)) < _between(knobs.reach, rng))
        used = frozenset(f for f in sorted(leak.fields) if rng.random() < knobs.field_used)
        yield _hostile(mix, at + rng.exponential(days), reached, cause, used, rng)


def _attack_days(mix: Mix, rng: Generator) -> list[tuple[int, float]]:
    days = mix.planting.years * 365.25
    return [
        (domain, day)
        for domain in range(mix.planting.domains)
        for day in rng.uniform(0, days, rng.poisson(mix.background.attacks * mix.planting.years)).tolist()
    ]


def _guesses(mix: Mix, ground: Population, attacks: list[tuple[int, float]], rng: Generator) -> Iterator[_Sending]:
    for domain, day in attacks:
        there = ground.guessable & (ground.issued <= day) & (ground.domain == domain)
        guessed = there & (rng.random(len(there)) < mix.background.guessed_share)
        yield _hostile(mix, day, guessed, "guess", frozenset(), rng)


def _strays(mix: Mix, ground: Population, rng: Generator) -> Iterator[_Sending]:
    """Mail from one person to another at a wrong address: charged only where the judge takes it for spam."""
    for number, canary in enumerate(ground.planted):
        if canary.vendor is None:
            continue
        left = ground.days - ground.issued[number]
        for day in rng.uniform(
            ground.issued[number], ground.days, rng.poisson(mix.background.misdirected * left / 365.25)
        ):
            score = _score(mix, hostile=False, rng=rng)
            verdict = Verdict.SPAM if score > 0.5 else Verdict.MISDIRECTED
            yield _Sending(day, _only(number, ground), False, "stray", verdict, score)


def _lawful(mix: Mix, ground: Population, rng: Generator) -> Iterator[_Sending]:
    """Somebody whom a vendor may lawfully tell, but did not name, mails one of its addresses now and then."""
    for vendor in ground.vendors:
        own = np.flatnonzero([c.vendor == vendor for c in ground.planted])
        told = int(rng.choice(own))
        if rng.random() >= mix.background.lawful_share:
            continue
        left = ground.days - ground.issued[told]
        for day in rng.uniform(
            ground.issued[told], ground.days, rng.poisson(mix.background.lawful_mails * left / 365.25)
        ):
            score = _score(mix, hostile=False, rng=rng)
            yield _Sending(day, _only(told, ground), False, "lawful", Verdict.THIRD_PARTY, score)


def _hostile(mix: Mix, day: float, reached: Kept, cause: str, used: frozenset[str], rng: Generator) -> _Sending:
    kind, knobs = rng.random(), mix.leaking
    verdict = Verdict.SPAM
    if kind < knobs.impersonation_share:
        verdict = Verdict.IMPERSONATION
    elif kind < knobs.impersonation_share + knobs.third_party_share:
        verdict = Verdict.THIRD_PARTY
    return _Sending(day, reached, True, cause, verdict, _score(mix, hostile=True, rng=rng), used)


def _score(mix: Mix, *, hostile: bool, rng: Generator) -> float:
    shape = mix.background.score_shape
    score = rng.beta(1 + shape, shape) if hostile else rng.beta(shape, 1 + shape)
    return round(float(np.clip(score, 0.01, 0.99)), 4)


def _deliver(
    mix: Mix, ground: Population, sendings: list[_Sending], rng: Generator
) -> tuple[tuple[CampaignHit, ...], dict[str, str]]:
    """Turn sendings into strikes; campaign ids follow the order of arrival, so that they tell nothing."""
    charged = [s for s in sendings if s.verdict is not Verdict.MISDIRECTED]
    mails = sorted(
        (when, number, part, canary)
        for number, sending in enumerate(charged)
        for when, part, canary in _mails(mix, sending, rng)
        if when <= ground.days
    )
    names: dict[tuple[int, int], str] = {}
    hits = []
    for when, number, part, canary in mails:
        sending, planted = charged[number], ground.planted[canary]
        name = names.setdefault((number, part), f"k{len(names) + 1:04}")
        hits.append(
            CampaignHit(
                planted.id, BEGIN + timedelta(days=when), name, sending.verdict.value, sending.score,
                sending.fields & planted.fields,
            )
        )  # fmt: skip
    return tuple(hits), {name: charged[number].cause for (number, _), name in names.items()}


def _mails(mix: Mix, sending: _Sending, rng: Generator) -> Iterator[tuple[float, int, int]]:
    parts = int(rng.integers(2, 4)) if rng.random() < mix.background.fragmented else 1
    for place, canary in enumerate(np.flatnonzero(sending.canaries).tolist()):
        later = min(rng.lognormal(np.log(_SPREAD_HOURS / 24), _SPREAD_SIGMA), _LONGEST_DAYS) if place else 0.0
        yield sending.at + later, int(rng.integers(parts)), canary


def _tries(mix: Mix, attacks: list[tuple[int, float]], rng: Generator) -> tuple[GuessCount, ...]:
    knobs, days = mix.background, mix.planting.years * 365.25
    edges = np.linspace(0, days, max(1, round(days / 30.4)) + 1)
    counts = rng.poisson(knobs.stray_tries * (edges[1] - edges[0]) / 365.25, (mix.planting.domains, len(edges) - 1))
    for domain, day in attacks:
        month = min(int(day / (edges[1] - edges[0])), len(edges) - 2)
        counts[domain, month] += int(knobs.tries_per_attack * rng.lognormal(0, 0.5))
    return tuple(
        GuessCount(f"d{domain + 1}.example", BEGIN + timedelta(days=a), BEGIN + timedelta(days=b), int(count))
        for domain, row in enumerate(counts)
        for a, b, count in zip(edges[:-1].tolist(), edges[1:].tolist(), row, strict=True)
    )


def _seen(leak: Leak, number: int, hits: tuple[CampaignHit, ...], causes: Mapping[str, str]) -> Leak:
    first = next((s.at for s in hits if causes[s.campaign] == f"leak {number}"), None)
    return Leak(leak.source, leak.at, leak.coverage, leak.campaigns, leak.accounts, leak.fields, first)


def _only(number: int, ground: Population) -> Kept:
    kept = np.zeros(len(ground.planted), dtype=np.bool_)
    kept[number] = True
    return kept


def _between(span: Range, rng: Generator) -> float:
    return float(rng.uniform(*span))
