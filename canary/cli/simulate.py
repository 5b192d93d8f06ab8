"""`canary simulate`: how often attribution and simpler methods are right, on simulated worlds whose truth is known."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from canary.cli.context import CliError, Json, show_json, show_table

if TYPE_CHECKING:
    from canary.attribute.evaluation.benchmark import BenchmarkBatch
    from canary.attribute.evaluation.scoring import Figures, Score

    Table = dict[str, dict[str, Figures]]

_BATCH = 10
"""Worlds that a process computes at a time."""
_WORDS = {
    "top1": "top-1, all worlds",
    "top1_visible": "top-1, visible leaks",
    "log_loss": "log loss",
    "brier": "Brier score",
    "ece_top": "ECE of top-1",
    "ece_marginals": "ECE of marginals",
    "ece_manners": "ECE of passed on or lost",
    "wrong_sure": "over .9 and wrong, of worlds",
    "precision_sure": "precision of sources over .9",
    "accused_likely": "innocents over .5 per 1000 canary-years",
    "accused_sure": "innocents over .9 per 1000 canary-years",
    "calm_likely": "same over .5, worlds without a leak",
    "calm_sure": "same over .9, worlds without a leak",
    "calm_alarmed": "worlds without a leak alarmed at .9",
    "became_sure": "visible leaks named at .9",
    "days_since_mail": "days from first mail to .9, median",
    "days_since_leak": "days from leak to .9, median",
    "warned": "seen leaks hinted at before their spam",
    "days_watched": "days from first hint to first spam, median",
    "warned_likely": "seen leaks likely before their spam",
    "days_likely": "days from likely to first spam, median",
    "window_coverage": "coverage of 90% window",
    "window_days": "days of window, median",
}


def simulate(
    worlds: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many worlds of each mix.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same worlds.")] = 1,
    mix: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Name of a mix, or `all`; may be repeated.")
    ] = None,
    method: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Name of a method; may be repeated.", show_default="all")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, max=256, help="How many processes work at once.")] = 2,
    as_json: Json = False,
) -> None:
    """Measure how often attribution is right on simulated worlds, beside simpler methods and an oracle."""
    from canary.attribute.evaluation.benchmark import METHODS
    from canary.attribute.evaluation.scenarios import MIXES

    mixes = list(MIXES) if mix and "all" in mix else _chosen(mix or ["standard"], MIXES, "mix")
    methods = _chosen(method or [], METHODS, "method")
    table = _run(list(_batches(mixes, methods, seed, worlds)), jobs)
    if as_json:
        show_json({"seed": seed, "worlds": worlds, "mixes": {name: _document(name, table[name]) for name in mixes}})
        return
    typer.echo(f"All of it is simulated: {worlds} worlds of each mix, seed {seed}.")
    for name in mixes:
        _show(name, table[name])


def _chosen(names: list[str], known: Iterable[str], what: str) -> list[str]:
    for name in names:
        if name not in known:
            raise CliError(f"{what} {name}: no such name; choose from {', '.join(known)}", 2)
    return list(dict.fromkeys(names))


def _batches(mixes: list[str], methods: list[str], seed: int, worlds: int) -> "Iterator[BenchmarkBatch]":
    from canary.attribute.evaluation.benchmark import BenchmarkBatch, methods_for

    for mix in mixes:
        for first in range(0, worlds, _BATCH):
            yield BenchmarkBatch(
                mix, seed, range(first, min(first + _BATCH, worlds)), tuple(methods) or methods_for(mix)
            )


def _run(batches: "list[BenchmarkBatch]", jobs: int) -> "Table":
    """Add up the scores in the order of the worlds, so that sums do not depend on the number of processes."""
    from rich.console import Console
    from rich.progress import track

    from canary.attribute.evaluation.scoring import ScoreSums

    sums: dict[str, dict[str, ScoreSums]] = {}
    console = Console(stderr=True)
    done = track(
        zip(batches, _scores(batches, jobs), strict=True),
        "Simulating", total=len(batches), console=console, disable=not sys.stderr.isatty(),
    )  # fmt: skip
    for batch, scores in done:
        for name, one in scores:
            sums.setdefault(batch.mix, {}).setdefault(name, ScoreSums()).add(one)
    return {mix: {name: one.figures() for name, one in found.items()} for mix, found in sums.items()}


def _scores(batches: "list[BenchmarkBatch]", jobs: int) -> "Iterator[list[tuple[str, Score]]]":
    if jobs == 1:
        yield from map(_compete, batches)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    waiting = iter(batches)
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        under_way = [pool.submit(_compete, batch) for batch in islice(waiting, 4 * jobs)]
        while under_way:
            yield under_way.pop(0).result()
            under_way += [pool.submit(_compete, batch) for batch in islice(waiting, 1)]


def _compete(batch: "BenchmarkBatch") -> "list[tuple[str, Score]]":
    from canary.attribute.evaluation.benchmark import score_batch

    return list(score_batch(batch))


def _show(mix: str, found: "dict[str, Figures]") -> None:
    some = next(iter(found.values()))
    typer.echo(f"\n{mix}: {some.worlds} worlds, {some.visible} with a visible leak")
    rows = [(words, *(_cell(getattr(f, figure)) for f in found.values())) for figure, words in _WORDS.items()]
    kinds = sorted({kind for figures in found.values() for kind in figures.top1_kinds})
    by_kind = [
        (f"top-1, visible leak of {kind}", *(_cell(f.top1_kinds.get(kind)) for f in found.values())) for kind in kinds
    ]
    show_table(("figure", *found), [*rows[:2], *by_kind, *rows[2:]], "")
    for promise in _promises(mix, found):
        mark = {True: "✓", False: "✗", None: "?"}[promise["kept"]]
        typer.echo(f"{mark} {_WORDS[promise['figure']]} {promise['promise']}: {_cell(promise['value'])}")


def _document(mix: str, found: "dict[str, Figures]") -> dict[str, object]:
    return {
        "methods": {name: asdict(figures) for name, figures in found.items()},
        "promises": _promises(mix, found),
    }


def _promises(mix: str, found: "dict[str, Figures]") -> list[dict[str, Any]]:
    from canary.attribute.evaluation.benchmark import OURS, TARGETS

    if OURS not in found:
        return []
    ours = found[OURS]
    return [
        {
            "figure": bound.figure,
            "promise": str(bound),
            "value": getattr(ours, bound.figure),
            "kept": bound.is_met(ours, found.get(bound.rival)),
        }
        for bound in TARGETS.get(mix, ())
    ]


def _cell(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1f}" if value >= 10 else f"{value:.4f}" if value < 0.1 else f"{value:.3f}"
