"""The arithmetic against the denial that an address was guessed."""

from dataclasses import replace

import pytest

from canary.judge.guess import chance_of_guess, guess_probability, odds
from canary.model.canary import Canary, CanaryState, Style
from tests.conftest import START

RANDOM = Canary(1, "shop-x7k2m9@in.example", "shop", "signup", 1, Style.TAGGED, 65, CanaryState.ACTIVE, START)
THOUGHT_OF = replace(RANDOM, address="cobbler@in.example", bits=14)


@pytest.mark.parametrize(
    ("bits", "attempts", "p"),
    [(65, 40_000, 1.084e-15), (40, 1_000_000, 9.09e-7), (20, 1_000_000, 0.615), (0, 0, 1.0), (-3, 5, 1.0), (1, 0, 0.5)],
)
def test_so_many_guesses_meet_an_address_of_so_many_bits_with_this_probability(
    bits: float, attempts: int, p: float
) -> None:
    assert guess_probability(bits, attempts) == pytest.approx(p, rel=0.01)


@pytest.mark.parametrize(
    ("p", "said"),
    [(1e-13, "1 in 10^13"), (1 / 250, "1 in 250"), (1.0, "1 in 1"), (0.0, "impossible"), (1e-6, "1 in 10^6")],
)
def test_odds_are_said_in_words(p: float, said: str) -> None:
    assert odds(p) == said


def test_a_random_address_is_out_of_reach_whatever_is_tried() -> None:
    chance = chance_of_guess(RANDOM, 40_000, {"word": 40_000})
    assert (chance.hard, chance.shape) == (True, "")
    assert chance.leaked == pytest.approx(1.0)


def test_for_an_address_somebody_thought_of_only_guesses_of_its_shape_count() -> None:
    names, words = (
        chance_of_guess(THOUGHT_OF, 9_000, {"name": 9_000}),
        chance_of_guess(THOUGHT_OF, 9_000, {"word": 9_000}),
    )
    assert (names.tried, words.tried) == (0, 9_000)
    assert (names.p < 0.001, words.p > 0.4) == (True, True)
    assert not names.hard


def test_guesses_without_a_recorded_shape_count_against_us() -> None:
    assert chance_of_guess(THOUGHT_OF, 9_000, {"": 8_000, "word": 500}).tried == 8_500


def test_the_more_guesses_the_less_is_charged_to_the_vendor() -> None:
    charged = [chance_of_guess(THOUGHT_OF, n, {"word": n}).leaked for n in (0, 100, 1_000, 10_000, 1_000_000)]
    assert charged == sorted(charged, reverse=True)
    assert charged[0] > 0.99
    assert charged[-1] == pytest.approx(0.04, abs=0.001)
