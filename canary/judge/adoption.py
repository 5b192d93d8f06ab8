"""To whom an address was given that was not issued here: from its tag, and from who wrote to it first."""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from canary.judge.localpart import bits_of, shape_of
from canary.judge.organisation import FREE_MAILBOXES, organisation
from canary.model.attempt import LocalShape
from canary.model.canary import Style
from canary.model.party import Vendor

SAMPLE = 6
"""How many of the first mails to an address are read."""

EARLY = timedelta(days=42)
_WORD_BITS = 9.0
"""Bits of a name: there are some hundreds of vendors that anybody would think of."""
_YEAR = re.compile(r"(?:19|20)\d\d")


@dataclass(frozen=True, slots=True)
class SenderSighting:
    """Who sent one of the first mails: the proven organisation (empty: none), and the one it claims to be."""

    at: datetime
    proven: str
    claim: str
    bulk: bool = False


@dataclass(frozen=True, slots=True)
class Sighting:
    """An address in an archive: when it first got mail, how often, and from whom at first, in order of time."""

    address: str
    first: datetime
    mails: int
    seen: tuple[SenderSighting, ...] = ()


@dataclass(frozen=True, slots=True)
class AdoptionProposal:
    """The likeliest vendor of an address: a known one by `slug`, or a new one by `name` and `domains`; `basis` says why."""

    address: str
    slug: str
    name: str
    domains: tuple[str, ...]
    channel: str
    basis: str
    style: Style
    bits: float
    issued: datetime
    mails: int


@dataclass(frozen=True, slots=True)
class Left:
    """An address that is not adopted, and why."""

    address: str
    mails: int
    why: str


@dataclass(frozen=True, slots=True)
class VendorGuess:
    """A vendor as a rule proposes it: known by slug, or new with the domains it was seen with."""

    basis: str
    slug: str = ""
    name: str = ""
    domains: tuple[str, ...] = ()


Rule = Callable[["Tag", Sighting, Sequence[Vendor]], VendorGuess | None]


@dataclass(frozen=True, slots=True)
class Tag:
    """The part of an address that was chosen for its vendor; `words` are its readable pieces, `plus` its style."""

    text: str
    plus: bool
    words: tuple[str, ...]

    def names(self, label: str) -> bool:
        """Whether the tag contains a name, whole or as one of its words; `play.com` contains `play`, too."""
        plain = re.sub(r"[^a-z0-9]", "", label.lower())
        return len(plain) > 1 and (plain in self.words or plain == re.sub(r"[^a-z0-9]", "", self.text))


def tag_of(address: str) -> Tag:
    """Return the tag of an address: what follows a plus sign, or the whole local part."""
    local = address.rpartition("@")[0].lower()
    base, plus, tag = local.partition("+")
    text = tag if plus else base
    pieces = (piece for piece in re.split(r"[^a-z0-9]+", text) if not piece.isdigit())
    words = [found for piece in pieces for found in (piece, piece.rstrip("0123456789")) if len(found) > 1]
    return Tag(text, bool(plus), tuple(dict.fromkeys(words)))


def propose(found: Sighting, vendors: Sequence[Vendor], told: tuple[str, str] | None = None) -> AdoptionProposal | Left:
    """Return the likeliest vendor of an address, or why there is none; `told` is the vendor and channel the owner named."""
    tag = tag_of(found.address)
    if told is not None:
        return _proposal(found, tag, _as_told(told[0], tag, found, vendors), told[1])
    if not tag.text:
        return Left(found.address, found.mails, "has no tag")
    guess = next((guess for rule in RULES if (guess := rule(tag, found, vendors)) is not None), None)
    if guess is None:
        return Left(found.address, found.mails, "neither tag nor senders name a vendor")
    return _proposal(found, tag, guess, "signup")


def adopted_bits(address: str) -> float:
    """Estimate how hard an adopted address is to guess: its vendor's name is easy, what was drawn at random is not."""
    text = tag_of(address).text
    return round(min(bits_of(address.rpartition("@")[0]), _WORD_BITS + sum(_extra_bits(text))), 1)


def _extra_bits(text: str) -> Iterator[float]:
    """Return the bits after the first word: years have few, a letter or digit that looks random has five or three."""
    worded = False
    for piece in re.split(r"[._+-]+", text):
        if not piece.isdigit() and shape_of(piece) is LocalShape.RANDOM:
            yield len(piece) * math.log2(32)
            continue
        for part in re.findall(r"\d+|\D+", piece):
            if part.isdigit():
                yield 5.0 if _YEAR.fullmatch(part) else len(part) * math.log2(10)
            elif worded:
                yield _WORD_BITS
            worded = worded or not part.isdigit()


def known_vendor(tag: Tag, found: Sighting, vendors: Sequence[Vendor]) -> VendorGuess | None:
    """The tag names a known vendor, or the first proven sender is one."""
    named = [v for v in vendors if any(tag.names(name) for name in (v.slug, v.name, *map(_label, v.domains)))]
    if named:
        return VendorGuess("known vendor", named[0].slug, named[0].name)
    if not tag.plus and not _is_chosen(tag):
        return None
    first = next((seen.proven for seen in found.seen if seen.proven), "")
    held = next((v for v in vendors if first and first in map(organisation, v.domains)), None)
    return VendorGuess("known vendor wrote first", held.slug, held.name) if held else None


def tag_and_proof(tag: Tag, found: Sighting, vendors: Sequence[Vendor]) -> VendorGuess | None:  # noqa: ARG001 - a rule
    """The tag is the name of a proven sender; further domains of that name count if they come early."""
    named = [seen for seen in found.seen if seen.proven and tag.names(_label(seen.proven))]
    if not named:
        return None
    early = (seen.proven for seen in named if seen.at - named[0].at <= EARLY)
    domains = tuple(dict.fromkeys(early))
    return VendorGuess("tag and proven sender", name=_name(domains[0]), domains=domains)


def tag_and_claim(tag: Tag, found: Sighting, vendors: Sequence[Vendor]) -> VendorGuess | None:  # noqa: ARG001 - a rule
    """The tag is the name in an unproven From: whether forged or not, that vendor was meant."""
    named = [seen.claim for seen in found.seen if seen.claim and tag.names(_label(seen.claim))]
    return VendorGuess("tag and sender, unproven", name=_name(named[0]), domains=(named[0],)) if named else None


def first_proven(tag: Tag, found: Sighting, vendors: Sequence[Vendor]) -> VendorGuess | None:  # noqa: ARG001 - a rule
    """A proven sender wrote first: the vendor that is given an address writes before anybody else can."""
    if not found.seen or not _is_chosen(tag):
        return None
    first = found.seen[0]
    again = sum(seen.proven == first.proven for seen in found.seen)
    # Anyone who guesses writes once, or to many; a vendor comes back. Nobody guesses a plus tag.
    if not first.proven or first.proven in FREE_MAILBOXES or not (tag.plus or (again > 1 and first.bulk)):
        return None
    return VendorGuess("first proven sender", name=_name(first.proven), domains=(first.proven,))


def first_claimed(tag: Tag, found: Sighting, vendors: Sequence[Vendor]) -> VendorGuess | None:  # noqa: ARG001 - a rule
    """A plus tag was made for somebody; where nothing is proven, the first sender shows for whom."""
    first = found.seen[0].claim if tag.plus and found.seen else ""
    if not first or first in FREE_MAILBOXES or any(seen.proven for seen in found.seen):
        return None
    return VendorGuess("first sender, unproven", name=_name(first), domains=(first,))


RULES: tuple[Rule, ...] = (known_vendor, tag_and_proof, tag_and_claim, first_proven, first_claimed)
"""Tried in this order; an address that none of them recognises is left alone."""


def mail_order(found: Iterable[AdoptionProposal | Left]) -> tuple[list[AdoptionProposal], list[Left]]:
    """Return what is adopted, by vendor, and what is left, the busiest address first."""
    made = list(found)
    taken = [each for each in made if isinstance(each, AdoptionProposal)]
    left = [each for each in made if isinstance(each, Left)]
    return sorted(taken, key=lambda p: (p.name.casefold(), p.address)), sorted(
        left, key=lambda e: (-e.mails, e.address)
    )


def _as_told(vendor: str, tag: Tag, found: Sighting, vendors: Sequence[Vendor]) -> VendorGuess:
    wanted = vendor.casefold()
    held = next((v for v in vendors if wanted in (v.slug, v.name.casefold())), None)
    if held:
        return VendorGuess("vendor map", held.slug, held.name)
    said = Tag(tag.text, tag.plus, (*tag.words, *re.findall(r"[a-z0-9]{2,}", wanted), re.sub(r"[^a-z0-9]", "", wanted)))
    rules = (tag_and_proof, tag_and_claim, first_proven, first_claimed)
    guess = next((guess for rule in rules if (guess := rule(said, found, vendors)) is not None), VendorGuess(""))
    return VendorGuess("vendor map", name=vendor, domains=guess.domains)


def _proposal(found: Sighting, tag: Tag, guess: VendorGuess, channel: str) -> AdoptionProposal:
    return AdoptionProposal(
        found.address, guess.slug, guess.name, guess.domains, channel, guess.basis,
        Style.PLUS if tag.plus else Style.TAGGED, adopted_bits(found.address), found.first, found.mails,
    )  # fmt: skip


def _is_chosen(tag: Tag) -> bool:
    """Whether a tag may have been made for a vendor: names of people and offices are mailboxes that everybody guesses."""
    return tag.plus or shape_of(tag.text) not in (LocalShape.ROLE, LocalShape.NAME)


def _label(domain: str) -> str:
    return organisation(domain).partition(".")[0]


def _name(domain: str) -> str:
    return _label(domain).replace("-", " ").title()
