"""What receivers read of the issued addresses, on SQLite and on PostgreSQL alike: all at first, then what is new."""

import secrets
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import update
from sqlmodel import col, delete, select

from canary.canaries.issuing import IssueSet, issue_sets
from canary.canaries.lifecycle import IssueOrder
from canary.store.database import Database
from canary.store.issued_addresses import (
    AddressNews,
    IssuedAddresses,
    count_addresses,
    count_addresses_of,
    every_address,
    read_mark,
)
from canary.store.tables import CanaryRow, VendorRow
from tests.conftest import START

ORDER = IssueOrder("shop", "in.example")


@pytest.fixture
def source(store: Database) -> Iterator[IssuedAddresses]:
    with store.writing() as session:
        session.add(VendorRow(slug="shop", name="Shop", created_at=START))
    found = IssuedAddresses(store.url.render_as_string(hide_password=False))
    yield found
    found.close()


def issue(store: Database, count: int = 1) -> list[str]:
    with store.writing() as session:
        return [one.address for one in issue_sets(session, [IssueSet(ORDER, count)], secrets.randbelow, START)]


def asked(source: IssuedAddresses, mark: str = "") -> tuple[list[str], AddressNews]:
    """The addresses that came, and the end of the answer."""
    *parts, last = source.fetch(mark)
    return [address for part in parts for address in part.addresses], last


def test_who_has_no_mark_gets_every_address_and_how_many_there_are(store: Database, source: IssuedAddresses) -> None:
    made = issue(store, 300)
    addresses, end = asked(source)
    assert (sorted(addresses), end.total) == (sorted(made), 300)
    with store.reading() as session:
        assert (every_address(session), read_mark(session)) == (frozenset(made), end.mark)


def test_addresses_are_counted_by_vendor_as_they_come_go_and_change_hands(
    store: Database, source: IssuedAddresses
) -> None:
    made = issue(store, 5)
    address, owner = col(CanaryRow.address), col(CanaryRow.vendor_id)
    with store.writing() as session:
        session.add(VendorRow(slug="tea", name="Tea", created_at=START))
        session.flush()
        session.execute(delete(CanaryRow).where(address == made[0]))
        session.execute(update(CanaryRow).where(address.in_(made[1:3])).values(vendor_id=2))
        session.execute(update(CanaryRow).where(address == made[3]).values(vendor_id=1))
    with store.reading() as session:
        again = Counter(session.execute(select(owner)).scalars())
        assert (count_addresses_of(session, (1, 2, 3)), count_addresses(session)) == (again, 4)
        assert again == {1: 2, 2: 2}


def test_who_has_no_mark_gets_an_address_whose_number_was_set_by_hand(store: Database, source: IssuedAddresses) -> None:
    made = issue(store, 3)
    with store.writing() as session:
        session.execute(update(CanaryRow).where(col(CanaryRow.address) == made[0]).values(id=1))
    assert sorted(asked(source)[0]) == sorted(made)


def test_an_empty_store_says_that_it_is_empty(source: IssuedAddresses) -> None:
    assert asked(source) == ([], AddressNews(0, [], "0-0"))


def test_who_has_the_newest_mark_gets_nothing(store: Database, source: IssuedAddresses) -> None:
    issue(store, 3)
    assert list(source.fetch(asked(source)[1].mark)) == []


def test_only_the_ranges_in_which_addresses_were_issued_are_read_again(
    store: Database, source: IssuedAddresses
) -> None:
    issue(store, 3000)
    mark = asked(source)[1].mark
    new = issue(store, 2)
    addresses, end = asked(source, mark)
    assert set(new) <= set(addresses)
    assert (len(addresses) < 50, end.total) == (True, 3002)


def test_a_mark_of_another_store_is_answered_with_everything(store: Database, source: IssuedAddresses) -> None:
    made = issue(store, 20)
    asked(source)
    assert sorted(asked(source, "19-4711")[0]) == sorted(made)


def test_an_answer_that_was_not_read_to_its_end_counts_for_nothing(store: Database, source: IssuedAddresses) -> None:
    made = issue(store, 20)
    mark = asked(source)[1].mark
    new = issue(store)
    next(source.fetch(mark))
    addresses, _ = asked(source, mark)
    assert (set(new) <= set(addresses), len(addresses) < len(made)) == (True, True)


def test_what_is_lost_is_counted_too(store: Database, source: IssuedAddresses) -> None:
    issue(store, 20)
    mark = asked(source)[1].mark
    with store.writing() as session:
        number = session.exec(select(CanaryRow.id)).first()
        session.exec(delete(CanaryRow).where(col(CanaryRow.id) == number))
    assert asked(source, mark)[1].total == 19


def test_what_is_rolled_back_is_not_counted(store: Database, source: IssuedAddresses) -> None:
    issue(store, 2)
    mark = asked(source)[1].mark
    with store.rehearsing() as session:
        issue_sets(session, [IssueSet(ORDER, 5)], secrets.randbelow, START)
    assert list(source.fetch(mark)) == []


def test_those_who_issue_side_by_side_are_all_counted(store: Database, source: IssuedAddresses) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = [address for part in pool.map(lambda _: issue(store, 25), range(8)) for address in part]
    addresses, end = asked(source)
    assert (sorted(addresses), end.total) == (sorted(made), 200)
