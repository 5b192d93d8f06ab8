"""The world that attribution reads from the store, on SQLite and on PostgreSQL alike, and that it follows every change."""

import secrets
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, select

from canary.attribute.world import World
from canary.canaries import decoys, lifecycle
from canary.canaries.decoy_key import prepare_key
from canary.canaries.decoys import DecoyRequest
from canary.canaries.lifecycle import IssueOrder
from canary.importing import import_store
from canary.judge.adoption import AdoptionProposal
from canary.model.canary import Canary, Style
from canary.model.party import SupplierLink
from canary.model.verdict import Judgement, Reason, StatedReason, Verdict
from canary.store.canary_groups import groups_of
from canary.store.database import Database
from canary.store.decoy_mac import DecoyMac
from canary.store.queries import canaries, mails, vendors
from canary.store.queries.canaries import issued_and_decoys
from canary.store.queries.mails import Hit
from canary.store.queries.world import world_of
from canary.store.tables import CanaryRow, HitRow
from tests.installation import BEGIN, DOMAIN
from tests.weighed import open_case

DAY = timedelta(days=1)
NOW = BEGIN + 400 * DAY
SPAM = Judgement(Verdict.SPAM, 0.9, (StatedReason(Reason.NOTHING_PROVEN),))


@pytest.fixture
def held(store: Database, tmp_path: Path) -> Iterator[Database]:
    """Two vendors with twenty addresses each, and decoys."""
    database = Database(store.url.render_as_string(hide_password=False), decoy_mac=DecoyMac(tmp_path / "decoy.key"))
    with database.writing() as session:
        assert prepare_key(session) == ""
        for name in ("Shop", "Play"):
            vendors.add_vendor(session, name, [f"{name.lower()}.example"], BEGIN)
            for day in range(20):
                issue(session, name.lower(), day)
        decoys.maintain_decoys(session, DecoyRequest(6), secrets.randbelow, NOW)
    yield database
    database.close()


def issue(session: Session, vendor: str, day: float, channel: str = "signup") -> Canary:
    return lifecycle.issue(session, IssueOrder(vendor, DOMAIN, channel), secrets.randbelow, BEGIN + day * DAY)


def keep_hit(session: Session, canary: Canary, day: float = 300) -> int:
    case = open_case(session, vendors.vendor_row(session, canary.vendor or "shop").id or 0, NOW)
    mails.keep_hits(session, [Hit(None, canary.id, BEGIN + day * DAY, SPAM, case.id)])
    session.flush()
    return case.id or 0


def counted(world: World) -> Counter[tuple[str | None, str, bool]]:
    found = Counter[tuple[str | None, str, bool]]()
    for each in world.canaries:
        found[each.vendor, each.channel, each.published] += each.count
    return found


def one_by_one(session: Session) -> Counter[tuple[str | None, str, bool]]:
    """The same, read row by row."""
    every = issued_and_decoys(session)
    return Counter((each.vendor, each.channel, each.published) for each in every if each.issued <= NOW)


def agrees(store: Database) -> World:
    with store.reading() as session:
        world = world_of(session, NOW)
        assert counted(world) == one_by_one(session)
    return world


def test_addresses_of_a_vendor_that_were_issued_in_one_week_are_one_group(held: Database) -> None:
    world = agrees(held)
    assert sum(each.count for each in world.canaries) == 46
    assert len([each for each in world.canaries if each.vendor == "play"]) <= 8


def test_each_address_that_was_hit_stands_for_itself_in_the_world_of_its_case_only(held: Database) -> None:
    with held.writing() as session:
        play, shop = (canaries.list_canaries(session, vendor)[5] for vendor in ("play", "shop"))
        numbers = [keep_hit(session, play), keep_hit(session, shop)]
    with held.reading() as session:
        first, both, every, none = (world_of(session, NOW, some) for some in (numbers[:1], numbers, None, []))
    assert [each.canary for each in first.hits] == [str(play.id)]
    assert {each.canary for each in both.hits} == {str(play.id), str(shop.id)} == {each.canary for each in every.hits}
    assert {each.case: each.canary for each in every.hits} == dict(
        zip(numbers, (str(play.id), str(shop.id)), strict=True)
    )
    assert not none.hits
    ids = [{each.id for each in world.canaries} for world in (first, both, none)]
    assert [str(play.id) in each for each in ids] == [True, True, False]
    assert [str(shop.id) in each for each in ids] == [False, True, False]
    assert counted(first) == counted(both) == counted(none)


def test_what_is_issued_rotated_burned_or_published_between_two_looks_is_seen(held: Database) -> None:
    agrees(held)
    with held.writing() as session:
        new = issue(session, "shop", 399, "newsletter")
    assert counted(agrees(held))["shop", "newsletter", False] == 1
    with held.writing() as session:
        lifecycle.rotate(session, new.address, secrets.randbelow, NOW)
        lifecycle.burn(session, canaries.list_canaries(session, "play")[0].address, NOW)
    assert counted(agrees(held))["shop", "newsletter", False] == 2
    for shown in (True, False):
        with held.writing() as session:
            canaries.get_canary_row(session, new.address).published = shown
        assert counted(agrees(held))["shop", "newsletter", True] == shown


def test_decoys_that_are_made_later_and_dated_before_are_seen(held: Database) -> None:
    before = counted(agrees(held))
    with held.writing() as session:
        decoys.maintain_decoys(session, DecoyRequest(30), secrets.randbelow, NOW)
    assert counted(agrees(held)).total() == before.total() + 24


def test_a_decoy_that_turns_out_to_have_been_given_away_is_a_vendors(held: Database) -> None:
    agrees(held)
    with held.writing() as session:
        decoy = next(each for each in issued_and_decoys(session) if each.vendor is None)
        given = AdoptionProposal(
            decoy.address, "shop", "Shop", ("shop.example",), "old", "told", Style.PLAUSIBLE, 60.0, BEGIN, 3
        )
        import_store.adopt(session, [given], NOW)
    assert counted(agrees(held))["shop", "old", False] == 1


def test_a_vendors_suppliers_are_those_of_the_moment(held: Database) -> None:
    assert not any(each.suppliers for each in agrees(held).vendors)
    with held.writing() as session:
        vendors.add_supplier(session, "Post", BEGIN)
        vendors.add_supply(session, SupplierLink("shop", "post", None, BEGIN, None))
    assert [each.suppliers[0].supplier for each in agrees(held).vendors if each.suppliers] == ["post"]
    with held.writing() as session:
        vendors.drop_supply(session, "shop", "post", None)
    assert not any(each.suppliers for each in agrees(held).vendors)


def test_what_is_issued_later_than_asked_about_is_left_out(held: Database) -> None:
    with held.reading() as session:
        for day in (0.5, 3.2, 7, 12.5, 19, 400):
            at = BEGIN + day * DAY
            world = world_of(session, at)
            every = issued_and_decoys(session)
            assert sum(each.count for each in world.canaries) == sum(each.issued <= at for each in every)
            assert all(each.issued <= at for each in world.canaries)


def test_what_a_transaction_wrote_counts_in_it_and_is_forgotten_when_it_is_undone(held: Database) -> None:
    before = counted(agrees(held))
    with held.rehearsing() as session:
        new = issue(session, "shop", 10, "newsletter")
        keep_hit(session, new)
        lifecycle.rotate(session, new.address, secrets.randbelow, NOW)
        world = world_of(session, NOW)
        assert counted(world) == one_by_one(session)
        assert [each.canary for each in world.hits] == [str(new.id)]
    with held.rehearsing() as session:
        decoy = next(each for each in issued_and_decoys(session) if each.vendor is None)
        session.exec(select(CanaryRow).where(CanaryRow.id == decoy.id)).one().mac = bytes(16)
        session.flush()
        assert counted(world_of(session, NOW)) == one_by_one(session)
    assert counted(agrees(held)) == before


def test_the_first_look_may_be_in_a_transaction_that_writes(held: Database) -> None:
    with held.writing() as session:
        issue(session, "shop", 30)
        assert counted(world_of(session, NOW)) == one_by_one(session)
    assert counted(agrees(held))["shop", "signup", False] == 21


def test_groups_are_dated_by_the_mean_of_those_left_in_them(held: Database) -> None:
    with held.writing() as session:
        rows = session.exec(select(CanaryRow)).all()
        session.add(HitRow(canary_id=rows[7].id or 0, at=NOW, verdict="spam", confidence=0.9, reasons=[]))
    with held.reading() as session:
        world = world_of(session, NOW)
        rows = session.exec(select(CanaryRow)).all()
    mean = sum((row.issued_at - BEGIN for row in rows), timedelta()) / len(rows)
    weighted = sum((each.count * (each.issued - BEGIN) for each in world.canaries), timedelta()) / len(rows)
    assert abs(mean - weighted) < timedelta(seconds=1)


def test_all_sessions_of_a_store_share_what_was_counted(held: Database) -> None:
    with held.reading() as one, held.writing() as other:
        assert groups_of(one) is groups_of(other)
