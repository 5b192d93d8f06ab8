"""The guilt model gives the figures of its paper's scenarios."""

import pytest

from canary.attribute.evaluation.guilt import guilt

OBJECTS = frozenset(range(16))
AGENTS = {"U1": OBJECTS, "U2": frozenset(range(8))}


@pytest.mark.parametrize(
    ("p", "first", "second"),
    [
        (0.0, 1.00000, 0.99609),
        (0.1, 1.00000, 0.99163),
        (0.2, 1.00000, 0.98320),
        (0.4, 0.99996, 0.94235),
        (0.5, 0.99961, 0.89989),
        (0.6, 0.99718, 0.83223),
        (0.8, 0.92778, 0.56953),
        (0.9, 0.71442, 0.33658),
    ],
)
def test_an_agent_with_all_objects_and_one_with_half_of_them(p: float, first: float, second: float) -> None:
    found = guilt(AGENTS, OBJECTS, p)
    assert (round(found["U1"], 5), round(found["U2"], 5)) == (first, second)


def test_two_agents_that_share_one_of_three_objects_are_equally_guilty() -> None:
    found = guilt({1: {"t1", "t2"}, 2: {"t1", "t3"}}, {"t1", "t2", "t3"}, 0.2)
    assert found == {1: pytest.approx(0.88), 2: pytest.approx(0.88)}


def test_who_holds_nothing_that_leaked_is_innocent() -> None:
    assert guilt({1: {"a"}, 2: {"b"}}, {"a"}, 0.1)[2] == 0
