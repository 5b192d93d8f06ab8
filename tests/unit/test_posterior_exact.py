"""The fast path against the listing of everything."""

from itertools import combinations
from random import Random

import pytest

from canary.attribute.inference.evidence import EvidenceModel
from canary.attribute.inference.posterior import conclude, log_ratio_of_two
from tests import enumeration
from tests.tiny_worlds import tiny_rates, tiny_world


def _agrees(seed: int) -> None:
    random = Random(seed)
    inquiry = EvidenceModel(tiny_world(random), tiny_rates(random))
    for source in inquiry.holdings:
        fast = inquiry.evidence(source, inquiry.possible(source)).log_ratio
        assert fast == pytest.approx(enumeration.log_ratio(inquiry, source), abs=1e-9)
    for one, other in combinations(inquiry.holdings, 2):
        if inquiry.within(one) & inquiry.within(other):
            slow = enumeration.log_ratio_of_two(inquiry, one, other)
            assert log_ratio_of_two(inquiry, one, other) == pytest.approx(slow, abs=1e-9)
    assert sum(conclude(inquiry).hypotheses.values()) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("seed", range(12))
def test_the_fast_path_gives_what_listing_every_dump_and_every_choice_gives(seed: int) -> None:
    _agrees(seed)


@pytest.mark.slow
def test_the_fast_path_agrees_with_the_listing_on_five_hundred_tiny_worlds() -> None:
    for seed in range(500):
        _agrees(seed)
