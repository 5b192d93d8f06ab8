"""Worlds with the answer that a sane person gives; each folder is one: `world.json` and the beliefs in `answer.json`.

A belief is about the case of one address: how likely at least or at most that any of some sources leaked, in one way
where `how` says so; of no source at all means no leak.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from canary.attribute.world_json import answer_world, read_world

WORLDS = Path(__file__).parents[1] / "cases/worlds"
NAMES = sorted(folder.parent.name for folder in WORLDS.glob("*/answer.json"))


def _believed(case: dict[str, Any], any_of: list[str], how: str | None) -> float:
    meant = (hypothesis for hypothesis in case["hypotheses"] if _is_meant(hypothesis["sources"], any_of, how))
    return sum(float(hypothesis["p"]) for hypothesis in meant)


def _is_meant(sources: list[dict[str, str]], any_of: list[str], how: str | None) -> bool:
    named = {f"{source['kind']} {source['id']}".strip() for source in sources if how in (None, source.get("how"))}
    return bool(named & set(any_of)) if any_of else not sources


def _wrong(answer: dict[str, Any], beliefs: list[dict[str, Any]]) -> Iterator[str]:
    for belief in beliefs:
        (case,) = [case for case in answer["cases"] if belief["about"] in case["canaries"]]
        p = _believed(case, belief["any_of"], belief.get("how"))
        if not belief.get("at_least", 0.0) <= p <= belief.get("at_most", 1.0 + 1e-6):
            yield f"{belief}: {p:.4f}"


@pytest.mark.parametrize("name", NAMES)
def test_the_answer_is_the_sane_one(name: str) -> None:
    world = read_world(json.loads((WORLDS / name / "world.json").read_text()))
    beliefs = json.loads((WORLDS / name / "answer.json").read_text())
    assert list(_wrong(answer_world(world), beliefs)) == []
