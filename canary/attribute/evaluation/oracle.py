"""What could be known at best: the rates that a simulated world was really made with, in the terms of the likelihood."""

from collections.abc import Mapping
from typing import Any

from canary.attribute.evaluation.scenarios import Mix, Range
from canary.attribute.evaluation.simulate import Truth
from canary.attribute.priors import Rates, Weighted
from canary.model.case import SuspectKind

_HARDLY = 1e-6
"""What never happens is taken to happen this seldom, so that odds stay finite."""


def true_rates(truth: Truth) -> Rates:
    """Return the rates, delays and priors of the mix and the coverage of this very world."""
    leaking, background = truth.mix.leaking, truth.mix.background
    odds, pair = _priors(truth.mix)
    return Rates(
        vendor=odds[SuspectKind.VENDOR] * (1 - leaking.passing.get(SuspectKind.VENDOR, 0.0)),
        supplier=odds[SuspectKind.SUPPLIER] * (1 - leaking.passing.get(SuspectKind.SUPPLIER, 0.0)),
        account=odds[SuspectKind.ACCOUNT],
        owner=odds[SuspectKind.OWNER],
        published=leaking.harvested / max(1 - leaking.harvested, _HARDLY) / truth.mix.population.years,
        # Harvesting and leaks have nothing to do with each other.
        pair=max(pair, 1.0) if truth.mix.population.published_share else pair,
        **_passing(truth.mix, odds),
        coverage=tuple((q, 1.0) for q in truth.coverage),
        reach=_thirds(leaking.reach),
        campaigns=((leaking.campaigns, 1.0),),
        tenants=((leaking.tenants, 1.0),),
        unlisted=((_unlisted(truth.mix), 1.0),),
        delays=((leaking.fast_days, leaking.fast_share), (leaking.slow_days, 1 - leaking.fast_share)),
        dormancy=((0.0, 1.0),),
        dictionary=background.attacks,
        guessed=((background.guessed_share, 1.0),),
        misdirected=background.misdirected,
        third_party=(background.lawful_share, 1 / max(background.lawful_mails, _HARDLY)),
        field_used=leaking.field_used,
    )


def _passing(mix: Mix, odds: Mapping[SuspectKind, float]) -> dict[str, Any]:
    """Return how often lists are passed on and what comes then."""
    leaking = mix.leaking
    return {
        "passing": leaking.passing.get(SuspectKind.VENDOR, 0.0) * odds[SuspectKind.VENDOR],
        "supplier_passing": leaking.passing.get(SuspectKind.SUPPLIER, 0.0) * odds[SuspectKind.SUPPLIER],
        "resold": 0.0,
        "handed": ((leaking.handed, 1.0),),
        "buyers": ((leaking.buyers, 1.0),),
        "bought": _thirds(leaking.reach),
        "buyer_delays": ((leaking.buyer_days, 1.0),),
    }


def _priors(mix: Mix) -> tuple[dict[SuspectKind, float], float]:
    """Return the hazard of each kind of source, and the factor by which two leaks are likelier than by two accidents."""
    params, shares = mix.population, mix.leaking.shares
    leak, second = max(sum(shares.values()), _HARDLY), mix.leaking.second
    calm = max(1 - leak, _HARDLY)
    single = leak * max(1 - second, _HARDLY) / calm
    sources = {
        SuspectKind.VENDOR: params.vendors,
        SuspectKind.SUPPLIER: params.suppliers,
        SuspectKind.ACCOUNT: params.vendors * sum(params.suppliers_per_vendor) / 2,
        SuspectKind.OWNER: 1,
    }
    hazards = {kind: shares.get(kind, 0.0) / leak * single / count / params.years for kind, count in sources.items()}
    return hazards, 2 * leak * second / calm / single**2


def _unlisted(mix: Mix) -> float:
    """Return the chance that a supplier which is not told of holds an address all the same."""
    params = mix.population
    edges = sum(params.suppliers_per_vendor) / 2
    kept = edges * (1 - params.edges_missing)
    return (edges - kept) / (params.suppliers - kept)


def _thirds(span: Range) -> Weighted:
    low, high = span
    return tuple((low + (high - low) * part, 1 / 3) for part in (1 / 6, 1 / 2, 5 / 6))
