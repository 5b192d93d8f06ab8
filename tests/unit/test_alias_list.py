"""Lists of addresses that were given away: whatever an alias service calls its columns, and what is wrong with a row."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from canary.importing.alias_list import AliasList, read_list
from canary.judge.adoption_rules import MapRow
from canary.judge.organisation import is_never_vendor


def never(domain: str, home: str) -> bool:
    return is_never_vendor(domain, ("me.example", home))


def listed(tmp_path: Path, text: str | bytes) -> AliasList:
    file = tmp_path / "list.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8-sig"))
    return read_list(file, never)


def test_a_list_names_its_bad_rows_and_gives_the_rest(tmp_path: Path) -> None:
    rows = "address,vendor,channel\nShop@in.example,Shop,orders\n\nnonsense,X\na@b.example,\nb@in.example, Bikes\n"
    found = listed(tmp_path, rows)
    assert found.told == {
        "shop@in.example": MapRow("Shop", "orders"), "a@b.example": MapRow(""), "b@in.example": MapRow("Bikes")
    }  # fmt: skip
    assert [fault.partition(": ")[0] for fault in found.faults] == [f"{tmp_path}/list.csv, line 4"]


def test_without_a_header_the_columns_have_their_order(tmp_path: Path) -> None:
    found = listed(
        tmp_path, "a@in.example,Bikes,orders,bikes.example bike-mail.example\nb@in.example,X,y,z.example,more\n"
    )
    assert found.told == {"a@in.example": MapRow("Bikes", "orders", ("bikes.example", "bike-mail.example"))}
    assert "more than vendor, channel and domains" in found.faults[0]


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("alias,note,enabled,mailboxes\nbikes@in.example,Bike Parts account,true,me@x.example\n", MapRow("Bike Parts")),
        ("id,email,description,emails_forwarded,active\n7,bikes@in.example,Bike Parts,3,true\n", MapRow("Bike Parts")),
        ("from;to\nbikes@in.example;me@x.example\n", MapRow("")),
        ("Alias\tWebsite\tCreated At\nbikes@in.example\tbikes.example\t2021-05-01T08:00:00Z\n",
         MapRow("bikes.example", domains=("bikes.example",), issued=datetime(2021, 5, 1, 8, tzinfo=UTC))),
        ('alias,note\nbikes@in.example,"\nBikes, green\nfor the order of May"\n', MapRow("Bikes, green")),
        ("Email Address,Label,Date\nBikes@in.example,Newsletter,yesterday\n", MapRow("Newsletter")),
    ],
)  # fmt: skip
def test_columns_are_found_by_their_header(tmp_path: Path, text: str, row: MapRow) -> None:
    assert listed(tmp_path, text).told == {"bikes@in.example": row}


@pytest.mark.parametrize("domain", ["gmail.com", "yahoo.co.jp", "me.example", "mail.in.example"])
def test_a_domain_that_is_no_vendors_is_refused_by_name(tmp_path: Path, domain: str) -> None:
    found = listed(tmp_path, f"a@in.example,Bikes,signup,{domain}\n")
    assert not found.told
    assert f"{domain} is your own" in found.faults[0]
    assert listed(tmp_path, f"a@in.example,{domain}\n").told["a@in.example"].domains == ()


@pytest.mark.parametrize(
    "octets", [b"", b"\0\xff" * 1000, b'"' * 5000, b"a@b.example,\xff\n", b"," * 100_000, b"alias\n" * 9]
)
def test_a_list_of_anything_raises_nothing(tmp_path: Path, octets: bytes) -> None:
    assert len(listed(tmp_path, octets).told) <= 1
