"""The world of a case as a pack has it: what attribution is computed from, without the names of those it does not concern."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from canary.attribute.world import World


@dataclass(frozen=True, slots=True)
class Concerned:
    """The vendors, the suppliers and the domains that a case concerns, by their names in its world."""

    vendors: frozenset[str]
    suppliers: frozenset[str]
    domains: frozenset[str]


def concerned(world: World, vendors: Iterable[str]) -> Concerned:
    """Return whom the hits of a world concern, its vendors being given: these, those hit, and their suppliers."""
    hit = {each.canary for each in world.hits}
    struck = [canary for canary in world.canaries if canary.id in hit]
    named = {*vendors, *(canary.vendor for canary in struck if canary.vendor)}
    suppliers = {supply.supplier for vendor in world.vendors if vendor.id in named for supply in vendor.suppliers}
    return Concerned(frozenset(named), frozenset(suppliers), frozenset(canary.domain for canary in struck))


def without_others(world: World, shown: Concerned) -> World:
    """Return a world in which those that it does not concern have a number for a name."""
    vendor = _renamed((v.id for v in world.vendors), shown.vendors, "other vendor {}")
    every = (supply.supplier for v in world.vendors for supply in v.suppliers)
    supplier = _renamed(every, shown.suppliers, "other supplier {}")
    domain = _renamed((c.domain for c in world.canaries), shown.domains, "other-{}.invalid")
    return replace(
        world,
        vendors=tuple(
            replace(v, id=vendor(v.id), suppliers=tuple(replace(s, supplier=supplier(s.supplier)) for s in v.suppliers))
            for v in world.vendors
        ),
        canaries=tuple(
            replace(c, vendor=vendor(c.vendor) if c.vendor else None, domain=domain(c.domain)) for c in world.canaries
        ),
        guess_counts=tuple(replace(g, domain=domain(g.domain)) for g in world.guess_counts),
    )


def _renamed(names: Iterable[str], shown: frozenset[str], pattern: str) -> Callable[[str], str]:
    others = {name: pattern.format(number) for number, name in enumerate(sorted(set(names) - shown), 1)}
    return lambda name: others.get(name, name)


def decoys_at(world: World, domains: Iterable[str]) -> list[dict[str, Any]]:
    """Return how many decoys there are at some domains, and how many hits they got."""
    decoys = {canary.id: canary.domain for canary in world.canaries if canary.vendor is None}
    hit = Counter(decoys[each.canary] for each in world.hits if each.canary in decoys)
    count = Counter[str]()
    for canary in world.canaries:
        if canary.vendor is None:
            count[canary.domain] += canary.count
    return [{"domain": each, "count": count[each], "mails": hit[each]} for each in sorted(domains) if count[each]]


def names_of(answer: Mapping[str, Any], name: Callable[[str, str], str]) -> dict[str, str]:
    """Return how people know the suspects of an answer, by kind and id."""
    return {f"{each['kind']} {each['id']}": name(each["kind"], each["id"]) for each in answer["suspects"]}
