"""Vendors with their domains, suppliers, and which vendor passes which channel to which supplier."""

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from difflib import get_close_matches

from sqlmodel import Session, col, select

from canary.model.party import RelationshipEnds, Supplier, SupplierLink, Vendor
from canary.model.sender import SenderState
from canary.store.tables import (
    FormerSlugRow,
    FormerSupplierRow,
    SenderRow,
    SupplierDomainRow,
    SupplierLinkRow,
    SupplierRow,
    VendorBrandRow,
    VendorDomainRow,
    VendorRow,
)

MAX_BRAND, MAX_BRANDS = 100, 20
_LETTERS = 3
"""With fewer Latin letters a name is not told by them."""


class Unknown(LookupError):
    """Something named is not in the store; the message says what, and what to do."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the question whether what is most like a word was meant, or "" where nothing is."""
    written = {name.casefold(): name for name in known}
    near = get_close_matches(word.casefold(), list(written), 1, 0.75)
    return f"did you mean {written[near[0]]!r}?" if near else ""


class Duplicate(ValueError):
    """Something to be made exists already."""


def slug(name: str) -> str:
    """Return the short name used in URLs and on the command line; names in other alphabets differ by a digest."""
    short = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60]
    if sum(map(str.isalpha, short)) < _LETTERS and any(letter.isalpha() and not letter.isascii() for letter in name):
        return f"{short or 'vendor'}-{hashlib.sha256(name.casefold().encode()).hexdigest()[:8]}"
    return short or "vendor"


def add_vendor(
    session: Session, name: str, domains: Iterable[str], now: datetime, *, publishes: bool = False
) -> Vendor:
    """Add a vendor and the domains it sends from; raises Duplicate when the name is taken."""
    short = slug(name)
    if session.exec(select(VendorRow).where(VendorRow.slug == short)).first():
        raise Duplicate(f"vendor {short!r} exists already: choose another name or use it as it is")
    row = VendorRow(slug=short, name=name, created_at=now, publishes=publishes)
    session.add(row)
    session.flush()
    own = list(dict.fromkeys(d.lower().strip(".") for d in domains))
    _refuse_suppliers(session, own)
    for domain in own:
        session.add(VendorDomainRow(vendor_id=_id(row), domain=domain, created_at=now))
    session.flush()
    return get_vendor(session, short)


def vendor_row(session: Session, short: str) -> VendorRow:
    """Return a vendor's row by slug; raises Unknown."""
    row = session.exec(select(VendorRow).where(VendorRow.slug == short)).first()
    former = None if row else session.get(FormerSlugRow, short)
    if row is None and former is not None:
        row = session.get(VendorRow, former.vendor_id)
    elif row is None and (named := named_slug(session, short)):
        row = session.exec(select(VendorRow).where(VendorRow.slug == named)).first()
    if row is None:
        known = session.exec(select(VendorRow.slug)).all()
        cure = did_you_mean(short, known) or "see `canary vendor list`, or add it with `canary vendor add`"
        raise Unknown(f"vendor {short!r} is not known: {cure}")
    return row


def named_slug(session: Session, name: str) -> str:
    """Return the short name of the vendor that has a name, written in any way, or "" where none has it."""
    return _so_called(name, session.exec(select(VendorRow.slug, VendorRow.name)))


def _so_called(name: str, named: Iterable[tuple[str, str]]) -> str:
    short = slug(name)
    return next((its for its, called in named if slug(called) == short), "")


def get_vendor(session: Session, short: str) -> Vendor:
    """Return one vendor; raises Unknown."""
    return vendors_by_id(session, [_id(vendor_row(session, short))]).popitem()[1]


def rows_by_slug(session: Session, slugs: Iterable[str]) -> list[VendorRow]:
    """Return the rows of vendors as they stand now; unknown slugs are left out."""
    query = select(VendorRow).where(col(VendorRow.slug).in_(set(slugs)))
    return list(session.exec(query.execution_options(populate_existing=True)))


def list_vendors(session: Session) -> list[Vendor]:
    """Return all vendors by name."""
    ids = session.exec(select(VendorRow.id)).all()
    return sorted(vendors_by_id(session, [i for i in ids if i is not None]).values(), key=lambda v: v.name.casefold())


def vendors_by_id(session: Session, ids: Iterable[int]) -> dict[int, Vendor]:
    """Return vendors with all they are known to send from, by row id."""
    return with_senders(session, session.exec(select(VendorRow).where(col(VendorRow.id).in_(set(ids)))).all())


def with_senders(session: Session, rows: Collection[VendorRow]) -> dict[int, Vendor]:
    """Return vendors with all they are known to send from, by row id."""
    wanted = {_id(row) for row in rows}
    domains: dict[int, list[str]] = {}
    for domain in session.exec(select(VendorDomainRow).where(col(VendorDomainRow.vendor_id).in_(wanted))):
        domains.setdefault(domain.vendor_id, []).append(domain.domain)
    brands: dict[int, list[str]] = {}
    named = select(VendorBrandRow).where(col(VendorBrandRow.vendor_id).in_(wanted))
    for brand in session.exec(named.order_by(col(VendorBrandRow.created_at), col(VendorBrandRow.name))):
        brands.setdefault(brand.vendor_id, []).append(brand.name)
    passed: dict[int, list[SupplierLink]] = {}
    query = select(SupplierLinkRow, VendorRow.slug, SupplierRow.slug).join(VendorRow).join(SupplierRow)
    links = session.exec(query.where(col(SupplierLinkRow.vendor_id).in_(wanted))).all()
    former = _former_suppliers(session) if links else {}
    for row, vendor, supplier in links:
        passed.setdefault(row.vendor_id, []).append(_supply(row, vendor, supplier, former))
    decided: dict[int, list[tuple[str, str]]] = {}
    for number, key, state in session.exec(
        select(SenderRow.vendor_id, SenderRow.key, SenderRow.state).where(col(SenderRow.vendor_id).in_(wanted))
    ):
        decided.setdefault(number, []).append((key, state))
    return {
        (n := _id(row)): _vendor(row, domains.get(n, []), passed.get(n, []), decided.get(n, []), brands.get(n, []))
        for row in rows
    }


def _vendor(
    row: VendorRow, domains: list[str], passed: list[SupplierLink], decided: list[tuple[str, str]], brands: list[str]
) -> Vendor:
    # An account that mail showed serves attribution only; mail is excused by what the owner declared, or a learned
    # sender.
    told = Vendor(row.slug, row.name, supplies=tuple(passed)).declared_accounts
    by_state = {state: {key for key, its in decided if its == state} for state in SenderState}
    denied = frozenset(by_state[SenderState.DENIED] - told)
    return Vendor(
        row.slug, row.name, tuple(domains), frozenset(told | by_state[SenderState.DECLARED] | by_state[SenderState.LEARNED]),
        frozenset(by_state[SenderState.PENDING] - told), denied, tuple(passed),
        RelationshipEnds(
            row.contract_ends, row.erasure_requested, row.unsubscribed,
            None if row.grace_days is None else timedelta(days=row.grace_days),
        ),
        tuple(brands), row.publishes,
    )  # fmt: skip


def _supply(row: SupplierLinkRow, vendor: str, supplier: str, former: Mapping[int, tuple[str, ...]]) -> SupplierLink:
    return SupplierLink(
        vendor, supplier, row.channel or None, row.since, row.until, row.account, row.through,
        learned=row.origin == "learned", former=former.get(row.supplier_id, ()),
    )  # fmt: skip


def _former_suppliers(session: Session) -> dict[int, tuple[str, ...]]:
    """Return the short names of suppliers that became part of another one, by that one."""
    found: dict[int, tuple[str, ...]] = {}
    for row in session.exec(select(FormerSupplierRow).order_by(FormerSupplierRow.slug)):
        found[row.supplier_id] = (*found.get(row.supplier_id, ()), row.slug)
    return found


def add_supplier(session: Session, name: str, now: datetime) -> Supplier:
    """Add a supplier, or return the one that has the name, or had it before it became part of another."""
    row = find_supplier_row(session, name)
    if row is None:
        row = SupplierRow(slug=slug(name), name=name, created_at=now)
        session.add(row)
        session.flush()
    return Supplier(row.slug, row.name)


def find_supplier_row(session: Session, name: str) -> SupplierRow | None:
    """Return the row of a supplier by short name, also that of one which became part of it, or by name, None for none."""
    short = supplier_slugs(session, slug(name))[0]
    row = session.exec(select(SupplierRow).where(SupplierRow.slug == short)).first()
    named = select(SupplierRow.slug, SupplierRow.name)
    if row is None and (so_called := _so_called(name, session.exec(named))):
        row = session.exec(select(SupplierRow).where(SupplierRow.slug == so_called)).first()
    return row


def supplier_row(session: Session, name: str) -> SupplierRow:
    """Return the row of a supplier by short name or name; raises Unknown."""
    row = find_supplier_row(session, name)
    if row is None:
        cure = did_you_mean(name, session.exec(select(SupplierRow.slug)).all())
        cure = cure or "see `canary supplier list`, or add it with `canary supplier add`"
        raise Unknown(f"supplier {name[:100]!r} is not known: {cure}")
    return row


def supplier_slugs(session: Session, short: str) -> tuple[str, ...]:
    """Return all short names of the supplier that has or had one: its own first, then those of suppliers that became it."""
    former = session.get(FormerSupplierRow, short)
    row = session.get_one(SupplierRow, former.supplier_id) if former else None
    if row is None:
        row = session.exec(select(SupplierRow).where(SupplierRow.slug == short)).first()
    if row is None:
        return (short,)
    mine = select(FormerSupplierRow.slug).where(FormerSupplierRow.supplier_id == row.id)
    return (row.slug, *session.exec(mine.order_by(FormerSupplierRow.slug)))


def add_supply(session: Session, supply: SupplierLink, account: str = "") -> None:
    """Declare that a vendor passes addresses of a channel to a supplier; repeating it changes nothing."""
    vendor, supplier = vendor_row(session, supply.vendor), supplier_row(session, supply.supplier)
    found = session.exec(
        select(SupplierLinkRow).where(
            SupplierLinkRow.vendor_id == vendor.id,
            SupplierLinkRow.supplier_id == supplier.id,
            SupplierLinkRow.channel == (supply.channel or ""),
        )
    ).first()
    row = found or SupplierLinkRow(vendor_id=_id(vendor), supplier_id=_id(supplier), channel=supply.channel or "")
    row.account, row.since, row.until = account or supply.account or row.account, supply.since, supply.until
    row.origin, row.through = "declared", supply.through
    session.add(row)
    session.flush()


def drop_supply(session: Session, vendor: str, supplier: str, channel: str | None) -> None:
    """Withdraw that a vendor passes addresses of a channel to a supplier; raises Unknown."""
    owner, its = vendor_row(session, vendor), find_supplier_row(session, supplier)
    mine = select(SupplierLinkRow).where(
        SupplierLinkRow.vendor_id == owner.id, SupplierLinkRow.channel == (channel or "")
    )
    row = session.exec(mine.where(SupplierLinkRow.supplier_id == its.id)).first() if its else None
    if row is None:
        through = f"channel {channel!r}" if channel else "every channel"
        raise Unknown(
            f"supplier {supplier!r} of {vendor!r} for {through}: not known; see `canary vendor show {vendor}`"
        )
    session.delete(row)
    session.flush()


def add_domains(
    session: Session, vendor: str, domains: Iterable[str], now: datetime, origin: str = "declared"
) -> list[str]:
    """Add domains that a vendor sends from; return those that were new."""
    row = vendor_row(session, vendor)
    known = set(session.exec(select(VendorDomainRow.domain).where(VendorDomainRow.vendor_id == row.id)).all())
    fresh = [d for d in dict.fromkeys(d.lower().strip(".") for d in domains) if d not in known]
    _refuse_suppliers(session, fresh)
    made = (VendorDomainRow(vendor_id=_id(row), domain=domain, origin=origin, created_at=now) for domain in fresh)
    session.add_all(made)
    session.flush()
    return fresh


def drop_domains(session: Session, vendor: str, domains: Iterable[str]) -> list[str]:
    """Remove domains that a vendor sends from; return them; raises Unknown for one that it does not have."""
    row = vendor_row(session, vendor)
    gone = list(dict.fromkeys(d.lower().strip(".") for d in domains))
    mine = session.exec(select(VendorDomainRow).where(VendorDomainRow.vendor_id == row.id)).all()
    held = {each.domain: each for each in mine}
    for domain in gone:
        if domain not in held:
            raise Unknown(f"domain {domain!r} of {vendor!r}: not known; see `canary vendor show {vendor}`")
        session.delete(held[domain])
    session.flush()
    return gone


def add_brands(session: Session, vendor: str, brands: Iterable[str], now: datetime) -> list[str]:
    """Add further names of a vendor; return those that were new; raises ValueError for an empty or endless one."""
    row = vendor_row(session, vendor)
    held = set(session.exec(select(VendorBrandRow.name).where(VendorBrandRow.vendor_id == row.id)).all())
    wanted = dict.fromkeys(" ".join(brand.split()) for brand in brands)
    bad = next((name for name in wanted if not 2 <= len(name) <= MAX_BRAND or not name.isprintable()), None)
    if bad is not None:
        raise ValueError(f"brand {bad[:40]!r}: give a name of 2 to {MAX_BRAND} characters")
    fresh = [name for name in wanted if name not in held and name != row.name]
    if len(held) + len(fresh) > MAX_BRANDS:
        raise ValueError(f"brands of {vendor!r}: at most {MAX_BRANDS}; remove some first")
    session.add_all(VendorBrandRow(vendor_id=_id(row), name=name, created_at=now) for name in fresh)
    session.flush()
    return fresh


def drop_brands(session: Session, vendor: str, brands: Iterable[str]) -> list[str]:
    """Remove further names of a vendor; return them; raises Unknown for one that it does not have."""
    row = vendor_row(session, vendor)
    gone = list(dict.fromkeys(" ".join(brand.split()) for brand in brands))
    for name in gone:
        held = session.get(VendorBrandRow, (row.id, name))
        if held is None:
            raise Unknown(f"brand {name[:40]!r} of {vendor!r}: not known; see `canary vendor show {vendor}`")
        session.delete(held)
    session.flush()
    return gone


def _refuse_suppliers(session: Session, domains: Iterable[str]) -> None:
    query = select(SupplierDomainRow.domain, SupplierRow.slug).join(SupplierRow)
    for domain, supplier in session.exec(query.where(col(SupplierDomainRow.domain).in_(list(domains)))):
        raise Duplicate(
            f"domain {domain!r} is declared for supplier {supplier}, which writes for many: leave it out, or remove it there"
        )


def supplies(session: Session, vendor_ids: Iterable[int] | None = None) -> list[SupplierLink]:
    """Return every known supplier link, or those of some vendors."""
    query = select(SupplierLinkRow, VendorRow.slug, SupplierRow.slug).join(VendorRow).join(SupplierRow)
    if vendor_ids is not None:
        query = query.where(col(SupplierLinkRow.vendor_id).in_(set(vendor_ids)))
    former = _former_suppliers(session)
    return [_supply(row, vendor, supplier, former) for row, vendor, supplier in session.exec(query).all()]


def vendor_names(session: Session) -> dict[str, str]:
    """Return the names of all vendors by slug, those that were merged into another by theirs too."""
    former = select(FormerSlugRow.slug, VendorRow.name).join(VendorRow)
    return dict([*session.exec(former), *session.exec(select(VendorRow.slug, VendorRow.name))])


def supplier_names(session: Session) -> dict[str, str]:
    """Return the names of all suppliers by slug, those that were merged into another by theirs too."""
    former = select(FormerSupplierRow.slug, SupplierRow.name).join(SupplierRow)
    return dict([*session.exec(former), *session.exec(select(SupplierRow.slug, SupplierRow.name))])


def _id(row: VendorRow | SupplierRow) -> int:
    if row.id is None:
        raise RuntimeError(f"{row.slug}: row was never written")
    return row.id
