"""Alerts as the owner types them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from canary.alerts.routing import route
from canary.model.alert import Alert, DestinationView
from canary.store.queries import mutes, outbox, vendor_tags, vendors
from canary.store.tables import CaseNotificationRow
from tests.commands import CommandLine, installation
from tests.receiver import Receiver, receiving
from tests.weighed import open_case

pytestmark = [pytest.mark.slow, pytest.mark.everyday]  # every test migrates a store of its own
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def house(tmp_path: Path, receiver: Receiver) -> Iterator[CommandLine]:
    """An installation with a case that was told, or was to be, to a destination."""
    environ = {
        "CANARY_ALERT__DESTINATIONS__OPS__KIND": "slack",
        "CANARY_ALERT__DESTINATIONS__OPS__URL": f"{receiver.url}/very-secret",
        "CANARY_ALERT__ALLOW_PRIVATE": "true",
    }
    (tmp_path / "data").mkdir()
    with installation(tmp_path, environ) as found:
        found.store.migrate()
        with found.store.writing() as session:
            vendors.add_vendor(session, "Play", ["play.example"], NOW)
            case = open_case(session, 1, NOW)
            session.add(CaseNotificationRow(case_id=case.id or 0, topic="case:1"))
            fact = Alert(
                id="f1", kind="case-opened", at=NOW, case=1, vendor="Play", verdict="spam", sender="s", subject="Hi"
            )
            outbox.put(session, fact)
            session.flush()
            route(session, [DestinationView("ops", "slack")], NOW)
        yield found


def refused(house: CommandLine, *arguments: str) -> tuple[int, str]:
    done = house(*arguments)
    return done.code, done.err


def test_a_test_arrives_and_its_failure_is_reported_without_the_address(house: CommandLine, receiver: Receiver) -> None:
    assert json.loads(house.canary("alert", "test", "--json")) == [{"destination": "ops", "arrived": True, "fault": ""}]
    assert "This is a test" in receiver.got[0][1].decode()
    receiver.answers = [(404, "no_service", {})]
    assert refused(house, "alert", "test", "ops") == (1, "ops: HTTP 404 no_service\n")
    assert refused(house, "alert", "test", "opps") == (2, "opps: no such destination; there are ops\n")


def test_messages_are_listed_and_dead_letters_are_sent_again(house: CommandLine) -> None:
    with house.store.writing() as session:
        outbox.mark_failed(session, 1, "HTTP 404 no_service", None)
    [dead] = json.loads(house.canary("alert", "list", "--state", "dead", "--json"))
    assert (dead["delivery"], dead["id"], dead["to"], dead["fault"]) == (1, "f1", "ops", "HTTP 404 no_service")
    assert json.loads(house.canary("alert", "retry", "1", "--json")) == {"again": 1}
    assert refused(house, "alert", "retry", "1")[0] == 1
    assert house.canary("alert", "retry") == "0 to be sent again\n"


def test_cases_and_vendors_are_muted_snoozed_and_acknowledged(house: CommandLine) -> None:
    house.canary("alert", "mute", "play")
    house.canary("alert", "snooze", "1", "2w")
    house.canary("alert", "ack", "1")
    found = json.loads(house.canary("alert", "muted", "--json"))
    assert {row["subject"]: bool(row["until"]) for row in found} == {"vendor:play": False, "case:1": True}
    house.canary("alert", "unmute", "play")
    with house.store.reading() as session:
        assert list(mutes.active_mutes(session, NOW).until) == ["case:1"]
        assert session.get_one(CaseNotificationRow, 1).acknowledged_at is not None
    assert refused(house, "alert", "snooze", "1", "soon")[0] == 2
    assert refused(house, "alert", "mute", "99") == (1, "case:99: no such case; see `canary cases`\n")


def test_vendors_are_tagged(house: CommandLine) -> None:
    house.canary("vendor", "add", "Shop", "--domain", "shop.example", "--tag", "finance", "--tag", "EU")
    house.canary("vendor", "set", "shop", "--untag", "eu", "--tag", "games")
    assert json.loads(house.canary("vendor", "show", "shop", "--json"))["tags"] == ["finance", "games"]
    with house.store.reading() as session:
        assert vendor_tags.by_vendor(session, ["shop"]) == {"shop": ("finance", "games")}
