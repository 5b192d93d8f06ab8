"""What a party says about a leak: a text, and claims from a closed list that can be checked against the evidence."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum


class ClaimCode(StrEnum):
    """What can be claimed; `CLAIMS` says each in words."""

    NO_LEAK = "no-leak"
    GUESSED = "guessed"
    OWN_SIDE = "own-side"
    SUPPLIER = "supplier"
    NOT_PASSED_ON = "not-passed-on"
    ONLY_ADDRESSES = "only-addresses"
    PASSWORDS_SAFE = "passwords-safe"
    HAPPENED = "happened"
    STOPPED = "stopped"


CLAIMS: dict[ClaimCode, str] = {
    ClaimCode.NO_LEAK: "nothing leaked",
    ClaimCode.GUESSED: "the address was guessed",
    ClaimCode.OWN_SIDE: "it leaked on your own side",
    ClaimCode.SUPPLIER: "a supplier lost it",
    ClaimCode.NOT_PASSED_ON: "addresses are passed on to nobody",
    ClaimCode.ONLY_ADDRESSES: "only e-mail addresses leaked",
    ClaimCode.PASSWORDS_SAFE: "passwords and cards are safe",
    ClaimCode.HAPPENED: "it happened at a certain time",
    ClaimCode.STOPPED: "it has stopped",
}


class ClaimOutcome(StrEnum):
    """How a claim compares with the evidence."""

    CONTRADICTED = "contradicted"
    CONSISTENT = "consistent"
    UNKNOWN = "cannot be told"


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim; `detail` names the supplier it is about, `since` and `until` bound the time it is about.

    Raises ValueError where something that the claim needs is missing.
    """

    code: ClaimCode
    detail: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        if self.code is ClaimCode.SUPPLIER and not self.detail.strip():
            raise ValueError("claim supplier: names nobody; write supplier:NAME")
        if self.code is ClaimCode.HAPPENED and not (self.since or self.until):
            raise ValueError("claim happened: has no date; write happened:2011-12-01..2011-12-31")
        if self.code is ClaimCode.STOPPED and not self.since:
            raise ValueError("claim stopped: has no date; write stopped:2011-12-31")
        if self.since and self.until and self.since > self.until:
            raise ValueError(f"claim {self.code}: ends before it begins; write the earlier date first")

    @property
    def text(self) -> str:
        """The claim in words."""
        if self.code is ClaimCode.SUPPLIER:
            return f"a supplier lost it: {self.detail}"
        if self.code is ClaimCode.STOPPED:
            return f"it stopped on {_day(self.since)}"
        if self.code is ClaimCode.HAPPENED:
            return f"it happened {span(self.since, self.until)}"
        return CLAIMS[self.code]


@dataclass(frozen=True, slots=True)
class PartyStatement:
    """What a party said and when, in claims and in words; `by` wrote it down."""

    party: str
    at: datetime
    claims: tuple[Claim, ...]
    text: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class ClaimAnswer:
    """What the evidence says about a claim: a sentence, and the mails that show it."""

    claim: Claim
    outcome: ClaimOutcome
    text: str
    mails: tuple[int, ...] = ()


def read_claim(text: str) -> Claim:
    """Read `only-addresses`, `supplier:NAME`, `stopped:DAY` or `happened:DAY..DAY`; raises ValueError with the cure."""
    name, _, rest = text.strip().partition(":")
    if name not in set(ClaimCode):
        raise ValueError(f"claim {name!r} is not known: choose from {', '.join(ClaimCode)}")
    code = ClaimCode(name)
    if code not in (ClaimCode.HAPPENED, ClaimCode.STOPPED):
        return Claim(code, rest.strip())
    first, dots, last = rest.partition("..")
    since = _read_day(code, first)
    if code is ClaimCode.STOPPED:  # in the course of that day
        return Claim(code, "", since + _TO_MIDNIGHT if since else None)
    end = _read_day(code, last) if dots else since
    return Claim(code, "", since, end + _TO_MIDNIGHT if end else None)


_TO_MIDNIGHT = timedelta(hours=23, minutes=59, seconds=59)


def _read_day(code: ClaimCode, text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=UTC) if text.strip() else None
    except ValueError:
        raise ValueError(f"claim {code}: {text.strip()!r} is not a day; write it as 2011-12-31") from None


def span(since: datetime | None, until: datetime | None) -> str:
    """Return a span of time in words; one of its ends may be open."""
    if since and until:
        same = _day(since) == _day(until)
        return f"on {_day(since)}" if same else f"between {_day(since)} and {_day(until)}"
    return f"after {_day(since)}" if since else f"before {_day(until)}"


def _day(at: datetime | None) -> str:
    return f"{at.day} {at:%b %Y}" if at else "an unknown day"
