"""The likelihood of tiny worlds by listing everything: every dump, every choice of sendings, one by one."""

from collections.abc import Iterator
from itertools import chain, combinations, product
from math import exp, fsum, log

import numpy as np
from numpy.typing import NDArray

from canary.attribute.inference.evidence import EvidenceModel
from canary.attribute.patterns import LeakPattern, leak_patterns, shares
from canary.attribute.priors import Rates
from canary.attribute.world import Source
from canary.model.case import SuspectKind

Names = frozenset[str]


def _subsets(names: Names) -> Iterator[Names]:
    ordered = sorted(names)
    return (frozenset(c) for c in chain.from_iterable(combinations(ordered, n) for n in range(len(ordered) + 1)))


def _delay(model: EvidenceModel, rates: Rates, sent: float) -> NDArray[np.float64]:
    """The mean density of the delay in each cell of the time grid."""
    total = sum(weight for _, weight in rates.delays)
    density = np.zeros(len(model.days))
    for mean, weight in rates.delays:
        for i, (begin, end) in enumerate(zip(model.edges, model.edges[1:], strict=False)):
            late, early = max(sent - begin, 0.0), max(sent - end, 0.0)
            density[i] += weight / total * (exp(-early / mean) - exp(-late / mean)) / (end - begin)
    return density


def choices(model: EvidenceModel, source: Source, *, possible: bool = False) -> dict[Names, float]:
    """What each choice of sendings contributes to the likelihood ratio of one source's leak, in whichever way."""
    holding, found = model.holdings[source], dict[Names, float]()
    ways = shares(holding.hazard, holding.passing, model.rates)
    for pattern, chance in zip(leak_patterns(model.rates), ways, strict=True):
        for chosen, weight in _choices(model, pattern, source, possible=possible).items() if chance else ():
            found[chosen] = found.get(chosen, 0.0) + chance * weight
    return found


def _choices(model: EvidenceModel, pattern: LeakPattern, source: Source, *, possible: bool) -> dict[Names, float]:
    sent = {s.id: s for s in model.sendings}
    odds = {
        s.id: _delay(model, pattern.rates, model.day_of(s.at)) * pattern.content(s) / exp(s.log_rate)
        for s in model.sendings
    }
    found = {}
    for chosen in _subsets(model.possible_sendings(source) if possible else model.plausible_sendings(source)):
        density = np.prod([odds[name] for name in chosen], axis=0) if chosen else np.ones(len(model.days))
        marks = [sent[name].mark for name in sorted(chosen)]
        dumps = _dumps(model, pattern.rates, source, marks)
        found[chosen] = float((density * dumps * np.diff(model.edges)).sum() / model.span)
    return found


def _dumps(model: EvidenceModel, rates: Rates, source: Source, marks: list[Names]) -> NDArray[np.float64]:
    """The probability of just these marks, over all dumps and nuisances, at each time (but for the delays)."""
    members = model.holdings[source].every()
    supplier = source.kind is SuspectKind.SUPPLIER
    tenants = rates.tenants if supplier else ((1.0, 1.0),)
    listed = sum(held.listed for held in members.values())
    missed = min(1.0, 3.0 * listed / max(1, len(members) - listed))
    over = sum(w for _, w in rates.delays)
    left = model.span - model.days
    seen = sum((w / over * (1 - np.exp(-left / mean)) for mean, w in rates.delays), np.zeros(len(left)))
    answer = np.zeros(len(model.days))
    met: Names = frozenset().union(*marks)
    for dump in _subsets(frozenset(members)):
        if not met <= dump:
            continue
        held = np.array([[model.day_of(members[name].since) <= day for day in model.days] for name in sorted(members)])
        possible = np.ones(len(model.days), dtype=bool)
        for row, name in zip(held, sorted(members), strict=True):
            possible &= row if name in dump else True
        for (share, a), (p, e), (q, b) in product(tenants, rates.unlisted, rates.coverage):
            chance = possible * a * e * b * _chance(model, source, dump, held, (share, q, p * missed))
            for (r, c), (n, d) in product(rates.reach, rates.campaigns):
                size = len(dump)
                unseen = np.exp(-n * seen * (1 - (1 - r) ** size))
                mark = np.prod([r ** len(m) * (1 - r) ** (size - len(m)) for m in marks]) if marks else 1.0
                answer += chance * c * d * unseen * mark * n ** len(marks)
    norm = [sum(w for _, w in grid) for grid in (tenants, rates.unlisted, rates.coverage, rates.reach, rates.campaigns)]
    return answer / np.prod(norm)


def _chance(
    model: EvidenceModel, source: Source, dump: Names, held: NDArray[np.bool_], assumed: tuple[float, float, float]
) -> NDArray[np.float64]:
    """How likely a dump is: each account hit or spared as a whole, each address in it kept or lost by itself."""
    (share, q, unlisted), members = assumed, model.holdings[source].every()
    accounts: dict[str, list[int]] = {}
    names = sorted(members)
    for i, name in enumerate(names):
        sure = source.kind is SuspectKind.SUPPLIER and members[name].listed
        accounts.setdefault(members[name].account if sure else f"\0{name}", []).append(i)
    answer = np.ones(len(model.days))
    for tenant, rows in accounts.items():
        inside, touched = np.ones(len(model.days)), False
        for i in rows:
            p = (members[names[i]].p if members[names[i]].listed else unlisted) * q
            touched |= names[i] in dump
            inside *= p if names[i] in dump else np.where(held[i], 1 - p, 1.0)
        hit = 1.0 if tenant.startswith("\0") else share
        answer *= hit * inside + (0.0 if touched else 1 - hit)
    return answer


def log_ratio(model: EvidenceModel, source: Source) -> float:
    """The evidence for one source."""
    return log(sum(choices(model, source, possible=True).values()))


def log_ratio_of_two(model: EvidenceModel, one: Source, other: Source) -> float:
    """The evidence for two sources, which are never both behind the same sending."""
    first, second = choices(model, one), choices(model, other)
    return log(sum(a * b for x, a in first.items() for y, b in second.items() if not x & y))


def leak_behind(model: EvidenceModel) -> float:
    """The probability that some leak is behind at least one sending, over all hypotheses of at most two sources."""
    odds = {source: exp(model.log_prior_odds(source)) for source in model.holdings}
    # Of each hypothesis: what it weighs, and what of it is left where its sources are behind nothing.
    weighed = [(1.0, 1.0)]
    for source in model.holdings:
        alone = choices(model, source, possible=True)
        weighed.append((odds[source] * fsum(alone.values()), odds[source] * alone[frozenset()]))
    for one, other in combinations(model.holdings, 2):
        prior = model.rates.pair * odds[one] * odds[other]
        nothing = choices(model, one)[frozenset()] * choices(model, other)[frozenset()]
        weighed.append((prior * exp(log_ratio_of_two(model, one, other)), prior * nothing))
    return 1 - fsum(quiet for _, quiet in weighed) / fsum(weight for weight, _ in weighed)
