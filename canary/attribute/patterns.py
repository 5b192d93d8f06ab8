"""The ways in which a source's addresses get to others, and what each of them brings.

A stolen list brings crime, in campaigns that come and go. A list that was passed on, or stolen and sold to such senders,
brings proven bulk senders that keep coming, one after the other. A source leaks in one of these ways; the evidence for
it is the sum over them, and what each contributes tells how it happened.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import sqrt

from canary.attribute.null_model import ObservedSending
from canary.attribute.priors import Rates
from canary.model.case import LeakManner


@dataclass(frozen=True, slots=True)
class LeakPattern:
    """One way: its rates, and how much likelier the content of a sending is with it than from somebody lawful."""

    manner: LeakManner
    rates: Rates
    content: Callable[[ObservedSending], float]


def leak_patterns(rates: Rates) -> tuple[LeakPattern, ...]:
    """Return the ways in the order of `shares`."""
    bought = replace(rates, campaigns=rates.buyers, delays=rates.buyer_delays, reach=rates.bought)
    return (
        LeakPattern(LeakManner.LOST, rates, _crime),
        LeakPattern(LeakManner.LOST, bought, _resold),
        LeakPattern(LeakManner.PASSED_ON, replace(bought, coverage=rates.handed), _trade),
    )


def shares(hazard: float, passing: float, rates: Rates) -> tuple[float, ...]:
    """Return how likely each way is, once a source with these hazards of losing and passing on has leaked."""
    lost = hazard / (hazard + passing) if hazard + passing > 0 else 1.0
    return lost * (1 - rates.resold), lost * rates.resold, 1 - lost


def _crime(sending: ObservedSending) -> float:
    return sending.crime


def _resold(sending: ObservedSending) -> float:
    """A stolen list that is sold still brings crime beside the bulk: half of what it weighs where there is nothing else."""
    return max(sending.trade, sqrt(sending.crime))


def _trade(sending: ObservedSending) -> float:
    return sending.trade
