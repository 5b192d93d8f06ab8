"""One installation, one store: whatever takes its place is not used, and an issued address never gets a 550."""

import secrets
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlmodel import delete

from canary.canaries import lifecycle
from canary.canaries.address_cache import AddressCache
from canary.canaries.lifecycle import IssueOrder
from canary.model.canary import Style
from canary.processes.installation import Installation
from canary.processes.role_lock import RoleTaken, check_free, holding_role
from canary.processes.spools import Spools, open_spool
from canary.processes.store_check import check_store
from canary.processes.stores import claim_store, open_store, prepare_store
from canary.settings import Arranged, Settings, StoreSettings
from canary.smtp.handler import CanaryHandler
from canary.smtp.server import ServerConfig
from canary.store.database import Database, is_down
from canary.store.identity import StoreUnusable
from canary.store.issued_addresses import IssuedAddresses
from canary.store.moving import end_move, move_store
from canary.store.queries import vendors
from canary.store.tables import CanaryRow
from tests.sink import DAY, Sink


class OwnSink(Sink):
    """A listener as a receiver of an installation has it, with its spool and its store."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.data)
        self.spool = open_spool(settings)
        self.issued = IssuedAddresses(settings.store_url, busy_seconds=1, guard=Installation(settings).admit)
        self.book = AddressCache(self.issued.fetch, self.spool, self.issued.changed)
        self.config = ServerConfig(
            "mx.in.example", CanaryHandler(frozenset({"in.example"}), self.book, self.spool, lambda: DAY)
        )

    def __exit__(self, *ended: Any) -> None:
        super().__exit__(*ended)
        self.issued.close()

    def answers(self, *local: str) -> list[str]:
        """What recipients are answered, in one session."""
        with self.dial() as client:
            client.hear()
            client.ask("EHLO client.example")
            client.ask("MAIL FROM:<a@sender.example>")
            return [client.ask(f"RCPT TO:<{address}>")[:3] for address in local]


class Place:
    """An installation with one issued address that its receiver knows."""

    def __init__(self, data: Path, url: str | None = None) -> None:
        where, smtp = {"url": url} if url else {}, {"port": 0, "spool_reserve": 0}
        self.settings: Settings = Arranged.model_validate(
            {"data": data, "domains": ["in.example"], "smtp": smtp, "store": where}
        )
        with closing(self.store()) as store:
            prepare_store(self.settings, store)
            with store.writing() as session:
                vendors.add_vendor(session, "Shop", ["shop.example"], DAY)
        self.address = self.issue()
        assert answers(self, self.address, UNKNOWN) == ["250", "550"]

    def store(self) -> Database:
        return open_store(self.settings)

    def issue(self) -> str:
        with closing(self.store()) as store, store.writing() as session:
            order = IssueOrder("shop", "in.example", "signup", Style.PLAUSIBLE)
            return lifecycle.issue(session, order, secrets.randbelow, DAY).address

    @property
    def file(self) -> Path:
        return self.settings.data / "canary.db"

    def remove(self) -> None:
        for file in self.settings.data.glob("canary.db*"):
            file.unlink()

    def trouble(self) -> str:
        """Why worker and dashboard do not use the store."""
        with closing(self.store()) as store, pytest.raises(StoreUnusable) as caught:
            prepare_store(self.settings, store)
        assert is_down(caught.value)
        assert "\n" not in str(caught.value)
        return str(caught.value)


UNKNOWN = "nobody-x1@in.example"


def answers(place: Place, *local: str) -> list[str]:
    with OwnSink(place.settings) as sink:
        return sink.answers(*local)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "data")


@pytest.fixture
def other(tmp_path: Path) -> Place:
    return Place(tmp_path / "other")


def whole(file: Path, to: Path) -> None:
    """Copy a database with what its log has."""
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(to)) as copy:
        source.backup(copy)


def test_a_removed_store_is_not_made_again_and_its_addresses_stay_valid(place: Place) -> None:
    late = place.issue()  # no receiver has learned of it
    place.remove()
    assert answers(place, place.address, late, UNKNOWN) == ["250", "451", "451"]
    assert "used with one" in place.trouble()
    assert "canary restore" in place.trouble()
    assert not place.file.exists()


def test_a_store_that_is_removed_under_a_running_receiver_is_missed_and_used_again_once_it_is_back(
    place: Place,
) -> None:
    with OwnSink(place.settings) as sink:
        kept = place.file.with_name("kept")
        whole(place.file, kept)
        place.remove()
        assert sink.answers(place.address, UNKNOWN) == ["250", "451"]
        kept.rename(place.file)
        assert sink.answers(place.address, UNKNOWN) == ["250", "550"]


def test_nothing_is_written_into_a_store_that_was_removed_under_a_worker(place: Place) -> None:
    with closing(place.store()) as store:
        with store.reading() as session:
            vendors.vendor_row(session, "shop")
        place.remove()
        with pytest.raises(StoreUnusable), store.writing() as session:
            vendors.add_vendor(session, "Lost", ["lost.example"], DAY)


def test_a_store_that_another_installations_was_put_in_place_of_is_not_used(place: Place, other: Place) -> None:
    place.remove()
    whole(other.file, place.file)
    assert answers(place, place.address, other.address, UNKNOWN) == ["250", "451", "451"]
    assert "another installation's" in place.trouble()
    assert "init --claim" in place.trouble()


def test_settings_that_name_the_store_of_another_installation_are_not_followed(place: Place, other: Place) -> None:
    place.settings = naming(place.settings, other.settings)
    assert answers(place, place.address, other.address) == ["250", "451"]
    assert "another installation's" in place.trouble()


def naming(settings: Settings, other: Settings) -> Settings:
    """Settings that name the store of others."""
    return settings.model_copy(update={"store": StoreSettings(url=SecretStr(other.store_url))})


def test_a_store_without_an_id_is_not_used_by_a_folder_that_has_one(place: Place) -> None:
    place.remove()
    with closing(Database(place.settings.store_url)) as store:
        store.migrate()
    assert answers(place, place.address, UNKNOWN) == ["250", "451"]
    assert "does not say which installation" in place.trouble()


def test_a_store_of_a_newer_version_is_one_line(place: Place) -> None:
    with closing(sqlite3.connect(place.file)) as store:
        store.execute("UPDATE alembic_version SET version_num = '9999'")
        store.commit()
    assert answers(place, place.address, UNKNOWN) == ["250", "451"]
    assert "newer version (schema 9999" in place.trouble()


@pytest.mark.parametrize("where", [0, 1])
def test_garbage_in_the_store_is_found_and_costs_no_issued_address(place: Place, where: int) -> None:
    whole(place.file, place.file.with_name("whole"))
    place.remove()
    place.file.with_name("whole").rename(place.file)
    with place.file.open("r+b") as file:
        size = file.seek(0, 2)
        file.seek(0 if where == 0 else 4096)
        file.write(b"\xa5" * (size // 2))
    assert answers(place, place.address, UNKNOWN)[0] == "250"
    with closing(place.store()) as store, pytest.raises(Exception, match="damaged|malformed|not a database") as caught:
        check_store(store)
    assert isinstance(caught.value, OSError) or is_down(caught.value)


def test_a_sound_store_passes_and_a_look_takes_no_longer_than_it_may(place: Place) -> None:
    with closing(place.store()) as store:
        assert check_store(store) == "answers, and its file is sound"
        assert "ended after 0 seconds" in check_store(store, 0)


def test_a_store_that_cannot_be_written_is_read_by_receivers(place: Place) -> None:
    late = place.issue()
    whole(place.file, place.file.with_name("whole"))
    place.remove()
    place.file.with_name("whole").rename(place.file)
    with place.file.open("r+b") as file:
        file.seek(18)
        file.write(b"\x03")  # so new a format that SQLite only reads it (fileformat2.html section 1.3.3)
    assert answers(place, place.address, late, UNKNOWN) == ["250", "250", "550"]
    with (
        closing(place.store()) as store,
        pytest.raises(Exception, match="readonly") as caught,
        store.writing() as session,
    ):
        vendors.add_vendor(session, "Late", ["late.example"], DAY)
    assert is_down(caught.value)


def test_a_store_that_lost_all_its_addresses_is_not_believed(place: Place) -> None:
    with closing(place.store()) as store, store.writing() as session:
        session.exec(delete(CanaryRow))
    assert answers(place, place.address, UNKNOWN) == ["250", "451"]
    assert set(open_spool(place.settings).remembered()) == {place.address}


def test_an_address_that_an_older_copy_of_the_store_lacks_stays_valid(place: Place) -> None:
    old = place.file.with_name("old")
    whole(place.file, old)
    late = place.issue()
    assert answers(place, late) == ["250"]
    place.remove()
    old.rename(place.file)
    assert answers(place, place.address, late, UNKNOWN) == ["250", "250", "550"]


def test_the_spool_of_another_installation_is_set_aside_with_its_mails(place: Place, other: Place) -> None:
    with OwnSink(other.settings) as sink, sink.dial() as client:
        client.begin(other.address)
        assert client.ask("Subject: theirs", "", ".")[:3] == "250"
    shutil.rmtree(place.settings.data / "spool")
    shutil.copytree(other.settings.data / "spool", place.settings.data / "spool")
    with closing(Spools(place.settings)) as spools:
        assert list(spools) == []  # a worker leaves it alone
    assert "another installation's" in " ".join(Installation(place.settings).spool_problems().values())
    assert answers(place, place.address, other.address) == ["250", "550"]
    [aside] = (place.settings.data / "spool").glob("smtp.db.damaged-*[0-9]")
    with closing(sqlite3.connect(aside)) as file:
        assert file.execute("SELECT content FROM mail").fetchall() == [(b"Subject: theirs\r\n\r\n",)]
    assert "was set aside" in " ".join(Installation(place.settings).spool_problems().values())
    with closing(Spools(place.settings)) as spools:
        assert [spool.path.name for spool in spools] == ["smtp.db"]


def test_a_new_folder_joins_the_store_that_its_settings_name(place: Place, tmp_path: Path) -> None:
    settings = naming(place.settings, place.settings).model_copy(update={"data": tmp_path / "node"})
    with OwnSink(settings) as sink:
        assert sink.answers(place.address, UNKNOWN) == ["250", "550"]
    assert Installation(settings).id() == Installation(place.settings).id() != ""


def test_a_folder_that_lost_its_id_finds_it_in_the_store_by_its_spools(place: Place, other: Place) -> None:
    was = Installation(place.settings).id()
    (place.settings.data / "installation.id").unlink()
    assert answers(place, place.address, UNKNOWN) == ["250", "550"]
    assert Installation(place.settings).id() == was
    (place.settings.data / "installation.id").unlink()
    place.remove()
    whole(other.file, place.file)
    assert "another installation's" in place.trouble()


def test_what_is_said_to_belong_together_is_used(place: Place, other: Place) -> None:
    place.remove()
    whole(other.file, place.file)
    assert claim_store(place.settings) == Installation(other.settings).id()
    assert answers(place, place.address, other.address, UNKNOWN) == ["250", "250", "550"]


def test_a_moved_store_is_still_this_installations(place: Place, tmp_path: Path) -> None:
    with closing(place.store()) as source, closing(Database(f"sqlite:///{tmp_path}/new.db")) as target:
        target.migrate()
        move_store(source, target, "name", DAY, lambda _: None)
        end_move(target)
    place.remove()
    (tmp_path / "new.db").rename(place.file)
    for file in tmp_path.glob("new.db-*"):
        file.rename(place.settings.data / file.name.replace("new.db", "canary.db"))
    assert answers(place, place.address, UNKNOWN) == ["250", "550"]


@pytest.mark.slow
def test_a_database_of_postgresql_is_asked_whose_it_is(postgres_store: Database, tmp_path: Path) -> None:
    url = postgres_store.url.render_as_string(hide_password=False)
    place = Place(tmp_path / "data", url)
    with closing(place.store()) as store:
        assert "with all" in check_store(store)
    for change, line in (
        ("UPDATE key_fingerprint SET fingerprint = 'other'", "another installation's"),
        ("DELETE FROM key_fingerprint", "does not say which"),
        ("UPDATE alembic_version SET version_num = '9999'", "newer version"),
        ("DROP TABLE alembic_version", "used with one"),
    ):
        with postgres_store.engine.begin() as connection:
            connection.exec_driver_sql(change)
        assert answers(place, place.address, UNKNOWN) == ["250", "451"]
        assert line in place.trouble()


def test_a_role_is_held_once_in_a_data_folder_and_its_process_is_named(tmp_path: Path) -> None:
    with holding_role(tmp_path, "worker"), holding_role(tmp_path, "smtp"), holding_role(tmp_path, "smtp-2"):
        with pytest.raises(RoleTaken, match=r"^worker: runs already as process \d+ with the data folder .*: stop"):
            check_free(tmp_path, ["web", "worker"])
        with holding_role(tmp_path / "elsewhere", "worker"):
            pass
    check_free(tmp_path, ["web", "worker", "smtp", "smtp-2"])
