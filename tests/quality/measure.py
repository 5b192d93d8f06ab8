"""What a run of a measured world shows: the figures with their bounds, by kind of mail, and the worst misses."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from canary.model.verdict import LEAKS, Verdict
from tests.quality.naive import NAIVE
from tests.quality.reliability import bins, calibration_error, log_loss
from tests.quality.replay import Outcome, Run

_KIND = {
    **dict.fromkeys(LEAKS, "leak"),
    **dict.fromkeys((Verdict.EXPECTED, Verdict.SUPPLIER, Verdict.NEW_SENDER, Verdict.SELF_TEST), "own"),
    Verdict.BACKSCATTER: "answer",
    Verdict.MISDIRECTED: "person",
}
"""What a verdict says a mail is; its confidence is the probability that this is so."""

RELATION = {
    Verdict.EXPECTED: "itself",
    Verdict.SUPPLIER: "agent",
    Verdict.NEW_SENDER: "asked",
    Verdict.BACKSCATTER: "answer",
    Verdict.MISDIRECTED: "person",
    **dict.fromkeys(sorted(LEAKS), "outsider"),
}
"""What a verdict says the sender is to the vendor; who was asked about is not decided yet."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value with its bound; `naive` are those of the naive rules, `counted` what it was counted from."""

    name: str
    value: float
    bound: float
    least: bool = False
    shown: str = "{:.2%}"
    naive: tuple[float, ...] = ()
    counted: str = ""

    @property
    def holds(self) -> bool:
        """Whether the bound is kept."""
        return self.value >= self.bound if self.least else self.value <= self.bound

    def line(self) -> str:
        """The figure in words."""
        naive = "".join(f"{self.shown.format(value):>14}" for value in self.naive) or " " * 14 * len(NAIVE)
        limit = f"{'>=' if self.least else '<='} {self.shown.format(self.bound)}"
        held = "ok" if self.holds else "MISSED"
        return f"  {self.name:40}{self.shown.format(self.value):>9}{self.counted:>14}{limit:>12}{naive}   {held}"


def heading() -> str:
    """The heading of the lines of figures."""
    return f"  {'':40}{'measured':>9}{'':14}{'bound':>12}{''.join(f'{name:>14}' for name in NAIVE)}"


def accused(outcome: Outcome) -> bool:
    """Whether a vendor was charged with a hit, at first or in the end."""
    return bool({outcome.first, outcome.verdict} & LEAKS)


def is_kind(verdict: Verdict, kind: str) -> bool:
    """Whether a verdict says that a mail is of this kind."""
    return _KIND.get(verdict) == kind


def right(outcome: Outcome) -> bool:
    """Whether the verdict says what the mail is."""
    return is_kind(Verdict(outcome.verdict), outcome.truth.kind)


def figures(run: Run) -> list[Figure]:
    """The figures that are bounded."""
    leaks = [o for o in run.outcomes if o.truth.kind == "leak"]
    real = [o for o in leaks if o.truth.source]
    lawful = [o for o in run.outcomes if o.truth.kind == "own"]
    asked = run.questions / (run.vendors * run.years)
    sure = [(o.confidence, right(o)) for o in run.outcomes]
    return [
        Figure("leak hits found, real mail", _share(real, _found), 0.99, least=True, naive=_naive_shares(real)),
        Figure("leak hits found, all", _share(leaks, _found), 0.99, least=True, naive=_naive_shares(leaks)),
        Figure("false leak verdicts on lawful mail", _share(lawful, accused), 0.001, naive=_naive_shares(lawful)),
        Figure("questions for each vendor and year", asked, 0.5, shown="{:.2f}"),
        Figure("calibration error of the confidence", calibration_error(sure), 0.05, shown="{:.3f}"),
        Figure("log loss of the confidence", log_loss(sure), 0.1, shown="{:.3f}"),
    ]


def report(run: Run, misses: int) -> Iterator[str]:
    """Yield the lines of the report."""
    yield f"  {run.vendors} vendors, {run.years:.0f} years, {len(run.outcomes):,} hits, {run.questions} questions\n"
    yield heading()
    yield from (figure.line() for figure in figures(run))
    yield from reliability_lines([(o.confidence, right(o)) for o in run.outcomes], [o.verdict for o in run.outcomes])
    yield from relation_lines([(o.truth.kind, Verdict(o.verdict), o.naive) for o in run.outcomes])
    yield "\n  by kind of mail: hits, wrong, verdicts"
    yield from _by_kind(run.outcomes)
    yield "\n  the worst misses, surest first, one of each kind and verdict, then more"
    yield from _worst(run.outcomes, misses)


def reliability_lines(sure: Sequence[tuple[float, bool]], verdicts: Sequence[str]) -> Iterator[str]:
    """Yield the reliability of confidences as tables, in bins and by verdict."""
    yield "\n  confidence in ten bins: hits, mean confidence, share right"
    yield from (f"  {count:7}   {mean:.3f}   {share:.3f}" for count, mean, share in bins(sure))
    yield "\n  confidence by verdict: hits, mean confidence, share right"
    for verdict in sorted(set(verdicts)):
        held = [each for each, said in zip(sure, verdicts, strict=True) if said == verdict]
        mean, share = (sum(values) / len(held) for values in zip(*held, strict=True))
        yield f"  {len(held):7}   {mean:.3f}   {share:.3f}   {verdict}"


def relation_lines(judged: Iterable[tuple[str, Verdict, tuple[bool, ...]]]) -> Iterator[str]:
    """Yield for each kind of mail what its sender was said to be to the vendor, and what the naive rules accuse."""
    kinds: dict[str, list[tuple[Verdict, tuple[bool, ...]]]] = {}
    for kind, verdict, naive in judged:
        kinds.setdefault(kind, []).append((verdict, naive))
    said = tuple(dict.fromkeys(RELATION.values()))
    yield "\n  what the sender was said to be to the vendor, and what the naive rules accuse"
    yield f"  {'':40}{'hits':>6}{''.join(f'{name:>9}' for name in said)}{''.join(f'{name:>14}' for name in NAIVE)}"
    for kind, found in kinds.items():
        counts = Counter(RELATION.get(verdict, "") for verdict, _ in found)
        accusing = (sum(naive[at] for _, naive in found) for at in range(len(NAIVE)))
        shown = "".join(f"{counts[name]:9}" for name in said) + "".join(f"{count:14}" for count in accusing)
        yield f"  {kind:40}{len(found):6}{shown}"


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


def _naive_shares(outcomes: Sequence[Outcome]) -> tuple[float, ...]:
    return tuple(sum(o.naive[at] for o in outcomes) / max(len(outcomes), 1) for at in range(len(NAIVE)))


def _share(outcomes: Sequence[Outcome], true: Callable[[Outcome], bool]) -> float:
    return sum(map(true, outcomes)) / len(outcomes) if outcomes else 0.0
