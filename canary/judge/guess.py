"""Could the address have been guessed? The arithmetic that answers the standard denial."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from canary.judge.confidence import LEAK_RATE
from canary.judge.localpart import SPACE_BITS, shape_of
from canary.model.attempt import LocalShape
from canary.model.canary import Canary

RANDOM_BITS = 30
"""Addresses with at least so many bits were drawn at random; others were thought up by a person."""

HARD = 1e-6


@dataclass(frozen=True, slots=True)
class Chance:
    """The probability that an address was guessed, after how many guesses at its domain.

    `shape` is given where that is an estimate: the kind of the address; `tried` counts the guesses of that kind.
    """

    p: float
    attempts: int
    tried: int = 0
    shape: LocalShape = LocalShape.UNKNOWN

    @property
    def hard(self) -> bool:
        """Whether guessing is out of the question."""
        return self.p < HARD and self.shape is LocalShape.UNKNOWN

    @property
    def leaked(self) -> float:
        """The probability that an address which strangers write to was lost rather than guessed.

        Before any mail, a loss is as likely as with vendors in general, and a guess as likely as the arithmetic says.
        """
        return LEAK_RATE / (LEAK_RATE + (1 - LEAK_RATE) * self.p)


def chance_of_guess(canary: Canary, attempts: int, shapes: Mapping[str, int]) -> Chance:
    """Return how likely it is that a canary was guessed, by its bits, or by the shapes of the guesses seen.

    `attempts` counts all guesses at its domain, `shapes` those of each shape.
    """
    if canary.bits >= RANDOM_BITS:
        return Chance(guess_probability(canary.bits, attempts), attempts)
    shape = shape_of(canary.address.rpartition("@")[0])
    # Guesses whose shape was not recorded may all have been of this one.
    tried = min(attempts, shapes.get(shape, 0) + shapes.get(LocalShape.UNKNOWN, 0))
    return Chance(guess_probability(min(canary.bits, SPACE_BITS[shape]), tried), attempts, tried, shape)


def guess_probability(bits: float, attempts: int) -> float:
    """Return the probability that one of so many guesses, and one more, met an address of so many bits.

    Each guess meets it with 2^-bits: anyone who guesses is assumed to know how the address was made.
    """
    each = math.exp2(-max(bits, 0))
    return -math.expm1((attempts + 1) * math.log1p(-each)) if each < 1 else 1.0


def odds(probability: float) -> str:
    """Return a small probability in words: `1 in 10^13`, or `1 in 250` where that is shorter."""
    if probability <= 0:
        return "impossible"
    chances = 1 / probability
    return f"1 in 10^{math.floor(math.log10(chances))}" if chances >= 1_000_000 else f"1 in {round(chances):,}"
