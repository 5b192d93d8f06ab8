"""The owner's word on suppliers: which domains prove one, and no longer do."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlmodel import Session

from canary.judge.organisation import FREE_MAILBOXES, is_domain, normal, organisation
from canary.model.party import Supplier
from canary.store.queries import suppliers
from canary.store.queries.audit import audit
from canary.store.queries.vendors import add_supplier


def declare(session: Session, name: str, domains: Iterable[str], who: str, now: datetime) -> Supplier:
    """Add a supplier, or domains to one that is there; raises ValueError for what cannot be a supplier's domain."""
    proving = _checked(domains)
    supplier = add_supplier(session, name, now)
    suppliers.add_domains(session, supplier.slug, proving, now)
    audit(session, now, who, "supplier-domains-added", supplier.slug, ", ".join(proving))
    return suppliers.get_supplier(session, supplier.slug)


def withdraw(session: Session, slug: str, domains: Iterable[str], who: str, now: datetime) -> Supplier:
    """Withdraw domains of a supplier; raises Unknown."""
    gone = [normal(domain) for domain in domains]
    suppliers.drop_domains(session, slug, gone)
    audit(session, now, who, "supplier-domains-removed", slug, ", ".join(gone))
    return suppliers.get_supplier(session, slug)


def _checked(domains: Iterable[str]) -> Sequence[str]:
    found = list(dict.fromkeys(domains))
    for domain in found:
        if not is_domain(domain):
            raise ValueError(f"domain {domain[:100]!r}: not a domain; give one such as letterworks.example")
        if organisation(domain) in FREE_MAILBOXES:
            raise ValueError(f"domain {domain[:100]!r}: anybody can have a mailbox there; give the supplier's own")
    return [normal(domain) for domain in found]
