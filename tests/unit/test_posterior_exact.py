"""The fast path against the listing of everything."""

from itertools import combinations
from random import Random

import pytest

from canary.attribute.inference.evidence import EvidenceModel
from canary.attribute.inference.posterior import compute_posterior, joint_log_ratio
from tests import enumeration
from tests.tiny_worlds import tiny_rates, tiny_world


def _agrees(seed: int) -> None:
    random = Random(seed)
    model = EvidenceModel(tiny_world(random), tiny_rates(random))
    for source in model.holdings:
        fast = model.source_evidence(source, model.possible_sendings(source)).log_ratio
        assert fast == pytest.approx(enumeration.log_ratio(model, source), abs=1e-9)
    every = frozenset(s.id for s in model.sendings)
    for one, other in combinations(model.holdings, 2):
        if model.plausible_sendings(one) & model.plausible_sendings(other):
            slow = enumeration.log_ratio_of_two(model, one, other)
            assert joint_log_ratio(model, one, other, every) == pytest.approx(slow, abs=1e-9)
    posterior = compute_posterior(model)
    assert sum(posterior.hypotheses.values()) == pytest.approx(1.0, abs=1e-9)
    # Pairs are left out of a posterior below 1e-4 of the best hypothesis each.
    assert posterior.leak == pytest.approx(enumeration.leak_behind(model), abs=3e-4)
    assert max(posterior.behind.values()) <= posterior.leak + 1e-9 <= sum(posterior.behind.values()) + 2e-9


@pytest.mark.parametrize("seed", range(4))
def test_the_fast_path_gives_what_listing_every_dump_and_every_choice_gives(seed: int) -> None:
    _agrees(seed)


# In many steps, as files with many tests are begun first: the listing of all takes five minutes.
@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 500, 5))
def test_the_fast_path_agrees_with_the_listing_on_five_hundred_tiny_worlds(first: int) -> None:
    for seed in range(first, first + 5):
        _agrees(seed)
