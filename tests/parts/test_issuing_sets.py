"""Addresses issued in sets, on SQLite and on PostgreSQL alike: each its own, all written, decoys hidden among them."""

import secrets
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import chain
from pathlib import Path
from random import Random

import pytest

from canary.canaries.decoy_key import prepare_key
from canary.canaries.issuing import PART, IssueSet, issue_in_parts, issue_sets
from canary.canaries.lifecycle import IssueOrder, rotate
from canary.model.address import Draw
from canary.model.canary import Canary, Style
from canary.store.database import Database
from canary.store.decoy_mac import DecoyMac
from canary.store.queries import canaries
from canary.store.queries.vendors import Unknown
from canary.store.tables import VendorRow
from tests.conftest import START

SIGNUP = IssueOrder("shop", "in.example")
LATER = START + timedelta(days=30)


@pytest.fixture
def shops(store: Database, tmp_path: Path) -> Iterator[Database]:
    """A store with vendors, and one decoy for ten addresses."""
    found = Database(store.url.render_as_string(hide_password=False), decoy_mac=DecoyMac(tmp_path / "decoy.key", 10))
    with found.writing() as session:
        prepare_key(session)
        for name in ("shop", "club", *(f"firm{n}" for n in range(200))):
            session.add(VendorRow(slug=name, name=name, created_at=START))
    yield found
    found.close()


def issued(store: Database, *wanted: IssueSet, draw: Draw = secrets.randbelow) -> list[Canary]:
    with store.writing() as session:
        return issue_sets(session, wanted, draw, LATER)


def in_store(store: Database) -> tuple[dict[str, Canary], list[Canary]]:
    """The issued addresses, and the decoys."""
    with store.reading() as session:
        every = canaries.issued_and_decoys(session)
    return {one.address: one for one in every if one.vendor}, [one for one in every if not one.vendor]


def test_sets_are_written_as_they_are_returned_and_in_the_order_that_was_asked_for(shops: Database) -> None:
    club = IssueOrder("club", "in.example", "order", Style.PLAUSIBLE, published=True)
    made = issued(shops, IssueSet(SIGNUP, 1500), IssueSet(club, 700))
    assert [one.vendor for one in made] == ["shop"] * 1500 + ["club"] * 700
    assert {one.address: one for one in made} == in_store(shops)[0]


def test_a_decoy_of_a_set_is_like_the_addresses_of_the_set(shops: Database) -> None:
    issued(shops, IssueSet(SIGNUP, 2), IssueSet(IssueOrder("club", "in.example", "order", published=False), 1500))
    decoys = [decoy for decoy in in_store(shops)[1] if decoy.channel == "order"]
    assert 75 <= len(decoys) <= 300
    assert {(each.style, each.bits, each.issued, each.published_set, each.persona is None) for each in decoys} == {
        (Style.TAGGED, 65.0, LATER, False, False)
    }


def test_decoys_of_a_list_of_single_addresses_have_places_of_their_own_where_there_are_any(shops: Database) -> None:
    orders = [IssueOrder(f"firm{n}", "in.example", f"channel-{n % 20}") for n in range(200)]
    issued(shops, *map(IssueSet, orders))
    with shops.reading() as session:
        places = Counter((row.address.partition("-")[0], row.channel) for row in canaries.issued_and_decoys(session))
    assert sum(places.values()) > 200
    assert sum(number - 1 for number in places.values()) <= sum(places.values()) / 4


def test_an_address_that_is_in_use_already_is_drawn_again(shops: Database) -> None:
    plain = Database(shops.url.render_as_string(hide_password=False))
    drawn: list[int] = []

    def noted(below: int, by: Random = Random(7)) -> int:  # noqa: B008 - one for all draws
        drawn.append(by.randrange(below))
        return drawn[-1]

    issued(plain, IssueSet(SIGNUP), draw=noted)
    single = len(drawn)
    first = issued(plain, IssueSet(SIGNUP, 30), draw=noted)
    other, later = Random(8), iter(drawn[2 * single :])

    def repeated(below: int) -> int:
        """Draw one address anew, then what was drawn for the set before, then anew again."""
        nonlocal single
        single -= 1
        return other.randrange(below) if single >= 0 else next(chain(later, [other.randrange(below)]))

    second = issued(plain, IssueSet(SIGNUP, 30), draw=repeated)
    assert len({one.address for one in first + second}) == 60
    assert next(later, None) is None
    assert len(in_store(plain)[0]) == 61
    plain.close()


def test_a_set_for_a_vendor_nobody_added_writes_nothing(shops: Database) -> None:
    with pytest.raises(Unknown, match="nobody"):
        issued(shops, IssueSet(SIGNUP, 20), IssueSet(IssueOrder("nobody", "in.example"), 20))
    assert in_store(shops) == ({}, [])


def test_what_was_issued_in_parts_stays_issued_when_it_is_interrupted(shops: Database) -> None:
    first = next(issue_in_parts(shops, SIGNUP, PART + 1, secrets.randbelow, lambda: LATER))
    assert len(first) == len(in_store(shops)[0]) == PART


def test_a_set_is_of_the_newest_generation_of_its_channel(shops: Database) -> None:
    [old] = issued(shops, IssueSet(SIGNUP))
    with shops.writing() as session:
        rotate(session, old.address, secrets.randbelow, LATER)
    assert {one.generation for one in issued(shops, IssueSet(SIGNUP, 20))} == {2}
