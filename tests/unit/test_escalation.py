"""What about a case is worth telling again, and what is not."""

import json
from dataclasses import asdict, replace

import pytest

from canary.cases.escalation import NotifiedState, changes
from canary.model.alert import SEVERITY

BEFORE = NotifiedState(vendors=1, canaries=3, top="vendor:play", name="Play", p=0.6)


def told(now: NotifiedState, before: NotifiedState = BEFORE) -> dict[str, str]:
    return {change.kind: change.text for change in changes(before, now)}


@pytest.mark.parametrize(
    ("now", "kind", "text"),
    [
        ({"vendors": 2}, "second-vendor", "A second vendor was hit"),
        ({"vendors": 50}, "second-vendor", "By now 50 vendors were hit"),
        (
            {"top": "supplier:silverline", "name": "Silverline", "p": 0.7},
            "top-suspect",
            "Silverline is now the likeliest source (70%), no longer Play",
        ),
        (
            {"fields": ("given_name",)},
            "fields-leaked",
            "More than the address leaked: mail shows what only the vendor was told (given name)",
        ),
        ({"p": 0.96}, "certainty", "Play is the source with 96%"),
        ({"canaries": 512}, "case-grown", "512 addresses were hit"),
    ],
)
def test_what_changed_is_said_in_a_sentence(now: dict[str, object], kind: str, text: str) -> None:
    assert told(replace(BEFORE, **now)) == {kind: text}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "now",
    [
        {},
        {"canaries": 9},
        {"p": 0.1},
        {"top": "supplier:silverline", "name": "Silverline", "p": 0.45},
        {"top": "none:no leak", "name": "No leak", "p": 0.9},
    ],
)
def test_a_swaying_probability_is_not_reported(now: dict[str, object]) -> None:
    assert told(replace(BEFORE, **now)) == {}  # type: ignore[arg-type]


def test_a_first_suspect_is_reported_when_it_is_likely_enough() -> None:
    nobody = replace(BEFORE, top="none:no leak", name="No leak")
    assert told(BEFORE, nobody) == {}
    assert told(replace(BEFORE, p=0.81), nobody) == {"certainty": "Play is the source with 81%"}


def test_nothing_is_reported_twice_even_if_it_comes_and_goes() -> None:
    there = replace(BEFORE, vendors=2, top="supplier:s", name="S", p=0.85, fields=("phone",))
    known = there.after(BEFORE)
    back = BEFORE.after(known)
    assert told(BEFORE, known) == {}
    assert "top-suspect" not in told(there, back)
    assert "fields-leaked" not in told(there, back)


def test_what_was_reported_is_read_as_it_was_stored() -> None:
    known = replace(BEFORE, fields=("phone",)).after(BEFORE)
    assert NotifiedState.of(json.loads(json.dumps(asdict(known)))) == known
    assert NotifiedState.of({}) == NotifiedState()


def test_every_kind_of_change_says_how_much_it_matters() -> None:
    every = NotifiedState(9, 99, ("phone",), "supplier:s", "S", 0.99)
    assert {change.kind for change in changes(BEFORE, every)} <= set(SEVERITY)
