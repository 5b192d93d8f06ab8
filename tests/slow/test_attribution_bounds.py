"""What was promised of attribution, on fewer simulated worlds than `canary simulate` takes."""

import pytest

from canary.attribute.evaluation.benchmark import OURS, BenchmarkBatch, score_batch
from canary.attribute.evaluation.scoring import Figures, ScoreSums

pytestmark = pytest.mark.slow
SEED = 3


def figures(mix: str, worlds: int) -> Figures:
    sums = ScoreSums()
    # In worlds of odd numbers nobody is asked again and again when he became sure.
    for _, one in score_batch(BenchmarkBatch(mix, SEED, range(1, 2 * worlds, 2), (OURS,))):
        sums.add(one)
    return sums.figures()


def test_most_visible_leaks_are_laid_to_the_right_source_and_nobody_is_accused_wrongly() -> None:
    found = figures("standard", 60)
    # The promise is .79 and 1.45 over 2,000 worlds; of sixty a dozen have a leak that can be seen.
    assert (found.top1_visible or 0) >= 0.7
    assert (found.log_loss or 9) <= 1.6
    assert (found.wrong_sure, found.accused_sure) == (0, 0)


def test_of_two_leaks_at_once_who_is_named_leaked() -> None:
    assert (figures("two-leaks", 16).precision_sure or 0) >= 0.99


@pytest.mark.parametrize("mix", ["low-coverage", "edges-missing"])
def test_where_the_model_is_wrong_it_is_not_sure_and_wrong(mix: str) -> None:
    found = figures(mix, 30)
    assert found.wrong_sure == 0
    assert (found.ece_marginals or 1) <= 0.01


@pytest.mark.parametrize("mix", ["passed-on", "passed-on-rates-x3", "two-ways"])
def test_lost_is_told_from_passed_on(mix: str) -> None:
    found = figures(mix, 24)
    # The promise is .05 (.1 with wrong rates) over 2,000 worlds; of so few some are wrong by chance.
    assert (found.ece_manners or 1) <= 0.15


@pytest.mark.parametrize("mix", ["agents", "few-tenants"])
def test_nobody_is_surely_accused_where_partners_are_unnamed_or_accounts_few(mix: str) -> None:
    assert figures(mix, 16).wrong_sure == 0


def test_lists_that_are_tried_out_give_days_of_warning() -> None:
    sums = ScoreSums()
    for _, one in score_batch(BenchmarkBatch("validated", SEED, range(1, 40, 2), (OURS,))):
        sums.add(one)
    found = sums.figures()
    assert found.warned
    assert (found.days_watched or 0) > 1
