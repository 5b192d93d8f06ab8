"""Vendors and suppliers as tables and as commands: what people have in a spreadsheet goes in, and what is wrong is said once."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import CommandLine, installation

pytestmark = [pytest.mark.slow]  # it migrates a store of its own


@pytest.fixture
def command(tmp_path: Path) -> Iterator[CommandLine]:
    with installation(tmp_path) as command:
        (command.folder / "data").mkdir()
        yield command


def imported(command: CommandLine, text: str, *what: str) -> tuple[int, str]:
    (command.folder / "table.csv").write_bytes(text.encode("utf-8-sig"))
    done = command(*(what or ("vendor", "import")), "table.csv")
    return done.code, done.err


def shown(command: CommandLine, vendor: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(command.canary("vendor", "show", vendor, "--json"))
    return found


@pytest.mark.everyday
def test_a_table_of_vendors_suppliers_and_channels_goes_in_once(command: CommandLine) -> None:
    table = (
        "Vendor;Website;Brands;Tags;Supplier;Channel;Account;Since;Erasure requested;Publishes\r\n"
        "Müller & Söhne;https://www.mueller.example/;Müller|Söhne;food,home;Letter Works;newsletter;48;2026-01-01;;no\r\n"
        "Müller & Söhne;mail.mueller.example;;;Shopfront;order;;;2026-05-01;\r\n"
        "Tea;tea.example tea-mail.example;;;;;;;;yes\r\n"
    )
    assert [imported(command, table) for _ in range(2)] == [(0, ""), (0, "")]
    found = shown(command, "Müller & Söhne")
    assert {*found["domains"]} == {"mueller.example", "mail.mueller.example"}  # type: ignore[misc]
    assert (found["brands"], found["tags"]) == (["Müller", "Söhne"], ["food", "home"])
    assert {(s["id"], s["channel"], s["account"]) for s in found["suppliers"]} == {  # type: ignore[attr-defined]
        ("letter-works", "newsletter", "48"), ("shopfront", "order", ""),
    }  # fmt: skip
    assert str(found["erasure_requested"]).startswith("2026-05-01")
    assert shown(command, "tea")["publishes"] is True


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("name,domian\nTea,tea.example\n", "column 'domian' is not known: did you mean 'domains'?"),
        ("domains\ntea.example\n", "no column `name`: the columns are name, domains"),
        ("name,domains\nTea,tea.example,more\n", "line 2: has more cells than there are columns"),
        ("name,domains\n,tea.example\n", "line 2: has no name"),
        ("name,since,supplier\nTea,soon,Letter Works\n", "line 2: suppliers.0.since = 'soon'"),
        ('name,domains\nTea,"tea.example\n', "look for a quote that does not end"),
        ("name\n", "no row: write a line of column names"),
    ],
)
def test_what_is_wrong_with_a_table_is_named_and_nothing_is_changed(
    command: CommandLine, table: str, said: str
) -> None:
    code, fault = imported(command, table)
    assert (code, said in fault) == (2, True), fault
    assert json.loads(command.canary("vendor", "list", "--json")) == []


def test_one_mistake_in_two_hundred_rows_is_one_line(command: CommandLine) -> None:
    code, fault = imported(command, "name,domains\n" + "".join(f"Shop {n},shop {n}\n" for n in range(200)))
    assert (code, len(fault.splitlines())) == (2, 1)
    assert "(the same in 3, 4, 5, 6, 7 and 194 more)" in fault
    (command.folder / "v.toml").write_text("".join(f'[[vendor]]\nname = "Shop {n}"\ndomian = []\n' for n in range(200)))
    done = command("vendor", "import", "v.toml")
    assert (done.code, len(done.err.splitlines()), "did you mean 'domains'?" in done.err) == (2, 1, True)


def test_a_name_that_is_nearly_one_that_is_there_is_asked_about(command: CommandLine) -> None:
    imported(command, "name,domains,supplier,channel\nBike Parts,bike.example,Silverline,newsletter\n")
    code, said = imported(command, "name,domains,supplier,channel\nTea,tea.example,Silverlnie,newsleter\n")
    assert code == 0
    assert "supplier 'Silverlnie' is new: did you mean 'Silverline'?" in said
    assert "channel 'newsleter' is new: did you mean 'newsletter'?" in said


def test_suppliers_are_read_from_a_table_and_from_toml(command: CommandLine) -> None:
    assert imported(command, "name,domains\nLetter Works,letterworks.example lw.example\n", "supplier", "import") == (
        0,
        "",
    )
    (command.folder / "s.toml").write_text('[[supplier]]\nname = "Postal Pier"\ndomains = ["pier.example"]\n')
    command.canary("supplier", "import", "s.toml")
    found = {s["slug"]: s["domains"] for s in json.loads(command.canary("supplier", "list", "--json"))}
    assert found == {"letter-works": ["letterworks.example", "lw.example"], "postal-pier": ["pier.example"]}
    code, said = imported(command, "name,domains\nPostal Peir,peir.example\n", "supplier", "import")
    assert (code, said) == (0, "supplier 'Postal Peir' is new: did you mean 'Postal Pier'?\n")
    code, fault = imported(command, "name,domains\nBad,gmail.com\n", "supplier", "import")
    assert (code, "anybody can have a mailbox there" in fault) == (2, True)


@pytest.mark.everyday
def test_vendors_are_renamed_merged_and_removed_with_what_hangs_on_them_said_first(command: CommandLine) -> None:
    imported(command, "name,domains\nTea,tea.example\nTee,tee.example\nCoffee,coffee.example\n")
    command.canary("issue", "tee", "--count", "2")
    done = command("vendor", "merge", "tee", "tea")
    assert (done.code, "tee has 2 addresses, 1 domain, which become tea's." in done.out) == (1, True)
    assert json.loads(command.canary("vendor", "merge", "tee", "tea", "--yes", "--json"))["merged"] == "tee"
    assert len(shown(command, "tee")["canaries"]) == 2  # type: ignore[arg-type]
    command.canary("vendor", "rename", "tea", "Tea House")
    assert shown(command, "tea-house")["slug"] == "tea"
    assert "vendor 'tea' has 2 addresses" in command("vendor", "remove", "tea", "--yes").err
    assert (command("vendor", "remove", "coffee").code, command("vendor", "remove", "coffee", "--yes").code) == (1, 0)
    assert [v["slug"] for v in json.loads(command.canary("vendor", "list", "--json"))] == ["tea"]
    assert "did you mean 'tea'?" in command("vendor", "show", "teaa").err


@pytest.mark.everyday
def test_suppliers_are_renamed_merged_and_removed_with_what_hangs_on_them_said_first(command: CommandLine) -> None:
    imported(
        command,
        "name,domains\nLetter Works,lw.example\nLetterworks,letters.example\nPress,press.example\n",
        "supplier",
        "import",
    )
    imported(command, "name,domains,supplier,channel,account\nTea,tea.example,Letterworks,news,48\n")
    done = command("supplier", "merge", "letterworks", "letter-works")
    assert (done.code, "letterworks has 1 vendor, 1 domain, which become letter-works's." in done.out) == (1, True)
    assert (
        json.loads(command.canary("supplier", "merge", "letterworks", "letter-works", "--yes", "--json"))["merged"]
        == "letterworks"
    )
    command.canary("supplier", "rename", "letterworks", "Letters & Co")
    found = json.loads(command.canary("supplier", "show", "letterworks", "--json"))
    assert (found["slug"], found["name"], found["vendors"][0]["account"]) == ("letter-works", "Letters & Co", "48")
    assert (command("supplier", "remove", "press").code, command("supplier", "remove", "press", "--yes").code) == (1, 0)
    assert [s["slug"] for s in json.loads(command.canary("supplier", "list", "--json"))] == ["letter-works"]
    assert "did you mean 'letter-works'?" in command("supplier", "show", "letter-work").err
