"""Stored mail imported from the browser: what lies in one folder, looked at first, then followed to its end."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from sqlmodel import select

from canary.model.import_run import ImportRun
from canary.processes.import_runner import ImportRunner
from canary.processes.stores import open_store, prepare_store
from canary.settings import Settings, load_settings
from canary.store.queries.users import add_user
from canary.store.tables import CanaryRow, MailRow
from canary.web.app import create_app
from canary.web.config import WebConfig
from tests.letterbox import RECEIVER, Letter, mbox
from tests.processes import eventually
from tests.website import EVIL, NOW, PASSWORD, Site, serve_app

pytestmark = pytest.mark.slow
ASKED = {"adopt": "in.example", "trust": RECEIVER}


def mails(file: Path) -> None:
    """Mails of a shop, as its address got them."""
    letters = [Letter("shop@in.example", "news@shop.example", 90 + n) for n in range(3)]
    file.write_bytes(mbox(letters))


@dataclass
class ImportHouse:
    """An installation with its settings file, its site, and what imports there."""

    site: Site
    runner: ImportRunner
    settings: Settings
    config: Path

    def post(self, **form: str) -> httpx.Response:
        with self.site.logged_in() as client:
            return client.post("/setup/import", data=form)

    def page(self, path: str = "") -> str:
        with self.site.logged_in() as client:
            return client.get(f"/setup/import{path}").text

    def ended(self) -> ImportRun:
        eventually(lambda: (found := self.runner.look()) is not None and not found.running)
        found = self.runner.look()
        assert found
        return found


@pytest.fixture
def house(tmp_path: Path) -> Iterator[ImportHouse]:
    (tmp_path / "zone.json").write_text("{}")
    config = tmp_path / "canary.toml"
    config.write_text(f'data = "{tmp_path}/data"\ndomains = ["in.example"]\n[dns]\nzone = "{tmp_path}/zone.json"\n')
    settings = load_settings(config, {})
    store = open_store(settings)
    prepare_store(settings, store)
    with store.writing() as session:
        add_user(session, "ada", PASSWORD, "admin", NOW)
    runner = ImportRunner(settings, config)
    runner.offered()
    app = create_app(WebConfig(store, lambda: NOW, imports=runner))
    with serve_app(Site("", app, store, NOW)) as site:
        yield ImportHouse(site, runner, settings, config)
    runner.stop()


def test_what_is_there_is_looked_at_first_accepted_and_imported(house: ImportHouse) -> None:
    assert "Put mailbox files" in house.page()
    mails(Path(house.runner.folder, "old"))
    assert house.post(name="old", **ASKED).status_code == 303
    looked = house.ended()
    assert ([each["address"] for each in looked.proposed], looked.fault) == (["shop@in.example"], "")
    with house.site.database.reading() as session:
        assert session.exec(select(MailRow)).all() == []
    assert "Adopt these and import" in house.page("/state")
    house.post(name="old", accept="yes", **ASKED)
    done = house.ended()
    assert (done.fault, done.lines[0]) == ("", "3 mails read, 3 of them new.")
    assert "imported" in house.page("/state")
    with house.site.database.reading() as session:
        assert [row.address for row in session.exec(select(CanaryRow)) if row.address.startswith("shop")]


def test_what_came_of_the_last_import_is_there_after_a_restart(house: ImportHouse) -> None:
    mails(Path(house.runner.folder, "old"))
    house.post(name="old", accept="yes", **ASKED)
    done = house.ended()

    def told() -> tuple[str, list[str]] | None:
        kept = ImportRunner(house.settings, house.config).look()
        return (kept.fault, list(kept.lines)) if kept else None

    eventually(lambda: told() == ("", list(done.lines)))


def test_an_import_that_a_restart_cut_off_is_said_to_be_so_and_goes_on_when_it_is_begun_again(
    house: ImportHouse,
) -> None:
    mails(Path(house.runner.folder, "old"))
    house.post(name="old", accept="yes", **ASKED)
    house.runner.stop()
    again = ImportRunner(house.settings, house.config)
    cut = again.look()
    assert cut
    assert (cut.name, cut.running, "begin it again to go on" in cut.fault) == ("old", False, True)
    again.begin("old", ("in.example",), (), accept=True)
    eventually(lambda: (found := again.look()) is not None and not found.running)
    found = again.look()
    assert found
    assert (found.fault, found.lines[0].startswith("3 mails read")) == ("", True)


def test_what_is_no_mail_ends_with_what_the_import_says(house: ImportHouse) -> None:
    Path(house.runner.folder, "--yes").write_text("nothing")
    house.post(name="--yes")
    done = house.ended()
    assert "0 mails read" in "".join(done.lines) + done.fault or "no mail" in "".join(done.lines) + done.fault


@pytest.mark.parametrize("name", ["../canary.db", "/etc/passwd", "nothing.mbox", "", ".hidden", "link", EVIL])
def test_nothing_but_what_lies_in_the_folder_is_imported(house: ImportHouse, name: str) -> None:
    Path(house.runner.folder, ".hidden").write_text("From: a@b.example")
    Path(house.runner.folder, "link").symlink_to("/etc/passwd")
    answer = house.post(name=name)
    assert (answer.status_code, "<script>alert" in answer.text, house.runner.look()) == (422, False, None)


@pytest.mark.parametrize("adopt", ["--yes", "nodots", "a.example " * 21])
def test_a_domain_that_cannot_be_is_no_option_of_the_command(house: ImportHouse, adopt: str) -> None:
    mails(Path(house.runner.folder, "old"))
    answer = house.post(name="old", adopt=adopt)
    assert (answer.status_code, house.runner.look()) == (422, None)
