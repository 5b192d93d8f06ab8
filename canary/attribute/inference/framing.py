"""What one who knows a few addresses can bring about to frame a supplier, and how far that is believed.

Addresses that can be guessed, or that their vendors show, can be known without any leak, and so can two random ones:
two vendors may put together what each was given. One text to them costs nothing and looks like a leak of whom these
vendors share. So one sending that proves no sender makes no supplier likelier than not; a second one does, and so does
a fact of the persona, which went nowhere else. Three random addresses of three vendors nobody has but one who leaked, or
three vendors that conspire; that is no chance, and counts in full.
"""

from collections.abc import Sequence
from dataclasses import replace

from canary.attribute.null_model import HINT_ODDS, ObservedSending
from canary.attribute.world import NO_LEAK, CanaryFacts, Posterior
from canary.model.case import SuspectKind, percent

MOST_KNOWN = 4
"""So many addresses that are shown or can be guessed may be known one by one; more are a list."""

MOST_RANDOM = 2
"""So many others may be known without a leak."""

_GUESSABLE_BITS = 40.0
"""Addresses of fewer bits are no proof of who was given them."""

CAP = 0.5
"""The most that such a sending makes of all suppliers together."""


def caution(sendings: Sequence[ObservedSending], canaries: Sequence[CanaryFacts]) -> str:
    """Return in a sentence why no supplier is likelier than not, or nothing where that does not hold."""
    sent = [sending for sending in sendings if sending.crime > HINT_ODDS]
    if len(sent) != 1 or sent[0].proven or sent[0].fields:
        return ""
    hit = [canary for canary in canaries if canary.id in sent[0].mark]
    vendors = {canary.vendor for canary in hit if canary.vendor is not None}
    random = sum(canary.bits >= _GUESSABLE_BITS and not canary.published for canary in hit)
    if len(vendors) < 2 or len(hit) > MOST_KNOWN or random > MOST_RANDOM or None in {c.vendor for c in hit}:
        return ""
    return (
        f"All of it is one sending that proves no sender, to {len(hit)} addresses that somebody may know without a leak:"
        f" until another sending comes, no supplier counts for more than {percent(CAP)}."
    )


def capped(posterior: Posterior) -> Posterior:
    """Return what is believed with all suppliers together at the cap; the rest of theirs is no leak."""
    supplied = {sources for sources in posterior.hypotheses if any(s.kind is SuspectKind.SUPPLIER for s in sources)}
    held = sum(posterior.hypotheses[sources] for sources in supplied)
    if held <= CAP:
        return posterior
    part = CAP / held
    joint = {sources: p * part if sources in supplied else p for sources, p in posterior.hypotheses.items()}
    joint[NO_LEAK] = joint.get(NO_LEAK, 0.0) + held - CAP
    lost = {
        source: (1 - part) * sum(posterior.hypotheses[sources] for sources in supplied if source in sources)
        for source in posterior.marginals
    }
    marginals = {source: max(0.0, p - lost[source]) for source, p in posterior.marginals.items()}
    behind = {s: p * part if s.kind is SuspectKind.SUPPLIER else p for s, p in posterior.behind.items()}
    leak = max(0.0, posterior.leak - sum(posterior.behind[s] - p for s, p in behind.items()))
    return replace(posterior, hypotheses=joint, marginals=marginals, behind=behind, leak=leak)
