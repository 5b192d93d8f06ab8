"""What an import needs of the store: which mails it has, writing without alerts, and the result."""

import secrets
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, update
from sqlmodel import Session, col, select

from canary.canaries import decoys
from canary.cases.conclusions import conclusion_of
from canary.evidence.leaves import log_issue
from canary.judge.adoption import AdoptionProposal
from canary.model.address import Draw
from canary.model.canary import CanaryState
from canary.model.case import CaseState
from canary.model.sender import SenderState
from canary.store.database import Database
from canary.store.decoy_mac import decoy_mac_of
from canary.store.queries.outbox import QUIET
from canary.store.queries.vendors import slug
from canary.store.tables import (
    CanaryRow,
    CaseRow,
    HitRow,
    MailRow,
    SenderRow,
    SupplierDomainRow,
    VendorDomainRow,
    VendorRow,
)
from canary.store.tables.base import draw_canary_id

_STEP = 500


def quiet_store(url: str, *, carried: Mapping[str, object] | None = None, **options: Any) -> Database:
    """Return a store in which every fact counts as reported already: what happened years ago alerts nobody."""
    return Database(url, carried={**(carried or {}), QUIET: True}, **options)


@dataclass(frozen=True, slots=True)
class Suspected:
    """A case that an import opened or added to: its vendors, and the hits of the import in it.

    `suspect` is the likeliest source where a leak is likelier than none, `answer` what is believed in a few words.
    """

    id: int
    vendors: tuple[str, ...]
    hits: int
    first: datetime
    suspect: str
    p: float
    answer: str = ""


def known_deliveries(session: Session, digests: Collection[str], ours: str) -> frozenset[tuple[str, str]]:
    """Return which addresses have a mail already, as (digest, address), leaving out mails whose key begins as ours."""
    query = (
        select(MailRow.sha256, CanaryRow.address)
        .join(HitRow, col(HitRow.mail_id) == MailRow.id)
        .join(CanaryRow, col(CanaryRow.id) == HitRow.canary_id)
        .where(col(MailRow.sha256).in_(digests), ~col(MailRow.key).startswith(ours, autoescape=True))
    )
    return frozenset((digest, address) for digest, address in session.exec(query).all())


def verdicts(session: Session, ours: str) -> Counter[str]:
    """Return how many hits of an import have each verdict."""
    query = select(HitRow.verdict, func.count()).join(MailRow, col(MailRow.id) == HitRow.mail_id)
    rows = session.exec(query.where(_ours(ours)).group_by(HitRow.verdict)).all()
    return Counter(dict(rows))


def suspected(session: Session, ours: str) -> list[Suspected]:
    """Return the cases that hold mails of an import, the earliest first; what is watched or explained is none."""
    query = (
        select(HitRow.case_id, VendorRow.name, func.count(), func.min(HitRow.at))
        .join(MailRow, col(MailRow.id) == HitRow.mail_id)
        .join(CanaryRow, col(CanaryRow.id) == HitRow.canary_id)
        .join(CaseRow, col(CaseRow.id) == HitRow.case_id)
        .outerjoin(VendorRow, col(VendorRow.id) == CanaryRow.vendor_id)
        .where(_ours(ours), col(CaseRow.state).not_in((CaseState.WATCHED, CaseState.EXPLAINED)))
        .group_by(col(HitRow.case_id), VendorRow.name)
        .order_by(VendorRow.name)
    )
    rows: dict[int, list[tuple[str, int, datetime]]] = {}
    for case, vendor, hits, first in session.exec(query).all():
        rows.setdefault(case or 0, []).append((vendor or "", hits, first))
    found = [_suspected(session.get_one(CaseRow, case), each) for case, each in rows.items()]
    return sorted(found, key=lambda case: (case.first, case.id))


def _suspected(case: CaseRow, rows: Sequence[tuple[str, int, datetime]]) -> Suspected:
    answer = conclusion_of(case)
    hits, first = sum(hits for _, hits, _ in rows), min(first for _, _, first in rows)
    names = tuple(name for name, _, _ in rows if name)
    return Suspected(case.id or 0, names, hits, first, answer.name, answer.p, answer.short)


def ask_now(session: Session, prefix: str, now: datetime) -> None:
    """Let the questions that the mails of an import brought up be asked now, or old ones would expire at once."""
    mails = select(MailRow.id).where(_ours(prefix))
    pending = col(SenderRow.state) == SenderState.PENDING.value
    session.execute(update(SenderRow).where(pending, col(SenderRow.mail_id).in_(mails)).values(asked_at=now))


def _ours(prefix: str) -> ColumnElement[bool]:
    return col(MailRow.key).startswith(prefix, autoescape=True)


def adopt(
    session: Session, proposals: Sequence[AdoptionProposal], now: datetime, draw: Draw = secrets.randbelow
) -> int:
    """Make canaries of addresses that were given away before, adding vendors as needed; repeating it adds nothing.

    They are written in random order, as an order by name would show the decoys among them. A decoy that turns out to
    have been given away stops being one.
    """
    known, is_decoy = _rows_at(session, proposals), decoy_mac_of(session).is_decoy
    fresh = [each for each in proposals if (a := each.address.lower()) not in known or is_decoy(known[a])]
    owners = _owners(session, fresh, now)
    owned = {each.address.lower(): (each, owners[_short(each)]) for each in fresh}
    left = list(owned)
    while left:
        address = left.pop(draw(len(left)))
        row = _canary(*owned[address], draw)
        if address in known:
            row = known[address].sqlmodel_update(row.model_dump(exclude={"id"}))
        else:
            decoys.add_decoy_beside(session, row, draw, owned)
        session.add(row)
        log_issue(session, row, owned[address][1].slug)
    session.flush()
    return len(owned)


def _rows_at(session: Session, proposals: Sequence[AdoptionProposal]) -> dict[str, CanaryRow]:
    """Return the rows that addresses have already."""
    addresses, found = [each.address.lower() for each in proposals], dict[str, CanaryRow]()
    for start in range(0, len(addresses), _STEP):
        query = select(CanaryRow).where(col(CanaryRow.address).in_(addresses[start : start + _STEP]))
        found.update((row.address, row) for row in session.exec(query))
    return found


def _canary(each: AdoptionProposal, owner: VendorRow, draw: Draw) -> CanaryRow:
    address = each.address.lower()
    return CanaryRow(
        id=draw_canary_id(draw), address=address, domain=address.rpartition("@")[2], vendor_id=owner.id or 0, channel=each.channel,
        generation=1, style=each.style.value, bits=each.bits, state=CanaryState.ACTIVE.value, issued_at=each.issued,
        undated=each.undated,
    )  # fmt: skip


def _owners(session: Session, proposals: Sequence[AdoptionProposal], now: datetime) -> dict[str, VendorRow]:
    """Return the vendors of addresses by slug, with those that are new; these, and those without any domain, get domains.

    A vendor that the owner declared has the domains that the owner declared, here or in the map. What proves a supplier
    proves no vendor.
    """
    rows = {row.slug: row for row in session.exec(select(VendorRow))}
    new = {short: each.name for each in reversed(proposals) if (short := _short(each)) not in rows}
    made = [VendorRow(slug=short, name=name, created_at=now) for short, name in sorted(new.items())]
    session.add_all(made)
    session.flush()
    rows.update((row.slug, row) for row in made)
    held = set(session.exec(select(VendorDomainRow.vendor_id, VendorDomainRow.domain)))
    had, suppliers = {vendor for vendor, _ in held}, set(session.exec(select(SupplierDomainRow.domain)))
    for each in proposals:
        owner = rows[_short(each)]
        if each.slug or owner.id not in had:
            fresh = {(owner.id or 0, domain) for domain in each.domains if domain not in suppliers} - held
            held |= fresh
            session.add_all(VendorDomainRow(vendor_id=of, domain=name, created_at=now) for of, name in sorted(fresh))
    session.flush()
    return rows


def _short(each: AdoptionProposal) -> str:
    return each.slug or slug(each.name)
