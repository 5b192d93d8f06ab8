"""How sure a verdict is: one table of odds, each with what it rests on, and the one way to combine them.

The confidence of a verdict is a probability: that the mail is of the kind that the verdict says (charged to the
vendor, the vendor's own, an answer, ...). It starts with the odds of its rule and each reason multiplies them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

from canary.model.verdict import Reason, Verdict

CERTAIN = 0.999
"""No verdict about a mail of strangers is surer than this."""

LEAK_RATE = 0.04
"""How many addresses are lost by their vendor over the years: 4 %, from a log of unique addresses kept for ten years."""


@dataclass(frozen=True, slots=True)
class Weight:
    """Odds in favour (a factor for a reason), and what they rest on."""

    odds: float
    source: str


_PROOF = "cryptographic or routing proof; only a stolen key or an open platform could bring it about"
_CORPUS = "counted on real mail: 900 phishing mails, 500 spams, 763 wanted mails, 300 bounces and automatic replies"
_LAWFUL = "the main confounder is a lawful sender nobody told us of; counted on the written world of 40 vendors"
_JUDGED = "a judgement where no count was to be had"

STARTS: dict[Verdict, Weight] = {
    Verdict.SELF_TEST: Weight(100_000, _PROOF),
    Verdict.EXPECTED: Weight(400, _PROOF),
    Verdict.SUPPLIER: Weight(200, _PROOF),
    Verdict.NEW_SENDER: Weight(40, _LAWFUL),
    Verdict.IMPERSONATION: Weight(40, _CORPUS),
    Verdict.THIRD_PARTY: Weight(40, _LAWFUL),
    Verdict.SPAM: Weight(40, _CORPUS),
    Verdict.BACKSCATTER: Weight(20, _CORPUS),
    Verdict.PROBE: Weight(1.5, _JUDGED),
    Verdict.MISDIRECTED: Weight(3, _JUDGED),
    Verdict.GUESS: Weight(
        200, "nobody was ever given the address, so no vendor lost it; what remains is that the owner gave it away"
    ),
}
"""The odds that a verdict holds once its rule is the first to speak."""

FACTORS: dict[Reason, Weight] = {
    Reason.VENDOR_POLICY_REJECTS: Weight(4, "the owner of the domain says that such mail is not its own (RFC 9989)"),
    Reason.LOOKALIKE_DOMAIN: Weight(2, _CORPUS),
    Reason.DNS_UNSETTLED: Weight(0.1, "proof may be missing that a later answer would have brought"),
    Reason.SHARED_PLATFORM: Weight(0.8, _LAWFUL),
    Reason.FRAUD_SHAPE: Weight(4, _CORPUS),
    Reason.RISKY_ATTACHMENT: Weight(2, _CORPUS),
    Reason.DECEPTIVE_LINK: Weight(2, _CORPUS),
    Reason.NULL_SENDER: Weight(3, "reports and automatic replies must have it (RFC 3464 2, RFC 3834 3.3)"),
    Reason.DELIVERY_REPORT: Weight(2, _CORPUS),
    Reason.FEEDBACK_REPORT: Weight(2, _CORPUS),
    Reason.CHALLENGE: Weight(0.5, _JUDGED),
    Reason.ANSWERS_TO: Weight(3, "it quotes the mail that it answers, which bore the canary as its sender"),
    Reason.PUBLISHED_ADDRESS: Weight(0.02, "43 % of the addresses shown on web pages were collected (Schryen 2007)"),
}
"""By how much a reason multiplies the odds; the others say what the rule itself rests on and count there."""


def confidence(verdict: Verdict, codes: Iterable[Reason]) -> float:
    """Return the probability that a verdict holds, given its reasons; a reason counts once."""
    return probability(STARTS[verdict].odds * prod(FACTORS[code].odds for code in set(codes) & FACTORS.keys()))


def reweigh(sure: float, codes: Iterable[Reason]) -> float:
    """Return a confidence after further reasons."""
    return probability(sure / (1 - sure) * prod(FACTORS[code].odds for code in set(codes) & FACTORS.keys()))


def probability(odds: float) -> float:
    """Turn odds into a probability, short of certain."""
    return round(min(odds / (1 + odds), CERTAIN), 4)
