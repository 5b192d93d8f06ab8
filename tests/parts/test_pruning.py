"""What attribution leaves out to be fast changes no probability by more than docs/mathematics.md allows."""

from functools import cache
from types import ModuleType

import pytest

from canary.attribute.evaluation.benchmark import draw_world
from canary.attribute.inference import likelihood, posterior, subset_sum
from canary.attribute.inference.evidence import EvidenceModel
from canary.attribute.inference.posterior import compute_posterior
from canary.attribute.priors import Rates
from canary.attribute.world import Posterior, World

pytestmark = pytest.mark.slow

WORLDS = (("standard", 0), ("standard", 1), ("two-leaks", 0), ("two-leaks", 1), ("accounts", 0), ("rotation", 0))
LIMITS = [
    (likelihood, "_NEGLIGIBLE", 60.0, 1e-9),
    (subset_sum, "_NEGLIGIBLE", 92.0, 1e-9),
    (subset_sum, "_ROWS", 1200, 0.01),
    (subset_sum, "_MANY", 16384, 0.01),
    (posterior, "_SHARED", 6, 0.01),
    (posterior, "_HOPELESS", 32.0, 1e-5),
    (posterior, "_COSTLY", 16.0, 0.01),
    (posterior, "_WORK", 4000, 0.01),
    (posterior, "_LISTED", 4000, 1e-9),
    (posterior, "_LEAST", 0.0, 1e-9),
]
"""Each limit with a far wider one, and the most that this may change in the probability of any source."""


@cache
def simulated(mix: str, number: int) -> World:
    return draw_world(mix, 1, number)[0]


def believed(mix: str, number: int) -> Posterior:
    return compute_posterior(EvidenceModel(simulated(mix, number), Rates()))


@cache
def believed_usually(mix: str, number: int) -> Posterior:
    return believed(mix, number)


@pytest.mark.parametrize(
    ("module", "name", "wider", "allowed"), LIMITS, ids=lambda value: getattr(value, "__name__", value)
)
def test_a_far_wider_limit_changes_no_probability_by_more_than_is_stated(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str, wider: float, allowed: float
) -> None:
    usual = {world: believed_usually(*world) for world in WORLDS}
    monkeypatch.setattr(module, name, wider)
    for world, before in usual.items():
        after = believed(*world)
        assert before.marginals.keys() == after.marginals.keys()
        assert max(abs(p - after.marginals[source]) for source, p in before.marginals.items()) <= allowed
