"""`canary move`: the store into another file, and what is refused."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import CommandLine, installation

pytestmark = pytest.mark.slow  # every test migrates a store of its own


@pytest.fixture
def house(tmp_path: Path) -> Iterator[CommandLine]:
    with installation(tmp_path) as found:
        found.canary("init", "--domain", "in.example")
        found.canary("vendor", "add", "City Library", "--domain", "library.example")
        found.canary("issue", "city-library", "--count", "3")
        yield found


def test_what_was_moved_is_there_under_the_new_url(house: CommandLine) -> None:
    before, url = house.canary("canaries", "--json"), f"sqlite:///{house.folder}/new.db"
    done = house("move", url, "--json").document
    assert done["tables"]["vendor"]["rows"] == 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CANARY_STORE__URL", url)
        assert house.canary("canaries", "--json") == before
        assert len(json.loads(before)) == 3


def test_moved_again_after_its_end_it_is_refused(house: CommandLine) -> None:
    url = f"sqlite:///{house.folder}/new.db"
    assert "each the same in both stores" in house.canary("move", url)
    done = house("move", url)
    assert (done.code, done.err.count("\n"), "has a store in use" in done.err) == (1, 1, True)


@pytest.mark.parametrize(
    ("url", "said"), [("", "target: is the store itself"), ("nonsense", "name it as store.url does")]
)
def test_a_target_that_is_none_is_refused_in_one_line(house: CommandLine, url: str, said: str) -> None:
    done = house("move", url or f"sqlite:///{house.folder}/data/canary.db")
    assert (done.code, done.err.count("\n"), said in done.err) == (1, 1, True), done.err
