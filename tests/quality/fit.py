"""Counts the signs of a mail on labelled mail, and draws the counts towards the set weights. Pure.

A sign that few mails have must not get an absurd weight from them. So its set weight counts as `PRIOR_MAILS` mails that
have the sign, of the vendor's own and of others in the proportion that the weight says (a beta prior); what was counted
comes on top. Where nothing was counted the set weight stays as it is, and with every mail that was it counts for less.
"""

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from random import Random

from canary.judge.signs import SIGNS, Sign, SignWeight

PRIOR_MAILS = 10

_SHRUNKEN = re.compile(r"shrunken from (-?[\d.]+)")

_TIME = "in a stream of two weeks no address is old"
_PROOF = "what is proven or what the owner said is not counted"
_SHOPS = "shops, couriers, payment and survey services do not write in the streams"
_BODIES = "strangers in the streams are public bodies too"

LEFT_SET: Mapping[Sign, str] = {
    **dict.fromkeys((Sign.FIRST_DAY, Sign.FIRST_FORTNIGHT, Sign.FIRST_WEEKS), _TIME),
    **dict.fromkeys((Sign.OWN_NAME_PROVEN, Sign.KNOWN_ACCOUNT, Sign.REFUSED), _PROOF),
    **dict.fromkeys((Sign.SPEAKS, Sign.PLATFORM, Sign.CONFIRMS, Sign.PENDING, Sign.OTHER_ACCOUNT), _SHOPS),
    Sign.PUBLIC_BODY: _BODIES,
}
"""The signs on which labelled streams say nothing, each with the reason: their weights stay as they are set."""


@dataclass(frozen=True, slots=True)
class SignCount:
    """In how many of the vendors' own mails a sign stands, and in how many of others."""

    own: int
    of_own: int
    others: int
    of_others: int

    @property
    def log_odds(self) -> float:
        """The log-odds as counted, half a mail added on each side."""
        return math.log((self.own + 0.5) / (self.of_own + 1)) - math.log((self.others + 0.5) / (self.of_others + 1))

    def shrunken(self, prior: float, mails: float = PRIOR_MAILS) -> float:
        """Return the log-odds drawn towards a set weight, which counts as so many mails that have the sign."""
        if not (self.of_own and self.of_others):
            return prior
        among = math.log(self.of_own / self.of_others)
        expected_own = mails / (1 + math.exp(-(prior + among)))
        return math.log((self.own + expected_own) / (self.others + mails - expected_own)) - among

    def words(self) -> str:
        """Return the counts as the source of a weight says them."""
        return f"{self.own} of {self.of_own} own, {self.others} of {self.of_others} others"


def count_signs(labelled: Iterable[tuple[bool, Collection[Sign]]]) -> dict[Sign, SignCount]:
    """Count all signs, given for each mail whether it is the vendor's own and which signs it has."""
    mails, stands = Counter[bool](), {True: Counter[Sign](), False: Counter[Sign]()}
    for own, signs in labelled:
        mails[own] += 1
        stands[own].update(set(signs))
    return {sign: SignCount(stands[True][sign], mails[True], stands[False][sign], mails[False]) for sign in Sign}


def set_weight(weight: SignWeight) -> float:
    """Return the weight as it was set before anything was counted."""
    counted_from = _SHRUNKEN.search(weight.source)
    return float(counted_from[1]) if counted_from else weight.log_odds


def fitted(counts: Mapping[Sign, SignCount], table: Mapping[Sign, SignWeight] = SIGNS) -> dict[Sign, SignWeight]:
    """Return a table of weights with what was counted, drawn towards those that a table was set to; what is left set is kept."""
    return {sign: weight if sign in LEFT_SET else _fitted(weight, counts[sign]) for sign, weight in table.items()}


def _fitted(weight: SignWeight, count: SignCount) -> SignWeight:
    prior = set_weight(weight)
    source = f"counted: {count.words()}, shrunken from {prior:g}"
    return replace(weight, log_odds=count.shrunken(prior), source=source)


def folds(vendors: Iterable[str], count: int, seed: int) -> list[frozenset[str]]:
    """Split vendors into so many groups of nearly equal size, by chance."""
    drawn = sorted(set(vendors))
    Random(seed).shuffle(drawn)
    return [frozenset(drawn[start::count]) for start in range(count)]
