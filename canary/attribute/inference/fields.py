"""Which of the persona's facts leaked: that one did is soon near-certain, that one did not only ever grows slowly."""

from collections.abc import Iterable
from math import exp, log

from canary.attribute.null_model import ObservedSending
from canary.attribute.priors import Rates

PRIOR = 0.5


def field_leaked(used: int, sendings: int, rates: Rates) -> float:
    """Return the probability that a field leaked, when so many of the sendings repeat it.

    A source that has a field uses it in about one sending of three (`field_used`); any other meets it by accident only.
    """
    odds = used * log(rates.field_used / rates.field_chance)
    odds += (sendings - used) * log((1 - rates.field_used) / (1 - rates.field_chance))
    return PRIOR / (PRIOR + (1 - PRIOR) * exp(min(-odds, 700.0)))


def fields_leaked(sendings: Iterable[ObservedSending], known: frozenset[str], rates: Rates) -> dict[str, float]:
    """Return for each field that went with the addresses hit the probability that it leaked with them."""
    seen = list(sendings)
    return {field: field_leaked(sum(field in s.fields for s in seen), len(seen), rates) for field in sorted(known)}
