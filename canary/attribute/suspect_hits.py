"""What hit the addresses of a suspect, in the numbers that a sentence about it gives."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from canary.attribute.inference.evidence import EvidenceModel
from canary.attribute.null_model import is_bomb
from canary.attribute.world import CampaignHit, Source
from canary.model.case import SuspectHits, SuspectKind
from canary.model.verdict import LEAKS, Verdict


def suspect_hits(model: EvidenceModel, source: Source) -> SuspectHits | None:
    """Return what hit the addresses that a source held; None where nothing did that is charged in full."""
    held = model.holdings[source].listed()
    sendings = _by_sending(model, held)
    hits = [hit for its in sendings.values() for hit in its]
    if not hits:
        return None
    struck = {hit.canary for hit in hits}
    vendor_of = {canary.id: canary.vendor for canary in model.world.canaries if canary.id in struck}
    decoys = {hit.canary for hit in hits if vendor_of[hit.canary] is None}
    clients, within = _widest(sendings.values(), vendor_of) if source.kind in _OF_MANY else (0, timedelta())
    return SuspectHits(
        source.kind, source.id or "own side", min(hit.at for hit in hits), len(sendings), *_senders(sendings.values()),
        clients, _count_clients(model, source) if clients else 0, within, len(decoys),
    )  # fmt: skip


_OF_MANY = (SuspectKind.SUPPLIER, SuspectKind.OWNER)
"""Who holds addresses of several vendors."""


def _count_clients(model: EvidenceModel, source: Source) -> int:
    """Return how many vendors' addresses a source held."""
    if source.kind is SuspectKind.OWNER:
        return len(model.world.vendors)
    return len({held.account for held in model.holdings[source].members.values() if held.listed})


def _by_sending(model: EvidenceModel, held: Collection[str]) -> Mapping[str, list[CampaignHit]]:
    """Return the charged hits at some addresses by the sending that they are of."""
    sending_of = {campaign: s.id for s in model.sendings for campaign in s.campaigns}
    sendings: dict[str, list[CampaignHit]] = {}
    for hit in model.world.hits:
        if hit.canary in held and hit.campaign in sending_of and Verdict(hit.verdict) in LEAKS:
            sendings.setdefault(sending_of[hit.campaign], []).append(hit)
    return sendings


def _senders(sendings: Iterable[list[CampaignHit]]) -> tuple[int, int]:
    """Return how many unrelated bulk senders there are, and how many of one subscription bomb."""
    lone, burst = set[str](), 0
    for hits in sendings:
        named = {hit.sender for hit in hits if hit.verdict == Verdict.THIRD_PARTY and hit.sender}
        if is_bomb(hits):
            burst = max(burst, len(named))
        else:
            lone |= named
    return len(lone), burst


def _widest(sendings: Iterable[list[CampaignHit]], vendor_of: Mapping[str, str | None]) -> tuple[int, timedelta]:
    """Return how many vendors one sending hit at the most, and within what time it first came to each of them."""
    widest = (0, timedelta())
    for hits in sendings:
        first: dict[str, datetime] = {}
        for hit in hits:
            if vendor := vendor_of[hit.canary]:
                first[vendor] = min(hit.at, first.get(vendor, hit.at))
        if len(first) > widest[0]:
            widest = len(first), max(first.values()) - min(first.values())
    return widest
