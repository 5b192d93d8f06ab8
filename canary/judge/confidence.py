"""How sure a verdict is: one table of odds, each with its source, and the one way to combine them.

The confidence of a verdict is a probability: that the mail is of the kind that the verdict says (charged to the
vendor, the vendor's own, an answer, ...). It starts with the odds of its rule and each reason multiplies them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod

from canary.model.verdict import Reason, Verdict

CERTAIN = 0.999
"""No verdict is surer than this."""

LEAK_RATE = 0.04
"""The share of addresses that vendors lose over the years: 4 %, from a log of unique addresses kept for ten years."""


@dataclass(frozen=True, slots=True)
class ReasonWeight:
    """Odds in favour (for a reason: a factor), and their source."""

    odds: float
    source: str


_PROOF = "cryptographic or routing proof; only a stolen key or an open platform could bring it about"
_CORPUS = "counted on real mail: 900 phishing mails, 500 spams, 763 wanted mails, 300 bounces and automatic replies"
_LAWFUL = "the main confounder is a legitimate sender that nobody declared; counted on the written world of 40 vendors"
_JUDGED = "a judgement where no count was to be had"

STARTS: dict[Verdict, ReasonWeight] = {
    Verdict.SELF_TEST: ReasonWeight(100_000, _PROOF),
    Verdict.EXPECTED: ReasonWeight(400, _PROOF),
    Verdict.SUPPLIER: ReasonWeight(200, _PROOF),
    Verdict.NEW_SENDER: ReasonWeight(40, _LAWFUL),
    Verdict.IMPERSONATION: ReasonWeight(40, _CORPUS),
    Verdict.THIRD_PARTY: ReasonWeight(40, _LAWFUL),
    Verdict.SPAM: ReasonWeight(40, _CORPUS),
    Verdict.BACKSCATTER: ReasonWeight(20, _CORPUS),
    Verdict.PROBE: ReasonWeight(1.5, _JUDGED),
    Verdict.MISDIRECTED: ReasonWeight(3, _JUDGED),
    Verdict.GUESS: ReasonWeight(
        200, "nobody was ever given the address, so no vendor lost it; what remains is that the owner gave it away"
    ),
}
"""The odds that a verdict is right when its rule is the first to answer."""

FACTORS: dict[Reason, ReasonWeight] = {
    Reason.VENDOR_POLICY_REJECTS: ReasonWeight(
        4, "the owner of the domain says that such mail is not its own (RFC 9989)"
    ),
    Reason.LOOKALIKE_DOMAIN: ReasonWeight(2, _CORPUS),
    Reason.DNS_UNSETTLED: ReasonWeight(0.1, "proof may be missing that a later answer would have brought"),
    Reason.CLIENT_UNSEEN: ReasonWeight(0.3, "proof may be missing that the client's address would have brought (set)"),
    Reason.SHARED_PLATFORM: ReasonWeight(0.8, _LAWFUL),
    Reason.FRAUD_SHAPE: ReasonWeight(4, _CORPUS),
    Reason.RISKY_ATTACHMENT: ReasonWeight(2, _CORPUS),
    Reason.DECEPTIVE_LINK: ReasonWeight(2, _CORPUS),
    Reason.NULL_SENDER: ReasonWeight(3, "reports and automatic replies must have it (RFC 3464 2, RFC 3834 3.3)"),
    Reason.DELIVERY_REPORT: ReasonWeight(2, _CORPUS),
    Reason.FEEDBACK_REPORT: ReasonWeight(2, _CORPUS),
    Reason.READ_RECEIPT: ReasonWeight(2, "a form that mail programs write and nobody else has a use for (RFC 8098)"),
    Reason.CHALLENGE: ReasonWeight(0.5, _JUDGED),
    Reason.ANSWERS_TO: ReasonWeight(3, "it quotes the mail that it answers, which had the canary as its sender"),
    Reason.PUBLISHED_ADDRESS: ReasonWeight(
        0.02, "43 % of the addresses shown on web pages were collected (Schryen 2007)"
    ),
}
"""By how much a reason multiplies the odds; the others are what the rule itself rests on, and count there."""

_UNPROVEN = (
    "counted on a real labelled stream and phishing: 1 of 179 mails of vendors and 103 of 331 others prove nothing, the ratio"
    " drawn to the weight set for it; in the written world 2 of 6 such questions left open were about the vendor's own mail"
)

ASKED: dict[Reason, ReasonWeight] = {
    Reason.FAILS_VENDOR_AUTH: ReasonWeight(0.05, _UNPROVEN),
    Reason.NOTHING_PROVEN: ReasonWeight(0.05, _UNPROVEN),
}
"""By how much a reason multiplies the odds that what the owner is asked about is the vendor's own."""

_QUESTION_FACTORS = FACTORS | ASKED


def confidence(verdict: Verdict, codes: Iterable[Reason]) -> float:
    """Return the probability that a verdict is right, given its reasons; a reason counts once."""
    factors = _QUESTION_FACTORS if verdict is Verdict.NEW_SENDER else FACTORS
    return probability(STARTS[verdict].odds * _product(factors, codes))


def reweigh(sure: float, codes: Iterable[Reason]) -> float:
    """Return a confidence after further reasons."""
    return probability(sure / (1 - sure) * _product(FACTORS, codes))


def _product(factors: Mapping[Reason, ReasonWeight], codes: Iterable[Reason]) -> float:
    return prod(factors[code].odds for code in set(codes) & factors.keys())


def probability(odds: float) -> float:
    """Turn odds into a probability, short of certain."""
    return round(min(odds / (1 + odds), CERTAIN), 4)
