"""The JSON form of an answer: the cases of a world, with suspects, joint hypotheses and window."""

from datetime import datetime
from typing import Any

from canary.attribute.inference.clustering import CaseResult, find_cases
from canary.attribute.priors import RATES, Rates
from canary.attribute.world import Source, World
from canary.model.case import LeakWindow

_LEAST = 1e-6
"""Sources less likely than this are not listed as suspects."""


def answer_world(world: World, rates: Rates = RATES) -> dict[str, Any]:
    """Return the answer to a world."""
    return {"cases": [_case(found) for found in find_cases(world, rates)]}


def _case(found: CaseResult) -> dict[str, Any]:
    posterior = found.posterior
    ranked = sorted(posterior.marginals, key=lambda s: (-posterior.marginals[s], s))
    joint = sorted(posterior.hypotheses.items(), key=lambda item: (-item[1], sorted(item[0])))
    return {
        "canaries": list(found.canaries),
        "campaigns": list(found.campaigns),
        "suspects": [
            {**_source(s), "p": posterior.marginals[s], "bayes_factor": posterior.factors[s]}
            for s in ranked
            if posterior.marginals[s] >= _LEAST
        ],
        "hypotheses": [{"sources": [_source(s) for s in sorted(sources)], "p": p} for sources, p in joint],
        "indistinguishable": [[_source(s) for s in twins] for twins in found.indistinguishable],
        "window": _window(found.window) if found.window else None,
        "fields": dict(found.fields),
    }


def _source(source: Source) -> dict[str, str]:
    return {"kind": source.kind.value, "id": source.id}


def _window(window: LeakWindow) -> dict[str, Any]:
    return {
        "earliest": _time(window.earliest),
        "latest": _time(window.latest),
        "from_90": _time(window.from_90),
        "to_90": _time(window.to_90),
        "two_events": window.two_events,
    }


def _time(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
