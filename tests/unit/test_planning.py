"""Where further addresses are needed, on worlds where the answer is plain."""

from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from canary.attribute.planning.advice import document, sentences
from canary.attribute.planning.gaps import ConfusablePair, addresses_for_two_hits, addresses_to_separate, at_least_two
from canary.attribute.planning.proposals import CoveragePlan, Remedy, plan_coverage
from canary.attribute.planning.what_if import Addition, play_leaks, with_additions
from canary.attribute.priors import RATES
from canary.attribute.world import CanaryFacts, Source, SupplyFacts, VendorFacts, World
from canary.model.case import SuspectKind

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
POST, LONE = Source(SuspectKind.SUPPLIER, "post"), Source(SuspectKind.VENDOR, "lone")


def planted(vendor: str | None, number: int = 0, channel: str = "newsletter", age: int = 400) -> CanaryFacts:
    return CanaryFacts(f"{vendor}-{channel}-{number}", "example.net", vendor, NOW - age * DAY, channel)


def decoys(number: int = 20) -> tuple[CanaryFacts, ...]:
    return tuple(planted(None, i) for i in range(number))


def twins() -> World:
    """A vendor that is the only one to use its supplier, and two that use nobody."""
    parties = (VendorFacts("lone", (SupplyFacts("post"),)), VendorFacts("far"), VendorFacts("away"))
    return World(NOW, parties, (*(planted(p.id) for p in parties), *decoys()))


@cache
def planned() -> CoveragePlan:
    return plan_coverage(twins(), most=1)


def crowd(vendors: int, age: int = 400) -> World:
    """So many vendors with one supplier, the addresses issued one a week."""
    parties = tuple(VendorFacts(f"v{i:02}", (SupplyFacts("post"),)) for i in range(vendors))
    return World(NOW, parties, (*(planted(p.id, age=age - 7 * i) for i, p in enumerate(parties)), *decoys()))


@pytest.mark.parametrize(("q", "n"), [(0.02, 194), (0.05, 77), (0.1, 38), (0.2, 18), (0.3, 12), (0.5, 7)])
def test_so_many_addresses_show_a_leak_twice_nine_times_out_of_ten(q: float, n: int) -> None:
    assert addresses_for_two_hits(q) == n


@pytest.mark.parametrize(("q", "n"), [(0.1, 29), (0.3, 9), (0.5, 5)])
def test_so_many_quiet_addresses_exclude_a_source_with_odds_of_20_to_1(q: float, n: int) -> None:
    assert addresses_to_separate(q) == n


def test_what_is_held_for_certain_and_always_taken_is_always_hit() -> None:
    assert at_least_two([1.0, 1.0, 0.3]) == 1
    assert at_least_two([1.0, 0.3]) == pytest.approx(0.3)
    assert at_least_two([]) == 0


def test_a_vendor_and_the_supplier_it_has_for_itself_cannot_be_told_apart() -> None:
    assert plan_coverage(twins(), most=0).indistinguishable == ((POST, LONE),)


@pytest.mark.slow
def test_an_account_only_address_makes_twins_distinguishable() -> None:
    found = planned().proposals
    first = next(p for p in found if p.help is Remedy.ACCOUNT)
    assert (first.additions[0].vendor, first.additions[0].supplier) == ("lone", None)
    assert first.gain > 0.05


def test_sources_that_differ_by_one_address_are_near() -> None:
    world = twins()
    more = World(NOW, world.vendors, (*world.canaries, planted("lone", 1, "account")))
    pinned = (VendorFacts("lone", (SupplyFacts("post", frozenset({"newsletter"})),)), *world.vendors[1:])
    found = plan_coverage(World(NOW, pinned, more.canaries), most=0)
    assert (found.indistinguishable, found.near) == ((), (ConfusablePair((POST, LONE), 1),))


def test_a_supplier_with_enough_addresses_is_fine_and_one_with_fewer_is_not() -> None:
    assert plan_coverage(crowd(12), most=0).thin == ()
    (thin,) = plan_coverage(crowd(11), most=0).thin
    assert (thin.source, thin.addresses, thin.missing) == (POST, 11, 1)
    assert thin.seen < 0.9


def test_a_supplier_that_holds_nothing_lacks_all() -> None:
    (thin,) = plan_coverage(World(NOW, (VendorFacts("lone", (SupplyFacts("post"),)),)), most=0).thin
    assert (thin.addresses, thin.seen, thin.missing) == (0, 0, addresses_for_two_hits(0.3))


@pytest.mark.parametrize("held", [[], [0.3], [0.15] * 12, [0.9]])
def test_with_one_address_less_than_is_missing_two_hits_are_still_unlikely(held: list[float]) -> None:
    missing = addresses_for_two_hits(0.3, held)
    assert at_least_two([*held, *[0.3] * missing]) >= 0.9 > at_least_two([*held, *[0.3] * (missing - 1)])


def test_a_doubtful_supply_counts_for_less() -> None:
    parties = tuple(VendorFacts(f"v{i:02}", (SupplyFacts("post", p=0.5),)) for i in range(12))
    assert plan_coverage(World(NOW, parties, crowd(12).canaries), most=0).thin != ()


@pytest.mark.slow
def test_a_thin_supplier_is_given_what_it_lacks_and_is_named_more_surely_then() -> None:
    (found,) = (p for p in plan_coverage(crowd(3), most=1).proposals if p.help is Remedy.NEWSLETTER)
    assert (len(found.additions), {a.supplier for a in found.additions}) == (9, {"post"})
    assert found.after.right > found.before.right


def test_rotation_in_turns_dates_a_leak_more_closely() -> None:
    turns = tuple(Addition(f"v{i:02}", "newsletter", NOW + 30 * i * DAY) for i in range(1, 6))
    before, after = (play_leaks(crowd(8), [POST], added, 0.5, RATES) for added in ((), turns))
    assert after.days < before.days - 7


@pytest.mark.slow
def test_a_pair_is_parted_by_an_address_of_another_vendor_and_none_of_those_in_question() -> None:
    world = crowd(3)
    asked = (POST, Source(SuspectKind.VENDOR, "v00"))
    given = {a.vendor for p in plan_coverage(world, most=3).proposals if p.about == asked for a in p.additions}
    assert given <= {"v00", "v01", "v02"}
    assert all(
        a.vendor != "v00"
        for p in plan_coverage(world, most=3).proposals
        if p.about == asked and p.help is Remedy.NEWSLETTER
        for a in p.additions
    )


def test_an_added_channel_is_seen_by_nobody_but_whom_it_is_for() -> None:
    added = [Addition("lone", "account", NOW), Addition("lone", "newsletter-new", NOW, "new")]
    party = next(p for p in with_additions(twins(), added).vendors if p.id == "lone")
    assert {p.supplier: p.channels for p in party.suppliers} == {
        "post": frozenset({"newsletter"}),
        "new": frozenset({"newsletter-new"}),
    }


@pytest.mark.slow
def test_only_so_many_questions_are_answered_and_the_rest_is_said() -> None:
    found = planned()
    assert found.unasked == 1
    assert any("left out" in line for line in sentences(found, str))


def test_a_world_without_anything_needs_nothing() -> None:
    assert plan_coverage(World(NOW)) == CoveragePlan(0.3, 9, 12, (), (), (), (), 0)


def test_a_plan_is_told_in_sentences_and_as_json() -> None:
    found = planned()
    said = list(sentences(found, lambda s: s.id))
    assert said[0] == "Not distinguishable: post and lone."
    assert any("account-only addresses, 3 to lone (channel account): a leak of post or lone" in line for line in said)
    whole = document(found)
    assert whole["indistinguishable"] == [[{"kind": "supplier", "id": "post"}, {"kind": "vendor", "id": "lone"}]]
    assert whole["under_instrumented"][0]["missing"] == 11
    assert whole["proposals"][0]["gain"] > 0
