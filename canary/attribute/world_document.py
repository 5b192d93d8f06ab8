"""The JSON form of a world and of the assumptions, as a pack has them: what `canary.attribute.world_json` reads again."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from canary.attribute.priors import Rates
from canary.attribute.world import CampaignHit, CanaryFacts, SupplyFacts, World


def world_document(world: World) -> dict[str, Any]:
    """Return a world in its JSON form, with all that `read_world` reads."""
    return {
        "now": _time(world.now),
        "vendors": [{"id": v.id, "suppliers": [_supply(s) for s in v.suppliers]} for v in world.vendors],
        "canaries": [_canary(c) for c in world.canaries],
        "hits": [_hit(h) for h in world.hits],
        "attempts": [
            {"domain": g.domain, "from": _time(g.since), "to": _time(g.until), "count": g.count} for g in world.guess_counts
        ],
    }  # fmt: skip


def rates_document(rates: Rates) -> dict[str, Any]:
    """Return the assumptions of attribution in a JSON form."""
    return {name: sorted(value) if isinstance(value, frozenset) else value for name, value in asdict(rates).items()}


def read_rates(document: Mapping[str, Any]) -> Rates:
    """Read the assumptions from their JSON form; raises ValueError or TypeError."""
    names = {field.name for field in fields(Rates)}
    if set(document) != names:
        raise ValueError(f"assumptions: {sorted(names ^ set(document))[:3]} are missing, or unknown")
    return Rates(**{name: _read(value) for name, value in document.items()})


def _read(value: Any) -> Any:
    if not isinstance(value, list):
        return float(value)
    if value and all(isinstance(each, list) for each in value):
        return tuple((float(first), float(second)) for first, second in value)
    return frozenset(value) if any(isinstance(each, str) for each in value) else tuple(map(float, value))


def _supply(supply: SupplyFacts) -> dict[str, Any]:
    return {
        "id": supply.supplier, "channels": sorted(supply.channels), "p": supply.p,
        **({"from": _time(supply.since)} if supply.since else {}), **({"to": _time(supply.until)} if supply.until else {}),
        **({"fields": sorted(supply.fields)} if supply.fields is not None else {}),
    }  # fmt: skip


def _canary(canary: CanaryFacts) -> dict[str, Any]:
    return {
        "id": canary.id, "domain": canary.domain, "vendor": canary.vendor, "issued": _time(canary.issued),
        "channel": canary.channel, "generation": canary.generation, "bits": canary.bits, "published": canary.published,
        "fields": sorted(canary.fields), "count": canary.count,
    }  # fmt: skip


def _hit(hit: CampaignHit) -> dict[str, Any]:
    return {
        "canary": hit.canary, "at": _time(hit.at), "campaign": hit.campaign, "verdict": hit.verdict,
        "confidence": hit.confidence, "fields": sorted(hit.fields), "proven": hit.proven,
        **({"sender": hit.sender} if hit.sender else {}),
    }  # fmt: skip


def _time(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
