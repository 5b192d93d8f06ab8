"""Users as the owner types them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from canary.store.queries.audit import audited
from canary.store.queries.users import check_password
from tests.commands import CommandLine, installation

pytestmark = [pytest.mark.slow, pytest.mark.everyday]  # every test migrates a store of its own
PASSWORD = "correct horse battery"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[CommandLine]:
    (tmp_path / "data").mkdir()
    with installation(tmp_path) as found:
        found.store.migrate()
        yield found


def test_users_are_added_listed_given_passwords_and_removed(house: CommandLine) -> None:
    house.canary("user", "add", "Ada", "--role", "admin", "--password", PASSWORD)
    made_up = house.canary("user", "add", "bob").rpartition("password: ")[2].strip()
    listed = json.loads(house.canary("user", "list", "--json"))
    assert [(user["name"], user["role"]) for user in listed] == [("ada", "admin"), ("bob", "viewer")]
    house.canary("user", "password", "BOB", "--new", PASSWORD)
    with house.store.reading() as session:
        assert check_password(session, "bob", made_up) is None
        assert check_password(session, "bob", PASSWORD) is not None
    house.canary("user", "remove", "bob")
    assert house("user", "remove", "ada").code == 1
    with house.store.reading() as session:
        assert [row.action for row in audited(session)] == ["user-removed", "password", "user-added", "user-added"]
