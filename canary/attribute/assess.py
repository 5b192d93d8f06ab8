"""What to tell of one case: suspects with names, when, which fields, what cannot be told apart, and why."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from canary.attribute.inference.clustering import CaseResult, case_result
from canary.attribute.inference.evidence import EvidenceModel
from canary.attribute.inference.explain import explain
from canary.attribute.priors import RATES, Rates
from canary.attribute.suspect_hits import suspect_hits
from canary.attribute.world import Source, World
from canary.model.case import Findings, LeakManner, Suspect, SuspectKind

_SUSPECTS = 20
_EXPLAINED = 3
_COUNTING = 48
"""So many sendings of a case are weighed: a leak is thought to bring fewer, and more would ask for a second one."""

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
            return f"Harvested from what {self._of(name)} shows"
        return self._of(name)

    def _of(self, name: str) -> str:
        return self._names.get(name, name.capitalize())


def assess(world: World, names: SourceNames, rates: Rates = RATES, *, patient: bool = False) -> Assessment:
    """Return what to tell of a case, given the world with just the hits of this case.

    Only the patient get explanations where there are many addresses; findings without them bear no time.
    """
    whole_model = EvidenceModel(world, rates)
    model = _of_what_counts(whole_model)
    counting = frozenset(model.sending_by_id)
    result = case_result(model, counting)
    canaries = frozenset(s.id for s in whole_model.canaries_hit(frozenset(whole_model.sending_by_id)))
    nobody, behind = _beliefs(result)
    ranked = sorted(behind, key=lambda s: (-behind[s], s))
    top = {s: behind[s] for s in ranked[:_EXPLAINED] if behind[s] >= 0.01}
    whole = patient or len(world.canaries) <= _LARGE
    why = explain(model, counting, top, names) if whole else ()
    suspects = [
        Suspect(SuspectKind.NOBODY, "no leak", nobody, name="No leak"),
        *(_suspect(whole_model, result, canaries, source, names) for source in ranked[:_SUSPECTS]),
    ]
    findings = Findings(
        result.window,
        result.fields,
        tuple(tuple(map(names, same)) for same in result.indistinguishable),
        why,
        world.now if whole else None,
        result.caution,
        tuple(hits for source in ranked[:_EXPLAINED] if (hits := suspect_hits(whole_model, source))),
    )
    return Assessment(tuple(sorted(suspects, key=lambda s: -s.p)), findings)


def _beliefs(result: CaseResult) -> tuple[float, Mapping[Source, float]]:
    """How likely it is that nothing is behind the hits of the case, and how likely each source is."""
    return 1 - result.leak, result.behind


def _of_what_counts(model: EvidenceModel) -> EvidenceModel:
    """Return the model with, of more sendings than one leak is thought to bring, the widest and the oldest alone.

    The addresses that only those beyond hit are left out with them, as these did not keep quiet.
    """
    if len(model.sendings) <= _COUNTING:
        return model
    widest = sorted(model.sendings, key=lambda sending: -len(sending.mark))[: _COUNTING // 2]
    counting = list(dict.fromkeys((*widest, *model.sendings)))[:_COUNTING]
    campaigns = {campaign for sending in counting for campaign in sending.campaigns}
    beyond = {name for sending in model.sendings for name in sending.mark}.difference(*(s.mark for s in counting))
    world = replace(
        model.world,
        hits=tuple(hit for hit in model.world.hits if hit.campaign in campaigns),
        canaries=tuple(canary for canary in model.world.canaries if canary.id not in beyond),
    )
    return EvidenceModel(world, model.rates)


def _suspect(
    model: EvidenceModel, result: CaseResult, canaries: frozenset[str], source: Source, names: SourceNames
) -> Suspect:
    held, p = model.holdings[source].listed(), result.behind[source]
    posterior = result.posterior
    return Suspect(
        source.kind,
        source.id or "own side",
        p,
        len(held & canaries),
        model.holdings[source].number(),
        names(source),
        posterior.bayes_factors[source],
        p * posterior.manners[source][LeakManner.PASSED_ON],
    )
