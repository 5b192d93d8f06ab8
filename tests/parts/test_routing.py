"""Which fact goes where, when, and with which others in one message."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from canary.alerts.routing import CATCH_UP, SETTLE, route
from canary.model.alert import Alert, DestinationView, Mode, Route, Severity
from canary.store.database import Database
from canary.store.queries import mutes, outbox, vendor_tags, vendors
from canary.store.queries.outbox import Due
from canary.store.queries.vendors import Unknown
from canary.store.tables import CaseRow, DeliveryRow
from tests.conftest import Clock
from tests.weighed import open_case

NOW = datetime(2026, 3, 1, 12, 20, tzinfo=UTC)
FACT = Alert(
    id="f0", kind="case-opened", at=NOW, case=1, vendor="Play", verdict="spam", confidence=0.9, canary="c@x.example",
    sender="s", subject="Hi", vendors=("play",), campaign=5,
)  # fmt: skip
OPS = DestinationView("ops", "slack")


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


class World:
    """A store with two vendors and a case each, destinations, and what was sent so far."""

    def __init__(self, store: Database, clock: Clock) -> None:
        self.store, self.clock = store, clock
        self.destinations = [OPS]
        with store.writing() as session:
            for name in ("Play", "Shop"):
                vendors.add_vendor(session, name, [f"{name}.example"], NOW)
                open_case(session, vendors.vendor_row(session, name.lower()).id or 0, NOW)

    def put(self, *numbers: int, **changes: object) -> None:
        with self.store.writing() as session:
            for number in numbers:
                outbox.put(session, replace(FACT, id=f"f{number}", **changes))  # type: ignore[arg-type]

    def sent(self, destination: str = "ops") -> list[list[str]]:
        """Route and send what is due; return the facts of each message."""
        with self.store.writing() as session:
            while route(session, self.destinations, self.clock()):
                pass
            due: list[Due] = outbox.claim(session, self.clock(), timedelta(minutes=1), destination, limit=100)
            for each in due:
                outbox.mark_sent(session, each.id, self.clock())
        return [[fact.id for fact in each.facts] for each in due]

    def states(self) -> list[str]:
        with self.store.reading() as session:
            return list(session.exec(select(DeliveryRow.state).order_by(DeliveryRow.id)))  # type: ignore[arg-type]


@pytest.fixture
def world(store: Database, clock: Clock) -> World:
    return World(store, clock)


def test_the_first_fact_of_a_matter_goes_out_at_once_and_what_follows_in_a_minute_joins_one_message(
    world: World, clock: Clock
) -> None:
    world.put(1)
    assert world.sent() == [["f1"]]
    for number in range(2, 60):
        world.put(number, case=1 + number % 2)
        assert world.sent() == []
    clock.move(SETTLE[0].total_seconds())
    [message] = world.sent()
    assert len(message) == 58


@pytest.mark.slow
def test_a_topic_that_goes_on_is_reported_ever_more_rarely(world: World, clock: Clock) -> None:
    gaps, last = [], NOW
    for number in range(1, 200):
        world.put(number)
        if world.sent():
            gaps.append(clock.now - last)
            last = clock.now
        clock.move(60)
    assert gaps[:4] == [timedelta(0), *SETTLE]


def test_a_topic_that_was_quiet_for_days_is_reported_at_once_again(world: World, clock: Clock) -> None:
    for number in range(1, 4):
        world.put(number)
        assert world.sent() == [[f"f{number}"]]
        clock.move(3 * 86400)


def test_two_campaigns_are_two_matters(world: World) -> None:
    world.put(1)
    world.put(2, campaign=6, case=2)
    assert world.sent() == [["f1"], ["f2"]]


def test_a_message_that_is_being_sent_takes_nothing_more_in(world: World, clock: Clock) -> None:
    world.put(1)
    with world.store.writing() as session:
        route(session, [OPS], NOW)
        outbox.claim(session, NOW, timedelta(minutes=1), "ops")
    world.put(2)
    clock.move(61)
    assert world.sent() == [["f1"], ["f2"]]


@pytest.mark.parametrize(("mode", "wait"), [(Mode.HOURLY, 40 * 60), (Mode.DAILY, (11 * 60 + 40) * 60)])
def test_a_digest_comes_at_the_full_hour_or_at_midnight_with_everything(
    world: World, clock: Clock, mode: Mode, wait: int
) -> None:
    world.destinations = [replace(OPS, mode=mode)]
    world.put(1)
    world.put(2, campaign=6, case=2)
    world.put(3, case=0, kind="new-sender")
    clock.move(wait - 1)
    assert world.sent() == []
    clock.move(1)
    assert world.sent() == [["f1", "f2", "f3"]]


def test_a_program_gets_every_fact_by_itself(world: World) -> None:
    world.destinations = [replace(OPS, mode=Mode.EVERY)]
    world.put(1, 2, 3)
    assert world.sent() == [["f1"], ["f2"], ["f3"]]


@pytest.mark.parametrize(
    ("wanted", "arrives"),
    [
        (Route(vendors=("play",)), True),
        (Route(vendors=("shop",)), False),
        (Route(tags=("finance",)), True),
        (Route(tags=("games",)), False),
        (Route(verdicts=("spam",)), True),
        (Route(verdicts=("third-party",)), False),
        (Route(kinds=("health",)), False),
        (Route(severity=Severity.HIGH), True),
    ],
)
def test_a_destination_gets_what_it_wants(world: World, wanted: Route, arrives: bool) -> None:
    world.destinations = [replace(OPS, route=wanted)]
    with world.store.writing() as session:
        vendor_tags.add_tags(session, "play", ["Finance"])
    world.put(1)
    assert bool(world.sent()) == arrives


def test_no_alert_is_sent_about_a_muted_case_and_what_happens_is_kept(world: World) -> None:
    with world.store.writing() as session:
        mutes.mute(session, "case:1", "ada", NOW)
    world.put(1)
    world.put(2, case=2)
    assert world.sent() == [["f2"]]
    assert world.states() == ["muted", "sent"]


def test_what_waits_when_a_vendor_is_muted_is_not_sent(world: World, clock: Clock) -> None:
    world.put(1)
    world.sent()
    world.put(2)
    world.sent()
    with world.store.writing() as session:
        mutes.mute(session, "vendor:play", "ada", NOW)
    clock.move(3600)
    assert world.sent() == []


def test_what_happens_in_a_case_that_sleeps_comes_as_one_message_when_it_wakes(world: World, clock: Clock) -> None:
    with world.store.writing() as session:
        mutes.snooze(session, "case:1", NOW + timedelta(hours=4), "ada", NOW)
    world.put(1)
    assert world.sent() == []
    clock.move(3600)
    world.put(2)
    assert world.sent() == []
    clock.move(3 * 3600)
    assert world.sent() == [["f1", "f2"]]


def test_alerts_about_an_unmuted_case_are_sent_again(world: World) -> None:
    with world.store.writing() as session:
        mutes.mute(session, "case:1", "ada", NOW)
        mutes.unmute(session, "case:1", "ada", NOW)
    world.put(1)
    assert world.sent() == [["f1"]]


@pytest.mark.parametrize("subject", ["case:99", "case:x", "vendor:nobody", "moon:1"])
def test_what_does_not_exist_cannot_be_muted(world: World, subject: str) -> None:
    with world.store.writing() as session, pytest.raises(Unknown):
        mutes.mute(session, subject, "ada", NOW)


def test_a_destination_that_is_added_later_gets_what_is_open_in_one_message(world: World, clock: Clock) -> None:
    world.destinations = []
    world.put(1)
    world.put(2, case=2, campaign=6)
    assert world.sent() == []
    with world.store.writing() as session:
        session.get_one(CaseRow, 2).state = "closed"
    clock.move(CATCH_UP.total_seconds() - 1)
    world.destinations = [OPS]
    assert world.sent() == [["f1"]]
    assert world.sent() == []


def test_a_destination_that_is_added_later_gets_only_what_it_wants(world: World) -> None:
    with world.store.writing() as session:
        vendor_tags.add_tags(session, "play", ["finance"])
    world.destinations = []
    world.put(1)
    assert world.sent() == []
    world.destinations = [
        replace(OPS, name="games", route=Route(tags=("games",))),
        replace(OPS, route=Route(tags=("finance",))),
    ]
    assert world.sent("games") == []
    assert world.sent() == [["f1"]]


def test_one_destination_with_a_pace_gets_one_message_at_a_time_from_all_processes(world: World, clock: Clock) -> None:
    pace = timedelta(seconds=1)
    world.put(1)
    world.put(2, campaign=6, case=2)
    with world.store.writing() as session:
        route(session, [OPS], NOW)
    for count in (1, 0, 0):
        with world.store.writing() as session:
            assert len(outbox.claim(session, clock(), timedelta(minutes=1), "ops", pace=pace)) == count
    clock.move(1)
    with world.store.writing() as session:
        assert len(outbox.claim(session, clock(), timedelta(minutes=1), "ops", pace=pace)) == 1


def test_a_dead_letter_is_sent_again_from_the_first_try_on(world: World, clock: Clock) -> None:
    world.put(1)
    with world.store.writing() as session:
        route(session, [OPS], NOW)
        [due] = outbox.claim(session, NOW, timedelta(minutes=1), "ops")
        outbox.mark_failed(session, due.id, "gone", None)
    with world.store.writing() as session:
        [dead] = outbox.deliveries(session, state="dead")
        outbox.retry(session, dead.id, NOW)
        with pytest.raises(Unknown, match="not a dead letter"):
            outbox.retry(session, dead.id, NOW)
    assert world.sent() == [["f1"]]


def test_a_test_from_the_dashboard_goes_to_one_destination_whatever_it_wants(world: World) -> None:
    world.destinations = [replace(OPS, route=Route(kinds=("health",))), DestinationView("other", "slack")]
    with world.store.writing() as session:
        outbox.put_test(session, "ops", NOW)
    assert len(world.sent()) == 1
    assert world.sent("other") == []


@pytest.mark.parametrize("word", ["", "two words", "x" * 41, "<b>"])
def test_a_word_that_is_not_a_tag_is_refused(world: World, word: str) -> None:
    with world.store.writing() as session, pytest.raises(ValueError, match="not a tag"):
        vendor_tags.add_tags(session, "play", [word])


def test_tags_are_taken_away(world: World) -> None:
    with world.store.writing() as session:
        vendor_tags.add_tags(session, "play", ["a", "b"])
        vendor_tags.drop_tags(session, "play", ["A", "zz"])
        assert vendor_tags.by_vendor(session, ["play", "shop"]) == {"play": ("b",)}
