"""A set of addresses of which only hashes are kept."""

import sys

from hypothesis import given
from hypothesis import strategies as st

from canary.canaries.address_set import AddressSet

ADDRESSES = st.lists(st.text(st.characters(codec="utf-8"), max_size=20))


@given(ADDRESSES, ADDRESSES, ADDRESSES)
def test_it_holds_what_was_added_and_nothing_else(first: list[str], more: list[str], others: list[str]) -> None:
    held = AddressSet(first)
    assert sorted(held.add_missing(more)) == sorted(set(more) - set(first))
    assert len(held) == len({*first, *more})
    assert [address in held for address in others] == [address in {*first, *more} for address in others]


def test_a_hundred_thousand_take_less_than_two_megabytes() -> None:
    addresses = [f"shop{n}-x7k2m9@in.example" for n in range(100_000)]
    held = AddressSet(addresses)
    assert all(address in held for address in addresses)
    assert "shop100000-x7k2m9@in.example" not in held
    assert sum(map(sys.getsizeof, held._parts)) < 2_000_000
