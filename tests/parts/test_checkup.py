"""The installation reports when something is wrong with it, once, and when that is over."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from sqlmodel import select

from canary.alerts.health import GRACE, look_for_silence, report
from canary.alerts.health_check import HealthCheck
from canary.store.database import Database
from canary.store.queries import vendors
from canary.store.queries.outbox import alert_of
from canary.store.tables import OutboxRow, VendorWeekRow

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class Machine:
    """A machine as it says it is."""

    up: bool | None = True
    waiting: dict[str, int] = field(default_factory=dict)

    def listening(self) -> bool | None:
        return self.up

    def backlogs(self) -> Mapping[str, int]:
        return dict(self.waiting)


def told(store: Database) -> list[tuple[str, str]]:
    with store.reading() as session:
        facts = [alert_of(row) for row in session.exec(select(OutboxRow))]
    return [(fact.kind, fact.change) for fact in sorted(facts, key=lambda fact: (fact.at, fact.kind))]


def look(store: Database, minutes: float, **present: str) -> None:
    with store.writing() as session:
        report(session, "here", present, NOW + timedelta(minutes=minutes))


def test_a_lasting_problem_is_reported_once_and_when_it_is_over(store: Database) -> None:
    for minute in range(10):
        look(store, minute, listener="Nobody listens")
    look(store, 11)
    look(store, 12)
    assert told(store) == [("health", "Nobody listens"), ("health-over", "That is over: Nobody listens")]


def test_a_problem_that_passes_soon_is_not_reported(store: Database) -> None:
    look(store, 0, listener="Nobody listens")
    look(store, GRACE.total_seconds() / 60 - 0.1, listener="Nobody listens")
    look(store, 3)
    assert told(store) == []


def test_a_machine_reports_only_its_own_problems(store: Database) -> None:
    look(store, 0, listener="Nobody listens")
    with store.writing() as session:
        report(session, "elsewhere", {}, NOW + timedelta(minutes=1))
    look(store, 3, listener="Nobody listens")
    assert [kind for kind, _ in told(store)] == ["health"]


@pytest.mark.parametrize(("up", "wrong"), [(True, []), (None, []), (False, ["listener"])])
def test_a_listener_that_is_not_heard_of_is_wrong(up: bool | None, wrong: list[str]) -> None:
    machine = Machine(up)
    assert list(HealthCheck(machine.listening, machine.backlogs).look(NOW)) == wrong


def test_a_spool_that_keeps_growing_is_reported_until_it_is_short_again() -> None:
    machine = Machine()
    checkup, wrong = HealthCheck(machine.listening, machine.backlogs), []
    for count in (0, 200, 300, 400, 500, 600, 550, 90, 200):
        machine.waiting = {"smtp": count}
        wrong.append(list(checkup.look(NOW)))
    assert wrong == [[], [], [], [], [], ["spool smtp"], ["spool smtp"], [], []]


def test_a_spool_that_goes_up_and_down_is_fine() -> None:
    machine = Machine()
    checkup = HealthCheck(machine.listening, machine.backlogs)
    for count in (500, 600, 100, 700, 800, 200, 900):
        machine.waiting = {"smtp": count}
        assert checkup.look(NOW) == {}


def test_mail_that_was_set_aside_is_reported_for_a_day() -> None:
    machine, came = Machine(), NOW - timedelta(hours=1)
    checkup = HealthCheck(machine.listening, machine.backlogs, set_aside=lambda since: int(came >= since))
    assert "1 in a day" in checkup.look(NOW)["set aside"]
    assert checkup.look(NOW + timedelta(days=1)) == {}


def test_a_certificate_that_ends_soon_or_cannot_be_read_is_wrong(tmp_path: Path) -> None:
    machine, path = Machine(), tmp_path / "cert.pem"
    checkup = HealthCheck(machine.listening, machine.backlogs, path)
    assert "cannot be read" in checkup.look(NOW)["certificate"]
    trustme.CA().issue_cert("mx.example", not_after=NOW + timedelta(days=20)).cert_chain_pems[0].write_to_path(path)
    assert checkup.look(NOW) == {}
    assert "ends on 21 March 2026" in checkup.look(NOW + timedelta(days=7))["certificate"]
    assert "ended on" in checkup.look(NOW + timedelta(days=30))["certificate"]


def write(store: Database, vendor: str, *weeks_ago: int) -> None:
    with store.writing() as session:
        number = vendors.vendor_row(session, vendor).id or 0
        monday = date(2026, 2, 23)
        for ago in weeks_ago:
            session.merge(VendorWeekRow(vendor_id=number, week=monday - timedelta(weeks=ago), expected=1))


def silence(store: Database, days: int = 0) -> None:
    with store.writing() as session:
        look_for_silence(session, NOW + timedelta(days=days))


@pytest.fixture
def shops(store: Database) -> Database:
    with store.writing() as session:
        for name in ("Play", "Shop", "Rare", "Busy"):
            vendors.add_vendor(session, name, [f"{name}.example"], NOW)
    write(store, "play", *range(6, 16))
    write(store, "shop", *range(7, 20))
    write(store, "rare", 8, 20)
    write(store, "busy", *range(20))
    return store


def test_vendors_that_used_to_write_and_stopped_are_reported_once_and_together(shops: Database) -> None:
    silence(shops)
    silence(shops, days=1)
    assert told(shops) == [("vendor-silent", "Play, Shop: used to write, and nothing came for 5 weeks")]


def test_a_vendor_that_stops_again_is_reported_again(shops: Database) -> None:
    silence(shops)
    write(shops, "play", 0)
    silence(shops)
    write(shops, "play", *range(-12, 0))
    silence(shops, days=20 * 7)
    assert told(shops)[-1] == ("vendor-silent", "Busy, Play: used to write, and nothing came for 5 weeks")
