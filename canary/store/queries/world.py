"""The installation as attribution sees it: vendors and their suppliers, addresses, charged hits, guesses."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, String, cast, func
from sqlmodel import Session, col, select

from canary.attribute.world import CampaignHit, CanaryFacts, GuessCount, SupplyFacts, VendorFacts, World
from canary.model.attempt import AttemptKind
from canary.model.verdict import HINTS, LEAKS, Reason, repeated_fields
from canary.store.canary_groups import AlikeCanaries, CanaryKind, SingleCanary, groups_of
from canary.store.codec import reasons_of
from canary.store.tables import (
    AttemptRow,
    CanaryRow,
    HitRow,
    MailRow,
    MailSenderRow,
    SupplierLinkRow,
    SupplierRow,
    VendorRow,
)

_HANDED_ON = timedelta(days=30)
"""A supplier has a list for a while before the first mail that shows it."""

_CASES = 500
"""The cases asked about in one query."""

_FIELDS = {"given_name": "given name", "family_name": "family name", "phone": "phone", "company": "company"}


def world_of(session: Session, now: datetime, cases: Collection[int] | None = None) -> World:
    """Return the world as of a time, with the charged hits of some cases or of all.

    Several mails of one campaign at one address are one hit of the campaign in a case. Addresses that were not hit come in groups
    of those that are alike and were issued in the same week (`canary.store.canary_groups`).
    """
    hits = tuple(hit for some in _some_at_a_time(cases) for hit in _strikes(session, some))
    hit = {int(each.canary) for each in hits}
    return World(now, _parties(session), _canaries(session, now, hit), hits, _tries(session))


def _some_at_a_time(cases: Collection[int] | None) -> Iterator[Collection[int] | None]:
    numbers = sorted(cases or ())
    return iter([None]) if cases is None else (numbers[at : at + _CASES] for at in range(0, len(numbers), _CASES))


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


def _canaries(session: Session, now: datetime, hit: Collection[int]) -> tuple[CanaryFacts, ...]:
    slugs: dict[int | None, str] = {row.id: row.slug for row in session.execute(select(VendorRow.id, VendorRow.slug))}
    singles, groups = groups_of(session).read(session, now, hit)
    ordered = sorted(singles, key=lambda canary: (canary.issued, canary.id))
    return (
        *(_single_facts(canary, slugs) for canary in ordered),
        *(_group_facts(f"group {number}", group, slugs) for number, group in enumerate(groups, 1)),
    )


def _single_facts(canary: SingleCanary, slugs: Mapping[int | None, str]) -> CanaryFacts:
    kind = canary.kind
    return CanaryFacts(
        str(canary.id), kind.domain, slugs.get(kind.vendor), canary.issued, kind.channel, canary.generation, kind.bits,
        canary.published, _details(kind),
    )  # fmt: skip


def _group_facts(name: str, group: AlikeCanaries, slugs: Mapping[int | None, str]) -> CanaryFacts:
    kind = group.kind
    return CanaryFacts(
        name, kind.domain, slugs.get(kind.vendor), group.issued, kind.channel, bits=kind.bits, fields=_details(kind),
        count=group.count,
    )  # fmt: skip


def _details(kind: CanaryKind) -> frozenset[str]:
    return frozenset(name for key, name in _FIELDS.items() if key in kind.persona)


def _strikes(session: Session, cases: Collection[int] | None) -> tuple[CampaignHit, ...]:
    charged = col(HitRow.verdict).in_([v.value for v in LEAKS | HINTS])
    ours = charged if cases is None else charged & col(HitRow.case_id).in_(cases)
    known = select(CanaryRow.id).where(col(CanaryRow.id) == HitRow.canary_id).exists()
    query: Select[Any] = (
        select(  # type: ignore[call-overload]
            HitRow.canary_id, MailRow.campaign_id, HitRow.verdict, func.min(HitRow.at), func.max(HitRow.confidence),
            func.min(HitRow.mail_id), func.max(MailRow.identity_domain), func.min(MailSenderRow.key), HitRow.case_id,
        )
        .outerjoin_from(HitRow, MailRow, col(MailRow.id) == HitRow.mail_id)
        .outerjoin(MailSenderRow, col(MailSenderRow.mail_id) == HitRow.mail_id)
        .where(ours, known)
        .group_by(HitRow.canary_id, MailRow.campaign_id, HitRow.verdict, HitRow.case_id)
    )  # fmt: skip
    repeated = _repeated(session, ours)
    return tuple(
        # A mail without a campaign counts as one of its own, and so does a hit without a mail, by address.
        CampaignHit(
            str(canary), at, str(campaign or f"mail {mail or canary}"), verdict, confidence,
            frozenset(repeated.get((canary, campaign), ())), bool(domain), sender or "", case or 0,
        )
        for canary, campaign, verdict, at, confidence, mail, domain, sender, case in session.execute(query)
    )  # fmt: skip


def _repeated(session: Session, ours: Any) -> dict[tuple[int, int | None], set[str]]:
    """Return which facts of the persona mails repeat, by address and campaign, from the reasons of their verdicts."""
    query: Any = select(HitRow.canary_id, MailRow.campaign_id, HitRow.reasons)
    told = cast(col(HitRow.reasons), String).like(f"%{Reason.PERSONA_NAMED.value}%")
    found: dict[tuple[int, int | None], set[str]] = defaultdict(set)
    for canary, campaign, reasons in session.execute(
        query.join_from(HitRow, MailRow, col(MailRow.id) == HitRow.mail_id).where(ours, told).limit(10_000)
    ):
        found[canary, campaign] |= repeated_fields(reasons_of(reasons))
    return found


def _tries(session: Session) -> tuple[GuessCount, ...]:
    query: Any = select(
        AttemptRow.domain, func.min(AttemptRow.hour), func.max(AttemptRow.hour), func.sum(AttemptRow.count)
    )
    rows = session.execute(query.where(AttemptRow.kind == AttemptKind.GUESS).group_by(AttemptRow.domain))
    return tuple(GuessCount(domain, since, until, int(count)) for domain, since, until, count in rows)
