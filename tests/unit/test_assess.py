"""What is told of a case."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from canary.attribute.assess import SourceNames, assess
from canary.attribute.world import CampaignHit, CanaryFacts, SupplyFacts, VendorFacts, World
from canary.model.case import SuspectKind, percent

DAY = timedelta(days=1)
BEGIN = datetime(2010, 6, 1, tzinfo=UTC)
HIT = datetime(2011, 3, 20, 9, tzinfo=UTC)
NAMES = SourceNames({"play": "Play", "silver": "Silverline"})


def planted(name: str, vendor: str | None, **more: object) -> CanaryFacts:
    return CanaryFacts(name, "example.net", vendor, BEGIN, **more)  # type: ignore[arg-type]


def world(*hit: str) -> World:
    """Five vendors with one supplier, five without; each was told a name."""
    users = [VendorFacts(v, (SupplyFacts("silver"),)) for v in ("play", "a", "b", "c", "d")]
    others = [VendorFacts(v) for v in ("q", "r", "s", "t", "u")]
    told = frozenset({"given name", "phone"})
    canaries = [planted(f"c-{p.id}", p.id, fields=told) for p in (*users, *others)]
    canaries += [planted(f"decoy{i}", None) for i in range(15)]
    hits = [CampaignHit(f"c-{v}", HIT, "k", "spam", 0.98, frozenset({"given name"})) for v in hit]
    return World(HIT + DAY, (*users, *others), tuple(canaries), tuple(hits))


LEAK = world("play", "a", "b")


def test_the_supplier_of_all_vendors_hit_comes_first_and_the_vendor_is_named_with_its_smaller_probability() -> None:
    found = assess(LEAK, NAMES)
    top = found.suspects[0]
    assert (top.kind, top.name, top.hit, top.held) == (SuspectKind.SUPPLIER, "Silverline", 3, 5)
    assert top.p > 0.8
    assert any(s.name == "Play" and 0 <= s.p < top.p for s in found.suspects)


def test_the_window_holds_the_months_in_which_a_list_may_lie_unused() -> None:
    window = assess(LEAK, NAMES).findings.window
    assert window is not None
    assert window.from_90 < datetime(2010, 12, 31, tzinfo=UTC) < window.to_90 <= HIT
    assert not window.two_events


def test_a_field_that_the_mails_repeat_has_leaked_and_one_they_do_not_may_have() -> None:
    fields = assess(LEAK, NAMES).findings.fields
    assert fields["given name"] > 0.999
    assert 0.3 < fields["phone"] < 0.5


def test_sources_that_held_just_the_same_are_said_to_be_not_distinguishable() -> None:
    alone = replace(LEAK, vendors=(LEAK.vendors[0],), canaries=(LEAK.canaries[0],), hits=LEAK.hits[:1])
    assert assess(alone, NAMES).findings.indistinguishable == (("Play", "Silverline"),)


def test_what_speaks_for_and_against_a_suspect_is_told_in_words() -> None:
    why = assess(LEAK, NAMES).findings.explanations[0]
    assert why.suspect == "Silverline"
    said = [o.text for o in why.speaks_for]
    assert "A sending of 20 Mar 2011 hit 3 addresses of A, B and Play, all held by Silverline." in said
    assert any("never had kept quiet" in text for text in said)
    assert "2 addresses that Silverline held kept quiet." in [o.text for o in why.speaks_against]


def test_no_hits_are_no_leak() -> None:
    found = assess(world(), NAMES)
    assert found.suspects[0].kind is SuspectKind.NOBODY
    assert found.findings.window is None


@pytest.mark.parametrize(("p", "said"), [(0.999, "over 99%"), (0.001, "under 1%"), (0.87, "87%")])
def test_nothing_uncertain_is_said_as_certain(p: float, said: str) -> None:
    assert percent(p) == said


def test_of_many_addresses_reasons_are_for_the_patient() -> None:
    many = replace(LEAK, canaries=(*LEAK.canaries, *(planted(f"more{i}", "u") for i in range(400))))
    for patient in (False, True):
        findings = assess(many, NAMES, patient=patient).findings
        assert (bool(findings.explanations), findings.assessed_at is not None) == (patient, patient)
