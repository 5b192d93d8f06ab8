"""Suppliers, and the domains that the owner said prove each."""

from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Session, col, select

from canary.model.party import Supplier
from canary.store.queries.vendors import Duplicate, Unknown, supplier_row
from canary.store.tables import SupplierDomainRow, SupplierRow, VendorDomainRow, VendorRow


def get_supplier(session: Session, slug: str) -> Supplier:
    """Return one supplier with its declared domains; raises Unknown."""
    row = supplier_row(session, slug)
    return Supplier(row.slug, row.name, _domains(session, row))


def list_suppliers(session: Session) -> list[Supplier]:
    """Return all suppliers by slug, with the domains declared for each."""
    held: dict[int, list[str]] = {}
    for row in session.exec(select(SupplierDomainRow).order_by(SupplierDomainRow.domain)):
        held.setdefault(row.supplier_id, []).append(row.domain)
    rows = session.exec(select(SupplierRow).order_by(SupplierRow.slug))
    return [Supplier(row.slug, row.name, tuple(held.get(row.id or 0, ()))) for row in rows]


def declared_suppliers(session: Session) -> tuple[Supplier, ...]:
    """Return the suppliers for which the owner declared domains, by slug."""
    query = select(SupplierRow.slug, SupplierRow.name, SupplierDomainRow.domain).join(
        SupplierDomainRow, col(SupplierDomainRow.supplier_id) == SupplierRow.id
    )
    held: dict[tuple[str, str], list[str]] = {}
    for slug, name, domain in session.exec(query.order_by(SupplierRow.slug, SupplierDomainRow.domain)):
        held.setdefault((slug, name), []).append(domain)
    return tuple(Supplier(slug, name, tuple(domains)) for (slug, name), domains in held.items())


def add_domains(session: Session, slug: str, domains: Iterable[str], now: datetime) -> list[str]:
    """Declare domains of a supplier, and return those that were new; raises Duplicate where another party has one."""
    row, fresh = supplier_row(session, slug), []
    for domain in dict.fromkeys(domains):
        held = session.get(SupplierDomainRow, domain)
        if held and held.supplier_id != row.id:
            other = session.get_one(SupplierRow, held.supplier_id)
            raise Duplicate(f"domain {domain!r} is declared for supplier {other.slug}: remove it there first")
        vendor = session.exec(
            select(VendorRow.slug).join(VendorDomainRow).where(VendorDomainRow.domain == domain)
        ).first()
        if vendor:
            raise Duplicate(
                f"domain {domain!r} is vendor {vendor}'s own: a supplier's domain proves no vendor; leave it out"
            )
        if held is None:
            session.add(SupplierDomainRow(domain=domain, supplier_id=row.id or 0, created_at=now))
            fresh.append(domain)
    session.flush()
    return fresh


def drop_domains(session: Session, slug: str, domains: Iterable[str]) -> None:
    """Withdraw domains of a supplier; raises Unknown for one that is not declared for it."""
    row = supplier_row(session, slug)
    for domain in dict.fromkeys(domains):
        held = session.get(SupplierDomainRow, domain)
        if held is None or held.supplier_id != row.id:
            raise Unknown(f"domain {domain!r} is not declared for supplier {slug!r}: see `canary supplier show {slug}`")
        session.delete(held)
    session.flush()


def _domains(session: Session, row: SupplierRow) -> tuple[str, ...]:
    query = select(SupplierDomainRow.domain).where(SupplierDomainRow.supplier_id == row.id)
    return tuple(session.exec(query.order_by(SupplierDomainRow.domain)))
