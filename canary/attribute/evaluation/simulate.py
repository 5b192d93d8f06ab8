"""Worlds made by chance, with the truth about them kept apart: what methods of attribution are measured on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.random import Generator

from canary.attribute.evaluation.population import Flags, Population, build_population, held_by
from canary.attribute.evaluation.scenarios import Mix, Range
from canary.attribute.world import CampaignHit, GuessCount, Source, World
from canary.model.case import LeakManner, SuspectKind
from canary.model.verdict import Verdict

BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
"""When every simulated span begins; day 0 of all times below."""
_SPREAD_HOURS, _SPREAD_SIGMA, _LONGEST_DAYS = 1 / 3, 2.0, 2.0
"""Mails of one sending trail its first by a log-normal delay with this median."""


@dataclass(frozen=True, slots=True)
class Leak:
    """One leak as it really was; `first` is when its first mail hit a canary, `hinted` when somebody first tried one out."""

    source: Source
    at: datetime
    coverage: float
    campaigns: int
    accounts: frozenset[str]
    fields: frozenset[str]
    first: datetime | None = None
    manner: LeakManner = LeakManner.LOST
    hinted: datetime | None = None


@dataclass(frozen=True, slots=True)
class Truth:
    """What no model is shown: the leaks, what really sent each campaign, and all rates (in the mix).

    `coverage` is that of each leak; without one, that which a leak would have had, so that it gives nothing away.
    Where programs made the addresses, `given` is the world of those that were given away, and `made` that of all, as it
    would look if none were tentative.
    """

    mix: Mix
    leaks: tuple[Leak, ...]
    causes: Mapping[str, str]
    coverage: tuple[float, ...]
    given: World | None = None
    made: World | None = None

    @property
    def sources(self) -> frozenset[Source]:
        """The sources that leaked."""
        return frozenset(leak.source for leak in self.leaks)

    @property
    def visible(self) -> bool:
        """Whether any leak was ever seen."""
        return any(leak.first is not None for leak in self.leaks)


@dataclass(frozen=True, slots=True)
class _SimulatedSending:
    at: float
    canaries: Flags
    hostile: bool
    cause: str
    verdict: Verdict
    score: float
    fields: frozenset[str] = frozenset()
    sender: str = ""


def simulate_world(mix: Mix, rng: Generator) -> tuple[World, Truth]:
    """Make one world of the mix, and the truth about it."""
    population = build_population(mix.population, BEGIN, rng)
    sources = [*_leaking_sources(mix, population, rng), *_harvested_vendors(mix, population, rng)]
    leaks = [_draw_leak(mix, population, source, rng) for source in sources]
    attacks = _attack_days(mix, rng)
    sendings = [
        *(s for n, leak in enumerate(leaks) for s in _leak_sendings(mix, population, leak, f"leak {n}", rng)),
        *_guess_sendings(mix, population, attacks, rng),
        *_stray_sendings(mix, population, rng),
        *_lawful_sendings(mix, population, rng),
        *_agents_sendings(mix, population, rng),
    ]
    hits, causes = _delivered_hits(mix, population, sendings, rng)
    made = World(
        BEGIN + timedelta(days=population.days),
        population.vendor_facts,
        population.canaries,
        hits,
        _guess_counts(mix, attacks, rng),
    )
    coverage = tuple(leak.coverage for leak in leaks) or (_draw_between(mix.leaking.coverage, rng),)
    given = _without(made, population.never_given)
    seen = tuple(_with_first_hit(leak, n, given.hits, causes) for n, leak in enumerate(leaks))
    if not population.never_given.any():
        return made, Truth(mix, seen, causes, coverage)
    return _without(made, population.tentative), Truth(mix, seen, causes, coverage, given, made)


def _without(world: World, left_out: Flags) -> World:
    """Return a world without some of its addresses and what came to them."""
    canaries = tuple(c for c, out in zip(world.canaries, left_out.tolist(), strict=True) if not out)
    ids = {canary.id for canary in canaries}
    return replace(world, canaries=canaries, hits=tuple(hit for hit in world.hits if hit.canary in ids))


def _leaking_sources(mix: Mix, population: Population, rng: Generator) -> list[Source]:
    shares = mix.leaking.shares
    if rng.random() >= sum(shares.values()):
        return []
    first = _draw_source(mix, population, rng)
    if rng.random() >= mix.leaking.second:
        return [first]
    second = first
    while second == first:
        second = _draw_source(mix, population, rng)
    return [first, second]


def _harvested_vendors(mix: Mix, population: Population, rng: Generator) -> list[Source]:
    shown = sorted({c.vendor for c in population.canaries if c.published and c.vendor})
    return [Source(SuspectKind.PUBLISHED, vendor) for vendor in shown if rng.random() < mix.leaking.harvested]


def _draw_source(mix: Mix, population: Population, rng: Generator) -> Source:
    shares = mix.leaking.shares
    weights = np.array(list(shares.values()))
    kind = list(shares)[int(rng.choice(len(weights), p=weights / weights.sum()))]
    names = {
        SuspectKind.VENDOR: population.vendors,
        SuspectKind.SUPPLIER: population.suppliers,
        SuspectKind.ACCOUNT: tuple(f"{supplier}/{vendor}" for vendor, supplier in sorted(population.edges)),
    }.get(kind, ("",))
    return Source(kind, names[int(rng.integers(len(names)))])


def _draw_leak(mix: Mix, population: Population, source: Source, rng: Generator) -> Leak:
    leaking = mix.leaking
    passing = leaking.passing.get(source.kind, 0.0)
    passes = passing > 0 and rng.random() < passing
    accounts_taken = {v for v in population.vendors if rng.random() < leaking.tenants}
    fields_known = population.fields_at(source)
    return Leak(
        source,
        at=BEGIN + timedelta(days=rng.uniform(0, population.days)),
        coverage=leaking.handed if passes else _draw_between(leaking.coverage, rng),
        campaigns=int(rng.poisson(leaking.buyers if passes else leaking.campaigns)),
        accounts=frozenset(accounts_taken if source.kind is SuspectKind.SUPPLIER else ()),
        fields=frozenset(f for f in sorted(fields_known) if rng.random() < leaking.field_leaks),
        manner=LeakManner.PASSED_ON if passes else LeakManner.LOST,
    )


def _leak_sendings(
    mix: Mix, population: Population, leak: Leak, cause: str, rng: Generator
) -> Iterator[_SimulatedSending]:
    dump, at = _dump(population, leak, rng), (leak.at - BEGIN) / timedelta(days=1)
    sendings = list(_uses_of(mix, leak, dump, cause, rng))
    yield from sendings
    if sendings and mix.leaking.validated and rng.random() < mix.leaking.validated:
        day = max(at, min(s.at for s in sendings) - rng.exponential(mix.leaking.validated_days))
        for number in np.flatnonzero(dump).tolist():
            alone = _flag_only(number, population)
            yield _SimulatedSending(day + rng.uniform(0, 0.1), alone, True, cause, Verdict.PROBE, 0.5)


def _dump(population: Population, leak: Leak, rng: Generator) -> Flags:
    """What of a source's addresses got out."""
    at = (leak.at - BEGIN) / timedelta(days=1)
    present = held_by(population, leak.source) & (population.issued <= at)
    if leak.source.kind is SuspectKind.SUPPLIER:
        present &= np.array([c.vendor in leak.accounts for c in population.canaries])
    return present & (rng.random(len(present)) < leak.coverage)


def _uses_of(mix: Mix, leak: Leak, dump: Flags, cause: str, rng: Generator) -> Iterator[_SimulatedSending]:
    leaking, at = mix.leaking, (leak.at - BEGIN) / timedelta(days=1)
    for number in range(leak.campaigns):
        sender = f"buyer {number} of {cause}" if mix.background.named else ""
        if leak.manner is LeakManner.PASSED_ON:
            yield replace(_buyers_sending(mix, at, dump, cause, rng), sender=sender)
            continue
        days = leaking.fast_days if rng.random() < leaking.fast_share else leaking.slow_days
        reached = dump & (rng.random(len(dump)) < _draw_between(leaking.reach, rng))
        used = frozenset(f for f in sorted(leak.fields) if rng.random() < leaking.field_used)
        sending = _hostile_sending(mix, at + rng.exponential(days), reached, cause, used, rng)
        yield replace(sending, sender=sender if sending.verdict is Verdict.THIRD_PARTY else "")


def _buyers_sending(mix: Mix, at: float, dump: Flags, cause: str, rng: Generator) -> _SimulatedSending:
    """Somebody who was given the list and looks lawful, as he proves who he is."""
    reached = dump & (rng.random(len(dump)) < _draw_between(mix.leaking.reach, rng))
    day, score = at + rng.exponential(mix.leaking.buyer_days), _draw_score(mix, hostile=False, rng=rng)
    return _SimulatedSending(day, reached, False, cause, Verdict.THIRD_PARTY, score)


def _attack_days(mix: Mix, rng: Generator) -> list[tuple[int, float]]:
    days = mix.population.years * 365.25
    return [
        (domain, day)
        for domain in range(mix.population.domains)
        for day in rng.uniform(0, days, rng.poisson(mix.background.attacks * mix.population.years)).tolist()
    ]


def _guess_sendings(
    mix: Mix, population: Population, attacks: list[tuple[int, float]], rng: Generator
) -> Iterator[_SimulatedSending]:
    for domain, day in attacks:
        present = population.guessable & (population.issued <= day) & (population.domain == domain)
        guessed = present & (rng.random(len(present)) < mix.background.guessed_share)
        yield _hostile_sending(mix, day, guessed, "guess", frozenset(), rng)


def _stray_sendings(mix: Mix, population: Population, rng: Generator) -> Iterator[_SimulatedSending]:
    """Mail from one person to another at a wrong address: charged only where the judge takes it for spam."""
    for number, canary in enumerate(population.canaries):
        if canary.vendor is None:
            continue
        left = population.days - population.issued[number]
        for day in rng.uniform(
            population.issued[number], population.days, rng.poisson(mix.background.misdirected * left / 365.25)
        ):
            score = _draw_score(mix, hostile=False, rng=rng)
            verdict = Verdict.SPAM if score > 0.5 else Verdict.MISDIRECTED
            yield _SimulatedSending(day, _flag_only(number, population), False, "stray", verdict, score)


def _lawful_sendings(mix: Mix, population: Population, rng: Generator) -> Iterator[_SimulatedSending]:
    """Somebody whom a vendor may lawfully tell, but did not name, mails one of its addresses now and then."""
    for vendor in population.vendors:
        given = ~population.never_given
        own = np.flatnonzero(given & [c.vendor == vendor for c in population.canaries])
        recipient = int(rng.choice(own))
        if rng.random() >= mix.background.lawful_share:
            continue
        left = population.days - population.issued[recipient]
        for day in rng.uniform(
            population.issued[recipient], population.days, rng.poisson(mix.background.lawful_mails * left / 365.25)
        ):
            score = _draw_score(mix, hostile=False, rng=rng)
            told, sender = _flag_only(recipient, population), f"partner of {vendor}" if mix.background.named else ""
            yield _SimulatedSending(day, told, False, "lawful", Verdict.THIRD_PARTY, score, sender=sender)


def _agents_sendings(mix: Mix, population: Population, rng: Generator) -> Iterator[_SimulatedSending]:
    """Somebody who writes for several vendors, none of which named him, as long as the world goes on."""
    background = mix.background
    if not background.agents:
        return
    for number in range(rng.poisson(background.agents * mix.population.years)):
        begin, part = rng.uniform(0, population.days), _draw_between(background.agent_clients, rng)
        clients = {vendor for vendor in population.vendors if rng.random() < part}
        told = np.array([c.vendor in clients for c in population.canaries], dtype=np.bool_) & ~population.never_given
        mails = rng.poisson(background.agent_mails * (population.days - begin) / 365.25)
        for day in rng.uniform(begin, population.days, mails):
            score = _draw_score(mix, hostile=False, rng=rng)
            present = told & (population.issued <= day)
            yield _SimulatedSending(day, present, False, "lawful", Verdict.THIRD_PARTY, score, sender=f"agent {number}")


def _hostile_sending(
    mix: Mix, day: float, reached: Flags, cause: str, used: frozenset[str], rng: Generator
) -> _SimulatedSending:
    kind, leaking = rng.random(), mix.leaking
    verdict = Verdict.SPAM
    if kind < leaking.impersonation_share:
        verdict = Verdict.IMPERSONATION
    elif kind < leaking.impersonation_share + leaking.third_party_share:
        verdict = Verdict.THIRD_PARTY
    return _SimulatedSending(day, reached, True, cause, verdict, _draw_score(mix, hostile=True, rng=rng), used)


def _draw_score(mix: Mix, *, hostile: bool, rng: Generator) -> float:
    shape = mix.background.score_shape
    score = rng.beta(1 + shape, shape) if hostile else rng.beta(shape, 1 + shape)
    return round(float(np.clip(score, 0.01, 0.99)), 4)


def _delivered_hits(
    mix: Mix, population: Population, sendings: list[_SimulatedSending], rng: Generator
) -> tuple[tuple[CampaignHit, ...], dict[str, str]]:
    """Turn sendings into strikes; campaign ids follow the order of arrival, so that they tell nothing."""
    charged = [s for s in sendings if s.verdict is not Verdict.MISDIRECTED]
    mails = sorted(
        (when, number, part, canary)
        for number, sending in enumerate(charged)
        for when, part, canary in _delivery_times(mix, sending, rng)
        if when <= population.days
    )
    names: dict[tuple[int, int], str] = {}
    hits = []
    for when, number, part, canary in mails:
        sending, canaries = charged[number], population.canaries[canary]
        name = names.setdefault((number, part), f"k{len(names) + 1:04}")
        hits.append(
            CampaignHit(
                canaries.id, BEGIN + timedelta(days=when), name, sending.verdict.value, sending.score,
                sending.fields & canaries.fields, sender=sending.sender,
            )
        )  # fmt: skip
    return tuple(hits), {name: charged[number].cause for (number, _), name in names.items()}


def _delivery_times(mix: Mix, sending: _SimulatedSending, rng: Generator) -> Iterator[tuple[float, int, int]]:
    parts = int(rng.integers(2, 4)) if rng.random() < mix.background.fragmented else 1
    for place, canary in enumerate(np.flatnonzero(sending.canaries).tolist()):
        later = min(rng.lognormal(np.log(_SPREAD_HOURS / 24), _SPREAD_SIGMA), _LONGEST_DAYS) if place else 0.0
        yield sending.at + later, int(rng.integers(parts)), canary


def _guess_counts(mix: Mix, attacks: list[tuple[int, float]], rng: Generator) -> tuple[GuessCount, ...]:
    background, days = mix.background, mix.population.years * 365.25
    edges = np.linspace(0, days, max(1, round(days / 30.4)) + 1)
    counts = rng.poisson(
        background.stray_tries * (edges[1] - edges[0]) / 365.25, (mix.population.domains, len(edges) - 1)
    )
    for domain, day in attacks:
        month = min(int(day / (edges[1] - edges[0])), len(edges) - 2)
        counts[domain, month] += int(background.tries_per_attack * rng.lognormal(0, 0.5))
    return tuple(
        GuessCount(f"d{domain + 1}.example", BEGIN + timedelta(days=a), BEGIN + timedelta(days=b), int(count))
        for domain, row in enumerate(counts)
        for a, b, count in zip(edges[:-1].tolist(), edges[1:].tolist(), row, strict=True)
    )


def _with_first_hit(leak: Leak, number: int, hits: tuple[CampaignHit, ...], causes: Mapping[str, str]) -> Leak:
    ours = [s for s in hits if causes[s.campaign] == f"leak {number}"]
    first = next((s.at for s in ours if s.verdict != Verdict.PROBE), None)
    return replace(leak, first=first, hinted=next((s.at for s in ours if s.verdict == Verdict.PROBE), None))


def _flag_only(number: int, population: Population) -> Flags:
    kept = np.zeros(len(population.canaries), dtype=np.bool_)
    kept[number] = True
    return kept


def _draw_between(span: Range, rng: Generator) -> float:
    return float(rng.uniform(*span))
