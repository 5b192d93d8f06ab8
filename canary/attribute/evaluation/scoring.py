"""How good beliefs about simulated worlds are: each is scored against the truth, and scores are summed up as they come."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import inf, log
from statistics import median

import numpy as np
from numpy.typing import NDArray

from canary.attribute.evaluation.simulate import Truth
from canary.attribute.world import GuessCount, Posterior, Source, World
from canary.model.case import LeakManner

SURE, LIKELY = 0.9, 0.5
_LEAST = 1e-6
"""Probabilities below this cost no more than this in the log loss."""
_BINS = 10
_LOOKS = 12
"""How many moments of a world are looked at, at most, to see when a method became sure."""
_DAY = timedelta(days=1)
_YEAR = timedelta(days=365.25)


@dataclass(frozen=True, slots=True)
class ScoredAnswer:
    """What a method says about a world; `window` is its 90 % interval for the time of the leak, where it gives one."""

    posterior: Posterior
    window: tuple[datetime, datetime] | None = None


@dataclass(frozen=True, slots=True)
class TimeToCertainty:
    """Days until the true source was above `SURE`, from its first mail and from the leak; infinite if it never was."""

    since_mail: float
    since_leak: float


@dataclass(frozen=True, slots=True)
class EarlyWarning:
    """Days until the first spam of a leak: from the first hint of it, and from when a leak was as likely as not.

    Infinite where the spam came first. Any hint is watched; only what is likely becomes a case.
    """

    watched: float = inf
    likely: float = inf


@dataclass(frozen=True, slots=True)
class Score:
    """One method on one world; `bins` are (3, 10): how many marginals, their sum, and how many were true.

    `manners` are the same of the beliefs that a source of a seen leak passed its addresses on.
    """

    kinds: tuple[str, ...]
    visible: bool
    top: float
    right: bool
    true: float
    brier: float
    bins: NDArray[np.float64]
    sure_right: int
    sure_wrong: int
    likely_wrong: int
    alarmed: bool
    years: float
    manners: NDArray[np.float64]
    window: tuple[bool, float] | None = None
    waiting: TimeToCertainty | None = None
    warning: EarlyWarning | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """All that is said of a method on a mix; None where nothing was there to measure.

    Accusations are innocent sources above `LIKELY` and above `SURE` per 1000 canary-years, once in all worlds and once
    in those without a leak; days are medians over the worlds in which the method became sure at all. `warned` is how
    many seen leaks gave a hint before their first spam, `warned_likely` in how many a leak was likely by then.
    """

    worlds: int
    visible: int
    top1: float | None
    top1_visible: float | None
    top1_kinds: dict[str, float]
    log_loss: float | None
    brier: float | None
    ece_top: float | None
    ece_marginals: float | None
    ece_manners: float | None
    wrong_sure: float | None
    precision_sure: float | None
    accused_likely: float | None
    accused_sure: float | None
    calm_likely: float | None
    calm_sure: float | None
    calm_alarmed: float | None
    became_sure: float | None
    days_since_mail: float | None
    days_since_leak: float | None
    warned: float | None
    days_watched: float | None
    warned_likely: float | None
    days_likely: float | None
    window_coverage: float | None
    window_days: float | None


def score(found: ScoredAnswer, world: World, truth: Truth) -> Score:
    """Compare what was found with the truth."""
    believed, true = found.posterior.hypotheses, truth.sources
    # Ties go to the first by name, so that a method cannot win by the order in which it lists them.
    top = max(sorted(believed, key=_named), key=lambda sources: believed[sources])
    share = believed.get(true, 0.0)
    sure = {s for s, p in found.posterior.marginals.items() if p > SURE}
    likely = {s for s, p in found.posterior.marginals.items() if p > LIKELY}
    return Score(
        kinds=tuple(sorted(s.kind.value for s in true)),
        visible=truth.visible,
        top=believed[top],
        right=top == true,
        true=share,
        brier=1 - 2 * share + sum(p * p for p in believed.values()),
        bins=_bins(found.posterior, true),
        manners=_manner_bins(found.posterior, truth),
        sure_right=len(sure & true),
        sure_wrong=len(sure - true),
        likely_wrong=len(likely - true),
        alarmed=1 - believed.get(frozenset(), 0.0) > SURE,
        years=sum((world.now - c.issued) / _YEAR for c in world.canaries if c.vendor is not None),
        window=_window(found, truth),
    )


def time_to_certainty(weigh: Callable[[World], ScoredAnswer], world: World, truth: Truth) -> TimeToCertainty | None:
    """Find when a method became sure of the first of the true sources, looking after each campaign that came in.

    None where no leak was ever seen: there was nothing to wait for.
    """
    seen = sorted((leak for leak in truth.leaks if leak.first is not None), key=lambda leak: leak.first or leak.at)
    if not seen:
        return None
    leak = seen[0]
    first = leak.first or leak.at
    for moment in _moments(world, first):
        if weigh(world_at(world, moment)).posterior.marginals.get(leak.source, 0.0) > SURE:
            return TimeToCertainty((moment - first) / _DAY, (moment - leak.at) / _DAY)
    return TimeToCertainty(inf, inf)


def world_at(world: World, moment: datetime) -> World:
    """Return a world as it was known at an earlier moment."""
    return World(
        now=moment,
        vendors=world.vendors,
        canaries=tuple(c for c in world.canaries if c.issued <= moment),
        hits=tuple(s for s in world.hits if s.at <= moment),
        guess_counts=tuple(_cut(t, moment) for t in world.guess_counts if t.since < moment),
    )


@dataclass(slots=True)
class ScoreSums:
    """Scores summed up as they come, for one method on one mix."""

    counts: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    sums: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    tops: NDArray[np.float64] = field(default_factory=lambda: np.zeros((3, _BINS)))
    marginals: NDArray[np.float64] = field(default_factory=lambda: np.zeros((3, _BINS)))
    manners: NDArray[np.float64] = field(default_factory=lambda: np.zeros((3, _BINS)))
    since_mail: list[float] = field(default_factory=list)
    since_leak: list[float] = field(default_factory=list)
    widths: list[float] = field(default_factory=list)
    watched: list[float] = field(default_factory=list)
    likely: list[float] = field(default_factory=list)

    def add(self, one: Score) -> None:
        """Count one more world."""
        for group in _groups(one):
            self.counts[group] += 1
            self.right[group] += one.right
        self.tops[:, _bin(one.top)] += (1, one.top, one.right)
        self.marginals += one.bins
        self.manners += one.manners
        self.counts["wrong"] += one.top > SURE and not one.right
        self.counts["sure"] += one.sure_right + one.sure_wrong
        self.right["sure"] += one.sure_right
        self.sums["loss"] -= log(max(one.true, _LEAST))
        self.sums["brier"] += one.brier
        for group in ("all", "calm")[: 1 if one.kinds else 2]:
            self.sums[f"{group} years"] += one.years
            self.counts[f"{group} likely"] += one.likely_wrong
            self.counts[f"{group} sure"] += one.sure_wrong
        self.counts["alarmed"] += one.alarmed and not one.kinds
        self._time(one)

    def figures(self) -> Figures:
        """Return what all scores say together."""
        counts, right, worlds = self.counts, self.right, self.counts["all"]
        return Figures(
            worlds=worlds,
            visible=counts["visible"],
            top1=_ratio(right["all"], worlds),
            top1_visible=_ratio(right["visible"], counts["visible"]),
            top1_kinds={k.split()[1]: right[k] / n for k, n in sorted(counts.items()) if k.startswith("kind ")},
            log_loss=_ratio(self.sums["loss"], worlds),
            brier=_ratio(self.sums["brier"], worlds),
            ece_top=_calibration(self.tops),
            ece_marginals=_calibration(self.marginals),
            ece_manners=_calibration(self.manners),
            wrong_sure=_ratio(counts["wrong"], worlds),
            precision_sure=_ratio(right["sure"], counts["sure"]),
            accused_likely=_ratio(1000 * counts["all likely"], self.sums["all years"]),
            accused_sure=_ratio(1000 * counts["all sure"], self.sums["all years"]),
            calm_likely=_ratio(1000 * counts["calm likely"], self.sums["calm years"]),
            calm_sure=_ratio(1000 * counts["calm sure"], self.sums["calm years"]),
            calm_alarmed=_ratio(counts["alarmed"], counts["calm"]),
            became_sure=_ratio(len(self.since_mail), counts["waited"]),
            days_since_mail=_middle(self.since_mail),
            days_since_leak=_middle(self.since_leak),
            warned=_ratio(len(self.watched), counts["warning"]),
            days_watched=_middle(self.watched),
            warned_likely=_ratio(len(self.likely), counts["warning"]),
            days_likely=_middle(self.likely),
            window_coverage=_ratio(right["window"], counts["window"]),
            window_days=_middle(self.widths),
        )

    def _time(self, one: Score) -> None:
        if one.waiting is not None:
            self.counts["waited"] += 1
            if one.waiting.since_mail < inf:
                self.since_mail.append(one.waiting.since_mail)
                self.since_leak.append(one.waiting.since_leak)
        if one.warning is not None:
            self.counts["warning"] += 1
            self.watched += [one.warning.watched] if one.warning.watched < inf else []
            self.likely += [one.warning.likely] if one.warning.likely < inf else []
        if one.window is not None:
            self.counts["window"] += 1
            self.right["window"] += one.window[0]
            self.widths.append(one.window[1])


def _groups(one: Score) -> Iterator[str]:
    yield "all"
    if not one.kinds:
        yield "calm"
    if one.visible:
        yield "visible"
        if len(one.kinds) == 1:
            yield f"kind {one.kinds[0]}"


def _named(sources: frozenset[Source]) -> tuple[int, list[Source]]:
    return len(sources), sorted(sources)


def _bins(posterior: Posterior, true: frozenset[Source]) -> NDArray[np.float64]:
    found = np.zeros((3, _BINS))
    for source, p in posterior.marginals.items():
        found[:, _bin(p)] += (1, p, source in true)
    found[:, 0] += np.array([1, 0, 1]) * len(true - posterior.marginals.keys())
    return found


def _manner_bins(posterior: Posterior, truth: Truth) -> NDArray[np.float64]:
    found = np.zeros((3, _BINS))
    for leak in truth.leaks:
        if leak.first is not None and leak.source in posterior.manners and truth.mix.leaking.passing:
            p = posterior.manners[leak.source][LeakManner.PASSED_ON]
            found[:, _bin(p)] += (1, p, leak.manner is LeakManner.PASSED_ON)
    return found


def _bin(p: float) -> int:
    return min(int(p * _BINS), _BINS - 1)


def _calibration(bins: NDArray[np.float64]) -> float | None:
    counts, believed, true = bins
    return _ratio(float(np.abs(believed - true).sum()), float(counts.sum()))


def _window(found: ScoredAnswer, truth: Truth) -> tuple[bool, float] | None:
    if found.window is None or not truth.visible or len(truth.leaks) != 1:
        return None
    begin, end = found.window
    return begin <= truth.leaks[0].at <= end, (end - begin) / _DAY


def _moments(world: World, first: datetime) -> list[datetime]:
    """Return the moments from a first strike on at which something new is known: each campaign's first mail, and now."""
    begun: dict[str, datetime] = {}
    for strike in world.hits:
        begun.setdefault(strike.campaign, strike.at)
    times = sorted({first, *begun.values()})
    return [*times[bisect_left(times, first) :][: _LOOKS - 1], world.now]


def _cut(counted: GuessCount, moment: datetime) -> GuessCount:
    if counted.until <= moment:
        return counted
    passed = (moment - counted.since) / (counted.until - counted.since)
    return replace(counted, until=moment, count=round(counted.count * passed))


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _middle(values: list[float]) -> float | None:
    return median(values) if values else None
