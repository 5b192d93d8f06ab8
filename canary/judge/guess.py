"""Could the address have been guessed? The arithmetic against the standard denial."""

import math


def guess_probability(bits: float, attempts: int) -> float:
    """Return the probability that one of so many attempts met an address of so many bits (union bound)."""
    return min(1.0, (attempts + 1) * math.exp2(-bits))


def odds(probability: float) -> str:
    """Say a small probability in words: `1 in 10^13`, or `1 in 250` where that is shorter."""
    if probability <= 0:
        return "impossible"
    chances = 1 / probability
    return f"1 in 10^{math.floor(math.log10(chances))}" if chances >= 1_000_000 else f"1 in {round(chances):,}"
