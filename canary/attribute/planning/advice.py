"""A plan as people and programs read it: sentences, and the JSON form."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from canary.attribute.planning.proposals import CoveragePlan, IssueProposal, Remedy
from canary.attribute.planning.what_if import Addition, WhatIfOutcome
from canary.attribute.world import Source
from canary.attribute.world_json import source_document, time_text
from canary.model.case import percent

Namer = Callable[[Source], str]

_SHOWN = 20
"""So many sentences of each kind; the JSON form has all."""


def document(plan: CoveragePlan) -> dict[str, Any]:
    """Return the JSON form of a plan."""
    return {
        "coverage": plan.coverage,
        "enough": {"to_tell_apart": plan.apart, "for_two_hits": plan.enough},
        "indistinguishable": [[source_document(s) for s in group] for group in plan.indistinguishable],
        "near": [{"sources": [source_document(s) for s in n.sources], "differ": n.differ} for n in plan.near],
        "under_instrumented": [
            {**source_document(t.source), "addresses": t.addresses, "two_hits": t.seen, "missing": t.missing}
            for t in plan.thin
        ],
        "proposals": [_proposal(p) for p in plan.proposals],
        "unasked": plan.unasked,
    }


def sentences(plan: CoveragePlan, name: Namer) -> Iterator[str]:
    """Yield what a plan says, the worst first."""
    if not plan.sources:
        yield "No address was issued yet, so there is nothing to plan for: add vendors, and issue each its addresses."
    yield from _first_sentences(
        [f"Not distinguishable: {_list([name(s) for s in g])}." for g in plan.indistinguishable]
    )
    yield from _first_sentences([
        f"A leak of {name(t.source)} would hit two addresses with a probability of {percent(t.seen)} only; it holds"
        f" {t.addresses:,}, and {t.missing:,} more would make it 90%."
        for t in plan.thin
    ])  # fmt: skip
    yield from _first_sentences([
        f"Hard to tell apart: {_list([name(s) for s in n.sources])} differ by {_addresses(n.differ)}; it takes"
        f" {plan.apart}."
        for n in plan.near
    ])  # fmt: skip
    for proposal in plan.proposals:
        yield f"{_remedy_text(proposal)}: {_gain_text(proposal, name)}."
    if plan.unasked:
        yield f"{plan.unasked} more of these questions were left out; --most asks for more."


def _first_sentences(lines: Sequence[str]) -> Iterator[str]:
    yield from lines[:_SHOWN]
    if len(lines) > _SHOWN:
        yield f"... and {len(lines) - _SHOWN} more like this."


def _remedy_text(proposal: IssueProposal) -> str:
    parts = Counter((a.vendor, a.channel, a.supplier) for a in proposal.additions)
    if proposal.help is Remedy.STAGGER:
        turns = (f"{a.vendor} ({a.channel}) on {a.issued:%d %b %Y}" for a in proposal.additions)
        return f"Rotate, one after the other, {_list(list(turns))}"
    where = [f"{count} to {vendor} (channel {channel})" for (vendor, channel, _), count in parts.items()]
    kind = {Remedy.ACCOUNT: "account-only", Remedy.NEWSLETTER: "newsletter"}[proposal.help]
    seen_by = f", to be seen by {proposal.additions[0].supplier} alone" if proposal.help is Remedy.NEWSLETTER else ""
    plural = "es" if len(proposal.additions) > 1 else ""
    return f"Issue {len(proposal.additions)} {kind} address{plural}, {_list(where)}{seen_by}"


def _gain_text(proposal: IssueProposal, name: Namer) -> str:
    sources_text = " or ".join(name(source) for source in proposal.about)
    before, after = proposal.before, proposal.after
    if proposal.help is Remedy.STAGGER:
        return f"a leak of {sources_text} is dated to {after.days:.0f} instead of {before.days:.0f} days"
    return f"a leak of {sources_text} is laid to the right one with a probability of {percent(after.right)} instead of {percent(before.right)}"


def _proposal(proposal: IssueProposal) -> dict[str, Any]:
    return {
        "help": proposal.help.value,
        "about": [source_document(s) for s in proposal.about],
        "add": [_addition(a) for a in proposal.additions],
        "before": _outcome(proposal.before),
        "after": _outcome(proposal.after),
        "gain": proposal.gain,
    }


def _addition(addition: Addition) -> dict[str, Any]:
    return {
        "vendor": addition.vendor,
        "channel": addition.channel,
        "supplier": addition.supplier,
        "issued": time_text(addition.issued),
    }


def _outcome(outcome: WhatIfOutcome) -> dict[str, float]:
    return {"right": outcome.right, "window_days": outcome.days}


def _addresses(number: int) -> str:
    return f"{number:,} {'address' if number == 1 else 'addresses'}"


def _list(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
