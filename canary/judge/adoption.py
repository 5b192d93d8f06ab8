"""To whom an address was given that was not issued here: from its tag, and from who wrote to it first."""

import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from canary.judge.localpart import bits_of, shape_of
from canary.judge.names import label_of
from canary.judge.organisation import is_mailbox_provider, is_public_body, organisation
from canary.judge.tag import Agreement, Tag, agreement, is_beside, spoken_name, tag_of
from canary.model.attempt import LocalShape
from canary.model.canary import Style
from canary.model.party import Vendor

SAMPLE = 6
"""How many of the first mails to an address are read."""

LAST = 3
"""How many of the last are read besides, where only one sender is seen among the first."""

EARLY = timedelta(days=42)
LONG = timedelta(days=120)
"""For how long a sender must have been the only one for an address to be its, whatever the tag is."""

FAITHFUL = 4
"""How many mails such a sender has sent at the least."""

GUESSED = 3
"""Who wrote first to so many addresses whose tags do not name it made them up."""

_WORD_BITS = 9.0
"""Bits of a name: there are some hundreds of vendors that anybody would think of."""
_YEAR = re.compile(r"(?:19|20)\d\d")


@dataclass(frozen=True, slots=True)
class SenderSighting:
    """Who sent one of the first mails: the proven organisation (empty: none), the one it claims to be, and its name.

    Neither is given where it can be no vendor's: a domain of the owner, a forwarder or a mailbox provider. `confirms`
    means that it asks to confirm an address or confirms it.
    """

    at: datetime
    proven: str
    claim: str
    bulk: bool = False
    name: str = ""
    confirms: bool = False

    @property
    def origin(self) -> str:
        """The organisation that it comes from, as far as that is known."""
        return self.proven or self.claim


@dataclass(frozen=True, slots=True)
class Sighting:
    """An address in an archive: when it first got mail, how often, and from whom at first, in order of time.

    `last` are the senders of its last mails where they were looked at.
    """

    address: str
    first: datetime
    mails: int
    seen: tuple[SenderSighting, ...] = ()
    last: tuple[SenderSighting, ...] = ()


@dataclass(frozen=True, slots=True)
class MapRow:
    """What the owner says of an address: its vendor and channel, and the vendor's domains where they are given."""

    vendor: str
    channel: str = "signup"
    domains: tuple[str, ...] = ()
    issued: datetime | None = None


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
    """A vendor as a rule proposes it: known by slug, or new with the domains it was seen with.

    `agrees` is how well its sender agrees with the tag.
    """

    basis: str
    slug: str = ""
    name: str = ""
    domains: tuple[str, ...] = ()
    agrees: Agreement = Agreement.EXACT


@dataclass(frozen=True, slots=True)
class Draft:
    """What is proposed for one address before the others are looked at, who wrote first, and whether the tag names it."""

    result: AdoptionProposal | Left
    agrees: Agreement = Agreement.EXACT
    first: str = ""
    is_named: bool = True


Rule = Callable[[Tag, Sighting, Sequence[Vendor]], VendorGuess | None]


def propose(found: Sighting, vendors: Sequence[Vendor], told: MapRow | None = None) -> Draft:
    """Return the likeliest vendor of an address, or why there is none; `told` is what the owner says of it."""
    tag = tag_of(found.address)
    if told is not None:
        said = _as_told(told, tag, found, vendors)
        return Draft(_proposal(replace(found, first=told.issued or found.first), tag, said, told.channel), said.agrees)
    why = _why_no_tag(found, tag)
    if why:
        return Draft(Left(found.address, found.mails, why))
    guess = next((guess for rule in RULES if (guess := rule(tag, found, vendors)) is not None), None)
    first = _first(tag, found)
    if guess is None:
        return Draft(Left(found.address, found.mails, _why_nobody(tag, found)), Agreement.NONE, *first)
    return Draft(_proposal(found, tag, _as_known(guess, vendors), "signup"), guess.agrees, *first)


def settle(
    drafts: Sequence[Draft], mailboxes: Collection[str], vendors: Sequence[Vendor]
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
    draft: Draft, first: Counter[str], mailboxes: Collection[str], carriers: Collection[str]
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


def _carriers(drafts: Sequence[Draft]) -> frozenset[str]:
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


def known_vendor(tag: Tag, found: Sighting, vendors: Sequence[Vendor]) -> VendorGuess | None:
    """The tag names a known vendor, or the first proven sender is one."""
    named = [v for v in vendors if any(tag.names(name) for name in (v.slug, v.name, *map(label_of, v.domains)))]
    if named:
        return VendorGuess("known vendor", named[0].slug, named[0].name)
    if not tag.plus and not _is_chosen(tag):
        return None
    first = next((seen.proven for seen in found.seen if seen.proven), "")
    held = next((v for v in vendors if first and first in map(organisation, v.domains)), None)
    return VendorGuess("known vendor wrote first", held.slug, held.name) if held else None


def tag_and_proof(tag: Tag, found: Sighting, vendors: Sequence[Vendor]) -> VendorGuess | None:  # noqa: ARG001 - a rule
    """The tag names a proven sender by its domain; further domains that it names as well count if they come early."""
    named = [(agreement(tag, seen.proven, seen.name), seen) for seen in found.seen if seen.proven]
    best = max((agrees for agrees, seen in named if _may_meet(tag, agrees, seen)), default=Agreement.NONE)
    if best < Agreement.NAMED:
        return None
    own = [seen for agrees, seen in named if agrees is best]
    early = (seen.proven for seen in own if seen.at - own[0].at <= EARLY)
    domains = tuple(dict.fromkeys(early))
    return VendorGuess("tag and proven sender", "", _name(tag, found, domains[0], best), domains, best)


def tag_and_claim(tag: Tag, found: Sighting, vendors: Sequence[Vendor]) -> VendorGuess | None:  # noqa: ARG001 - a rule
    """The tag names the unproven domain in From: whether forged or not, that vendor was meant."""
    for number, seen in enumerate(found.seen):
        agrees = agreement(tag, seen.claim, seen.name) if seen.claim else Agreement.NONE
        # A forger can register what only begins with the vendor's name; the first to write to an address is none.
        if _may_meet(tag, agrees, seen) and agrees >= (Agreement.EXACT if number else Agreement.NAMED):
            name = _name(tag, found, seen.claim, agrees)
            return VendorGuess("tag and sender, unproven", "", name, (seen.claim,), agrees)
    return None


def tag_and_name(tag: Tag, found: Sighting, vendors: Sequence[Vendor]) -> VendorGuess | None:  # noqa: ARG001 - a rule
    """The tag stands for the name that a sender shows beside a domain of another name, which is then mostly not its own."""
    said = [seen for seen in found.seen if (seen.bulk or tag.owners) and spoken_name(tag, seen.name)]
    if not said or not _is_chosen(tag):
        return None
    first = found.seen[0].proven
    again = sum(seen.proven == first for seen in said)
    own = bool(tag.owners) and first == said[0].proven and again > 1
    domains = [
        seen.proven for seen in said if seen.proven and (is_public_body(seen.proven) or (own and seen.proven == first))
    ]
    return VendorGuess(
        "tag and name of a sender", "", _name(tag, found, "", Agreement.SAID), tuple(domains[:1]), Agreement.SAID
    )


def only_sender(tag: Tag, found: Sighting, vendors: Sequence[Vendor]) -> VendorGuess | None:  # noqa: ARG001 - a rule
    """A proven sender was the only one to write, in bulk and for long: nobody else was given the address."""
    seen = (*found.seen, *found.last)
    senders = {each.proven for each in seen}
    if len(senders) != 1 or not seen[0].proven or not seen[0].bulk or not _is_chosen(tag):
        return None
    long = found.mails >= FAITHFUL and seen[-1].at - seen[0].at >= LONG
    if not long and not (tag.owners and found.mails > 1):
        return None
    return VendorGuess("only sender", "", _title(seen[0].proven), (seen[0].proven,), Agreement.SAID)


def confirmed(tag: Tag, found: Sighting, vendors: Sequence[Vendor]) -> VendorGuess | None:  # noqa: ARG001 - a rule
    """The first to write confirmed a sign-up, which only the one who was given the address does."""
    first = found.seen[0] if found.seen else None
    if not first or not first.origin or not first.confirms or not (tag.plus or tag.owners):
        return None
    return VendorGuess("first sender confirmed a sign-up", "", _title(first.origin), (first.origin,), Agreement.SAID)


OWNERS_WORD = "vendor map"
_BY_SENDER: tuple[Rule, ...] = (tag_and_proof, tag_and_claim, tag_and_name, confirmed, only_sender)
RULES: tuple[Rule, ...] = (known_vendor, *_BY_SENDER)
"""Tried in this order; an address that none of them recognises is left alone."""


def _may_meet(tag: Tag, agrees: Agreement, seen: SenderSighting) -> bool:
    """Whether a tag can be met by a sender: what anybody guesses, the names of offices and people, only by its very name."""
    shape = _shape(tag)
    if tag.plus or tag.owners or shape not in (LocalShape.ROLE, LocalShape.NAME):
        return agrees > Agreement.NONE
    return agrees >= Agreement.EXACT and (seen.bulk or shape is LocalShape.NAME)


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
    if not _is_chosen(tag):
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


def _as_told(told: MapRow, tag: Tag, found: Sighting, vendors: Sequence[Vendor]) -> VendorGuess:
    wanted = told.vendor.casefold()
    held = next((v for v in vendors if wanted in (v.slug, v.name.casefold())), None)
    if told.domains or (held and held.domains):
        return VendorGuess(OWNERS_WORD, held.slug if held else "", held.name if held else told.vendor, told.domains)
    said = tag.called(held.name if held else told.vendor)
    guess = next((guess for rule in _BY_SENDER if (guess := rule(said, found, vendors)) is not None), VendorGuess(""))
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


def _is_chosen(tag: Tag) -> bool:
    """Whether a tag may have been made for a vendor: names of people and offices are mailboxes that everybody guesses."""
    return tag.plus or bool(tag.owners) or _shape(tag) not in (LocalShape.ROLE, LocalShape.NAME)


def _shape(tag: Tag) -> LocalShape:
    """Return what a tag looks like; two words of which one only stands beside names of vendors name no person."""
    shape = shape_of(tag.text)
    beside = len(tag.words) > 1 and any(map(is_beside, tag.words))
    return LocalShape.WORD if shape is LocalShape.NAME and beside else shape


def _name(tag: Tag, found: Sighting, domain: str, agrees: Agreement) -> str:
    """Return what a new vendor is called: by its domain if that is the tag, else as its senders spell what the tag means."""
    spoken = [] if agrees is Agreement.EXACT else [name for seen in found.seen if (name := spoken_name(tag, seen.name))]
    whole = next((name for name in spoken if " " in name), "")
    return whole or (_title(domain) if domain else next(iter(spoken), ""))


def _title(domain: str) -> str:
    return label_of(domain).replace("-", " ").title()
