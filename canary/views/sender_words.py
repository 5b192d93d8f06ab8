"""What an owner can decide about the senders of mails that a page shows: each sender, account or domain once."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from canary.judge.grounds import LIMITS, Ground, decidable, why_undecidable
from canary.model.identity import Identity
from canary.model.party import Vendor
from canary.model.verdict import HINTS, LEAKS, Verdict
from canary.senders.profile import platforms_of
from canary.store.codec import identity_of
from canary.store.queries.vendors import rows_by_slug, with_senders
from canary.store.tables import MailRow, SenderRow
from canary.views.models import HitLine

DECIDED = frozenset({*LEAKS, *HINTS, Verdict.NEW_SENDER})
"""Verdicts that the owner's word about the sender may change, where nobody has said anything yet."""

MOST = 12


@dataclass(frozen=True, slots=True)
class SenderWord:
    """A sender, account or domain at a vendor, its state (empty for none) and what it was before the owner's word.

    `limit` says what approving it does not do. `mails` are those among the mails shown, `mail` is the newest.
    """

    vendor: str
    vendor_name: str
    key: str
    ground: Ground
    state: str = ""
    before: str = ""
    by: str = ""
    mails: int = 0
    mail: int | None = None

    @property
    def limit(self) -> str:
        """What the owner is to know before approving it."""
        return LIMITS[self.ground]


@dataclass(frozen=True, slots=True)
class VendorWords:
    """What can be decided about a mail at one vendor, the most telling first; `why` says why that is nothing."""

    vendor: str
    vendor_name: str
    words: tuple[SenderWord, ...]
    why: str = ""


def words_of_mail(session: Session, who: Identity, hits: Iterable[HitLine]) -> tuple[VendorWords, ...]:
    """Return what can be decided about the sender of a mail, at each vendor whose canaries it reached."""
    return words_at(session, who, [hit.slug for hit in hits if hit.slug and hit.verdict != Verdict.SELF_TEST])


def words_at(session: Session, who: Identity, slugs: Collection[str]) -> tuple[VendorWords, ...]:
    """Return what can be decided about a sender at some vendors."""
    vendors = _vendors(session, slugs)
    states = _states(session, vendors)
    return tuple(_at(vendors[slug], who, session, states) for slug in dict.fromkeys(slugs) if slug in vendors)


def words_of_hits(session: Session, hits: Sequence[HitLine], most: int = MOST) -> tuple[SenderWord, ...]:
    """Return the best that can be decided about each sender of the hits shown that are charged or asked about."""
    asked = [hit for hit in hits if hit.slug and hit.mail and hit.verdict in DECIDED]
    vendors = _vendors(session, {hit.slug for hit in asked if hit.slug})
    states, found = _states(session, vendors), dict[tuple[str, str], SenderWord]()
    identities, shared = _identities(session, {hit.mail for hit in asked if hit.mail}), platforms_of(session)
    for hit in asked:
        vendor = vendors[hit.slug or ""]
        key, ground = next(iter(decidable(identities[hit.mail or 0], vendor, shared).items()), ("", Ground.CLAIM))
        before = found.get((vendor.slug, key))
        found[vendor.slug, key] = _word(vendor, key, ground, states, 1 + (before.mails if before else 0), hit.mail)
    shown = sorted(found.values(), key=lambda word: (word.key == "", -word.mails, word.key))
    return tuple(shown[:most])


def _at(vendor: Vendor, who: Identity, session: Session, states: Mapping[tuple[str, str], SenderRow]) -> VendorWords:
    found = decidable(who, vendor, platforms_of(session))
    words = tuple(_word(vendor, key, ground, states) for key, ground in found.items())
    return VendorWords(vendor.slug, vendor.name, words, "" if words else why_undecidable(who, vendor))


def _word(
    vendor: Vendor, key: str, ground: Ground, states: Mapping[tuple[str, str], SenderRow], mails: int = 0,
    mail: int | None = None,
) -> SenderWord:  # fmt: skip
    row = states.get((vendor.slug, key))
    if row is None:
        return SenderWord(vendor.slug, vendor.name, key, ground, mails=mails, mail=mail)
    return SenderWord(vendor.slug, vendor.name, key, ground, row.state, row.before, row.decided_by, mails, mail)


def _vendors(session: Session, slugs: Collection[str]) -> dict[str, Vendor]:
    rows = rows_by_slug(session, slugs) if slugs else []
    return {vendor.slug: vendor for vendor in with_senders(session, rows).values()}


def _states(session: Session, vendors: Mapping[str, Vendor]) -> dict[tuple[str, str], SenderRow]:
    numbers = {row.id: row.slug for row in rows_by_slug(session, vendors)} if vendors else {}
    query = select(SenderRow).where(col(SenderRow.vendor_id).in_(numbers))
    return {(numbers[row.vendor_id], row.key): row for row in session.exec(query)}


def _identities(session: Session, mails: Collection[int]) -> dict[int, Identity]:
    query = select(MailRow.id, col(MailRow.identity)).where(col(MailRow.id).in_(mails))
    return {number or 0: identity_of(kept) for number, kept in session.exec(query)}
