"""What a hit means: the closed list of verdicts, the closed list of reasons, and the judgement that joins them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from string import Formatter


class Verdict(StrEnum):
    """The closed list, most specific first."""

    SELF_TEST = "self-test"
    EXPECTED = "expected"
    SUPPLIER = "supplier"
    NEW_SENDER = "new-sender"
    IMPERSONATION = "impersonation"
    THIRD_PARTY = "third-party"
    SPAM = "spam"
    BACKSCATTER = "backscatter"
    PROBE = "probe"
    MISDIRECTED = "misdirected"
    GUESS = "guess"


LEAKS = frozenset({Verdict.IMPERSONATION, Verdict.THIRD_PARTY, Verdict.SPAM})
"""Verdicts charged to the vendor in full: each opens or joins a case."""

HINTS = frozenset({Verdict.BACKSCATTER, Verdict.PROBE})
"""Verdicts charged weakly: they join an open case of the vendor and never open one."""

OWN = frozenset({Verdict.EXPECTED, Verdict.SUPPLIER})
"""Verdicts of the vendor's own mail, sent by itself or for it."""

FAMILIAR = OWN | {Verdict.SELF_TEST}
"""Verdicts of mail that comes from the vendor or the owner."""


class Reason(StrEnum):
    """Why a verdict was reached; `SENTENCES` has each in words."""

    SELF_TEST_TOKEN = "self-test-token"
    VENDOR_PROVEN = "vendor-proven"
    KNOWN_SENDER = "known-sender"
    KNOWN_SUPPLIER_ACCOUNT = "known-supplier-account"
    PLATFORM_MERCHANT = "platform-merchant"
    CLAIMS_VENDOR = "claims-vendor"
    FAILS_VENDOR_AUTH = "fails-vendor-auth"
    VENDOR_POLICY_REJECTS = "vendor-policy-rejects"
    LOOKALIKE_NAME = "lookalike-name"
    LOOKALIKE_DOMAIN = "lookalike-domain"
    DNS_UNSETTLED = "dns-unsettled"
    PROVEN_OUTSIDER = "proven-outsider"
    SHARED_PLATFORM = "shared-platform"
    BULK = "bulk"
    NOTHING_PROVEN = "nothing-proven"
    CLIENT_UNSEEN = "client-unseen"
    FRAUD_SHAPE = "fraud-shape"
    RISKY_ATTACHMENT = "risky-attachment"
    DECEPTIVE_LINK = "deceptive-link"
    MALFORMED = "malformed"
    NULL_SENDER = "null-sender"
    DELIVERY_REPORT = "delivery-report"
    FEEDBACK_REPORT = "feedback-report"
    READ_RECEIPT = "read-receipt"
    AUTO_REPLY = "auto-reply"
    CHALLENGE = "challenge"
    ANSWERS_TO = "answers-to"
    FALSE_ANSWER = "false-answer"
    NO_MAIL_FOLLOWED = "no-mail-followed"
    PERSON_TO_PERSON = "person-to-person"
    SPEAKS_FOR_VENDOR = "speaks-for-vendor"
    ASKS_TO_CONFIRM = "asks-to-confirm"
    AWAITS_ANSWER = "awaits-answer"
    TIED_TO_VENDOR = "tied-to-vendor"
    WRITER_HIDDEN = "writer-hidden"
    FORWARDED = "forwarded"
    NO_DOMAIN_YET = "no-domain-yet"
    LIKELY_VENDOR = "likely-vendor"
    CREDENTIAL_BAIT = "credential-bait"
    DENIED_SENDER = "denied-sender"
    AFTER_ERASURE = "after-erasure"
    AFTER_CONTRACT = "after-contract"
    AFTER_UNSUBSCRIBE = "after-unsubscribe"
    NEVER_ISSUED = "never-issued"
    RANDOM_DECOY = "random-decoy"
    HARD_TO_GUESS = "hard-to-guess"
    EASY_TO_GUESS = "easy-to-guess"
    GUESS_BY_SHAPE = "guess-by-shape"
    PERSONA_NAMED = "persona-named"
    PUBLISHED_ADDRESS = "published-address"
    PLUS_SIGN_LOST = "plus-sign-lost"
    RSPAMD = "rspamd"


SENTENCES: dict[Reason, str] = {
    Reason.SELF_TEST_TOKEN: "It carries a self-test token that this installation made for this address.",
    Reason.VENDOR_PROVEN: "{domain} is the vendor's own domain, proven by {proof}.",
    Reason.KNOWN_SENDER: "{domain} is a known sender for this vendor, proven by {proof}.",
    Reason.KNOWN_SUPPLIER_ACCOUNT: "Account {account} at {esp} is known to send for this vendor.",
    Reason.PLATFORM_MERCHANT: "{platform} wrote it, proven by {proof}, and names {merchant} as its merchant.",
    Reason.CLAIMS_VENDOR: "The sender claims to be the vendor ({claim}).",
    Reason.FAILS_VENDOR_AUTH: "Nothing proves that {claim} sent it.",
    Reason.VENDOR_POLICY_REJECTS: "The policy of {claim} itself says {policy} for such mail.",
    Reason.LOOKALIKE_NAME: "It bears the vendor's name but comes from {claim}.",
    Reason.LOOKALIKE_DOMAIN: "{claim} imitates {original} ({how}).",
    Reason.DNS_UNSETTLED: "DNS could not answer at the time, so proof may be missing.",
    Reason.PROVEN_OUTSIDER: "{domain} sent it (proven by {proof}) and was never given this address.",
    Reason.SHARED_PLATFORM: "{domain} is a platform with many customers; which one wrote is not proven.",
    Reason.BULK: "It is bulk mail ({signs}).",
    Reason.NOTHING_PROVEN: "The sender proved nothing about itself.",
    Reason.CLIENT_UNSEEN: "Nobody who is trusted saw which host brought it, so SPF could prove nothing.",
    Reason.FRAUD_SHAPE: "It has the shape of fraud ({signs}).",
    Reason.RISKY_ATTACHMENT: "It carries a file of a kind that often holds malware ({files}).",
    Reason.DECEPTIVE_LINK: "Its links deceive ({signs}).",
    Reason.MALFORMED: "The mail is malformed ({signs}).",
    Reason.NULL_SENDER: "It came from the null sender, as bounces do.",
    Reason.DELIVERY_REPORT: "It is a delivery report for mail this address never sent.",
    Reason.FEEDBACK_REPORT: "It is a complaint report (ARF) about mail this address never sent.",
    Reason.READ_RECEIPT: "It is a read receipt for mail this address never sent.",
    Reason.AUTO_REPLY: "It is an automatic reply to mail this address never sent.",
    Reason.CHALLENGE: "It asks this address to confirm a mail that it never sent.",
    Reason.ANSWERS_TO: "It answers a mail {answered} that bore this address as its sender.",
    Reason.FALSE_ANSWER: "It has the form of an automatic answer, and what it says to people is {signs}.",
    Reason.NO_MAIL_FOLLOWED: "{source} asked whether this address takes mail and sent none, as list checkers do.",
    Reason.PERSON_TO_PERSON: "It reads like one person writing to another ({signs}).",
    Reason.SPEAKS_FOR_VENDOR: "{domain} proved its own name (by {proof}) and says that it writes about business with the vendor.",
    Reason.ASKS_TO_CONFIRM: "It asks to confirm the address, which was given away {age} before.",
    Reason.AWAITS_ANSWER: "Whether {key} may write for the vendor has not been decided yet.",
    Reason.NO_DOMAIN_YET: "No domain or sender of the vendor is known yet, so nobody counts as a stranger.",
    Reason.TIED_TO_VENDOR: "Something ties it to the vendor ({signs}), and nothing says whose it is.",
    Reason.WRITER_HIDDEN: "{forwarder} forwarded it, which hides who wrote: nothing that came with it proves that.",
    Reason.FORWARDED: "It came through {forwarder}, and {author} is named as its writer.",
    Reason.LIKELY_VENDOR: "It is the vendor's own by all that is known ({signs}), and nothing speaks against it.",
    Reason.CREDENTIAL_BAIT: "It asks for what opens an account ({signs}), from an address that anybody can have.",
    Reason.DENIED_SENDER: "The owner said that {key} does not write for the vendor.",
    Reason.AFTER_ERASURE: "It came {days} days after erasure was asked for ({since}).",
    Reason.AFTER_CONTRACT: "It came {days} days after the contract ended ({since}).",
    Reason.AFTER_UNSUBSCRIBE: "It is bulk mail {days} days after the address was unsubscribed ({since}).",
    Reason.NEVER_ISSUED: "The address was never given to anyone.",
    Reason.RANDOM_DECOY: (
        "It is a random decoy, which is out of reach of guessing ({odds} {after}): the sender got it from where all"
        " addresses are kept, on your own side."
    ),
    Reason.HARD_TO_GUESS: "Guessing this address is out of the question: {odds} {after}.",
    Reason.EASY_TO_GUESS: "The address could have been guessed: {odds} after {attempts} attempts.",
    Reason.GUESS_BY_SHAPE: (
        "The address is not random, so this is an estimate: {tried} of {attempts} guesses at its domain had its shape"
        " ({shape}), and the chance that one met it is {odds}."
    ),
    Reason.PERSONA_NAMED: "It repeats what only this vendor was told: {fields}.",
    Reason.PUBLISHED_ADDRESS: "The vendor shows this address in public, where anyone can collect it.",
    Reason.PLUS_SIGN_LOST: "It was sent to {written}, which some programs make of this address: it is no guess.",
    Reason.RSPAMD: "rspamd scores it {score} ({symbols}).",
}


FactValue = str | tuple[str, ...]


def _after(attempts: str) -> str:
    return "on the first try" if attempts in ("", "0") else f"even after {attempts} attempts"


def _answered(recipient: str, message: str) -> str:
    to = f"to {recipient or 'somebody'}"
    return f"{to} ({message})" if message else to


def _age(hours: str) -> str:
    return f"{hours} hour" if hours == "1" else f"{hours or '?'} hours"


_PHRASES: dict[str, tuple[Callable[..., str], tuple[str, ...]]] = {
    "after": (_after, ("attempts",)),
    "answered": (_answered, ("recipient", "message")),
    "age": (_age, ("hours",)),
}
"""Blanks that are filled by a phrase: how it is made, and from which facts."""


def _blanks(sentence: str) -> tuple[str, ...]:
    return tuple(name for _, name, _, _ in Formatter().parse(sentence) if name)


_BLANKS = {code: _blanks(sentence) for code, sentence in SENTENCES.items()}
_NEEDED = {
    code: tuple(dict.fromkeys(fact for name in blanks for fact in (_PHRASES[name][1] if name in _PHRASES else (name,))))
    for code, blanks in _BLANKS.items()
}
"""The facts that the sentence of each reason needs."""


@dataclass(frozen=True, slots=True)
class StatedReason:
    """One reason with the facts it rests on; several values of one fact are a tuple."""

    code: Reason
    facts: Mapping[str, FactValue] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The reason in words; an unknown fact reads as a question mark."""
        return SENTENCES[self.code].format_map({name: self._blank(name) for name in _BLANKS[self.code]})

    def _blank(self, name: str) -> str:
        if name not in _PHRASES:
            return self._shown(name) or "?"
        phrase, facts = _PHRASES[name]
        return phrase(*map(self._shown, facts))

    def _shown(self, name: str) -> str:
        return ", ".join(self.values(name))

    def values(self, name: str) -> tuple[str, ...]:
        """Return the values of a fact; none where it is unknown."""
        value = self.facts.get(name, ())
        return (value,) if isinstance(value, str) else value


def state_reason(code: Reason, **facts: object) -> StatedReason:
    """State a reason, with those of the facts that its sentence needs and that are known."""
    return StatedReason(code, {name: _fact(facts[name]) for name in _NEEDED[code] if facts.get(name) not in _UNKNOWN})


_UNKNOWN = (None, "", ())


def _fact(value: object) -> FactValue:
    return tuple(map(str, value)) if isinstance(value, tuple) else str(value)


def repeated_fields(reasons: Iterable[StatedReason]) -> frozenset[str]:
    """Return the fields of a persona that a mail repeats, by the reasons of its verdict."""
    return frozenset(
        name for reason in reasons if reason.code is Reason.PERSONA_NAMED for name in reason.values("fields")
    )


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its probability of being right and the reasons for it; raises ValueError without reasons.

    `plausibility` is how likely a sender that is asked about is the vendor's.
    """

    verdict: Verdict
    confidence: float
    reasons: tuple[StatedReason, ...]
    plausibility: float = 0.0

    def __post_init__(self) -> None:
        if not self.reasons:
            raise ValueError(f"verdict {self.verdict}: no reasons; a verdict must say why")
        if not 0 <= self.confidence <= 1:
            raise ValueError(f"verdict {self.verdict}: confidence {self.confidence} is not a probability")

    @property
    def leak(self) -> bool:
        """Whether the verdict is charged to the vendor in full."""
        return self.verdict in LEAKS

    @property
    def bears_on_a_case(self) -> bool:
        """Whether the hit may join or open a case."""
        return self.verdict in LEAKS or self.verdict in HINTS


SERIES: dict[str, frozenset[Verdict]] = {
    "expected": frozenset({Verdict.EXPECTED, Verdict.SELF_TEST}),
    "supplier": frozenset({Verdict.SUPPLIER}),
    "third-party": frozenset({Verdict.THIRD_PARTY}),
    "spam": frozenset({Verdict.SPAM, Verdict.IMPERSONATION}),
    "other": frozenset(set(Verdict) - LEAKS - {Verdict.EXPECTED, Verdict.SELF_TEST, Verdict.SUPPLIER}),
}
"""The layers of every chart, and the verdicts that count in each."""


SERIES_OF = {verdict.value: name for name, verdicts in SERIES.items() for verdict in verdicts}


OWN_SERIES = ("expected", "supplier")
