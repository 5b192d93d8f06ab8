"""What judging needs to know about the recipients of some mails, read at once for all of them."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlmodel import Session, col, select

from canary.model.canary import Canary
from canary.model.party import Vendor
from canary.model.plus_sign import plus_readings
from canary.store.queries import attempts, canaries, vendors
from canary.store.queries.track_records import TrackRecords, read_track_records
from canary.store.tables import VendorRow

AT_ONCE = 5000
"""Addresses that one query looks for."""

NOBODY = 0, Vendor("", "")
"""The vendor of decoys."""


@dataclass(frozen=True, slots=True)
class Recipients:
    """Canaries by address, vendors with their row ids by slug, guesses by domain, as they were when they were read.

    `decisions` has by row id how many decisions the owner had made about each vendor, `records` what was seen of who
    signed the mails.
    """

    canaries: Mapping[str, Canary]
    vendors: Mapping[str, tuple[int, Vendor]]
    guesses: Mapping[str, Counter[str]]
    decisions: Mapping[int, int]
    records: TrackRecords

    def reached(self, addresses: Iterable[str]) -> list[Canary]:
        """Return the canaries among the recipients of one mail, each once, also where a plus sign was lost on the way."""
        known = (canary_of(address, self.canaries) for address in dict.fromkeys(a.lower() for a in addresses))
        return list({canary.address: canary for canary in known if canary is not None}.values())


def read_recipients(session: Session, addresses: Iterable[str], signers: Collection[str] = ()) -> Recipients:
    """Look up the recipients of mails, and the domains that signed them."""
    found = find_reached(session, addresses)
    # How much was decided is read before what was decided: a decision that comes in between is noticed, never missed.
    rows = vendors.rows_by_slug(session, {c.vendor for c in found.values() if c.vendor})
    decisions = {row.id or 0: row.decisions for row in rows}
    found = canaries.as_published_now(session, found)
    owners = {vendor.slug: (number, vendor) for number, vendor in vendors.with_senders(session, rows).items()}
    guesses = {domain: attempts.guesses(session, domain) for domain in {c.domain for c in found.values()}}
    records = read_track_records(session, {c.id for c in found.values()}, decisions.keys(), signers)
    return Recipients(found, owners, guesses, decisions, records)


def canary_of(address: str, held: Mapping[str, Canary]) -> Canary | None:
    """Return the canary that an address is, or is without its plus sign."""
    readings = (address,) if address in held else plus_readings(address)
    return next((held[each] for each in readings if each in held), None)


def find_reached(session: Session, addresses: Iterable[str]) -> dict[str, Canary]:
    """Return the canaries among some recipients by address, and those that a recipient is without its plus sign."""
    wanted = {address.lower() for address in addresses}
    found = canaries.find_canaries(session, wanted)
    readings = sorted({each for address in wanted - found.keys() for each in plus_readings(address)})
    for start in range(0, len(readings), AT_ONCE):
        found |= canaries.find_canaries(session, readings[start : start + AT_ONCE])
    return found


def reached_addresses(session: Session, addresses: Iterable[str]) -> dict[str, str]:
    """Return by recipient the address of the canary that it reaches, for those that reach one."""
    wanted = {address.lower() for address in addresses}
    held = find_reached(session, wanted)
    return {each: canary.address for each in wanted if (canary := canary_of(each, held))}


def hold_decisions(session: Session, numbers: Iterable[int]) -> dict[int, int]:
    """Return how many decisions the owner has made about vendors; none can be added before the transaction ends."""
    query = select(VendorRow.id, VendorRow.decisions).where(col(VendorRow.id).in_(list(numbers)))
    return {number: decisions for number, decisions in session.exec(query.with_for_update(read=True)) if number}
