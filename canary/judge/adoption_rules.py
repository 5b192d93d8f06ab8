"""The rules by which an address that was not issued here shows its vendor: its tag, and who wrote to it first."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from canary.judge.localpart import shape_of
from canary.judge.names import label_of
from canary.judge.organisation import is_public_body, organisation
from canary.judge.tag import Agreement, Tag, agreement, is_beside, spoken_name
from canary.model.attempt import LocalShape
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
    """What the owner says of an address: its vendor and channel, and the vendor's domains where they are given.

    With `before`, it was given away at some time before `issued`.
    """

    vendor: str
    channel: str = "signup"
    domains: tuple[str, ...] = ()
    issued: datetime | None = None
    before: bool = False


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


Rule = Callable[[Tag, Sighting, Sequence[Vendor]], VendorGuess | None]


def known_vendor(tag: Tag, found: Sighting, vendors: Sequence[Vendor]) -> VendorGuess | None:
    """The tag names a known vendor, or the first proven sender is one."""
    named = [v for v in vendors if any(tag.names(name) for name in (v.slug, v.name, *map(label_of, v.domains)))]
    if named:
        return VendorGuess("known vendor", named[0].slug, named[0].name)
    if not tag.plus and not is_chosen(tag):
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
    if not said or not is_chosen(tag):
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
    if len(senders) != 1 or not seen[0].proven or not seen[0].bulk or not is_chosen(tag):
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
LISTED = "alias list"
BY_SENDER: tuple[Rule, ...] = (tag_and_proof, tag_and_claim, tag_and_name, confirmed, only_sender)
RULES: tuple[Rule, ...] = (known_vendor, *BY_SENDER)
"""Tried in this order; an address that none of them recognises is left alone."""


def _may_meet(tag: Tag, agrees: Agreement, seen: SenderSighting) -> bool:
    """Whether a tag can be met by a sender: what anybody guesses, the names of offices and people, only by its very name."""
    shape = shape_in(tag)
    if tag.plus or tag.owners or shape not in (LocalShape.ROLE, LocalShape.NAME):
        return agrees > Agreement.NONE
    return agrees >= Agreement.EXACT and (seen.bulk or shape is LocalShape.NAME)


def is_chosen(tag: Tag) -> bool:
    """Whether a tag may have been made for a vendor: names of people and offices are mailboxes that everybody guesses."""
    return tag.plus or bool(tag.owners) or shape_in(tag) not in (LocalShape.ROLE, LocalShape.NAME)


def shape_in(tag: Tag) -> LocalShape:
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
