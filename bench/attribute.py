"""What one posterior costs, by the size of the world, and beside a plain numpy enumeration of the same model.

Worlds are simulated; of each size those are taken that have about as many campaigns as asked. Times are processor time
of the whole process, the median of several worlds, each the best of three runs; the plain enumeration takes its turns
with ours. Every size runs in a process of its own, so that its memory can be told. The plain enumeration is measured
twice: working each pair of sources out as its formula stands, and remembering what it has worked out. Then one world
is weighed with ever more quiet addresses, as groups of those that are alike; reading these from a store for the first
time, and from JSON, is told apart. Ends with 1 when a promise is broken. The plot goes to data/bench/attribute.svg or to the path in CANARY_BENCH_PLOT.
"""

import os
import resource
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import count, islice
from multiprocessing import get_context
from pathlib import Path
from statistics import median

import numpy as np

from bench import plain_enumeration
from bench._crowded import CrowdedCost, crowded_cost, seconds_of_reading, seconds_of_single_hits, seconds_of_store
from canary.attribute.evaluation.scenarios import Background, Leaking, Mix, PopulationParams
from canary.attribute.evaluation.simulate import simulate_world
from canary.attribute.inference.evidence import EvidenceModel
from canary.attribute.inference.posterior import compute_posterior
from canary.attribute.priors import RATES
from canary.attribute.world import Posterior, World

SIZES = {10: 6, 50: 20, 200: 48, 500: 84, 1000: 130, 2000: 200}
"""Vendors, and the campaigns of a world with so many."""

SUPPLIERS = {10: 3, 50: 8, 200: 21, 500: 39, 1000: 62, 2000: 100}
CROWDED, CROWDED_VENDORS = (1_000, 10_000, 100_000, 1_000_000), 200
STORED, ENTRIES = (100_000, 1_000_000), 100_000
WORLDS, RUNS, NEAR = 5, 3, 0.15
USUAL, LARGEST = 50, 2000
GROWTH, FASTER, MEGABYTES, MILLISECONDS = 40.0, 5.0, 500, 200.0
CROWDED_GROWTH, CROWDED_MEGABYTES, SINGLE_HITS = 2.0, 300, 5.0


@dataclass(frozen=True, slots=True)
class Cost:
    """One size: seconds of ours, of the plain enumeration and of the one that remembers (0: not asked), and memory."""

    vendors: int
    ours: float
    plain: float
    remembering: float
    megabytes: float
    least: float
    most: float


def mix(vendors: int) -> Mix:
    """The standard mix with so many vendors; what happens by accident is made rarer where it would drown the rest."""
    share = SIZES[vendors] / SIZES[USUAL] * USUAL / vendors
    rest = Background()
    return Mix(
        PopulationParams(vendors=vendors, suppliers=SUPPLIERS[vendors]),
        Leaking(),
        Background(misdirected=rest.misdirected * share, lawful_mails=rest.lawful_mails * share),
    )


def worlds(vendors: int) -> Iterator[World]:
    """Yield worlds of about the campaigns asked."""
    for seed in count():
        world, _ = simulate_world(mix(vendors), np.random.default_rng((vendors, seed)))
        if abs(len({s.campaign for s in world.hits}) / SIZES[vendors] - 1) <= NEAR:
            yield world


def posterior_of(world: World) -> Posterior:
    """Ours, from the facts to the probabilities."""
    return compute_posterior(EvidenceModel(world, RATES))


def seconds(weighed: Callable[[World], object], world: World) -> float:
    """The processor time of one run."""
    start = time.process_time()
    weighed(world)
    return time.process_time() - start


def cost(vendors: int) -> Cost:
    """Measure one size."""
    ours, plain, remembering = [], [], []
    for world in islice(worlds(vendors), WORLDS):
        ours.append(min(seconds(posterior_of, world) for _ in range(RUNS)))
        if vendors <= USUAL:
            plain.append(min(seconds(plain_enumeration.weigh, world) for _ in range(RUNS)))
            remembering.append(min(seconds(plain_enumeration.weigh_remembering, world) for _ in range(RUNS)))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    slow, less_slow = (median(found) if found else 0.0 for found in (plain, remembering))
    return Cost(vendors, median(ours), slow, less_slow, memory, min(ours), max(ours))


def measure() -> list[Cost]:
    """Measure every size, each in a process of its own with one thread for linear algebra."""
    os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as pool:
        return list(pool.map(cost, SIZES))


def crowded(addresses: int) -> CrowdedCost:
    """Weigh one world with so many addresses."""
    return crowded_cost(next(worlds(CROWDED_VENDORS)), addresses, RUNS)


def measure_crowds() -> list[CrowdedCost]:
    """Measure every number of addresses, each in a process of its own, and print what is beside it."""
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as pool:
        costs = list(pool.map(crowded, CROWDED))
        for c in costs:
            print(
                f"{c.addresses:>9,} addresses of {CROWDED_VENDORS} vendors in {c.groups:>6,} groups:"
                f" {c.seconds * 1e3:5.0f} ms, {c.megabytes:.0f} MB"
            )
        for number, (first, again) in zip(STORED, pool.map(seconds_of_store, STORED), strict=True):
            print(
                f"{number:>9,} addresses read from a store: {first:.1f} s, and {again:.2f} s after one more is issued"
            )
        print(f"{ENTRIES:>9,} addresses read from JSON: {pool.submit(seconds_of_reading, ENTRIES).result():.1f} s")
    return costs


def main() -> None:
    """Print the tables, draw the plot, and end with 1 when a promise is broken."""
    costs = {c.vendors: c for c in measure()}
    columns = "{:>7} {:>9} {:>9} {:>13} {:>19} {:>12} {:>12} {:>8}"
    heads = ("vendors", "suppliers", "campaigns", "canary", "least to most", "plain", "remembering", "memory")
    print(columns.format(*heads))
    for c in costs.values():
        others = [f"{s * 1e3:.0f} ms" if s else "" for s in (c.plain, c.remembering)]
        span = f"{c.least * 1e3:.0f} to {c.most * 1e3:.0f} ms"
        print(
            columns.format(
                c.vendors, SUPPLIERS[c.vendors], SIZES[c.vendors], f"{c.ours * 1e3:.0f} ms", span, *others,
                f"{c.megabytes:.0f} MB",
            )
        )  # fmt: skip
    print(f"plot: {plot(list(costs.values()))}")
    crowds = measure_crowds()
    cases, single_hits = seconds_of_single_hits()
    usual, largest = costs[USUAL], costs[LARGEST]
    promises = (
        (f"{USUAL} vendors, ms", usual.ours * 1e3, "<=", MILLISECONDS),
        (f"{LARGEST} against {USUAL} vendors", largest.ours / usual.ours, "<=", GROWTH),
        (f"{LARGEST} vendors, MB", largest.megabytes, "<=", MEGABYTES),
        (f"plain enumeration against ours, {USUAL} vendors", usual.plain / usual.ours, ">=", FASTER),
        (
            f"{CROWDED[-1]:,} against {CROWDED[0]:,} addresses",
            crowds[-1].seconds / crowds[0].seconds,
            "<=",
            CROWDED_GROWTH,
        ),
        (f"{CROWDED[-1]:,} addresses, MB", max(c.megabytes for c in crowds), "<=", CROWDED_MEGABYTES),
        (f"5,000 vendors with 300 single hits ({cases} cases), s", single_hits, "<=", SINGLE_HITS),
    )
    missed = 0
    for name, value, sign, limit in promises:
        kept = value <= limit if sign == "<=" else value >= limit
        missed += not kept
        print(f"{'kept' if kept else 'BROKEN':<6} {name}: {value:.1f} {sign} {limit:g}")
    print(f"       remembering enumeration against ours, {USUAL} vendors: {usual.remembering / usual.ours:.1f}")
    if missed:
        raise SystemExit(f"{missed} promises are broken")


def plot(costs: list[Cost]) -> Path:
    """Draw time against size, with what the growth of all pairs would be; returns where."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    path = Path(os.environ.get("CANARY_BENCH_PLOT", "data/bench/attribute.svg"))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(figsize=(7, 4.5))
    sizes, times = [c.vendors for c in costs], [c.ours for c in costs]
    usual = next(c for c in costs if c.vendors == USUAL)
    axes.loglog(sizes, times, "o-", label="canary")
    axes.loglog(sizes, [usual.ours * (size / USUAL) ** 2 for size in sizes], ":", label="growth of pairs")
    for label, found in (("plain", [c.plain for c in costs]), ("plain, remembering", [c.remembering for c in costs])):
        there = [(size, s) for size, s in zip(sizes, found, strict=True) if s]
        axes.loglog(*zip(*there, strict=True), "s--", label=label)
    axes.set_xlabel("vendors")
    axes.set_ylabel("processor seconds, one posterior")
    axes.legend()
    figure.savefig(path, bbox_inches="tight")
    plt.close(figure)
    return path


if __name__ == "__main__":
    main()
