"""Framing a supplier: one text that proves no sender, to a few addresses that somebody may know without a leak."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from canary.attribute.assess import Assessment, assess
from canary.attribute.inference.framing import CAP
from canary.attribute.world import CampaignHit, World
from canary.attribute.world_json import answer_world
from canary.model.case import SuspectKind
from canary.store.codec import findings_json, findings_of
from tests.unit.test_assess import HIT, LEAK, NAMES, world


def framed(
    *vendors: str, proven: bool = False, fields: frozenset[str] = frozenset(), bits: float = 60.0, shown: bool = False
) -> World:
    """The same text to one address of each of some vendors."""
    whole = world(*vendors)
    return replace(
        whole,
        canaries=tuple(replace(c, bits=bits, published=shown and c.vendor in vendors) for c in whole.canaries),
        hits=tuple(replace(hit, proven=proven, fields=fields) for hit in whole.hits),
    )


framed_bits, framed_shown = partial(framed, bits=16.0), partial(framed, shown=True)


def supplier(found: Assessment) -> float:
    return next(s.p for s in found.suspects if s.kind is SuspectKind.SUPPLIER)


def test_one_text_that_proves_no_sender_makes_no_supplier_likelier_than_not() -> None:
    found = assess(framed("play", "a"), NAMES)
    assert supplier(found) <= CAP + 1e-9
    assert "to 2 addresses" in found.findings.caution
    assert supplier(assess(framed("play", "a", proven=True), NAMES)) > CAP


@pytest.mark.parametrize("vendors", [("play", "a"), ("play", "a", "b"), ("play", "a", "b", "c")])
@pytest.mark.parametrize("known", [framed_bits, framed_shown])
def test_addresses_that_are_shown_or_can_be_guessed_may_be_known_in_greater_number(
    vendors: tuple[str, ...], known: Callable[..., World]
) -> None:
    found = assess(known(*vendors), NAMES)
    assert supplier(found) <= CAP + 1e-9
    assert f"to {len(vendors)} addresses" in found.findings.caution


@pytest.mark.parametrize("vendors", [("play", "a", "b"), ("play", "a", "b", "c")])
def test_three_random_addresses_of_one_suppliers_vendors_are_no_chance(vendors: tuple[str, ...]) -> None:
    found = assess(framed(*vendors), NAMES)
    assert supplier(found) > 0.9
    assert found.findings.caution == ""


def test_what_is_believed_still_sums_to_one() -> None:
    [case] = answer_world(framed("play", "a"))["cases"]
    assert sum(each["p"] for each in case["hypotheses"]) == pytest.approx(1.0, abs=1e-6)
    assert case["caution"] == assess(framed("play", "a"), NAMES).findings.caution
    none = next(each["p"] for each in case["hypotheses"] if not each["sources"])
    assert none > 0.3


def test_a_second_sending_ends_it_and_a_mere_probe_does_not() -> None:
    once = framed("play", "a")
    later = CampaignHit("c-c", HIT + timedelta(hours=3), "other", "spam", 0.98, proven=False)
    again = assess(replace(once, hits=(*once.hits, later)), NAMES)
    assert (supplier(again) > CAP, again.findings.caution) == (True, "")
    probed = assess(replace(once, hits=(*once.hits, replace(later, verdict="probe"))), NAMES)
    assert supplier(probed) <= CAP + 1e-9


@pytest.mark.parametrize("unframed", [LEAK, framed("play", "a", "b", "c", "d"), framed("play")])
def test_a_fact_of_the_persona_or_a_whole_list_is_no_framing(unframed: World) -> None:
    assert assess(unframed, NAMES).findings.caution == ""


def test_the_sentence_is_stored_with_the_case() -> None:
    findings = assess(framed("play", "a"), NAMES).findings
    assert findings_of(findings_json(findings)).caution == findings.caution != ""
