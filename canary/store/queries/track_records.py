"""What was seen of senders, read for a batch of mails at once, and what the batch adds to it."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import case, delete, func, select
from sqlmodel import Session

from canary.model.track_record import NOTHING_SEEN, ShownByMail, SignedMail, SignerUse, TrackRecord
from canary.store.tables import FirstWriterRow, LinkedDomainRow, SignedMailRow, VendorRow
from canary.store.tables.base import metadata
from canary.store.upsert import insert_for

MOST_VENDORS = 8
"""At so many vendors a signing domain is remembered, for each of its uses: more prove no more."""

MOST_LINKED = 100
"""So many domains are remembered that the mail of one vendor leads to."""

MOST_SIGNED = 50_000
"""So many rows of all signing domains are kept, the newest."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What one mail at one address adds, and when it came."""

    canary_id: int
    vendor_id: int
    at: datetime
    what: ShownByMail


@dataclass(slots=True)
class TrackRecords:
    """All that bears on some mails: first writers by canary, linked domains by vendor, signed mail by signer."""

    first: dict[int, tuple[str, datetime]] = field(default_factory=dict)
    linked: dict[int, dict[str, datetime]] = field(default_factory=dict)
    signed: dict[str, list[SignedMail]] = field(default_factory=dict)

    def of(self, canary: int, vendor_id: int, vendor: str, signers: Collection[str], at: datetime) -> TrackRecord:
        """Return what was known at a time of one who signed a mail; what came later changes nothing."""
        key, since = self.first.get(canary, ("", at))
        linked = self.linked.get(vendor_id) or {}
        signed = [mail for signer in signers for mail in self.signed.get(signer, ())]
        if not (key or linked or signed):
            return NOTHING_SEEN
        return TrackRecord(
            key if since <= at else "",
            frozenset(domain for domain, seen in linked.items() if seen <= at),
            tuple(mail for mail in signed if mail.since <= at and mail.vendor != vendor),
        )

    def add(self, shown: Shown) -> Shown | None:
        """Add what a mail shows, for the mails that follow; return what of it is new, or None."""
        new = self._new(shown)
        if new is None:
            return None
        if new.what.first_writer:
            self.first[new.canary_id] = new.what.first_writer, new.at
        self.linked.setdefault(new.vendor_id, {}).update(dict.fromkeys(new.what.linked, new.at))
        for mail in new.what.signed:
            self.signed.setdefault(mail.signer, []).append(mail)
        return new

    def _new(self, shown: Shown) -> Shown | None:
        first = shown.what.first_writer if shown.at < self._first_at(shown) else ""
        held = self.linked.get(shown.vendor_id) or {}
        room = max(0, MOST_LINKED - len(held))
        linked = tuple(domain for domain in shown.what.linked if domain not in held)[:room]
        signed = tuple(mail for mail in shown.what.signed if self._is_new(mail))
        if not (first or linked or signed):
            return None
        return Shown(shown.canary_id, shown.vendor_id, shown.at, ShownByMail(first, linked, signed))

    def _first_at(self, shown: Shown) -> datetime:
        return (
            self.first[shown.canary_id][1]
            if shown.canary_id in self.first
            else datetime.max.replace(tzinfo=shown.at.tzinfo)
        )

    def _is_new(self, mail: SignedMail) -> bool:
        alike = [other for other in self.signed.get(mail.signer, ()) if other.use is mail.use]
        return len(alike) < MOST_VENDORS and all(
            other.vendor != mail.vendor or other.since > mail.since for other in alike
        )


def read_track_records(
    session: Session, canary_ids: Collection[int], vendor_ids: Collection[int], signers: Collection[str]
) -> TrackRecords:
    """Read what bears on mails at some canaries of some vendors, signed by some domains."""
    found = TrackRecords()
    first = select(_FIRST.c.canary_id, _FIRST.c.key, _FIRST.c.at).where(_FIRST.c.canary_id.in_(canary_ids))
    for canary, key, at in session.execute(first):
        found.first[canary] = key, at
    linked = select(_LINKED).where(_LINKED.c.vendor_id.in_(vendor_ids))
    for vendor_id, domain, since in session.execute(linked):
        found.linked.setdefault(vendor_id, {})[domain] = since
    signed = select(
        _SIGNED.c.signer, _VENDOR.c.slug, _SIGNED.c.organisation, _SIGNED.c.use, _SIGNED.c.since
    ).join_from(_SIGNED, _VENDOR, _VENDOR.c.id == _SIGNED.c.vendor_id)  # fmt: skip
    for signer, slug, organisation, use, since in session.execute(signed.where(_SIGNED.c.signer.in_(signers))):
        found.signed.setdefault(signer, []).append(SignedMail(signer, slug, organisation, SignerUse(use), since))
    return found


def write_shown(session: Session, shown: Collection[Shown]) -> None:
    """Write what mails added; what is there already stays as it is, or is dated back."""
    first = [{"canary_id": s.canary_id, "key": s.what.first_writer, "at": s.at} for s in shown if s.what.first_writer]
    linked = [{"vendor_id": s.vendor_id, "domain": d, "since": s.at} for s in shown for d in s.what.linked]
    signed = [
        {"signer": m.signer, "vendor_id": s.vendor_id, "use": m.use.value, "organisation": m.organisation, "since": m.since}
        for s in shown
        for m in s.what.signed
    ]  # fmt: skip
    _write(session, FirstWriterRow, first, ("canary_id",), "at", ("key", "at"))
    _write(session, LinkedDomainRow, linked, ("vendor_id", "domain"), "since", ("since",))
    _write(session, SignedMailRow, signed, ("signer", "vendor_id", "use"), "since", ("since",))
    if signed:
        _prune(session)


def _write(
    session: Session, table: Any, rows: list[dict[str, Any]], keys: tuple[str, ...], time: str, changes: tuple[str, ...]
) -> None:
    """Insert rows in the order of their keys, so that no two workers wait for each other; the earlier one stays."""
    by_key: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        key = tuple(row[name] for name in keys)
        if key not in by_key or row[time] < by_key[key][time]:
            by_key[key] = row
    if not by_key:
        return
    made = insert_for(session, table)
    old, new = made.table.c, made.excluded
    earlier = new[time] < old[time]
    values = {name: case((earlier, new[name]), else_=old[name]) for name in changes}
    written = made.on_conflict_do_update(index_elements=list(keys), set_=values)
    session.execute(written, [by_key[key] for key in sorted(by_key)])


def _prune(session: Session) -> None:
    newest = select(func.max(_SIGNED.c.id)).scalar_subquery()
    session.execute(delete(_SIGNED).where(_SIGNED.c.id <= newest - MOST_SIGNED))


_FIRST, _LINKED, _SIGNED, _VENDOR = (
    metadata.tables[str(row.__tablename__)] for row in (FirstWriterRow, LinkedDomainRow, SignedMailRow, VendorRow)
)
