"""What to tell of one case: suspects with names, when, which fields, what cannot be told apart, and why."""

from collections.abc import Mapping
from dataclasses import dataclass

from canary.attribute.inference.clustering import CaseResult, examine
from canary.attribute.inference.evidence import EvidenceModel
from canary.attribute.inference.explain import explain
from canary.attribute.inference.posterior import NOBODY
from canary.attribute.priors import RATES, Rates
from canary.attribute.world import Source, World
from canary.model.case import Findings, Suspect, SuspectKind

_SUSPECTS = 20
_EXPLAINED = 3
_LARGE = 400
"""Of more addresses than these, reasons are for the patient only, as each takes a posterior of its own."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """The suspects of a case, likeliest first, and what else is found about it."""

    suspects: tuple[Suspect, ...]
    findings: Findings


class SourceNames:
    """How people know the sources, from the names of vendors and suppliers by their ids."""

    def __init__(self, names: Mapping[str, str]) -> None:
        """Take the names."""
        self._names = names

    def __call__(self, source: Source) -> str:
        """Name a source."""
        kind, name = source
        if kind is SuspectKind.OWNER:
            return "Own side"
        if kind is SuspectKind.ACCOUNT:
            supplier, _, vendor = name.partition("/")
            return f"{self._of(vendor)}'s account at {self._of(supplier)}"
        if kind is SuspectKind.PUBLISHED:
            return f"Harvested from {self._of(name)}"
        return self._of(name)

    def _of(self, name: str) -> str:
        return self._names.get(name, name.capitalize())


def assess(world: World, names: SourceNames, rates: Rates = RATES, *, patient: bool = False) -> Assessment:
    """Return what to tell of a case, given the world with just the hits of this case.

    Only the patient get explanations where there are many addresses; findings without them bear no time.
    """
    inquiry = EvidenceModel(world, rates)
    every = frozenset(s.id for s in inquiry.sendings)
    found = examine(inquiry, every)
    ranked = sorted(found.posterior.marginals, key=lambda s: (-found.posterior.marginals[s], s))
    top = {s: found.posterior.marginals[s] for s in ranked[:_EXPLAINED] if found.posterior.marginals[s] >= 0.01}
    whole = patient or len(world.canaries) <= _LARGE
    why = explain(inquiry, every, top, names) if whole else ()
    nobody = Suspect(SuspectKind.NOBODY, "no leak", found.posterior.hypotheses.get(NOBODY, 0.0), name="No leak")
    suspects = [nobody, *(_suspect(inquiry, found, source, names) for source in ranked[:_SUSPECTS])]
    findings = Findings(
        found.window,
        found.fields,
        tuple(tuple(map(names, twins)) for twins in found.indistinguishable),
        why,
        world.now if whole else None,
    )
    return Assessment(tuple(sorted(suspects, key=lambda s: -s.p)), findings)


def _suspect(inquiry: EvidenceModel, found: CaseResult, source: Source, names: SourceNames) -> Suspect:
    held = {name for name, member in inquiry.holdings[source].members.items() if member.listed}
    posterior = found.posterior
    return Suspect(
        source.kind,
        source.id or "own side",
        posterior.marginals[source],
        len(held & set(found.canaries)),
        len(held),
        names(source),
        posterior.factors[source],
    )
