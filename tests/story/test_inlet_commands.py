"""Mailboxes on the command line: set up, tested while a self-test is seen arriving, looked at, taken out again."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from canary.processes.entered import EnteredSettings
from canary.processes.spools import clock
from canary.processes.stores import open_store
from canary.settings import Settings, load_settings
from tests.dovecot import PASSWORD, USER, Dovecot, dovecot
from tests.jmap_server import TOKEN, jmap_server
from tests.landing import mail
from tests.patience import PATIENCE
from tests.processes import ROOT, House, eventually

pytestmark = pytest.mark.slow


@dataclass
class Home:
    """An installation whose settings are a file that commands write."""

    house: House
    server: Dovecot

    def canary(self, *arguments: str) -> str:
        return self.house.canary(*arguments)

    @property
    def settings(self) -> Settings:
        return load_settings(self.house.folder / "canary.toml", self.house.environment)

    def checkup(self) -> list[dict[str, Any]]:
        command = [sys.executable, "-m", "canary", "doctor", "--json"]
        done = subprocess.run(
            command, env=self.house.environment, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found

    def add(self, *more: str) -> str:
        port = str(self.server.port)
        return self.canary(
            "inlet", "add", "home", "--imap", "127.0.0.1", "--port", port, "--security", "none", "--user", USER, *more
        )


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    with dovecot() as found:
        yield found


@pytest.fixture
def home(server: Dovecot, tmp_path: Path) -> Iterator[Home]:
    environ = {"CANARY_CONFIG": str(tmp_path / "canary.toml"), "CANARY_PASSWORD": PASSWORD}
    with House(tmp_path, environ).open() as house:
        house.canary("init", "--domain", "in.example")
        yield Home(house, server)


def test_a_mailbox_comes_from_its_log_in_to_a_verdict(home: Home) -> None:
    address = home.house.vendor("Shop", "shop.example")
    said = home.add()
    assert "logged in; 0 mails in INBOX; the server reports new mail at once" in said
    with home.house.running("up", until=("mailboxes ready", "worker ready")):
        said = home.canary("inlet", "test", "home")
        assert "a self-test was read and judged after" in said
        home.server.deliver(mail(address, sender="u@bad.example", text="Win a prize at https://bad.example/now"))
        eventually(lambda: bool(home.canary("hits", "--json")))
        [state] = json.loads(home.canary("inlet", "list", "--json"))
        assert (state["name"], state["phase"], state["kept"]) == ("home", "watching", 2)
    assert home.server.count() == 1, "the self-test is removed"


def test_a_wrong_password_writes_nothing_and_says_the_cure(home: Home) -> None:
    before = (home.house.folder / "canary.toml").read_text()
    with pytest.raises(subprocess.CalledProcessError) as caught:
        home.add("--password", "wrong")
    assert (caught.value.returncode, caught.value.stderr.count("\n")) == (1, 1)
    assert "correct user and password" in caught.value.stderr
    assert (home.house.folder / "canary.toml").read_text() == before


def test_what_was_added_is_removed_again(home: Home) -> None:
    before = (home.house.folder / "canary.toml").read_text()
    home.add()
    assert PASSWORD in (home.house.folder / "canary.toml").read_text()
    home.canary("inlet", "remove", "home")
    assert (home.house.folder / "canary.toml").read_text() == before


def test_the_doctor_names_a_mailbox_that_is_not_read(home: Home) -> None:
    home.add()
    found = {each["check"]: each for each in home.checkup()}
    assert not found["inlet home"]["fine"]
    assert "is `canary up` running?" in found["inlet home"]["text"]


def test_a_maildir_is_read_as_well(home: Home, tmp_path: Path) -> None:
    address = home.house.vendor("Shop", "shop.example")
    for part in ("new", "cur", "tmp"):
        (tmp_path / "Maildir" / part).mkdir(parents=True)
    (tmp_path / "Maildir" / "cur" / "1772366400.1.host:2,S").write_bytes(mail(address))
    home.canary("inlet", "add", "local", "--maildir", str(tmp_path / "Maildir"))
    assert home.canary("inlet", "read", "local") == "local: 1 mails kept, 0 not for us\n"
    assert home.canary("inlet", "read", "local") == "local: 1 mails kept, 0 not for us\n"
    with home.house.running("up", until=("mailboxes ready", "worker ready")):
        assert "a self-test was read and judged after" in home.canary("inlet", "test", "local")
    assert [file.name for file in (tmp_path / "Maildir").glob("*/*")] == ["1772366400.1.host:2,S"]


def test_what_is_asked_and_posts_by_http_is_added_and_removed_and_so_is_what_was_entered_in_the_browser(
    home: Home,
) -> None:
    before = (home.house.folder / "canary.toml").read_text()
    home.canary("inlet", "add", "ingest/mailgun", "--secret", "a-signing-key-of-theirs")
    with jmap_server() as server:
        server.deliver("m1", mail())
        said = home.canary("inlet", "add", "post", "--jmap", f"{server.url}/session", "--password", TOKEN)
        assert "post: logged in; 1 mails in INBOX" in said
    with closing(open_store(home.settings)) as store, store.writing() as session:
        entered = EnteredSettings(home.settings, clock)
        entered.enter(session, "ingest/stalwart", "", {"user": "", "password": "a-token-that-is-long"}, "ann")
    listed = {state["name"]: state["problem"] for state in json.loads(home.canary("inlet", "list", "--json"))}
    assert listed == dict.fromkeys(
        ("post", "ingest/mailgun", "ingest/stalwart"), "last looked into: never; is `canary up` running?"
    )
    assert "out of use within seconds" in home.canary("inlet", "remove", "ingest/stalwart")
    for name in ("ingest/mailgun", "post"):
        home.canary("inlet", "remove", name)
    assert (home.house.folder / "canary.toml").read_text() == before
    assert json.loads(home.canary("inlet", "list", "--json")) == []
