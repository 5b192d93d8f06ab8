"""Whose is an address that was given away before anybody kept count: from its tag, and from who wrote there first."""

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
"""How many of the first mails to an address are looked at."""

EARLY = timedelta(days=42)
_WORD_BITS = 9.0
"""Vendors that anybody would think of are some hundreds."""
_YEAR = re.compile(r"(?:19|20)\d\d")


@dataclass(frozen=True, slots=True)
class SenderSighting:
    """Who sent one of the first mails: the organisation that was proven (empty: none), and the one it claims to be."""

    at: datetime
    proven: str
    claim: str
    bulk: bool = False


@dataclass(frozen=True, slots=True)
class Sighting:
    """An address in an archive: when it was written to first, how often, and by whom at first, in order of time."""

    address: str
    first: datetime
    mails: int
    seen: tuple[SenderSighting, ...] = ()


@dataclass(frozen=True, slots=True)
class AdoptionProposal:
    """Whose an address most likely is: a known vendor by `slug`, or a new one by `name` and `domains`; `basis` says why."""

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
    """A vendor as a rule sees it: known by slug, or new by the domains it was seen with."""

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
        """Whether the tag says a name, whole or as one of its words; `play.com` says `play`, too."""
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
    """Say whose an address most likely is, or why nobody's; `told` is the vendor and channel that the owner names."""
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
    """Estimate how hard an adopted address is to guess: whoever knows the vendor guesses its name, not what was drawn."""
    text = tag_of(address).text
    return round(min(bits_of(address.rpartition("@")[0]), _WORD_BITS + sum(_extra_bits(text))), 1)


def _extra_bits(text: str) -> Iterator[float]:
    """What stands beside the first word: years are few, a letter or digit that looks drawn has five or three bits."""
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
    """The tag names a vendor that is known, or the first proven sender is one."""
    named = [v for v in vendors if any(tag.names(name) for name in (v.slug, v.name, *map(_label, v.domains)))]
    if named:
        return VendorGuess("known vendor", named[0].slug, named[0].name)
    if not tag.plus and not _is_chosen(tag):
        return None
    first = next((seen.proven for seen in found.seen if seen.proven), "")
    held = next((v for v in vendors if first and first in map(organisation, v.domains)), None)
    return VendorGuess("known vendor wrote first", held.slug, held.name) if held else None


def tag_and_proof(tag: Tag, found: Sighting, vendors: Sequence[Vendor]) -> VendorGuess | None:  # noqa: ARG001 - a rule
    """The tag is the name of somebody who proved to be it; more domains of that name count while they come early."""
    named = [seen for seen in found.seen if seen.proven and tag.names(_label(seen.proven))]
    if not named:
        return None
    early = (seen.proven for seen in named if seen.at - named[0].at <= EARLY)
    domains = tuple(dict.fromkeys(early))
    return VendorGuess("tag and proven sender", name=_name(domains[0]), domains=domains)


def tag_and_claim(tag: Tag, found: Sighting, vendors: Sequence[Vendor]) -> VendorGuess | None:  # noqa: ARG001 - a rule
    """The tag is the name of somebody who is claimed to have written: whoever it was, that vendor was meant."""
    named = [seen.claim for seen in found.seen if seen.claim and tag.names(_label(seen.claim))]
    return VendorGuess("tag and sender, unproven", name=_name(named[0]), domains=(named[0],)) if named else None


def first_proven(tag: Tag, found: Sighting, vendors: Sequence[Vendor]) -> VendorGuess | None:  # noqa: ARG001 - a rule
    """Somebody who proved who it is wrote first: who is given an address writes before anybody else can."""
    if not found.seen or not _is_chosen(tag):
        return None
    first = found.seen[0]
    again = sum(seen.proven == first.proven for seen in found.seen)
    # Whoever guesses writes once, or to many; a vendor comes back. A plus tag is nobody's guess.
    if not first.proven or first.proven in FREE_MAILBOXES or not (tag.plus or (again > 1 and first.bulk)):
        return None
    return VendorGuess("first proven sender", name=_name(first.proven), domains=(first.proven,))


def first_claimed(tag: Tag, found: Sighting, vendors: Sequence[Vendor]) -> VendorGuess | None:  # noqa: ARG001 - a rule
    """A plus tag was made for somebody; where nothing is proven, whoever wrote first says who."""
    first = found.seen[0].claim if tag.plus and found.seen else ""
    if not first or first in FREE_MAILBOXES or any(seen.proven for seen in found.seen):
        return None
    return VendorGuess("first sender, unproven", name=_name(first), domains=(first,))


RULES: tuple[Rule, ...] = (known_vendor, tag_and_proof, tag_and_claim, first_proven, first_claimed)
"""Asked in this order; an address that none of them knows is left alone."""


def mail_order(found: Iterable[AdoptionProposal | Left]) -> tuple[list[AdoptionProposal], list[Left]]:
    """Sort into what is adopted, by vendor, and what is left, the busiest first."""
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
    """Whether a tag may have been made for a vendor: names of people and offices are mailboxes, and guessed by all."""
    return tag.plus or shape_of(tag.text) not in (LocalShape.ROLE, LocalShape.NAME)


def _label(domain: str) -> str:
    return organisation(domain).partition(".")[0]


def _name(domain: str) -> str:
    return _label(domain).replace("-", " ").title()
