"""Suppliers that legitimate mail shows: which vendor uses which supplier, on which channel, since when."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import Session, col, delete, select

from canary.model.identity import Identity
from canary.model.party import Vendor
from canary.model.verdict import OWN
from canary.store.codec import identity_of
from canary.store.queries import audit
from canary.store.queries.vendors import supplier_slugs
from canary.store.tables import CanaryRow, HitRow, MailRow, SupplierLinkRow, SupplierRow
from canary.store.upsert import insert_for

LOOKED_AT = 2000
"""So many of a vendor's own mails are looked at for a supplier that a mail turned out not to show."""


@dataclass(frozen=True, slots=True)
class Use:
    """A vendor's own mail that came through a supplier: channel and time; `through` is the supplier that passed it on."""

    vendor_id: int
    vendor: Vendor
    channel: str
    at: datetime
    supplier: str
    name: str
    account: str = ""
    through: str = ""

    @property
    def is_known(self) -> bool:
        """Whether the vendor is known to use this supplier on this channel since then; a declaration is final."""
        return any(
            self.supplier in supply.names
            and supply.channel in (None, self.channel)
            and (not supply.learned or (supply.since is not None and supply.since <= self.at))
            for supply in self.vendor.supplies
        )


def uses(vendor_id: int, vendor: Vendor, channel: str, at: datetime, who: Identity) -> Iterator[Use]:
    """Yield each supplier that was proven to have carried a mail of the vendor, and so saw the address."""
    first, *further = who.carriers or [("", "")]
    if first[0]:
        yield Use(vendor_id, vendor, channel, at, *first, account=who.account or "")
    for slug, name in further:
        yield Use(vendor_id, vendor, channel, at, slug, name, through=first[0])


def learn(session: Session, shown: Iterable[Use]) -> frozenset[str]:
    """Store suppliers that mail showed and nobody declared, each from its first mail on; return which vendors changed."""
    fresh: dict[tuple[int, str, str], Use] = {}
    for use in shown:
        if use.is_known:
            continue
        known = replace(use, supplier=supplier_slugs(session, use.supplier)[0])
        key = use.vendor_id, known.supplier, use.channel
        before = fresh.setdefault(key, known)
        fresh[key] = replace(before, at=min(before.at, use.at), account=before.account or use.account)
    # All suppliers first and in one order, or two workers with the same new ones could wait for each other.
    named = {use.supplier: use for use in fresh.values()}
    for slug, use in sorted(named.items()):
        values = {"slug": slug, "name": use.name, "created_at": use.at}
        session.execute(
            insert_for(session, SupplierRow).values(**values).on_conflict_do_nothing(index_elements=["slug"])
        )
    for _, use in sorted(fresh.items()):
        _learn(session, use)
    return frozenset(use.vendor.slug for use in fresh.values())


def forget(session: Session, vendor_id: int, supplier: str, account: str) -> None:
    """Forget that mail showed a vendor to use an account that turned out not to be its own."""
    ids = select(SupplierRow.id).where(SupplierRow.slug == supplier_slugs(session, supplier)[0])
    session.execute(
        delete(SupplierLinkRow).where(
            col(SupplierLinkRow.vendor_id) == vendor_id, col(SupplierLinkRow.supplier_id).in_(ids),
            col(SupplierLinkRow.account) == account, col(SupplierLinkRow.origin) == "learned",
        )
    )  # fmt: skip


def forget_shown(session: Session, lost: Iterable[Use]) -> bool:
    """Forget suppliers that were known by mail alone which is not the vendor's after all; return whether there were any.

    `lost` is the first such mail for each supplier and channel. Where other mail of the vendor shows a supplier as
    well, it is known from that mail on.
    """
    found = [(row, use) for use in lost if (row := _shown_by(session, use))]
    for row, use in found:
        session.delete(row)
        session.flush()
        learn(session, _next_use(session, use))
    return bool(found)


def _shown_by(session: Session, use: Use) -> SupplierLinkRow | None:
    its = supplier_slugs(session, use.supplier)[0]
    query = select(SupplierLinkRow).join(SupplierRow).where(SupplierRow.slug == its)
    mine = query.where(SupplierLinkRow.vendor_id == use.vendor_id, SupplierLinkRow.channel == use.channel)
    return session.exec(mine.where(SupplierLinkRow.origin == "learned", col(SupplierLinkRow.since) >= use.at)).first()


def _next_use(session: Session, lost: Use) -> Iterator[Use]:
    """Yield the first of the vendor's own mails that shows the same supplier on the same channel."""
    vendor = replace(lost.vendor, supplies=tuple(s for s in lost.vendor.supplies if not s.learned))
    names = supplier_slugs(session, lost.supplier)
    query = (
        select(HitRow.at, col(MailRow.identity))
        .join(MailRow, col(MailRow.id) == HitRow.mail_id)
        .join(CanaryRow, col(CanaryRow.id) == HitRow.canary_id)
        .where(CanaryRow.vendor_id == lost.vendor_id, CanaryRow.channel == lost.channel, col(HitRow.verdict).in_(sorted(OWN)))
        .order_by(col(HitRow.at))
        .limit(LOOKED_AT)
    )  # fmt: skip
    for at, kept in session.exec(query):
        for use in uses(lost.vendor_id, vendor, lost.channel, at, identity_of(kept)):
            if use.supplier in names:
                yield use
                return


def _learn(session: Session, use: Use) -> None:
    supplier = session.exec(select(SupplierRow).where(SupplierRow.slug == use.supplier)).one()
    keys = {"vendor_id": use.vendor_id, "supplier_id": supplier.id, "channel": use.channel}
    found = session.exec(select(SupplierLinkRow).filter_by(**keys).with_for_update()).first()
    if found is None:
        values = {**keys, "account": use.account, "since": use.at, "origin": "learned", "through": use.through}
        session.execute(
            insert_for(session, SupplierLinkRow).values(**values).on_conflict_do_nothing(index_elements=list(keys))
        )
        audit.note(session, use.vendor_id, use.at, "supplier-seen", _sentence(use, supplier.name))
    elif found.origin == "learned":
        found.since = min(found.since or use.at, use.at)
        found.account = found.account or use.account
        session.add(found)
    session.flush()


def _sentence(use: Use, name: str) -> str:
    account = f" (account {use.account})" if use.account else ""
    through = f", by way of {use.through}" if use.through else ""
    return f"{use.vendor.name} now also sends {use.channel} mail through {name}{account}{through}."
