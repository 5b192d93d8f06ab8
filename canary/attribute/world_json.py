"""The JSON forms of a world and of the answer to it; an error in a world names the place, the value and the cure."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from heapq import nsmallest
from itertools import product
from math import prod
from typing import Any, TypeVar

from canary.attribute.grouping import grouped
from canary.attribute.inference.clustering import CaseResult, find_cases
from canary.attribute.priors import RATES, Rates
from canary.attribute.summary import HOW_FROM
from canary.attribute.world import (
    CampaignHit,
    CanaryFacts,
    GuessCount,
    Posterior,
    Source,
    SupplyFacts,
    VendorFacts,
    World,
)
from canary.model.case import LeakManner, LeakWindow
from canary.model.verdict import HINTS, LEAKS, Verdict

MOST = 500_000
"""The most entries of one list that are read."""

_LEAST_SUSPECT = 1e-6
"""Sources less likely than this are not listed as suspects."""

_MOST_HYPOTHESES = 2_000
"""So many hypotheses are listed, the likeliest."""

_GROUPED = 5_000
"""Of more addresses than these, those that behave alike are weighed as groups."""

_CHARGED = LEAKS | HINTS
_T = TypeVar("_T")


class WorldError(ValueError):
    """A world cannot be read; the message names the place, the value and the cure."""


def read_world(document: object) -> World:
    """Return the world of a JSON document; raises WorldError."""
    top = _Place("the world", document)
    world = World(
        now=top.time("now"),
        vendors=top.entries("vendors", _vendor),
        canaries=top.entries("canaries", _canary),
        hits=tuple(s for s in top.entries("hits", _hit) if s is not None),
        guess_counts=top.entries("attempts", _guess_count),
    )
    _check(world)
    return world


class _Place:
    """One object of the document, and how to name what is in it."""

    def __init__(self, name: str, value: object) -> None:
        """Take an object; raises WorldError if it is none."""
        if not isinstance(value, Mapping):
            raise WorldError(f"{name}: {_brief(value)} is not an object; see the form of a world")
        self.name, self.value = name, value

    def entries(self, key: str, read: "Callable[[_Place], _T]") -> tuple[_T, ...]:
        """Read a list of objects; one that is missing is empty."""
        found = self.value.get(key) or []
        if not isinstance(found, list) or len(found) > MOST:
            raise WorldError(f"{self._name(key)}: {_brief(found)} is not a list of at most {MOST:,} entries")
        return tuple(read(_Place(f"{self._name(key)}[{i}]", entry)) for i, entry in enumerate(found))

    def text(self, key: str, default: str | None = None) -> str:
        """Read a text."""
        found = self.value.get(key, default)
        if not isinstance(found, str) or not found or len(found) > 1000:
            raise WorldError(f"{self._name(key)}: {_brief(found)} is not a name; give a text")
        return found

    def number(self, key: str, default: float, least: float, most: float) -> float:
        """Read a number within bounds."""
        found = self.value.get(key, default)
        if isinstance(found, bool) or not isinstance(found, int | float) or not least <= found <= most:
            raise WorldError(f"{self._name(key)}: {_brief(found)} is not a number from {least:g} to {most:g}")
        return float(found)

    def time(self, key: str) -> datetime:
        """Read a time with its zone."""
        found = self.maybe_time(key)
        if found is None:
            raise WorldError(f"{self._name(key)}: missing; give a time such as 2011-03-20T09:00:00Z")
        return found

    def maybe_time(self, key: str) -> datetime | None:
        """Read a time with its zone, or nothing."""
        found = self.value.get(key)
        if found is None:
            return None
        try:
            at = datetime.fromisoformat(str(found))
        except ValueError:
            at = None
        if at is None or at.tzinfo is None:
            raise WorldError(f"{self._name(key)}: {_brief(found)} is not a time; write it as 2011-03-20T09:00:00Z")
        return at.astimezone(UTC)

    def names(self, key: str) -> frozenset[str] | None:
        """Read a list of texts, or nothing."""
        found = self.value.get(key)
        if found is None:
            return None
        if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
            raise WorldError(f"{self._name(key)}: {_brief(found)} is not a list of names")
        return frozenset(found)

    def _name(self, key: str) -> str:
        return key if self.name == "the world" else f"{self.name}.{key}"


def _vendor(place: _Place) -> VendorFacts:
    return VendorFacts(place.text("id"), place.entries("suppliers", _supplier))


def _supplier(place: _Place) -> SupplyFacts:
    return SupplyFacts(
        place.text("id"),
        place.names("channels") or frozenset(),
        place.maybe_time("from"),
        place.maybe_time("to"),
        place.number("p", 1.0, 0.0, 1.0),
        place.names("fields"),
    )


def _canary(place: _Place) -> CanaryFacts:
    return CanaryFacts(
        place.text("id"),
        place.text("domain", "domain.invalid"),
        None if place.value.get("vendor") is None else place.text("vendor"),
        place.time("issued"),
        place.text("channel", "signup"),
        int(place.number("generation", 1, 0, 1e6)),
        place.number("bits", 60.0, 0.0, 1000.0),
        bool(place.value.get("published", False)),
        place.names("fields") or frozenset(),
        int(place.number("count", 1, 1, 1e9)),
    )


def _hit(place: _Place) -> CampaignHit | None:
    verdict = place.text("verdict")
    if verdict not in set(Verdict):
        raise WorldError(f"{place.name}.verdict: {_brief(verdict)} is none; one of {', '.join(Verdict)}")
    if verdict not in _CHARGED:
        return None
    return CampaignHit(
        place.text("canary"),
        place.time("at"),
        place.text("campaign"),
        verdict,
        place.number("confidence", 0.9, 0.0, 1.0),
        place.names("fields") or frozenset(),
        bool(place.value.get("proven", True)),
        "" if place.value.get("sender") is None else place.text("sender"),
    )


def _guess_count(place: _Place) -> GuessCount:
    return GuessCount(
        place.text("domain"), place.time("from"), place.time("to"), int(place.number("count", 0, 0, 1e15))
    )


def _check(world: World) -> None:
    """Whatever is named must be there, once."""
    vendors = _once("vendors", [v.id for v in world.vendors])
    canaries = _once("canaries", [c.id for c in world.canaries])
    for canary in world.canaries:
        if canary.vendor is not None and canary.vendor not in vendors:
            raise WorldError(f"canaries: {canary.id} names the vendor {_brief(canary.vendor)}; add it to the vendors")
    groups = {c.id for c in world.canaries if c.count > 1}
    for hit in world.hits:
        if hit.canary not in canaries:
            raise WorldError(f"hits: the canary {_brief(hit.canary)} is unknown; add it to the canaries")
        if hit.canary in groups:
            raise WorldError(
                f"hits: {_brief(hit.canary)} has a count; write the canary that was hit by itself, without one"
            )


def _once(key: str, names: list[str]) -> set[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise WorldError(f"{key}: the id {_brief(name)} is there twice; ids must be unique")
        seen.add(name)
    return seen


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def answer_world(world: World, rates: Rates = RATES) -> dict[str, Any]:
    """Return the answer to a world."""
    weighed = grouped(world) if len(world.canaries) > _GROUPED else world
    return {"cases": [_case_document(found) for found in find_cases(weighed, rates)]}


def _case_document(found: CaseResult) -> dict[str, Any]:
    posterior = found.posterior
    suspects = {s: p for s, p in posterior.marginals.items() if p >= _LEAST_SUSPECT}
    ranked = sorted(suspects, key=lambda s: (-suspects[s], s))
    joint = nsmallest(_MOST_HYPOTHESES, posterior.hypotheses.items(), key=lambda item: (-item[1], sorted(item[0])))
    return {
        "canaries": list(found.canaries),
        "campaigns": list(found.campaigns),
        "leak": found.leak,
        "suspects": [
            {
                **source_document(s),
                "p": suspects[s],
                "bayes_factor": posterior.bayes_factors[s],
                **_how(posterior, s),
            }
            for s in ranked
        ],
        "hypotheses": [told for sources, p in joint for told in _by_manner(posterior, sources, p)],
        "indistinguishable": [[source_document(s) for s in twins] for twins in found.indistinguishable],
        "window": _window_document(found.window) if found.window else None,
        "fields": dict(found.fields),
        **({"caution": found.caution} if found.caution else {}),
    }


def _by_manner(posterior: Posterior, sources: frozenset[Source], p: float) -> Iterator[dict[str, Any]]:
    """Yield a hypothesis once for each way in which its sources may have leaked, where that is said, the likeliest first."""
    ordered = sorted(sources)
    ways = [
        (p * prod(posterior.manners[s][manner] if manner else 1.0 for s, manner in zip(ordered, manners, strict=True)), manners)
        for manners in product(*(tuple(LeakManner) if _how(posterior, s) else (None,) for s in ordered))
    ]  # fmt: skip
    for share, manners in sorted(ways, key=lambda way: -way[0]):
        if share > 0 or not ordered:
            told = [source_document(s) | ({"how": m.value} if m else {}) for s, m in zip(ordered, manners, strict=True)]
            yield {"sources": told, "p": share}


def _how(posterior: Posterior, source: Source) -> dict[str, dict[str, float]]:
    """How a source leaked, if it did, with the probability of each way; nothing until one of them is likely enough."""
    p, manners = posterior.marginals[source], posterior.manners[source]
    if max(manners.values()) < HOW_FROM:
        return {}
    return {"how": {manner.value: p * share for manner, share in manners.items()}}


def source_document(source: Source) -> dict[str, str]:
    """Return the JSON form of a source."""
    return {"kind": source.kind.value, "id": source.id}


def _window_document(window: LeakWindow) -> dict[str, Any]:
    return {
        "earliest": time_text(window.earliest),
        "latest": time_text(window.latest),
        "from_90": time_text(window.from_90),
        "to_90": time_text(window.to_90),
        "two_events": window.two_events,
    }


def time_text(at: datetime) -> str:
    """Return a time in UTC as ISO 8601 with a Z."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
