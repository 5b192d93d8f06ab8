"""Figures of merit on examples small enough to check by hand."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf, log

import pytest

from canary.attribute.evaluation.scenarios import MIXES
from canary.attribute.evaluation.scoring import (
    EarlyWarning,
    Figures,
    Score,
    ScoredAnswer,
    ScoreSums,
    TimeToCertainty,
    score,
    time_to_certainty,
    world_at,
)
from canary.attribute.evaluation.simulate import Leak, Truth
from canary.attribute.evaluation.warning import early_warning
from canary.attribute.world import NO_LEAK, CampaignHit, CanaryFacts, GuessCount, Posterior, Source, VendorFacts, World
from canary.model.case import LeakManner, SuspectKind

NOW = datetime(2026, 1, 1, tzinfo=UTC)
START = NOW - timedelta(days=365.25)
A, B, ESP = (Source(SuspectKind.VENDOR, "a"), Source(SuspectKind.VENDOR, "b"), Source(SuspectKind.SUPPLIER, "esp"))


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def hit(number: float, campaign: str) -> CampaignHit:
    return CampaignHit("1", day(number), campaign, "spam", 0.9)


WORLD = World(
    NOW,
    (VendorFacts("a"), VendorFacts("b")),
    (CanaryFacts("1", "d", "a", START), CanaryFacts("2", "d", "b", START), CanaryFacts("3", "d", None, START)),
    (hit(110, "k1"), hit(120, "k2"), hit(120.5, "k2"), hit(130, "k3")),
    (GuessCount("d", START, day(100), 50), GuessCount("d", day(100), day(200), 80)),
)


FIRST = day(110)


def truth(*sources: Source, first: datetime | None = FIRST) -> Truth:
    leaks = tuple(Leak(s, day(100), 0.5, 3, frozenset(), frozenset(), first) for s in sources)
    return Truth(MIXES["standard"], leaks, {}, (0.5,))


def believing(beliefs: dict[frozenset[Source], float], window: tuple[datetime, datetime] | None = None) -> ScoredAnswer:
    marginals = {s: sum(p for sources, p in beliefs.items() if s in sources) for s in (A, B, ESP)}
    return ScoredAnswer(Posterior(beliefs, marginals), window)


def scored(p: float, *sources: Source, first: datetime | None = FIRST) -> Score:
    """Score the belief that vendor a leaked with probability p, and nobody otherwise."""
    return score(believing({NO_LEAK: 1 - p, frozenset({A}): p}), WORLD, truth(*sources, first=first))


def figures(scores: Iterable[Score]) -> Figures:
    sums = ScoreSums()
    for one in scores:
        sums.add(one)
    return sums.figures()


def test_the_most_probable_set_is_right_only_if_it_equals_the_true_set() -> None:
    assert scored(0.7, A).right
    assert not scored(0.7, A, ESP).right
    assert scored(0.3).right


def test_brier_counts_every_hypothesis_and_a_true_set_nobody_thought_of() -> None:
    assert scored(0.7, A).brier == pytest.approx(0.3**2 + 0.3**2)
    assert scored(0.7, ESP).brier == pytest.approx(0.7**2 + 0.3**2 + 1)


def test_top_1_is_told_over_all_over_visible_leaks_and_by_kind() -> None:
    found = figures([scored(0.7, A), scored(0.7, ESP), scored(0.2, A, first=None), scored(0.2)])
    assert (found.worlds, found.visible, found.top1, found.top1_visible) == (4, 2, 0.5, 0.5)
    assert found.top1_kinds == {"vendor": 1.0, "supplier": 0.0}


def test_log_loss_is_of_the_true_set_and_bounded() -> None:
    assert figures([scored(0.7, A)]).log_loss == pytest.approx(-log(0.7))
    assert figures([scored(0.7, ESP)]).log_loss == pytest.approx(-log(1e-6))


def test_calibration_error_of_the_top_is_the_gap_between_belief_and_success() -> None:
    assert figures([scored(0.7, A), scored(0.7, ESP)]).ece_top == pytest.approx(0.2)
    assert figures([scored(0.95, A), scored(0.65, ESP)]).ece_top == pytest.approx((0.05 + 0.65) / 2)


def test_calibration_error_of_marginals_counts_every_source() -> None:
    assert figures([scored(0.7, A)]).ece_marginals == pytest.approx(0.3 / 3)


def test_a_true_source_that_no_marginal_names_counts_as_believed_impossible() -> None:
    stranger = Source(SuspectKind.OWNER)
    assert figures([scored(0.0, stranger)]).ece_marginals == pytest.approx(1 / 4)


def test_only_wrong_answers_above_nine_tenths_are_confidently_wrong() -> None:
    assert figures([scored(0.95, ESP), scored(0.95, A), scored(0.85, ESP), scored(0.5, A)]).wrong_sure == 0.25


def test_precision_is_of_sources_above_nine_tenths() -> None:
    assert figures([scored(0.95, A), scored(0.95, A), scored(0.95, B), scored(0.8, B)]).precision_sure == 2 / 3
    assert figures([scored(0.8, A)]).precision_sure is None


def test_innocents_are_counted_for_a_thousand_canary_years() -> None:
    found = figures([scored(0.95), scored(0.6), scored(0.6, ESP), scored(0.95, A)])
    # Each world has two canaries for a year; its decoy is nobody's.
    assert [found.accused_likely, found.accused_sure] == pytest.approx([3000 / 8, 1000 / 8])
    assert [found.calm_likely, found.calm_sure] == pytest.approx([2000 / 4, 1000 / 4])
    assert found.calm_alarmed == 0.5


def test_days_are_medians_over_the_worlds_where_the_method_became_sure() -> None:
    one = scored(0.95, A)
    found = figures([replace(one, waiting=TimeToCertainty(days, days + 10)) for days in (1.0, 3.0, 8.0, inf)])
    assert (found.became_sure, found.days_since_mail, found.days_since_leak) == (0.75, 3.0, 13.0)


def _warned(first: float, hinted: float | None, likely_from: float = 999) -> EarlyWarning | None:
    """What is warned of a leak of A seen at one day and hinted at another, by who believes in it from a day on."""
    leak = replace(truth(A).leaks[0], first=day(first), hinted=None if hinted is None else day(hinted))
    tries = (
        [CampaignHit("1", day(hinted + n), f"try {n}", "probe", 0.5) for n in range(3)] if hinted is not None else []
    )

    def weigh(earlier: World) -> ScoredAnswer:
        return believing({NO_LEAK: 0.3, frozenset({A}): 0.7} if earlier.now >= day(likely_from) else {NO_LEAK: 1.0})

    return early_warning(weigh, replace(WORLD, hits=(*tries, hit(first, "k"))), replace(truth(A), leaks=(leak,)))


def test_the_lead_is_counted_from_the_first_hint_and_from_when_a_leak_was_likely() -> None:
    assert _warned(120, 100, likely_from=101.5) == EarlyWarning(20.0, 18.0)
    assert _warned(120, 100) == EarlyWarning(20.0, inf)


@pytest.mark.parametrize("hinted", [None, 130])
def test_a_hint_after_the_spam_or_none_is_no_warning(hinted: float | None) -> None:
    assert _warned(120, hinted) == EarlyWarning(inf, inf)


def test_leads_are_medians_over_the_leaks_that_were_hinted_at() -> None:
    one = scored(0.95, A)
    leads = [EarlyWarning(9.0, 4.0), EarlyWarning(5.0, inf), EarlyWarning(7.0, 2.0), EarlyWarning()]
    found = figures([replace(one, warning=lead) for lead in leads])
    assert (found.warned, found.days_watched, found.warned_likely, found.days_likely) == (0.75, 7.0, 0.5, 3.0)


def test_lost_is_told_from_passed_on_only_of_leaks_that_were_seen() -> None:
    mix = MIXES["passed-on"]
    passed = replace(truth(A), mix=mix, leaks=(replace(truth(A).leaks[0], manner=LeakManner.PASSED_ON),))
    sure = {A: {LeakManner.LOST: 0.1, LeakManner.PASSED_ON: 0.9}}
    answer = ScoredAnswer(Posterior({frozenset({A}): 1.0}, {A: 1.0}, manners=sure))
    assert figures([score(answer, WORLD, passed)]).ece_manners == pytest.approx(0.1)
    unseen = replace(passed, leaks=(replace(passed.leaks[0], first=None),))
    assert figures([score(answer, WORLD, unseen)]).ece_manners is None


def test_a_window_is_scored_where_one_leak_was_seen() -> None:
    beliefs = {frozenset({A}): 1.0}
    good = score(believing(beliefs, (day(90), day(110))), WORLD, truth(A))
    bad = score(believing(beliefs, (day(101), day(111))), WORLD, truth(A))
    unseen = score(believing(beliefs, (day(90), day(110))), WORLD, truth(A, first=None))
    found = figures([good, bad, unseen])
    assert (found.window_coverage, found.window_days) == (0.5, 15.0)


def test_ties_are_broken_by_name_and_not_by_order() -> None:
    tied = {frozenset({B}): 0.5, frozenset({A}): 0.5}
    assert score(believing(tied), WORLD, truth(A)).right
    assert not score(believing(tied), WORLD, truth(B)).right


def test_nothing_measured_is_nothing_said() -> None:
    found = figures([])
    assert {found.top1, found.log_loss, found.ece_top, found.accused_sure, found.days_since_mail} == {None}


def growing(world: World) -> ScoredAnswer:
    """Become surer of vendor a by .3 with each campaign."""
    p = min(0.3 * len({s.campaign for s in world.hits}) + 0.05, 1.0)
    return believing({frozenset({A}): p, NO_LEAK: 1 - p})


def test_a_method_is_asked_again_after_each_campaign_until_it_is_sure() -> None:
    assert time_to_certainty(growing, WORLD, truth(A)) == TimeToCertainty(20.0, 30.0)


def test_who_never_becomes_sure_waits_for_ever_and_without_a_mail_nobody_waits() -> None:
    assert time_to_certainty(growing, WORLD, truth(B)) == TimeToCertainty(inf, inf)
    assert time_to_certainty(growing, WORLD, truth(A, first=None)) is None


def test_an_earlier_world_knows_only_what_had_happened() -> None:
    earlier = world_at(replace(WORLD, canaries=(*WORLD.canaries, CanaryFacts("4", "d", "a", day(140)))), day(125))
    assert [s.campaign for s in earlier.hits] == ["k1", "k2", "k2"]
    assert [c.id for c in earlier.canaries] == ["1", "2", "3"]
    assert earlier.guess_counts == (WORLD.guess_counts[0], GuessCount("d", day(100), day(125), 20))
