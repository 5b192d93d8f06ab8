"""An address that is shown in public is harvested, which is no leak of its vendor: the owner's word, and what follows."""

import secrets
from datetime import datetime

import pytest

from canary.canaries import lifecycle
from canary.canaries.lifecycle import IssueOrder
from canary.cases import publication
from canary.cases.past_mail import OwnerWord, under_way
from canary.cases.rejudge import RejudgeOutcome
from canary.model.case import SuspectKind
from canary.store.codec import reasons_of
from canary.store.queries import audit, canaries
from canary.store.queries.vendors import Unknown
from canary.store.queries.world import world_of
from canary.store.tables import CaseRow, HitRow
from canary.views.view_queries import canary_query, read_canaries
from tests.parts import test_pipeline
from tests.parts.test_pipeline import LURE, World
from tests.weighed import assessed

world = test_pipeline.world

DAY = 86_400
REASON = "published-address"


def word(world: World, at_once: int = 300) -> OwnerWord:
    return OwnerWord("ada", world.clock(), at_once)


def set_address(world: World, published: bool | None, vendor: str = "shop") -> RejudgeOutcome:
    with world.store.writing() as session:
        return publication.set_published(session, world.addresses[vendor], published, secrets.randbelow, word(world))


def set_vendor(world: World, publishes: bool, vendor: str = "shop") -> RejudgeOutcome:
    with world.store.writing() as session:
        return publication.set_publishes(session, vendor, publishes, word(world))


def harvested(world: World) -> None:
    """A stranger's mails come to an address that was issued long before."""
    world.clock.move(200 * DAY)
    for _ in range(3):
        world.clock.move(DAY)
        world.send(LURE, "shop")
    world.run()
    world.clock.move(DAY)


def believed(world: World) -> dict[tuple[SuspectKind, str], float]:
    with world.store.reading() as session:
        found = assessed(session, 1, world.clock())
        return {(suspect.kind, suspect.id): suspect.p for suspect in found.suspects}


def reasons(world: World) -> list[bool]:
    """Of each hit, whether it counts as one at an address that is shown in public."""
    return [REASON in {reason.code for reason in reasons_of(hit.reasons)} for hit in world.rows(HitRow)]


def weighed(world: World) -> list[tuple[int, int, datetime | None]]:
    """Of each case the number of its evidence and of what was weighed, and since when more is due."""
    return [(case.evidence, case.weighed, case.due_at) for case in world.rows(CaseRow)]


SAID = {"of the address": set_address, "of the vendor": set_vendor}


@pytest.mark.parametrize("of", SAID)
def test_a_case_at_an_address_shown_in_public_names_harvesting_and_not_the_vendor(world: World, of: str) -> None:
    harvested(world)
    shown, leaked = (SuspectKind.PUBLISHED, "shop"), (SuspectKind.VENDOR, "shop")
    before = believed(world)
    SAID[of](world, True)
    after = believed(world)
    assert (shown in before, before[leaked] > 0.1) == (False, True)
    assert max(after, key=after.__getitem__) == shown
    assert (after[shown] > 0.9, after[leaked] < 0.02) == (True, True)


@pytest.mark.parametrize("of", SAID)
def test_past_mail_is_judged_again_and_the_case_weighed_until_it_is_said_back(world: World, of: str) -> None:
    harvested(world)
    before = [(hit.verdict, hit.confidence) for hit in world.rows(HitRow)]
    assert (SAID[of](world, True).changed, reasons(world)) == (3, [True] * 3)
    assert weighed(world) == [(2, 2, None)]
    assert (SAID[of](world, False).changed, reasons(world)) == (3, [False] * 3)
    assert weighed(world) == [(3, 3, None)]
    assert [(hit.verdict, hit.confidence) for hit in world.rows(HitRow)] == before


@pytest.mark.parametrize("of", SAID)
def test_saying_the_same_again_changes_nothing(world: World, of: str) -> None:
    harvested(world)
    SAID[of](world, True)
    with world.store.reading() as session:
        audited = len(audit.audited(session))
    assert SAID[of](world, True) == RejudgeOutcome()
    with world.store.reading() as session:
        assert (len(audit.audited(session)), weighed(world)) == (audited, [(2, 2, None)])


def test_mail_that_comes_after_the_word_counts_as_at_an_address_shown_in_public(world: World) -> None:
    set_vendor(world, True)
    world.send(LURE, "shop", "bikes")
    world.run()
    assert sorted(reasons(world)) == [False, True]


@pytest.mark.parametrize(
    ("of_address", "of_vendor", "shown"),
    [
        (None, False, False), (None, True, True),
        (True, False, True), (True, True, True),
        (False, False, False), (False, True, False),
    ],
)  # fmt: skip
def test_the_word_about_an_address_goes_before_the_word_about_its_vendor(
    world: World,
    of_address: bool | None,
    of_vendor: bool,
    shown: bool,
) -> None:
    set_vendor(world, of_vendor)
    set_address(world, of_address)
    address = world.addresses["shop"]
    with world.store.reading() as session:
        judged = canaries.find_canaries(session, [address])[address]
        [weighed] = [each for each in world_of(session, world.clock()).canaries if each.vendor == "shop"]
        line = next(line for line in read_canaries(session, canary_query(), 9) if line.address == address)
    assert (judged.published, weighed.published, line.published) == (shown, shown, shown)
    assert (judged.published_set, line.published_set) == (of_address, of_address)


@pytest.mark.parametrize("published", [True, False, None])
def test_the_next_generation_keeps_what_was_said(world: World, published: bool | None) -> None:
    set_address(world, published)
    with world.store.writing() as session:
        made = lifecycle.rotate(session, world.addresses["shop"], secrets.randbelow, world.clock())
    assert made.published_set is published


def test_an_address_is_issued_as_one_that_will_be_shown(world: World) -> None:
    with world.store.writing() as session:
        order = IssueOrder("shop", "in.example", "imprint", published=True)
        made = lifecycle.issue(session, order, secrets.randbelow, world.clock())
    assert (made.published, made.published_set) == (True, True)


def test_who_said_it_of_what_is_written_down(world: World) -> None:
    set_address(world, True)
    set_vendor(world, True)
    address = world.addresses["shop"]
    with world.store.reading() as session:
        of_vendor, of_address = audit.audited(session, 2)
        events = audit.timeline(session, 1)
    assert (of_address.who, of_address.action, of_address.subject) == ("ada", "canary-published", address)
    assert (of_vendor.who, of_vendor.action, of_vendor.subject) == ("ada", "vendor-published", "shop")
    assert [event.text for event in events] == [
        "ada said that Shop shows its addresses in public.",
        f"ada said that {address} is shown in public.",
    ]


def test_much_past_mail_follows_in_the_background(world: World) -> None:
    harvested(world)
    with world.store.writing() as session:
        outcome = publication.set_publishes(session, "shop", True, word(world, at_once=2))
    with world.store.reading() as session:
        assert (outcome.waiting, [job.vendor for job in under_way(session)]) == (3, ["shop"])
    assert reasons(world) == [False] * 3


@pytest.mark.parametrize(
    ("act", "thing"),
    [
        (lambda s, w: publication.set_published(s, "no@in.example", True, secrets.randbelow, w), "no@in.example"),
        (lambda s, w: publication.set_publishes(s, "nobody", True, w), "nobody"),
    ],
)
def test_what_is_said_of_what_is_not_in_the_store_is_refused(world: World, act: object, thing: str) -> None:
    assert callable(act)
    with world.store.writing() as session, pytest.raises(Unknown, match=thing):
        act(session, word(world))
