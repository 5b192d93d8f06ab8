"""What the run of a measured world shows: the figures with their bounds, by kind of mail, and the worst misses."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from canary.model.verdict import LEAKS, Verdict
from tests.quality.replay import Outcome, Run

_KIND = {
    **dict.fromkeys(LEAKS, "leak"),
    **dict.fromkeys((Verdict.EXPECTED, Verdict.SUPPLIER, Verdict.NEW_SENDER, Verdict.SELF_TEST), "own"),
    Verdict.BACKSCATTER: "answer",
    Verdict.MISDIRECTED: "person",
}
"""What a verdict says a mail is; its confidence is the probability that this is so."""

BINS = 10


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value with its bound; `naive` is that of the rule "From domain is not the vendor's"."""

    name: str
    value: float
    bound: float
    least: bool = False
    shown: str = "{:.2%}"
    naive: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the bound is kept."""
        return self.value >= self.bound if self.least else self.value <= self.bound

    def line(self) -> str:
        """The figure in words."""
        naive = "" if self.naive is None else self.shown.format(self.naive)
        limit = f"{'>=' if self.least else '<='} {self.shown.format(self.bound)}"
        return f"  {self.name:44}{self.shown.format(self.value):>9}   {limit:>11}   {naive:>9}   {'ok' if self.holds else 'MISSED'}"


def accused(outcome: Outcome) -> bool:
    """Whether a vendor was charged with a hit, at first or in the end."""
    return bool({outcome.first, outcome.verdict} & LEAKS)


def right(outcome: Outcome) -> bool:
    """Whether the verdict says what the mail is."""
    return _KIND.get(Verdict(outcome.verdict)) == outcome.truth.kind


def figures(run: Run) -> list[Figure]:
    """The figures that are bounded."""
    leaks = [o for o in run.outcomes if o.truth.kind == "leak"]
    real = [o for o in leaks if o.truth.source]
    lawful = [o for o in run.outcomes if o.truth.kind == "own"]
    asked = run.questions / (run.vendors * run.years)
    return [
        Figure("leak hits found, real mail", _share(real, _found), 0.99, least=True, naive=_share(real, _naive)),
        Figure("leak hits found, all", _share(leaks, _found), 0.99, least=True, naive=_share(leaks, _naive)),
        Figure("false leak verdicts on lawful mail", _share(lawful, accused), 0.002, naive=_share(lawful, _naive)),
        Figure("questions for each vendor and year", asked, 1.5, shown="{:.2f}"),
        Figure("calibration error of the confidence", calibration(run.outcomes), 0.05, shown="{:.3f}"),
    ]


def calibration(outcomes: Sequence[Outcome]) -> float:
    """The expected calibration error: how far confidence is from the share that is right, over ten bins."""
    return sum(abs(sure - hit) * count for count, sure, hit in bins(outcomes)) / len(outcomes)


def bins(outcomes: Sequence[Outcome]) -> Iterator[tuple[int, float, float]]:
    """Yield for each bin that holds any: how many, how sure on average, and how many of them right."""
    sorted_in: dict[int, list[Outcome]] = {}
    for outcome in outcomes:
        sorted_in.setdefault(min(int(outcome.confidence * BINS), BINS - 1), []).append(outcome)
    for _, found in sorted(sorted_in.items()):
        yield len(found), sum(o.confidence for o in found) / len(found), _share(found, right)


def report(run: Run, misses: int) -> Iterator[str]:
    """Yield the lines of the report."""
    yield f"  {run.vendors} vendors, {run.years:.0f} years, {len(run.outcomes):,} hits, {run.questions} questions\n"
    yield f"  {'':44}{'measured':>9}   {'bound':>11}   {'naive':>9}"
    yield from (figure.line() for figure in figures(run))
    yield "\n  confidence in ten bins: hits, mean confidence, share right"
    yield from (f"  {count:7}   {sure:.3f}   {hit:.3f}" for count, sure, hit in bins(run.outcomes))
    yield "\n  by kind of mail: hits, wrong, verdicts"
    yield from _by_kind(run.outcomes)
    yield "\n  the worst misses, surest first, one of each kind and verdict, then more"
    yield from _worst(run.outcomes, misses)


def _by_kind(outcomes: Iterable[Outcome]) -> Iterator[str]:
    """Yield a line for each kind of mail, whatever befell it on the way."""
    kinds: dict[tuple[str, str], list[Outcome]] = {}
    for o in outcomes:
        kinds.setdefault((o.truth.kind, o.truth.label.partition(" (")[0]), []).append(o)
    for (kind, label), found in sorted(kinds.items()):
        verdicts = ", ".join(f"{verdict} {count}" for verdict, count in Counter(o.verdict for o in found).most_common())
        yield f"  {kind:7}{label:58}{len(found):6}{sum(map(_wrong, found)):5}   {verdicts}"


def _worst(outcomes: Iterable[Outcome], misses: int) -> Iterator[str]:
    wrong = sorted(filter(_wrong, outcomes), key=lambda o: -o.confidence)
    seen = Counter[tuple[str, str]]()
    ranked = []
    for o in wrong:
        seen[o.truth.label, o.verdict] += 1
        ranked.append((seen[o.truth.label, o.verdict], o))
    for _, o in sorted(ranked, key=lambda pair: pair[0])[:misses]:
        yield f"  {o.truth.label}: {o.first} -> {o.verdict} {o.confidence:.3f}  {o.truth.source}  {o.sender}: {o.subject[:70]!r}"
        yield f"      {' '.join(o.reasons)[:300]}"


def _wrong(o: Outcome) -> bool:
    if o.truth.kind == "own":
        return accused(o) or not right(o)
    return not right(o)


def _found(o: Outcome) -> bool:
    return o.verdict in LEAKS


def _naive(o: Outcome) -> bool:
    return o.naive


def _share(outcomes: Sequence[Outcome], true: Callable[[Outcome], bool]) -> float:
    return sum(map(true, outcomes)) / len(outcomes) if outcomes else 0.0
