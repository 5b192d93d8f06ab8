"""Users as the owner types them, each command in a process of its own."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from canary.store.queries.audit import audited
from canary.store.queries.users import check_password
from tests.processes import House

pytestmark = [pytest.mark.slow, pytest.mark.everyday]  # each command is a process of its own, a second or so
PASSWORD = "correct horse battery"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    (tmp_path / "data").mkdir()
    with House(tmp_path).open() as found:
        found.store.migrate()
        yield found


def test_users_are_added_listed_given_passwords_and_removed(house: House) -> None:
    house.canary("user", "add", "Ada", "--role", "admin", "--password", PASSWORD)
    made_up = house.canary("user", "add", "bob").rpartition("password: ")[2].strip()
    listed = json.loads(house.canary("user", "list", "--json"))
    assert [(user["name"], user["role"]) for user in listed] == [("ada", "admin"), ("bob", "viewer")]
    house.canary("user", "password", "BOB", "--new", PASSWORD)
    with house.store.reading() as session:
        assert check_password(session, "bob", made_up) is None
        assert check_password(session, "bob", PASSWORD) is not None
    house.canary("user", "remove", "bob")
    with pytest.raises(subprocess.CalledProcessError):
        house.canary("user", "remove", "ada")
    with house.store.reading() as session:
        assert [row.action for row in audited(session)] == ["user-removed", "password", "user-added", "user-added"]
