"""Counts everything in a store once more, hit by hit, to compare with what was kept count of."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select

from canary.model.verdict import HINTS, LEAKS, SERIES_OF
from canary.store.tables import (
    NEVER,
    CampaignHitRow,
    CanaryCountRow,
    CanaryRow,
    DayCountRow,
    HitRow,
    MailRow,
    VendorCountRow,
    VendorOutsiderRow,
    VendorWeekRow,
)

Hit = tuple[HitRow, int | None, str, int]
KINDS = ("own", "outside", "asking", "hints", "other")


def kept(session: Session) -> dict[str, Any]:
    """What the store has kept count of; rows that count nothing are left out."""
    found: dict[str, Any] = {}
    tables: tuple[tuple[str, Any, str], ...] = (
        ("canary", CanaryCountRow, "canary_id"),
        ("vendor", VendorCountRow, "vendor_id"),
    )
    for name, row, key in tables:
        found[name] = {
            getattr(t, key): (*(getattr(t, kind) for kind in KINDS), t.first_outside, t.last_outside, t.last_at)
            for t in session.exec(select(row)).all()
        }
    found["owners"] = {t.canary_id: t.vendor_id for t in session.exec(select(CanaryCountRow)).all()}
    found["outsiders"] = {(o.vendor_id, o.domain): o.count for o in session.exec(select(VendorOutsiderRow)).all()}
    found["parties"] = {t.vendor_id: t.outsiders for t in session.exec(select(VendorCountRow)).all() if t.outsiders}
    weeks = session.exec(select(VendorWeekRow)).all()
    found["weeks"] = {
        (w.vendor_id, w.week, series): getattr(w, series)
        for w in weeks
        for series in ("expected", "supplier", "third_party", "spam", "other")
        if getattr(w, series)
    }
    found["days"] = {(d.day, d.verdict): d.count for d in session.exec(select(DayCountRow)).all() if d.count}
    strikes = session.exec(select(CampaignHitRow)).all()
    found["strikes"] = {(s.campaign_id, s.canary_id, s.case_id): (s.hits, s.leaks) for s in strikes}
    return found


def counted(session: Session) -> dict[str, Any]:
    """The same, counted hit by hit."""
    query = select(HitRow, CanaryRow.vendor_id, MailRow.identity_domain, MailRow.campaign_id).join(CanaryRow)
    rows = session.exec(query.outerjoin(MailRow, col(MailRow.id) == HitRow.mail_id)).all()
    every: list[Hit] = [(hit, vendor, proven or "", campaign or 0) for hit, vendor, proven, campaign in rows]
    hits = [each for each in every if each[0].verdict != "guess"]
    owned = [each for each in hits if each[1]]
    outsiders = Counter((vendor, proven) for hit, vendor, proven, _ in owned if hit.verdict in LEAKS)
    strikes = Counter((c, h.canary_id, h.case_id or 0) for h, _, _, c in every if c or h.case_id)
    leaks = Counter((c, h.canary_id, h.case_id or 0) for h, _, _, c in every if h.verdict in LEAKS)
    return {
        "canary": {n: tally(h for h, *_ in hits if h.canary_id == n) for n in {h.canary_id for h, *_ in hits}},
        "vendor": {n: tally(h for h, v, *_ in owned if v == n) for n in {v for _, v, *_ in owned}},
        "owners": {h.canary_id: v for h, v, *_ in hits},
        "outsiders": dict(outsiders),
        "parties": dict(Counter(vendor for vendor, _ in outsiders)),
        "weeks": dict(Counter((v, monday(h.at), SERIES_OF[h.verdict].replace("-", "_")) for h, v, *_ in owned)),
        "days": dict(Counter((h.at.date(), h.verdict) for h, *_ in every)),
        "strikes": {key: (number, leaks[key]) for key, number in strikes.items()},
    }


def tally(hits: Iterable[HitRow]) -> tuple[Any, ...]:
    found = list(hits)
    kinds = Counter(kind(hit.verdict) for hit in found)
    outside = [hit.at for hit in found if hit.verdict in LEAKS]
    times = min(outside, default=None), max(outside, default=NEVER), max(hit.at for hit in found)
    return *(kinds[name] for name in KINDS), *times


def kind(verdict: str) -> str:
    if verdict in LEAKS:
        return "outside"
    named = {"new-sender": "asking", "misdirected": "other"}
    return named.get(verdict, "hints" if verdict in HINTS else "own")


def monday(at: datetime) -> Any:
    return at.date() - timedelta(days=at.weekday())
