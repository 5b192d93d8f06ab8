"""What is entered in the browser: it lives in the store, its secrets sealed; what is written in the settings file wins."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from canary.alerts.delivery import DeliveryPool
from canary.model.entered import EnteredValues
from canary.processes.backup import back_up
from canary.processes.build import delivery_context, destinations_in_force, health_check
from canary.processes.entered import EnteredSettings, check_entered
from canary.processes.restoring import restore_backup
from canary.processes.spools import Spools
from canary.processes.stores import open_store, prepare_store
from canary.settings import Arranged, Settings
from canary.store import moving
from canary.store.database import Database
from canary.store.decoy_mac import decoy_mac_of
from canary.store.queries.audit import audited
from canary.store.queries.entered import MOST, put_entry
from canary.store.queries.vendors import Unknown
from canary.store.sealed import SealBroken

URL = "https://hooks.example/services/T0/B0/verysecret"
OPS = {"kind": "slack", "url": URL, "severity": "high"}


def clock() -> datetime:
    return datetime(2026, 3, 1, 12, tzinfo=UTC)


def arranged(tmp_path: Path, **more: object) -> Settings:
    return Arranged(data=tmp_path / "data", domains=("in.example",), **more)  # type: ignore[arg-type]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = arranged(tmp_path)
    prepare_store(found, open_store(found))
    return found


def enter(settings: Settings, name: str = "ops", section: str = "destination", **given: object) -> None:
    with open_store(settings).writing() as session:
        EnteredSettings(settings, clock).enter(session, section, name, given, "ann")


def current(settings: Settings) -> Settings:
    with open_store(settings).reading() as session:
        return EnteredSettings(settings, clock).current(session).settings


def test_a_destination_that_was_entered_is_in_force(settings: Settings) -> None:
    enter(settings, **OPS)
    found = current(settings).alert.destinations["ops"]
    assert (found.kind, found.url.get_secret_value(), found.severity) == ("slack", URL, "high")


def test_no_secret_is_in_the_store_the_audit_log_or_what_a_page_gets(settings: Settings) -> None:
    enter(settings, **OPS)
    store = open_store(settings)
    with store.reading() as session:
        rows = str(session.execute(text("SELECT * FROM entered")).all())
        log = str(audited(session))
        shown = EnteredSettings(settings, clock).views(session, "destination")
    assert "verysecret" not in rows + log + str(shown)
    assert "destination ops" in log
    assert shown[0].secrets == {"url"}


def test_a_secret_that_is_left_out_stays_as_it_was(settings: Settings) -> None:
    enter(settings, **OPS)
    enter(settings, kind="slack", severity="low")
    found = current(settings).alert.destinations["ops"]
    assert (found.url.get_secret_value(), found.severity) == (URL, "low")


def test_what_is_written_in_the_settings_file_wins_and_cannot_be_entered(tmp_path: Path, settings: Settings) -> None:
    enter(settings, **OPS)
    enter(settings, section="retention", name="", days=30)
    written = arranged(
        tmp_path, alert={"destinations": {"ops": {"kind": "ntfy", "url": "https://n.example/a"}}}, retention={"days": 7}
    )
    assert current(written).alert.destinations["ops"].kind == "ntfy"
    assert current(written).retention.after == timedelta(days=7)
    for section, name, given in (("destination", "ops", OPS), ("retention", "", {"days": 9})):
        with pytest.raises(ValueError, match=r"is written in canary.toml or the environment, which wins"):
            enter(written, section=section, name=name, **given)
    with open_store(written).reading() as session:
        assert EnteredSettings(written, clock).views(session, "retention")[0].written == {"days"}


@pytest.mark.parametrize(
    ("name", "given", "line"),
    [
        ("Ops!", OPS, "name 'Ops!': use a to z"),
        ("x" * 41, OPS, "use a to z"),
        ("ops", {"kind": "pigeon", "url": URL}, "destination ops: kind: Input should be"),
        ("ops", {"kind": "slack"}, "destination ops: url: Field required"),
        ("ops", {"kind": "slack", "url": "ftp://x/verysecret"}, "must begin with https:// or http://"),
        ("ops", {**OPS, "kinds": ["nonsense"]}, "no such kind of fact: nonsense"),
        ("ops", {**OPS, "vendors": ["v" * 30_000]}, "is longer than 20,000 characters"),
        ("ops", {**OPS, "surprise": 1}, "surprise: Extra inputs are not permitted"),
    ],
)
def test_what_cannot_be_is_one_line_without_the_secret(
    settings: Settings, name: str, given: dict[str, object], line: str
) -> None:
    with pytest.raises(ValueError, match=line) as fault:
        enter(settings, name, **given)  # type: ignore[arg-type]
    assert "\n" not in str(fault.value)
    assert "verysecret" not in str(fault.value)


def test_a_file_of_the_machine_is_never_named_in_the_browser(settings: Settings) -> None:
    with pytest.raises(ValueError, match="key_file: is set in canary.toml only"):
        enter(settings, section="decoys", name="", key_file="/etc/passwd")


def test_there_are_only_so_many_entries(settings: Settings) -> None:
    with open_store(settings).writing() as session:
        for number in range(MOST):
            put_entry(session, EnteredValues("other", str(number), {}), "ann", clock())
    with pytest.raises(ValueError, match="200 entries are the most"):
        enter(settings, **OPS)


def test_what_was_removed_is_no_longer_in_force(settings: Settings) -> None:
    enter(settings, **OPS)
    with open_store(settings).writing() as session:
        EnteredSettings(settings, clock).remove(session, "destination", "ops", "ann")
    assert not current(settings).alert.destinations
    with pytest.raises(Unknown), open_store(settings).writing() as session:
        EnteredSettings(settings, clock).remove(session, "destination", "ops", "ann")


def test_a_lost_key_leaves_all_others_in_force_and_is_said_with_the_cure(settings: Settings, tmp_path: Path) -> None:
    enter(settings, **OPS)
    enter(settings, section="retention", name="", days=30)
    key = settings.data / "settings.key"
    key.rename(tmp_path / "copy")
    store = open_store(settings)
    assert current(settings).retention.days == 30
    assert not current(settings).alert.destinations
    with pytest.raises(ValueError, match=r"settings.key: is missing: put your copy of the key there"):
        check_entered(store, settings)
    with store.reading() as session:
        [shown] = EnteredSettings(settings, clock).views(session, "destination")
    assert "is missing" in shown.fault
    check = health_check(settings, Spools(settings), store)
    assert "is missing" in check.look(clock())["settings destination ops"]
    (tmp_path / "copy").rename(key)
    assert check_entered(store, settings) == "2 in force"


def test_nothing_is_sealed_by_a_second_key_while_the_first_is_lost(settings: Settings) -> None:
    enter(settings, **OPS)
    (settings.data / "settings.key").unlink()
    with pytest.raises(SealBroken, match="is missing"):
        enter(settings, "other", **OPS)
    assert not (settings.data / "settings.key").exists()
    with open_store(settings).writing() as session:
        EnteredSettings(settings, clock).remove(session, "destination", "ops", "ann")
    enter(settings, "other", **OPS)
    assert list(current(settings).alert.destinations) == ["other"]


def test_a_running_delivery_takes_up_what_was_entered_and_what_was_removed(settings: Settings) -> None:
    store = open_store(settings)
    pool = DeliveryPool(delivery_context(settings, store), follow=destinations_in_force(settings))
    pool.look()
    assert pool.desk.targets == []
    enter(settings, **OPS)
    pool.look()
    assert [(target.name, target.url) for target in pool.desk.targets] == [("ops", URL)]
    same = pool.desk
    pool.look()
    assert pool.desk is same
    with store.writing() as session:
        EnteredSettings(settings, clock).remove(session, "destination", "ops", "ann")
    pool.look()
    assert pool.desk.targets == []
    pool.close()


def test_how_often_a_decoy_is_made_follows_what_was_entered(settings: Settings) -> None:
    store = open_store(settings)
    enter(settings, section="decoys", name="", every=3)
    with store.reading() as session:
        assert decoy_mac_of(session).one_in(session) == 3


def test_a_backup_has_what_was_entered_and_its_key(settings: Settings, tmp_path: Path) -> None:
    enter(settings, **OPS)
    back_up(settings, None, tmp_path / "all.tar", passphrase=None, now=clock(), environ={})
    elsewhere = Arranged(data=tmp_path / "elsewhere")
    restore_backup(elsewhere, tmp_path / "all.tar", None)
    assert current(elsewhere).alert.destinations["ops"].url.get_secret_value() == URL


def test_a_store_that_was_moved_has_what_was_entered(settings: Settings, tmp_path: Path) -> None:
    enter(settings, **OPS)
    source, target = open_store(settings), Database(f"sqlite:///{tmp_path}/new.db")
    target.migrate()
    moving.move_store(source, target, "it", clock(), lambda _: None)
    assert not moving.differing(moving.digests(source), moving.digests(target))
    moved = arranged(tmp_path, store={"url": f"sqlite:///{tmp_path}/new.db"})
    with target.reading() as session:
        found = EnteredSettings(moved, clock).current(session).settings
    assert found.alert.destinations["ops"].url.get_secret_value() == URL
