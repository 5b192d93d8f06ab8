"""Who leaked, recomputed from the world of a case and the assumptions: needs numpy, and nothing else from outside."""

from collections.abc import Mapping
from math import isclose
from typing import Any

NEAR = 1e-6
"""Figures that differ by a smaller part are the same: other processors add up in another order."""


def answer_case(world: object, assumptions: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is to be believed of the one case in a world; raises ImportError without numpy, WorldError, ValueError."""
    from canary.attribute.inference.clustering import case_result  # noqa: PLC0415 - numpy is large, and may be missing
    from canary.attribute.inference.evidence import EvidenceModel  # noqa: PLC0415
    from canary.attribute.world_document import read_rates  # noqa: PLC0415
    from canary.attribute.world_json import read_world, source_document, time_text  # noqa: PLC0415

    model = EvidenceModel(read_world(world), read_rates(assumptions))
    result = case_result(model, frozenset(sending.id for sending in model.sendings))
    ranked = sorted(result.behind, key=lambda source: (-result.behind[source], source))[:20]
    window = result.window
    return {
        "leak": result.leak,
        "suspects": [
            {**source_document(s), "p": result.behind[s], "bayes_factor": result.posterior.bayes_factors[s]} for s in ranked
        ],
        "indistinguishable": [[source_document(s) for s in twins] for twins in result.indistinguishable],
        "window": [time_text(window.from_90), time_text(window.to_90)] if window else None,
    }  # fmt: skip


def same_answer(one: Any, other: Any) -> bool:
    """Whether two answers say the same, but for how numbers were rounded."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_answer(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_answer, one, other))
    if isinstance(one, float | int) and isinstance(other, float | int) and not isinstance(one, bool):
        return isclose(one, other, rel_tol=NEAR, abs_tol=1e-12)
    return bool(one == other)
