"""The installation as attribution sees it: vendors and their suppliers, addresses, charged hits, guesses."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from canary.attribute.world import CampaignHit, CanaryFacts, GuessCount, SupplyFacts, VendorFacts, World
from canary.model.attempt import AttemptKind
from canary.model.canary import earliest_issue
from canary.store.canary_groups import AlikeCanaries, CanaryKind, SingleCanary, groups_of
from canary.store.queries.case_hits import every_hit, hits_by_case
from canary.store.tables import (
    AttemptRow,
    SupplierLinkRow,
    SupplierRow,
    VendorRow,
)

_HANDED_ON = timedelta(days=30)
"""A supplier has a list for a while before the first mail that shows it."""

_Owners = Mapping[int | None, tuple[str | None, bool]]
"""The slug of each vendor, and whether it shows its addresses in public."""

_NOBODY: tuple[str | None, bool] = (None, False)
"""The owner of decoys."""

_FIELDS = {
    "given_name": "given name", "family_name": "family name", "phone": "phone", "company": "company", "street": "street",
    "birthday": "birthday",
}  # fmt: skip


def world_of(session: Session, now: datetime, cases: Collection[int] | None = None) -> World:
    """Return the world as of a time, with the charged hits of some cases or of all.

    Several mails of one campaign at one address are one hit of the campaign in a case. Addresses that were not hit come
    in groups of those that are alike and were issued in the same week (`canary.store.canary_groups`).
    """
    hits = every_hit(session) if cases is None else tuple(chain.from_iterable(hits_by_case(session, cases).values()))
    return replace(world_around(session, now, hits), hits=hits)


def world_around(session: Session, now: datetime, hits: Iterable[CampaignHit]) -> World:
    """Return the world as of a time without any hits, in which the addresses of some hits stand for themselves."""
    hit = {int(each.canary) for each in hits}
    return World(now, _parties(session), _canaries(session, now, hit), guess_counts=_tries(session))


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
    confirmed = select(VendorRow.slug).where(col(VendorRow.unconfirmed).is_(False))
    slugs = session.exec(confirmed.order_by(VendorRow.slug)).all()
    return tuple(VendorFacts(slug, tuple(told[slug])) for slug in slugs)


def _canaries(session: Session, now: datetime, hit: Collection[int]) -> tuple[CanaryFacts, ...]:
    query = select(VendorRow.id, VendorRow.slug, VendorRow.publishes)
    owners: _Owners = {row.id: (row.slug, row.publishes) for row in session.execute(query)}
    singles, groups = groups_of(session).read(session, now, hit)
    singles = [_as_old_as_it_can_be(canary) if canary.id in hit else canary for canary in singles]
    ordered = sorted(singles, key=lambda canary: (canary.issued, canary.id))
    return (
        *(_single_facts(canary, owners) for canary in ordered),
        *(_group_facts(f"group {number}", group, owners) for number, group in enumerate(groups, 1)),
    )


def _as_old_as_it_can_be(canary: SingleCanary) -> SingleCanary:
    """Return an address that was hit with the earliest time of issue.

    Where nobody knows the day, no leak before it is ruled out. One that is quiet counts from the latest day on, or its
    silence would speak of years in which perhaps nobody had it.
    """
    return replace(canary, issued=earliest_issue(canary.issued, undated=canary.undated))


def _single_facts(canary: SingleCanary, owners: _Owners) -> CanaryFacts:
    kind, (vendor, publishes) = canary.kind, owners.get(canary.kind.vendor, _NOBODY)
    return CanaryFacts(
        str(canary.id), kind.domain, vendor, canary.issued, kind.channel, canary.generation, kind.bits,
        publishes if canary.published is None else canary.published, _details(kind),
    )  # fmt: skip


def _group_facts(name: str, group: AlikeCanaries, owners: _Owners) -> CanaryFacts:
    kind, (vendor, publishes) = group.kind, owners.get(group.kind.vendor, _NOBODY)
    return CanaryFacts(
        name, kind.domain, vendor, group.issued, kind.channel, bits=kind.bits, published=publishes, fields=_details(kind),
        count=group.count,
    )  # fmt: skip


def _details(kind: CanaryKind) -> frozenset[str]:
    return frozenset(name for key, name in _FIELDS.items() if key in kind.persona)


def _tries(session: Session) -> tuple[GuessCount, ...]:
    query: Any = select(
        AttemptRow.domain, func.min(AttemptRow.hour), func.max(AttemptRow.hour), func.sum(AttemptRow.count)
    )
    rows = session.execute(query.where(AttemptRow.kind == AttemptKind.GUESS).group_by(AttemptRow.domain))
    return tuple(GuessCount(domain, since, until, int(count)) for domain, since, until, count in rows)
