"""The guilt model of Papadimitriou and Garcia-Molina (Data Leakage Detection, TKDE 23(1), 2011), in closed form."""

from collections.abc import Hashable, Mapping, Set
from math import prod
from typing import TypeVar

Agent = TypeVar("Agent", bound=Hashable)


def guilt(holdings: Mapping[Agent, Set[Hashable]], leaked: Set[Hashable], p: float) -> dict[Agent, float]:
    """Return for each agent the probability that it gave away any leaked object, were each guessed with probability p.

    Each object that was not guessed has one leaker, any of its holders alike; objects that did not leak say nothing.
    """
    holders = {thing: sum(thing in held for held in holdings.values()) for thing in leaked}
    return {
        agent: 1.0 - prod(1.0 - (1.0 - p) / holders[thing] for thing in held & leaked)
        for agent, held in holdings.items()
    }
