"""What is shown in public, as the owner says it on the command line and in the file of vendors."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from canary.store.queries import audit
from tests.commands import CommandLine, installation

pytestmark = [pytest.mark.slow, pytest.mark.everyday]  # every test migrates a store of its own


@pytest.fixture
def house(tmp_path: Path) -> Iterator[CommandLine]:
    with installation(tmp_path) as found:
        found.canary("init", "--domain", "in.example")
        found.canary("vendor", "add", "City Library", "--domain", "library.example")
        yield found


def issued(house: CommandLine, *options: str) -> str:
    return str(house("issue", "city-library", "--format", "json", *options).document[0]["address"])


def shown(house: CommandLine, address: str) -> tuple[Any, Any]:
    row = next(row for row in house("canaries", "--json").document if row["address"] == address)
    return row["published"], row["published_set"]


def test_an_address_is_said_to_be_shown_then_not_and_then_to_be_as_its_vendors(house: CommandLine) -> None:
    address = issued(house)
    assert shown(house, address) == (False, None)
    [said] = house("published", address, "--json").document
    assert (said["published"], said["published_set"], shown(house, address)) == (True, True, (True, True))
    house.canary("published", address, "--no")
    assert shown(house, address) == (False, False)
    house.canary("published", address, "--as-vendor")
    assert shown(house, address) == (False, None)
    with house.store.reading() as session:
        assert [line.subject for line in audit.audited(session, action="canary-published")] == [address] * 3


def test_a_vendor_that_shows_its_addresses_shows_all_but_those_of_which_otherwise_was_said(house: CommandLine) -> None:
    plain, kept, public = issued(house), issued(house, "--no-published"), issued(house, "--published")
    assert [shown(house, each)[0] for each in (plain, kept, public)] == [False, False, True]
    house.canary("vendor", "set", "city-library", "--publishes")
    assert [shown(house, each)[0] for each in (plain, kept, public)] == [True, False, True]
    assert house("vendor", "show", "city-library", "--json").document["publishes"] is True
    house.canary("vendor", "set", "city-library", "--no-publishes")
    assert [shown(house, each)[0] for each in (plain, kept, public)] == [False, False, True]


def test_a_new_vendor_may_be_one_that_shows_its_addresses(house: CommandLine) -> None:
    house.canary("vendor", "add", "Town Hall", "--domain", "town.example", "--publishes")
    assert house("vendor", "show", "town-hall", "--json").document["publishes"] is True
    assert "shows its addresses in public" in house.canary("vendor", "show", "town-hall")


def test_the_next_generation_is_shown_as_the_one_before(house: CommandLine) -> None:
    [heir] = house("rotate", issued(house, "--published"), "--json").document
    assert (heir["published"], heir["published_set"]) == (True, True)


def test_the_file_of_vendors_says_who_shows_addresses_and_what_it_leaves_out_stays(
    house: CommandLine, tmp_path: Path
) -> None:
    file, found = tmp_path / "vendors.toml", []
    for line in ("publishes = true", "", "publishes = false"):
        file.write_text(f'[[vendor]]\nname = "City Library"\n{line}\n')
        house.canary("vendor", "import", str(file))
        found.append(house("vendor", "show", "city-library", "--json").document["publishes"])
    assert found == [True, True, False]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("published", "nobody@in.example"), 1, "canary 'nobody@in.example' was never issued"),
        (("published", "nobody@in.example", "--no", "--as-vendor"), 2, "--no and --as-vendor: give one of them"),
        (("vendor", "set", "nobody", "--publishes"), 1, "vendor 'nobody' is not known"),
    ],
)
def test_what_cannot_be_said_is_refused_in_one_line(
    house: CommandLine, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = house(*arguments)
    assert (done.code, said in done.err, len(done.err.strip().splitlines())) == (code, True, 1)


def test_a_file_that_says_it_in_other_words_is_refused(house: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "vendors.toml"
    file.write_text('[[vendor]]\nname = "City Library"\npublishes = "yes"\n')
    done = house("vendor", "import", str(file))
    assert (done.code, "vendor.1.publishes = 'yes'" in done.err) == (2, True)
