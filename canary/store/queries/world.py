"""The installation as attribution sees it: vendors and their suppliers, addresses, charged hits, guesses."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from canary.attribute.world import CanaryFacts, GuessCount, SupplyFacts, VendorFacts, World
from canary.model.attempt import AttemptKind
from canary.store.decoy_mac import decoy_mac_of
from canary.store.queries.canaries import in_order_of_issue, shown_in_public
from canary.store.queries.case_hits import every_hit, hits_by_case
from canary.store.tables import (
    AttemptRow,
    CanaryRow,
    SupplierLinkRow,
    SupplierRow,
    VendorRow,
)

_HANDED_ON = timedelta(days=30)
"""A supplier has a list for a while before the first mail that shows it."""

_FIELDS = {"given_name": "given name", "family_name": "family name", "phone": "phone", "company": "company"}


def world_of(session: Session, now: datetime, cases: Collection[int] | None = None) -> World:
    """Return the world as of a time, with the charged hits of some cases or of all.

    Several mails of one campaign at one address are one hit of the campaign.
    """
    hits = every_hit(session) if cases is None else tuple(chain.from_iterable(hits_by_case(session, cases).values()))
    return World(now, _parties(session), _canaries(session, now), hits, _tries(session))


def _parties(session: Session) -> tuple[VendorFacts, ...]:
    told: dict[str, list[SupplyFacts]] = defaultdict(list)
    query: Any = (
        select(VendorRow.slug, SupplierRow.slug, SupplierLinkRow)
        .join_from(SupplierLinkRow, VendorRow, col(VendorRow.id) == SupplierLinkRow.vendor_id)
        .join(SupplierRow, col(SupplierRow.id) == SupplierLinkRow.supplier_id)
    )
    for vendor, supplier, row in session.execute(query):
        since = row.since - _HANDED_ON if row.since and row.origin == "learned" else row.since
        told[vendor].append(SupplyFacts(supplier, frozenset(filter(None, (row.channel,))), since, row.until))
    slugs = session.exec(select(VendorRow.slug).order_by(VendorRow.slug)).all()
    return tuple(VendorFacts(slug, tuple(told[slug])) for slug in slugs)


def _canaries(session: Session, now: datetime) -> tuple[CanaryFacts, ...]:
    query: Any = (
        select(CanaryRow, VendorRow.slug, shown_in_public())
        .join_from(CanaryRow, VendorRow, col(VendorRow.id) == CanaryRow.vendor_id)
        .where(col(CanaryRow.issued_at) <= now)
    )
    is_decoy = decoy_mac_of(session).is_decoy
    return tuple(
        CanaryFacts(
            str(row.id), row.domain, None if is_decoy(row) else slug, row.issued_at, row.channel, row.generation, row.bits, shown,
            frozenset(said for key, said in _FIELDS.items() if (row.persona or {}).get(key)),
        )
        for row, slug, shown in session.execute(query.order_by(*in_order_of_issue()))
    )  # fmt: skip


def _tries(session: Session) -> tuple[GuessCount, ...]:
    query: Any = select(
        AttemptRow.domain, func.min(AttemptRow.hour), func.max(AttemptRow.hour), func.sum(AttemptRow.count)
    )
    rows = session.execute(query.where(AttemptRow.kind == AttemptKind.GUESS).group_by(AttemptRow.domain))
    return tuple(GuessCount(domain, since, until, int(count)) for domain, since, until, count in rows)
