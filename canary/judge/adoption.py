"""To whom an address was given that was not issued here: from its tag, and from who wrote to it first."""

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from canary.judge.adoption_rules import (
    BY_SENDER,
    LISTED,
    OWNERS_WORD,
    RULES,
    MapRow,
    Sighting,
    VendorGuess,
    is_chosen,
    known_vendor,
    shape_in,
)
from canary.judge.localpart import bits_of, shape_of
from canary.judge.organisation import is_mailbox_provider, is_public_body, organisation
from canary.judge.tag import Agreement, Tag, agreement, is_beside, tag_of
from canary.model.attempt import LocalShape
from canary.model.canary import Style
from canary.model.party import Vendor

GUESSED = 3
"""Who wrote first to so many addresses whose tags do not name it made them up."""

_WORD_BITS = 9.0
"""Bits of a name: there are some hundreds of vendors that anybody would think of."""
_YEAR = re.compile(r"(?:19|20)\d\d")


@dataclass(frozen=True, slots=True)
class AdoptionProposal:
    """The likeliest vendor of an address: a known one by `slug`, or a new one by `name` and `domains`; `basis` says why.

    One that is `undated` was given away at some time before `issued`.
    """

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
    undated: bool = False


class KnownVendors:
    """The vendors that are there already, found by a domain of their family or by a name."""

    def __init__(self, vendors: Sequence[Vendor]) -> None:
        """Look all names up at once; of two with one name the first counts."""
        self.vendors = vendors
        self._by_domain = {organisation(domain): v for v in reversed(vendors) for domain in v.domains}
        self._by_name = {name.casefold(): v for v in reversed(vendors) for name in (v.slug, *v.names)}

    def of(self, row: MapRow) -> Vendor | None:
        """Return the vendor that the owner means, None for a new one."""
        by_domain = (self._by_domain.get(organisation(domain)) for domain in row.domains)
        return next(filter(None, by_domain), None) or self._by_name.get(row.vendor.casefold())


@dataclass(frozen=True, slots=True)
class Left:
    """An address that is not adopted, and why."""

    address: str
    mails: int
    why: str


@dataclass(frozen=True, slots=True)
class AddressDraft:
    """What is proposed for one address before the others are looked at, who wrote first, and whether the tag names it."""

    result: AdoptionProposal | Left
    agrees: Agreement = Agreement.EXACT
    first: str = ""
    is_named: bool = True


def propose(found: Sighting, vendors: Sequence[Vendor], told: MapRow | None = None) -> AddressDraft:
    """Return the likeliest vendor of an address, or why there is none; `told` is what the owner says of it."""
    tag = tag_of(found.address)
    if told is not None:
        named = _as_told(told, tag, found, KnownVendors(vendors))
        since = replace(found, first=told.issued or found.first)
        return AddressDraft(_proposal(since, tag, named, told.channel), named.agrees)
    why = _why_no_tag(found, tag)
    if why:
        return AddressDraft(Left(found.address, found.mails, why))
    guess = next((guess for rule in RULES if (guess := rule(tag, found, vendors)) is not None), None)
    first = _first(tag, found)
    if guess is None:
        return AddressDraft(Left(found.address, found.mails, _why_nobody(tag, found)), Agreement.NONE, *first)
    return AddressDraft(_proposal(found, tag, _as_known(guess, vendors), "signup"), guess.agrees, *first)


def propose_listed(address: str, row: MapRow, known: KnownVendors, now: datetime) -> AdoptionProposal | Left:
    """Return the vendor of an address in a list of the owner's, or why there is none; no mail is looked at.

    Where the list names no vendor, the tag does if it is a word that can be a name.
    """
    found, tag = Sighting(address, min(row.issued or now, now), 0), tag_of(address)
    undated = row.issued is None or row.before or row.issued > now
    if row.vendor:
        made = _proposal(found, tag, _as_told(row, tag, found, known), row.channel)
        return replace(made, basis=LISTED, undated=undated)
    drawn = not tag.plus and is_mailbox_provider(address.rpartition("@")[2])
    guess = None if drawn else known_vendor(tag, found, known.vendors) or _by_tag(tag)
    if guess is None:
        return Left(address, 0, "its tag names no vendor: write the vendor into the list")
    return replace(_proposal(found, tag, replace(guess, domains=row.domains), row.channel), undated=undated)


def one_name_each(made: Iterable[AdoptionProposal | Left]) -> list[AdoptionProposal | Left]:
    """Let new vendors that share a domain be one, under the name that comes first."""
    names, settled = dict[str, str](), list[AdoptionProposal | Left]()
    for each in made:
        if isinstance(each, AdoptionProposal) and not each.slug:
            name = next((names[domain] for domain in each.domains if domain in names), each.name)
            names.update((domain, name) for domain in each.domains if domain not in names)
            settled.append(replace(each, name=name))
        else:
            settled.append(each)
    return settled


def _by_tag(tag: Tag) -> VendorGuess | None:
    """Return a vendor that is called by a tag, where that is no role or person, and was not drawn at random."""
    words = " ".join(word for word in tag.words if word in tag.cores and not is_beside(word) and not word[-1].isdigit())
    anybodys = not tag.plus and shape_in(tag) in (LocalShape.ROLE, LocalShape.NAME, LocalShape.RANDOM)
    return VendorGuess("its tag", "", words.title()) if words and not anybodys else None


def settle(
    drafts: Sequence[AddressDraft], mailboxes: Collection[str], vendors: Sequence[Vendor]
) -> list[AdoptionProposal | Left]:
    """Look at all addresses together: what one sender made up is left alone, and so is the mailbox that all mail ends in.

    `mailboxes` are the addresses that others are only tags of. A domain that shows the names of several vendors, and
    whose own name is none of them, carries their mail and is not theirs.
    """
    held = {organisation(domain) for vendor in vendors for domain in vendor.domains}
    first = Counter(draft.first for draft in drafts if not draft.is_named and draft.first not in held)
    carriers = _carriers(drafts)
    return [_settled(draft, first, mailboxes, carriers) for draft in drafts]


def _settled(
    draft: AddressDraft, first: Counter[str], mailboxes: Collection[str], carriers: Collection[str]
) -> AdoptionProposal | Left:
    made = draft.result
    if made.address in mailboxes and not _is_told(made):
        return Left(made.address, made.mails, "is the mailbox itself: its tagged addresses are those to adopt")
    count = first[draft.first]
    if count >= GUESSED and draft.agrees < Agreement.EXACT and not _is_told(made):
        guess = f"guessed: {draft.first} wrote first to {count:,} addresses whose tags do not name it"
        return Left(made.address, made.mails, guess)
    if isinstance(made, AdoptionProposal) and draft.agrees is Agreement.SAID:
        return replace(made, domains=tuple(domain for domain in made.domains if domain not in carriers))
    return made


def _is_told(made: AdoptionProposal | Left) -> bool:
    return isinstance(made, AdoptionProposal) and made.basis == OWNERS_WORD


def _carriers(drafts: Sequence[AddressDraft]) -> frozenset[str]:
    """Return the domains of which only the names beside them speak, and which show those of several vendors."""
    shown: dict[str, set[str]] = {}
    for draft in drafts:
        if isinstance(draft.result, AdoptionProposal) and draft.agrees is Agreement.SAID:
            for domain in draft.result.domains:
                shown.setdefault(domain, set()).add(draft.result.name)
    return frozenset(domain for domain, names in shown.items() if len(names) > 1 and not is_public_body(domain))


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


def _first(tag: Tag, found: Sighting) -> tuple[str, bool]:
    """Return the organisation that wrote first, and whether the tag names it."""
    first = found.seen[0] if found.seen else None
    named = not first or not first.origin or agreement(tag, first.origin, first.name) > Agreement.NONE
    return first.origin if first else "", named


def _why_no_tag(found: Sighting, tag: Tag) -> str:
    if not tag.text:
        return "has no tag"
    if not tag.plus and is_mailbox_provider(found.address.rpartition("@")[2]):
        return "is a mailbox: only its tagged addresses can be given to one vendor each"
    return ""


def _why_nobody(tag: Tag, found: Sighting) -> str:
    """Say why an address is left alone, with who wrote to it where that helps the owner to name the vendor."""
    senders = dict.fromkeys(seen.origin for seen in found.seen if seen.origin)
    if not senders:
        return "nothing shows who wrote: name its vendor with --vendor-map"
    if not is_chosen(tag):
        return "is a name that everybody guesses"
    return f"its tag names none of its senders ({', '.join(list(senders)[:3])}): name its vendor with --vendor-map"


def mail_order(found: Iterable[AdoptionProposal | Left]) -> tuple[list[AdoptionProposal], list[Left]]:
    """Return what is adopted, by vendor, and what is left, the busiest address first."""
    made = list(found)
    taken = [each for each in made if isinstance(each, AdoptionProposal)]
    left = [each for each in made if isinstance(each, Left)]
    return sorted(taken, key=lambda p: (p.name.casefold(), p.address)), sorted(
        left, key=lambda e: (-e.mails, e.address)
    )


def _as_told(told: MapRow, tag: Tag, found: Sighting, known: KnownVendors) -> VendorGuess:
    held = known.of(told)
    if told.domains or (held and held.domains):
        return VendorGuess(OWNERS_WORD, held.slug if held else "", held.name if held else told.vendor, told.domains)
    said = tag.called(held.name if held else told.vendor)
    guess = next(
        (guess for rule in BY_SENDER if (guess := rule(said, found, known.vendors)) is not None), VendorGuess("")
    )
    return replace(guess, basis=OWNERS_WORD, slug=held.slug if held else "", name=said.owners)


def _as_known(guess: VendorGuess, vendors: Sequence[Vendor]) -> VendorGuess:
    """Return the known vendor where a guess names one of its domains."""
    held = next((v for v in vendors if set(guess.domains) & set(map(organisation, v.domains))), None)
    return VendorGuess("known vendor", held.slug, held.name, agrees=guess.agrees) if held and not guess.slug else guess


def _proposal(found: Sighting, tag: Tag, guess: VendorGuess, channel: str) -> AdoptionProposal:
    return AdoptionProposal(
        found.address, guess.slug, guess.name, guess.domains, channel, guess.basis,
        Style.PLUS if tag.plus else Style.TAGGED, adopted_bits(found.address), found.first, found.mails,
    )  # fmt: skip
