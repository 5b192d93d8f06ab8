"""Claims against evidence: how what a party said about a leak compares with the mail that came."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from canary.judge.guess import Chance, odds
from canary.model.canary import earliest_issue
from canary.model.case import LeakWindow, Suspect, SuspectKind, counts_as_leaked, percent
from canary.model.claim import Claim, ClaimAnswer, ClaimCode, ClaimOutcome

_SHOWN = 20
"""The most mails that are cited for one answer."""
_NO, _YES = 0.05, 0.5
"""A source that is less likely than the first is ruled out by an answer, one above the second is supported."""


@dataclass(frozen=True, slots=True)
class HitAddress:
    """An address that was hit: when it was issued, the first mail, and how likely it is that it was guessed.

    One that is `undated` was given away at some time before `issued`.
    """

    address: str
    issued: datetime
    at: datetime
    mail: int | None
    chance: Chance
    undated: bool = False

    @property
    def since(self) -> datetime:
        """The earliest time at which it can have been given away."""
        return earliest_issue(self.issued, undated=self.undated)


@dataclass(frozen=True, slots=True)
class FieldFinding:
    """A field of the personas: the probability that it leaked, and the mails that repeat it."""

    name: str
    p: float
    mails: tuple[int, ...]

    @property
    def leaked(self) -> bool:
        """Whether it counts as leaked."""
        return counts_as_leaked(self.p)

    @property
    def seen(self) -> bool:
        """Whether it counts as leaked and mails show it."""
        return self.leaked and bool(self.mails)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a case when a claim is answered.

    `said` has for each field of the personas the mails that repeat it, `leaked` the probability that it leaked;
    `quiet` are when the addresses were issued that its vendors have and nobody else wrote to; `carriers` are the
    suppliers that the vendors' own mail was seen to come through. `window` bounds one single leak.
    """

    mails: int
    suspects: tuple[Suspect, ...]
    struck: tuple[HitAddress, ...]
    said: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    leaked: Mapping[str, float] = field(default_factory=dict)
    quiet: tuple[datetime, ...] = ()
    carriers: tuple[str, ...] = ()
    window: LeakWindow | None = None

    def suspect(self, kind: SuspectKind) -> float:
        """The probability of a kind of source of which there is one."""
        return next((s.p for s in self.suspects if s.kind is kind), 0.0)

    @property
    def named(self) -> tuple[int, ...]:
        """The mails that repeat anything of a persona."""
        return tuple(sorted({mail for mails in self.said.values() for mail in mails}))

    @property
    def fields(self) -> tuple["FieldFinding", ...]:
        """Each field of the personas that went with the addresses hit."""
        return tuple(FieldFinding(name, p, self.said.get(name, ())) for name, p in self.leaked.items())


def answer_claim(claim: Claim, evidence: Evidence) -> ClaimAnswer:
    """Compare one claim with the evidence."""
    outcome, text, mails = _ANSWERS[claim.code](claim, evidence)
    return ClaimAnswer(claim, outcome, text, tuple(mails)[:_SHOWN])


def fields_said(evidence: Evidence) -> str:
    """Return in words which facts of the personas appear in how many mails."""
    told = [f"{name} in {len(mails)}" for name, mails in evidence.said.items() if mails]
    return f"{', '.join(told)} of {_mails(evidence.mails)}"


_Found = tuple[ClaimOutcome, str, tuple[int, ...]]


def _only_addresses(_: Claim, evidence: Evidence) -> _Found:
    if any(field.seen for field in evidence.fields):
        text = f"What only the vendor was told appears in the mail: {fields_said(evidence)}."
        return ClaimOutcome.CONTRADICTED, text, evidence.named
    if not evidence.leaked:
        return (
            ClaimOutcome.UNKNOWN,
            "The addresses that were hit were given without a name, so no mail could show one.",
            (),
        )
    if evidence.named:
        text = f"The mail says {fields_said(evidence)}, which chance could explain."
        return ClaimOutcome.UNKNOWN, text, evidence.named
    most = max(evidence.leaked.values())
    text = f"None of {_mails(evidence.mails)} repeats a name or a number; {percent(most)} that one leaked all the same."
    return (ClaimOutcome.CONSISTENT if most < 0.2 else ClaimOutcome.UNKNOWN), text, ()


def _no_leak(_: Claim, evidence: Evidence) -> _Found:
    p = evidence.suspect(SuspectKind.NOBODY)
    text = f"Somebody else wrote to {_addresses(len(evidence.struck))}; {percent(p)} that this happened without a leak."
    return _by(1 - p, against=True), text, tuple(s.mail for s in evidence.struck if s.mail)


def _guessed(_: Claim, evidence: Evidence) -> _Found:
    hard = [s for s in evidence.struck if s.chance.hard]
    if hard:
        least = min(hard, key=lambda s: s.chance.p)
        tries = f"after {least.chance.attempts:,} attempts on its domain"
        text = f"{len(hard)} of {_addresses(len(evidence.struck))} cannot have been guessed: {odds(least.chance.p)} {tries}."
        return ClaimOutcome.CONTRADICTED, text, tuple(s.mail for s in hard if s.mail)
    if any(field.seen for field in evidence.fields):
        text = f"Anyone who guesses an address does not know the name, and the mail has it: {fields_said(evidence)}."
        return ClaimOutcome.CONTRADICTED, text, evidence.named
    if not evidence.struck:
        return ClaimOutcome.UNKNOWN, "No address was hit.", ()
    easiest = max(evidence.struck, key=lambda s: s.chance.p).chance
    text = f"The addresses are not random; the chance that one was guessed is {odds(easiest.p)}."
    return ClaimOutcome.UNKNOWN, text, ()


def _own_side(_: Claim, evidence: Evidence) -> _Found:
    p = evidence.suspect(SuspectKind.OWNER)
    return _by(p), f"{percent(p)} that it leaked on your own side, by which addresses were hit and which were not.", ()


def _supplier(claim: Claim, evidence: Evidence) -> _Found:
    wanted = claim.detail.strip().casefold()
    meant = [s for s in evidence.suspects if wanted in (s.id.casefold(), s.name.casefold(), s.id.partition("/")[0])]
    meant = [s for s in meant if s.kind in (SuspectKind.SUPPLIER, SuspectKind.ACCOUNT)]
    if not meant:
        return ClaimOutcome.UNKNOWN, f"{claim.detail} is not known to be a supplier of a vendor that was hit.", ()
    best = max(meant, key=lambda s: s.p)
    text = f"{percent(best.p)} that {best.name} is the source; {best.hit} of {best.held} addresses it had were hit."
    return _by(best.p), text, ()


def _not_passed_on(_: Claim, evidence: Evidence) -> _Found:
    if evidence.carriers:
        return ClaimOutcome.CONTRADICTED, f"The vendor's own mail came through {', '.join(evidence.carriers)}.", ()
    return (
        ClaimOutcome.UNKNOWN,
        "The vendor's own mail was seen to come through no supplier; that does not rule one out.",
        (),
    )


def _passwords(_: Claim, __: Evidence) -> _Found:
    return ClaimOutcome.UNKNOWN, "Mail does not show passwords. Change yours there all the same.", ()


def _happened(claim: Claim, evidence: Evidence) -> _Found:
    window = evidence.window
    if window is None:
        return ClaimOutcome.UNKNOWN, "Nothing bounds the time of the leak yet.", ()
    late = [s for s in evidence.struck if claim.until and s.since > claim.until]
    if late:
        text = (
            f"{_addresses(len(late))} that {'was' if len(late) == 1 else 'were'} issued only after that got mail too."
        )
        return ClaimOutcome.CONTRADICTED, text[:1].upper() + text[1:], tuple(s.mail for s in late if s.mail)
    early = [s for s in evidence.struck if claim.since and s.at < claim.since]
    if early:
        text = f"Mail from somebody else came before that, first on {min(s.at for s in early):%d %b %Y}."
        return ClaimOutcome.CONTRADICTED, text, tuple(s.mail for s in early if s.mail)
    inside = _meets(claim, window.from_90, window.to_90)
    text = f"The mail says with 90% probability: {window.from_90:%d %b %Y} to {window.to_90:%d %b %Y}."
    return (ClaimOutcome.CONSISTENT if inside else ClaimOutcome.UNKNOWN), text, ()


def _stopped(claim: Claim, evidence: Evidence) -> _Found:
    since = claim.since
    later = [s for s in evidence.struck if since and s.since > since]
    if later:
        text = f"{_addresses(len(later))} given to the vendor since then got mail from somebody else."
        return ClaimOutcome.CONTRADICTED, text, tuple(s.mail for s in later if s.mail)
    fresh = sum(since is not None and issued > since for issued in evidence.quiet)
    if fresh:
        return ClaimOutcome.CONSISTENT, f"{_addresses(fresh)} given to the vendor since then stayed quiet.", ()
    return (
        ClaimOutcome.UNKNOWN,
        "No address was given to the vendor since then; rotate one, and see whether it stays quiet.",
        (),
    )


_ANSWERS: Mapping[ClaimCode, Callable[[Claim, Evidence], _Found]] = {
    ClaimCode.NO_LEAK: _no_leak,
    ClaimCode.GUESSED: _guessed,
    ClaimCode.OWN_SIDE: _own_side,
    ClaimCode.SUPPLIER: _supplier,
    ClaimCode.NOT_PASSED_ON: _not_passed_on,
    ClaimCode.ONLY_ADDRESSES: _only_addresses,
    ClaimCode.PASSWORDS_SAFE: _passwords,
    ClaimCode.HAPPENED: _happened,
    ClaimCode.STOPPED: _stopped,
}


def _by(p: float, *, against: bool = False) -> ClaimOutcome:
    """Judge a claim by the probability of what supports it, or of what speaks against it."""
    p = 1 - p if against else p
    return ClaimOutcome.CONTRADICTED if p < _NO else ClaimOutcome.CONSISTENT if p > _YES else ClaimOutcome.UNKNOWN


def _meets(claim: Claim, start: datetime | None, end: datetime | None) -> bool:
    starts_in_time = claim.since is None or end is None or claim.since <= end
    return starts_in_time and (claim.until is None or start is None or claim.until >= start)


def _mails(number: int) -> str:
    return f"{number:,} mail{'' if number == 1 else 's'}"


def _addresses(number: int) -> str:
    return f"{number:,} address{'' if number == 1 else 'es'}"
