"""Worlds as JSON."""

import copy
from typing import Any

import pytest

from canary.attribute.inference.clustering import CaseResult
from canary.attribute.world import NO_LEAK, Posterior, Source
from canary.attribute.world_json import WorldError, _case_document, answer_world, read_world
from canary.model.case import LeakManner, SuspectKind

WORLD: dict[str, Any] = {
    "now": "2011-04-30T00:00:00Z",
    "vendors": [{"id": "shop", "suppliers": [{"id": "post", "channels": ["news"], "from": None, "to": None}]}],
    "canaries": [
        {"id": "c", "domain": "example.net", "vendor": "shop", "channel": "news", "issued": "2010-06-01T00:00:00Z"},
        {"id": "d", "domain": "example.net", "vendor": None, "bits": 60, "issued": "2010-06-01T02:00:00+02:00"},
    ],
    "hits": [
        {"canary": "c", "at": "2011-03-20T09:00:00Z", "campaign": "k", "verdict": "spam", "confidence": 0.98},
        {"canary": "c", "at": "2011-03-20T09:00:00Z", "campaign": "x", "verdict": "expected", "confidence": 0.98},
    ],
    "attempts": [{"domain": "example.net", "from": "2010-06-01T00:00:00Z", "to": "2011-01-01T00:00:00Z", "count": 3}],
}


def test_a_world_is_read_with_its_decoys_and_its_charged_hits_only() -> None:
    world = read_world(WORLD)
    assert [c.vendor for c in world.canaries] == ["shop", None]
    assert world.canaries[0].issued == world.canaries[1].issued
    assert [s.campaign for s in world.hits] == ["k"]
    assert world.vendors[0].suppliers[0].channels == {"news"}


def test_a_canary_with_a_count_stands_for_so_many_that_are_alike_and_were_not_hit() -> None:
    told = copy.deepcopy(WORLD)
    told["canaries"][1]["count"] = 25
    one_by_one = [{**told["canaries"][1], "id": f"d{i}", "count": 1} for i in range(25)]
    assert [c.count for c in read_world(told).canaries] == [1, 25]
    (case,) = answer_world(read_world(told))["cases"]
    (same,) = answer_world(read_world({**told, "canaries": [told["canaries"][0], *one_by_one]}))["cases"]
    assert case["leak"] == pytest.approx(same["leak"], abs=1e-12)
    assert [each["p"] for each in case["suspects"]] == pytest.approx(
        [each["p"] for each in same["suspects"]], abs=1e-12
    )


def test_of_many_addresses_those_that_are_alike_are_weighed_together() -> None:
    decoys = [{**WORLD["canaries"][1], "id": f"d{i}"} for i in range(6_000)]
    (case,) = answer_world(read_world({**WORLD, "canaries": [WORLD["canaries"][0], *decoys]}))["cases"]
    (same,) = answer_world(read_world({**WORLD, "canaries": [WORLD["canaries"][0], {**decoys[0], "count": 6_000}]}))[
        "cases"
    ]
    assert case["leak"] == pytest.approx(same["leak"], abs=1e-12)


def test_what_is_left_out_has_a_default() -> None:
    assert read_world({"now": "2011-04-30T00:00:00Z"}).canaries == ()


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        (("now",), "yesterday", "now: 'yesterday' is not a time; write it as 2011-03-20T09:00:00Z"),
        (("now",), "2011-04-30", "now: '2011-04-30' is not a time; write it as 2011-03-20T09:00:00Z"),
        (("canaries", 1, "issued"), None, "canaries[1].issued: missing; give a time such as 2011-03-20T09:00:00Z"),
        (("canaries", 0, "vendor"), "none", "canaries: c names the vendor 'none'; add it to the vendors"),
        (("canaries", 1, "id"), "c", "canaries: the id 'c' is there twice; ids must be unique"),
        (("canaries", 1, "bits"), "many", "canaries[1].bits: 'many' is not a number from 0 to 1000"),
        (("canaries", 0, "count"), 0, "canaries[0].count: 0 is not a number from 1 to 1e+09"),
        (("canaries", 0, "count"), 2, "hits: 'c' has a count; write the canary that was hit by itself, without one"),
        (("hits", 0, "canary"), "q", "hits: the canary 'q' is unknown; add it to the canaries"),
        (("hits", 0, "confidence"), 98, "hits[0].confidence: 98 is not a number from 0 to 1"),
        (("hits", 0, "verdict"), "bad", "hits[0].verdict: 'bad' is none; one of self-test, expected"),
        (("hits",), "all", "hits: 'all' is not a list of at most 500,000 entries"),
        (("vendors", 0, "suppliers"), [1], "vendors[0].suppliers[0]: 1 is not an object; see the form of a world"),
        (
            ("vendors", 0, "suppliers", 0, "channels"),
            "n",
            "vendors[0].suppliers[0].channels: 'n' is not a list of names",
        ),
        (("vendors", 0, "id"), "", "vendors[0].id: '' is not a name; give a text"),
    ],
)
def test_what_is_wrong_is_told_with_its_place_its_value_and_the_cure(
    path: tuple[Any, ...], value: Any, line: str
) -> None:
    world = copy.deepcopy(WORLD)
    place: Any = world
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(WorldError) as told:
        read_world(world)
    assert str(told.value).startswith(line)


def test_something_that_is_no_object_is_no_world() -> None:
    with pytest.raises(WorldError, match="the world: 3 is not an object"):
        read_world(3)


@pytest.mark.parametrize(("passed_on", "told"), [(0.5, False), (0.79, False), (0.81, True), (0.02, True)])
def test_how_a_source_leaked_is_absent_until_one_way_is_likely_enough(passed_on: float, told: bool) -> None:
    source = Source(SuspectKind.VENDOR, "shoes")
    manners = {LeakManner.LOST: 1 - passed_on, LeakManner.PASSED_ON: passed_on}
    posterior = Posterior({NO_LEAK: 0.1, frozenset({source}): 0.9}, {source: 0.9}, {source: 9.0}, {source: manners})
    document = _case_document(
        CaseResult(canaries=("c",), campaigns=("k",), posterior=posterior, indistinguishable=(), window=None, fields={})
    )
    assert ("how" in document["suspects"][0]) is told
    assert any("how" in each for hypothesis in document["hypotheses"] for each in hypothesis["sources"]) is told
    assert sum(hypothesis["p"] for hypothesis in document["hypotheses"]) == pytest.approx(1.0)
