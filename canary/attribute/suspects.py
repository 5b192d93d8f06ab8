"""Who may have leaked: each source weighed by counting how many of the canaries it held were hit.

Under the hypothesis that source z leaked, each canary it held is hit with one unknown probability, which is
integrated out (beta-binomial with a flat prior); a hit at a canary it never held is chance. Quiet canaries count
against a source for this reason.
"""

from collections.abc import Iterable
from math import exp, lgamma, log

from canary.model.case import Evidence, Suspect, SuspectKind
from canary.model.party import Supply

_PRIOR = {SuspectKind.VENDOR: 1.0, SuspectKind.SUPPLIER: 1.0, SuspectKind.OWNER: 0.05, SuspectKind.NOBODY: 0.05}
_CHANCE = 1e-3
"""How likely a canary is hit that the source never held."""

Source = tuple[SuspectKind, str]


def suspects(evidence: Iterable[Evidence], supplies: Iterable[Supply]) -> tuple[Suspect, ...]:
    """Return every possible source with its probability, highest first; the probabilities sum to 1."""
    seen = tuple(evidence)
    hit = {e.canary for e in seen if e.hit_at is not None}
    held = _holdings(seen, tuple(supplies), hit)
    weights = {source: _weight(source, canaries, hit) for source, canaries in held.items()}
    top = max(weights.values())
    shares = {source: exp(weight - top) for source, weight in weights.items()}
    total = sum(shares.values())
    found = (
        Suspect(kind, name, shares[kind, name] / total, len(held[kind, name] & hit), len(held[kind, name]))
        for kind, name in held
    )
    return tuple(sorted(found, key=lambda s: (-s.p, s.kind, s.id)))


def _holdings(seen: tuple[Evidence, ...], supplies: tuple[Supply, ...], hit: set[int]) -> dict[Source, frozenset[int]]:
    held: dict[Source, set[int]] = {(SuspectKind.NOBODY, "no leak"): set(), (SuspectKind.OWNER, "own side"): set()}
    for e in seen:
        held[SuspectKind.OWNER, "own side"].add(e.canary)
        if e.vendor is not None:
            held.setdefault((SuspectKind.VENDOR, e.vendor), set()).add(e.canary)
        for supply in supplies:
            if supply.vendor == e.vendor and supply.covers(e.channel, e.hit_at or e.issued):
                held.setdefault((SuspectKind.SUPPLIER, supply.supplier), set()).add(e.canary)
    kept = {source: frozenset(canaries) for source, canaries in held.items()}
    return {source: canaries for source, canaries in kept.items() if canaries & hit or source[0] is SuspectKind.NOBODY}


def _weight(source: Source, held: frozenset[int], hit: set[int]) -> float:
    inside, outside = len(held & hit), len(hit - held)
    return log(_PRIOR[source[0]]) + _log_beta(1 + inside, 1 + len(held) - inside) + outside * log(_CHANCE)


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)
