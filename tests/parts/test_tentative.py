"""Addresses that a program made: they listen and are evidence of nothing, until their vendor or a person confirms them."""

import secrets
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from canary.canaries import lifecycle, tentative
from canary.canaries.lifecycle import IssueOrder
from canary.canaries.site_vendor import NO_SITE, vendor_of_site
from canary.cases import answers, confirmation
from canary.cases.past_mail import OwnerWord, settle
from canary.model.attempt import Attempt, AttemptKind
from canary.model.canary import Hiding
from canary.pipeline.attempts import process_attempts
from canary.store.queries import audit, canaries, vendors
from canary.store.queries.vendors import Unknown
from canary.store.queries.world import world_of
from canary.store.retention import let_go
from canary.store.tables import CanaryRow, CaseRow, HitRow, MailContentRow, OutboxRow, VendorRow
from canary.views.canary_pages import HIDDEN, TENTATIVE, CanaryFilter, canary_list, tentative_list
from tests.parts import test_pipeline
from tests.parts.test_pipeline import LURE, World, vendor_mail

world = test_pipeline.world

DAY = 86_400
SHOP = {"sender": "b@shop.example", "ip": "192.0.2.1"}


def issued(world: World, vendor: str = "shop", *, is_tentative: bool = True) -> str:
    """The address of a further canary, in `addresses` as `new`."""
    with world.store.writing() as session:
        order = IssueOrder(vendor, "in.example", tentative=is_tentative)
        world.addresses["new"] = lifecycle.issue(session, order, secrets.randbelow, world.clock()).address
    return world.addresses["new"]


def word(world: World) -> OwnerWord:
    return OwnerWord("ada", world.clock())


def confirmed(world: World, vendor: str = "") -> None:
    with world.store.writing() as session:
        confirmation.confirm(session, world.addresses["new"], word(world), vendor)
    settle(world.store, world.clock())


def row_of(world: World, name: str = "new") -> CanaryRow:
    with world.store.reading() as session:
        return canaries.get_canary_row(session, world.addresses[name])


def listed(world: World, state: str = "") -> list[str]:
    with world.store.reading() as session:
        return [line.address for line in canary_list(session, wanted=CanaryFilter(state=state))[0]]


def suspects_of(case: CaseRow) -> Any:
    return case.suspects


def outcome(world: World) -> tuple[Any, Any, Any, int]:
    """What became of all mail: verdicts, cases with their hits and suspects, states of addresses, alerts."""
    cases = world.rows(CaseRow)
    hits = [(hit.verdict, hit.case_id, hit.burns) for hit in world.rows(HitRow)]
    states = sorted((row.state, row.burned_at) for row in world.rows(CanaryRow))
    believed = [(each.state, round(each.leak, 6), [(s["kind"], s["id"]) for s in suspects_of(each)]) for each in cases]
    return hits, believed, states, len(world.rows(OutboxRow))


def test_an_outsiders_mail_at_a_tentative_address_is_shown_and_is_evidence_of_nothing(world: World) -> None:
    address = issued(world)
    for _ in range(3):
        world.send(LURE, "new")
    world.run()
    assert (world.verdicts(), world.rows(CaseRow), world.rows(OutboxRow)) == (["spam"] * 3, [], [])
    with world.store.reading() as session:
        assert [(line.address, line.tally.outside) for line in tentative_list(session, hit=True)] == [(address, 3)]
        assert world_of(session, world.clock()).hits == ()


def test_a_tentative_address_is_no_part_of_the_world_until_it_is_confirmed(world: World) -> None:
    def size() -> int:
        with world.store.reading() as session:
            return sum(each.count for each in world_of(session, world.clock()).canaries)

    issued(world)
    before = size()
    confirmed(world)
    assert (before, size()) == (3, 4)


def test_what_a_person_confirms_counts_as_if_it_had_counted_from_the_beginning(world: World) -> None:
    world.clock.move(100 * DAY)
    issued(world)
    for _ in range(3):
        world.send(LURE, "new")
        world.run()
        world.clock.move(DAY)
    assert world.rows(CaseRow) == []
    confirmed(world)
    (case,) = world.rows(CaseRow)
    assert (case.state, [hit.case_id for hit in world.rows(HitRow)]) == ("new", [case.id] * 3)
    assert (row_of(world).state, row_of(world).tentative, len(world.rows(OutboxRow))) == ("burned", False, 1)


@pytest.mark.parametrize("order", ["confirmed first", "mail first"])
def test_the_cases_end_the_same_on_whichever_side_of_the_mail_the_word_falls(world: World, order: str) -> None:
    world.clock.move(100 * DAY)
    issued(world)
    if order == "confirmed first":
        confirmed(world)
    world.send(LURE, "new", "bikes")
    world.run()
    if order == "mail first":
        confirmed(world)
    hits, believed, states, _ = outcome(world)
    assert ([verdict for verdict, _, _ in hits], [burns for *_, burns in hits]) == (["spam"] * 2, [True] * 2)
    assert (len(believed), [state for state, _ in states]) == (1, ["active", "active", "burned", "burned"])


def test_a_probe_of_a_tentative_address_counts_once_it_is_confirmed(world: World) -> None:
    address = issued(world)
    probe = Attempt(AttemptKind.PROBE, "in.example", "203.0.113.0/24", world.clock(), address)
    process_attempts(world.store, "s", [(1, probe)])
    before = len(world.rows(CaseRow))
    confirmed(world)
    (case,) = world.rows(CaseRow)
    assert (before, [hit.case_id for hit in world.rows(HitRow)]) == (0, [case.id])


def test_the_vendors_own_proven_mail_confirms_an_address_and_what_came_before_and_after_counts(world: World) -> None:
    world.clock.move(100 * DAY)
    issued(world)
    world.send(LURE, "new")
    world.run()
    world.send(vendor_mail("shop.example"), "new", **SHOP)
    world.send(LURE, "new")
    world.run()
    (case,) = world.rows(CaseRow)
    assert sorted((hit.verdict, hit.case_id) for hit in world.rows(HitRow)) == [
        ("expected", None), ("spam", case.id), ("spam", case.id),
    ]  # fmt: skip
    assert (row_of(world).tentative, row_of(world).state) == (False, "burned")


@pytest.mark.parametrize(
    ("content", "how"),
    [
        (vendor_mail("shop.example"), {}),
        (LURE, {}),
        (vendor_mail("bikes.example"), {"sender": "b@bikes.example", "ip": "192.0.2.1"}),
    ],
    ids=["unproven", "stranger", "another vendor"],
)
def test_no_other_mail_confirms_an_address(world: World, content: bytes, how: dict[str, str]) -> None:
    issued(world)
    world.send(content, "new", **how)
    world.run()
    assert row_of(world).tentative


def test_a_vendor_that_a_program_named_is_confirmed_with_its_first_address(world: World) -> None:
    with world.store.writing() as session:
        slug = vendor_of_site(session, "www.tea.example", (), lambda _: False, world.clock())
    issued(world, slug)
    world.zone["tea.example"] = {"TXT": ["v=spf1 ip4:192.0.2.0/24 -all"]}

    def counted() -> bool:
        with world.store.reading() as session:
            return slug in [vendor.id for vendor in world_of(session, world.clock()).vendors]

    before = counted()
    world.send(vendor_mail("tea.example"), "new", sender="b@tea.example", ip="192.0.2.1")
    world.run()
    assert (before, counted(), row_of(world).tentative) == (False, True, False)


def test_an_answer_about_a_sender_makes_no_case_of_mail_at_a_tentative_address(world: World) -> None:
    issued(world)
    world.send(LURE, "new")
    world.run()
    with world.store.writing() as session:
        answers.deny(session, "shop", "bad.example", "ada", world.clock())
    settle(world.store, world.clock())
    assert (world.verdicts(), world.rows(CaseRow)) == (["spam"], [])


@pytest.mark.parametrize("days", [13, 15])
def test_a_tentative_address_without_mail_rests_after_two_weeks(world: World, days: int) -> None:
    address = issued(world)
    world.clock.move(days * DAY)
    with world.store.writing() as session:
        tentative.rest(session, world.clock() - tentative.RESTS_AFTER, world.clock())
    rests = days > tentative.RESTS_AFTER.days
    assert (address in listed(world, HIDDEN), address in listed(world, TENTATIVE)) == (rests, not rests)
    assert not any(row_of(world, name).hidden for name in ("shop", "bikes", "down"))


def test_one_that_got_mail_does_not_rest(world: World) -> None:
    address = issued(world)
    world.send(LURE, "new")
    world.run()
    world.clock.move(30 * DAY)
    with world.store.writing() as session:
        assert tentative.rest(session, world.clock() - tentative.RESTS_AFTER, world.clock()) == 0
    assert listed(world, TENTATIVE) == [address]


@pytest.mark.parametrize("why", [Hiding.RESTED, Hiding.DISMISSED, Hiding.DELETED])
def test_mail_finds_an_address_at_rest_years_later(world: World, why: Hiding) -> None:
    address = issued(world)
    with world.store.writing() as session:
        tentative.hide(session, canaries.get_canary_row(session, address), why, world.clock())
    world.clock.move(3 * 365 * DAY)
    world.send(LURE, "new")
    world.run()
    assert (listed(world, TENTATIVE), world.verdicts(), world.rows(CaseRow)) == ([address], ["spam"], [])
    world.send(vendor_mail("shop.example"), "new", **SHOP)
    world.run()
    assert (row_of(world).tentative, len(world.rows(CaseRow))) == (False, 1)


def test_a_dismissed_address_leaves_the_lists_and_the_word_is_recorded(world: World) -> None:
    address = issued(world)
    with world.store.writing() as session:
        confirmation.dismiss(session, address, word(world))
    with world.store.reading() as session:
        assert [(row.who, row.action) for row in audit.audited(session)] == [("ada", "canary-dismissed")]
    assert (address in listed(world), listed(world, TENTATIVE), listed(world, HIDDEN)) == (False, [], [address])


def test_a_confirmed_address_cannot_be_dismissed(world: World) -> None:
    with world.store.writing() as session, pytest.raises(Unknown, match="confirmed"):
        confirmation.dismiss(session, world.addresses["shop"], word(world))


@pytest.mark.parametrize("what", ["burn", "rotate"])
def test_what_happens_to_addresses_given_away_does_not_happen_to_a_tentative_one(world: World, what: str) -> None:
    address = issued(world)
    with world.store.writing() as session, pytest.raises(Unknown, match="confirm it first"):
        if what == "burn":
            lifecycle.burn(session, address, world.clock())
        else:
            lifecycle.rotate(session, address, secrets.randbelow, world.clock())


def test_one_made_for_no_site_is_confirmed_for_the_vendor_that_a_person_names(world: World) -> None:
    with world.store.writing() as session:
        slug = vendor_of_site(session, "", (), lambda _: False, world.clock())
    issued(world, slug)
    world.send(vendor_mail("shop.example"), "new", **SHOP)
    world.run()
    with world.store.writing() as session, pytest.raises(Unknown, match="say which vendor"):
        confirmation.confirm(session, world.addresses["new"], word(world))
    before = world.verdicts()
    confirmed(world, "shop")
    assert (before, world.verdicts(), world.rows(CaseRow)) == (["new-sender"], ["expected"], [])


def test_saying_the_same_again_changes_nothing(world: World) -> None:
    issued(world)
    confirmed(world)
    with world.store.reading() as session:
        before = len(audit.audited(session))
    confirmed(world)
    with world.store.reading() as session:
        assert len(audit.audited(session)) == before


def test_mail_at_a_tentative_address_is_kept_whole_while_somebody_may_confirm_it(world: World) -> None:
    issued(world)
    world.send(LURE, "new")
    world.run()
    later = world.clock() + timedelta(days=1000)
    with world.store.writing() as session:
        let_go(session, later)
        kept = len(session.exec(select(MailContentRow)).all())
        confirmation.dismiss(session, world.addresses["new"], word(world))
        let_go(session, later)
        assert (kept, len(session.exec(select(MailContentRow)).all())) == (1, 0)


FAMILY = {
    "shop.example": "shop",
    "login.shop.example": "shop",
    "SHOP.example.": "shop",
    "accounts.bikes-mail.example": "bikes",
    "tea.example": "tea-example",
    "forms.in.example": "made-for-no-site",
    "192.0.2.1": "made-for-no-site",
    "localhost": "made-for-no-site",
    "printer.local": "made-for-no-site",
    "": "made-for-no-site",
}


@pytest.mark.parametrize("host", FAMILY)
def test_a_site_is_the_vendor_that_has_its_domain_in_the_family(world: World, host: str) -> None:
    with world.store.writing() as session:
        vendors.add_domains(session, "bikes", ["news.bikes-mail.example"], world.clock())
        again = {vendor_of_site(session, host, ("in.example",), lambda _: False, world.clock()) for _ in range(2)}
    assert again == {FAMILY[host]}


@pytest.mark.parametrize("host", ["gmail.com", "shared.example", "medium.com"])
def test_a_site_whose_domain_proves_no_vendor_is_a_vendor_without_a_domain(world: World, host: str) -> None:
    with world.store.writing() as session:
        slug = vendor_of_site(session, host, (), lambda name: name == "shared.example", world.clock())
        assert vendor_of_site(session, host, (), lambda name: name == "shared.example", world.clock()) == slug
        assert asdict(replace(vendors.get_vendor(session, slug), name=""))["domains"] == ()
        assert vendors.vendor_row(session, slug).unconfirmed


def test_no_vendor_is_made_twice_under_a_name_that_another_has(world: World) -> None:
    with world.store.writing() as session:
        vendors.add_vendor(session, "tea-example", ["other.example"], world.clock())
        slug = vendor_of_site(session, "tea.example", (), lambda _: False, world.clock())
        assert (slug, vendors.get_vendor(session, slug).domains) == ("tea-example-2", ("tea.example",))
        assert session.exec(select(VendorRow).where(VendorRow.name == NO_SITE)).first() is None
