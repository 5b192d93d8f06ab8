"""Which vendor a site is: one that is there already, or a new one that nobody has confirmed yet."""

from collections.abc import Callable, Collection
from datetime import datetime

from sqlmodel import Session, col, or_, select

from canary.judge.organisation import is_free_host, is_mailbox_provider, organisation
from canary.judge.sites import party_of
from canary.store.queries import vendors
from canary.store.tables import SupplierDomainRow, VendorDomainRow, VendorRow

NO_SITE = "Made for no site"
"""The name of what stands in for a vendor while nobody has said which one it is."""

_MOST_NAMES = 20


def vendor_of_site(
    session: Session, host: str, own: Collection[str], is_shared: Callable[[str], bool], now: datetime
) -> str:
    """Return the slug of the vendor whose site a host is, added as unconfirmed where there is none.

    A host that many share proves no vendor: the new one has its name, and no domain. `own` are the owner's domains; these,
    and what is no host, stand for no site.
    """
    party = party_of(host)
    if not party or party in {organisation(domain) for domain in own}:
        return _unconfirmed(session, NO_SITE, (), now)
    found = _holder(session, party)
    if found:
        return found
    shared = is_shared(party) or is_free_host(party) or is_mailbox_provider(party) or _is_suppliers(session, party)
    return _unconfirmed(session, _readable(party), () if shared else (party,), now)


def is_for_no_site(vendor: VendorRow) -> bool:
    """Whether this only stands in for a vendor."""
    return vendor.slug == vendors.slug(NO_SITE)


def _holder(session: Session, party: str) -> str:
    """Return the vendor that has a domain of an organisation in its family, the confirmed and oldest first."""
    domain = col(VendorDomainRow.domain)
    query = (
        select(VendorRow.slug, VendorDomainRow.domain)
        .join(VendorDomainRow)
        .where(or_(domain == party, domain.endswith(f".{party}", autoescape=True)))
        .order_by(col(VendorRow.unconfirmed), col(VendorRow.id))
        .limit(100)
    )
    return next((slug for slug, its in session.exec(query) if organisation(its) == party), "")


def _is_suppliers(session: Session, party: str) -> bool:
    return session.exec(select(SupplierDomainRow.domain).where(SupplierDomainRow.domain == party)).first() is not None


def _unconfirmed(session: Session, name: str, domains: tuple[str, ...], now: datetime) -> str:
    """Return the vendor of a name that has no other domain, or add it under the first name that is free."""
    for number in range(1, _MOST_NAMES):
        called = name if number == 1 else f"{name} {number}"
        row = session.exec(select(VendorRow).where(VendorRow.slug == vendors.slug(called))).first()
        if row is None:
            made = vendors.add_vendor(session, called, domains, now)
            vendors.vendor_row(session, made.slug).unconfirmed = True
            session.flush()
            return made.slug
        if not domains and not vendors.get_vendor(session, row.slug).domains:
            return row.slug
    raise vendors.Duplicate(f"vendor {name!r}: {_MOST_NAMES} vendors have this name; rename some of them first")


def _readable(party: str) -> str:
    """Return a domain as people write it."""
    try:
        return party.encode("ascii").decode("idna")
    except UnicodeError:
        return party
