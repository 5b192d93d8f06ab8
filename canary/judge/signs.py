"""The signs by which a mail is the vendor's or not: one table of log-odds, each row with where it comes from.

What anybody can write into a mail counts for so much together and no more, so that without time or proof on its side
no mail passes for the vendor's own.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

PRIOR = -2.0
"""The log-odds that unknown mail is the vendor's at an address that was given long ago: set, one in eight."""

WRITABLE = 3.0
"""What all that anybody can write counts for together: set, so that it reaches a question and never more."""

OWN_AT = math.log(0.98 / 0.02)
"""From these log-odds on a proven mail is the vendor's own: 98 %, the rate that false excuses may have."""


class Sign(StrEnum):
    """What bears on whether a mail is the vendor's; `SIGNS` weighs each."""

    FIRST_DAY = "first day of the address"
    FIRST_FORTNIGHT = "first two weeks of the address"
    FIRST_WEEKS = "first weeks of the address"
    OWN_NAME_PROVEN = "the domain that the vendor is called by, proven"
    PUBLIC_BODY = "a domain that only public bodies are given, proven"
    FAMILY_PROVEN = "a domain of the vendor's name, proven"
    CLAIMS_DOMAIN = "the vendor's domain in the sender's address"
    FAMILY = "the vendor's name as the sender's domain"
    NAME_IN_DOMAIN = "the vendor's name in the sender's domain"
    WHOLE_NAME = "the vendor's name as the sender's name"
    NAME_WORD = "a word of the vendor's name in the sender's name"
    LINKS_HOME = "links to the vendor's site"
    LINKS_NAMED = "links to sites of the vendor's name"
    SPEAKS = "its own name and the vendor's"
    PLATFORM = "a platform that names the vendor"
    SERVICE = "a service that writes for merchants"
    CONFIRMS = "it confirms a new address"
    FIRST_WRITER = "the sender that wrote first, on the day the address was given"
    LINKED = "a domain that the vendor's own mail leads to"
    CARRIES = "a domain that signs for other vendors beside their own proof"
    LEARNED_PLATFORM = "a platform that three unrelated vendors were proven to send through"
    KNOWN_ACCOUNT = "a sender that is known"
    PENDING = "a sender that waits for an answer"
    UNPROVEN = "nothing proven"
    SIGNER_NAMED = "the name of another party, which signed it"
    ELSEWHERE = "the same sender at addresses of other vendors, nowhere proven to be theirs"
    OTHER_ACCOUNT = "another account than the vendor's at the same provider"
    FRAUD_WORDS = "words of a known fraud in a long letter"
    FRAUD = "words of a known fraud"
    FILES = "files that run"
    TRAP = "links that hide where they lead"
    ASTRAY = "links to a look-alike of the vendor's site"
    REFUSED = "the policy of the sender's domain"
    CREDENTIALS = "it asks for what opens an account"
    BORROWED = "the vendor's name and nothing else of the vendor"
    FOREIGN_LABEL = "the vendor's name before a foreign domain, unproven"
    BAIT = "the vendor's name beside a bait in the domain"


@dataclass(frozen=True, slots=True)
class SignWeight:
    """By how much a sign moves the log-odds that a mail is the vendor's; `writable` where anybody can bring it about."""

    log_odds: float
    source: str
    writable: bool = False


_TIME = "set: leaks are some per cent in years, so at a new address nearly all mail is the vendor's"
_HELD = "held far below what that counts for, as anybody can write it"


def _counted(own: int, others: int, what: str) -> str:
    """Say what was counted on a real labelled stream, strangers and phishing planted in it; `make quality ARGS=fit`."""
    return f"counted: {own} of 179 own, {others} of 331 others, {what}"


_UNFORGED = (
    "set: what a thief can neither write nor prove for himself; held so low that it needs the first weeks of an address"
)
_SET = "set: no labelled mail of this kind was to be had"
_DECEIT = (
    "set: what phishing is made of (words of fraud in 94 of 300, traps in 8) and honest mail hardly (1 and none of 179)"
)

SIGNS: dict[Sign, SignWeight] = {
    Sign.FIRST_DAY: SignWeight(6.0, _TIME),
    Sign.FIRST_FORTNIGHT: SignWeight(4.5, _TIME),
    Sign.FIRST_WEEKS: SignWeight(2.5, _TIME),
    Sign.OWN_NAME_PROVEN: SignWeight(5.0, "proof: nobody else holds the domain that is the vendor's very name"),
    Sign.PUBLIC_BODY: SignWeight(2.5, "set: such endings are given to public bodies only, after a look at who asks"),
    Sign.FAMILY_PROVEN: SignWeight(1.0, _counted(14, 0, "held far below what that counts for, as anybody can register such a domain")),
    Sign.CLAIMS_DOMAIN: SignWeight(3.0, _counted(156, 0, _HELD), writable=True),
    Sign.FAMILY: SignWeight(3.0, _counted(14, 0, _HELD), writable=True),
    Sign.NAME_IN_DOMAIN: SignWeight(2.0, _counted(3, 0, _HELD), writable=True),
    Sign.WHOLE_NAME: SignWeight(2.0, _counted(101, 0, _HELD), writable=True),
    Sign.NAME_WORD: SignWeight(1.5, _counted(56, 1, _HELD), writable=True),
    Sign.LINKS_HOME: SignWeight(1.5, _counted(99, 0, _HELD), writable=True),
    Sign.LINKS_NAMED: SignWeight(1.0, _counted(28, 0, _HELD), writable=True),
    Sign.SPEAKS: SignWeight(1.0, _SET, writable=True),
    Sign.PLATFORM: SignWeight(1.0, _SET, writable=True),
    Sign.SERVICE: SignWeight(0.5, _SET, writable=True),
    Sign.CONFIRMS: SignWeight(1.0, _SET, writable=True),
    Sign.FIRST_WRITER: SignWeight(0.3, _UNFORGED),
    Sign.LINKED: SignWeight(0.3, _UNFORGED),
    Sign.CARRIES: SignWeight(0.3, _UNFORGED),
    Sign.LEARNED_PLATFORM: SignWeight(0.3, _UNFORGED),
    Sign.KNOWN_ACCOUNT: SignWeight(2.0, "proof: the owner's word, or mail that bore the vendor's own proof"),
    Sign.PENDING: SignWeight(0.5, _SET, writable=True),
    Sign.UNPROVEN: SignWeight(-3.9, _counted(1, 103, "shrunken from -3")),
    Sign.SIGNER_NAMED: SignWeight(-3.0, "set: none of 36 mails of a real stream that somebody else signed for the vendor names who"),
    Sign.ELSEWHERE: SignWeight(-2.0, "set: a thief of many lists comes to many vendors, and no vendor's proof ever with him"),
    Sign.OTHER_ACCOUNT: SignWeight(-4.0, "set: a vendor mostly has one account at a provider"),
    Sign.FRAUD_WORDS: SignWeight(-3.0, "set: 5 of 89 long letters of a real stream's own vendors have some, and 5 of 300 phishing mails are such letters"),
    Sign.FRAUD: SignWeight(-6.0, _DECEIT),
    Sign.FILES: SignWeight(-8.0, _DECEIT),
    Sign.TRAP: SignWeight(-6.0, _DECEIT),
    Sign.ASTRAY: SignWeight(-8.0, _DECEIT),
    Sign.REFUSED: SignWeight(-9.0, "the owner of the domain says that such mail is not its own (RFC 9989, RFC 7208 8.4)"),
    Sign.CREDENTIALS: SignWeight(-6.0, _DECEIT),
    Sign.BORROWED: SignWeight(-5.5, _DECEIT),
    Sign.FOREIGN_LABEL: SignWeight(-5.5, _DECEIT),
    Sign.BAIT: SignWeight(-5.5, _DECEIT),
}  # fmt: skip
"""The log-odds of each sign: that much more likely, or less, is a mail with it the vendor's."""

DECEIT = frozenset({
    Sign.FRAUD, Sign.FILES, Sign.TRAP, Sign.ASTRAY, Sign.REFUSED, Sign.CREDENTIALS, Sign.BORROWED, Sign.FOREIGN_LABEL,
    Sign.BAIT,
})  # fmt: skip
"""What speaks for deceit or crime."""

CRIMES = frozenset({Sign.FRAUD, Sign.FILES, Sign.TRAP, Sign.ASTRAY})
"""What is charged whether its sender is known or not."""

LIFTED = frozenset({Sign.REFUSED})
"""What is no deceit in the vendor's own name through a learned platform: customers of one do not always set it up well."""

BEYOND_THIEVES = frozenset({
    Sign.OWN_NAME_PROVEN, Sign.PUBLIC_BODY, Sign.KNOWN_ACCOUNT, Sign.FIRST_WRITER, Sign.LINKED, Sign.CARRIES,
})  # fmt: skip
"""What no thief can bring about: without one of these, odds alone make no mail the vendor's own.

Anybody can sign with a domain of his own, and register one that bears the vendor's name.
"""

UNPROVEN_DECEIT = frozenset({Sign.BORROWED, Sign.FOREIGN_LABEL})
"""What speaks for deceit only because nothing is proven."""

TIES = frozenset({
    Sign.OWN_NAME_PROVEN, Sign.CLAIMS_DOMAIN, Sign.FAMILY, Sign.NAME_IN_DOMAIN, Sign.WHOLE_NAME, Sign.SPEAKS,
    Sign.PLATFORM, Sign.CONFIRMS, Sign.PENDING, Sign.KNOWN_ACCOUNT,
})  # fmt: skip
"""Each alone makes an unknown mail a question instead of an accusation."""

EARLY_TIES = frozenset({Sign.NAME_WORD, Sign.LINKS_HOME, Sign.SERVICE})
"""These do in the first weeks of an address; later a thief only has to write them."""

CLAIMS = frozenset({
    Sign.OWN_NAME_PROVEN, Sign.CLAIMS_DOMAIN, Sign.FAMILY, Sign.NAME_IN_DOMAIN, Sign.WHOLE_NAME, Sign.ASTRAY,
})  # fmt: skip
"""By these a mail gives itself out as the vendor's."""

OWN_DOMAIN = frozenset({Sign.OWN_NAME_PROVEN, Sign.CLAIMS_DOMAIN, Sign.FAMILY, Sign.NAME_IN_DOMAIN})
"""Only mail from a domain with the vendor's name, or of a public body in its name, passes for its own by odds."""

NAMES = frozenset({Sign.WHOLE_NAME, Sign.NAME_WORD})
"""The vendor's name as the name of the sender."""
