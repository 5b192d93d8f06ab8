"""Delivery: at least once, under one stable id, and never dropped in silence."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select
from standardwebhooks.webhooks import Webhook

from canary.alerts.channels import CHANNELS
from canary.alerts.channels.base import Channel, Delivery, Target
from canary.alerts.delivery import LADDER, LEASE, DeliveryContext, DeliveryPool, deliver_due
from canary.model.alert import Alert
from canary.net.http import Http
from canary.store.database import Database
from canary.store.queries import outbox
from canary.store.tables import DeliveryRow
from tests.conftest import Clock
from tests.patience import PATIENCE
from tests.receiver import Receiver, receiving

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


FACT = Alert(
    id="", kind="case-opened", at=NOW, vendor="Play", verdict="spam", confidence=0.9, canary="c@x.example", sender="s",
    subject="Hi", reasons=("why",),
)  # fmt: skip


@pytest.fixture
def desk(sqlite_store: Database, receiver: Receiver, clock: Clock) -> Iterator[DeliveryContext]:
    http = Http(allow_private=True)
    target = Target("ops", "slack", receiver.url)
    with sqlite_store.writing() as session:
        outbox.put(session, replace(FACT, id="id-1", case=7))
    yield DeliveryContext(sqlite_store, http, [target], clock, "https://canary.example")
    http.close()


def state(desk: DeliveryContext) -> tuple[str, str]:
    with desk.store.reading() as session:
        row = session.exec(select(DeliveryRow)).one()
        return row.state, row.fault


def retargeted(desk: DeliveryContext, *targets: Target, http: Http | None = None) -> DeliveryContext:
    return DeliveryContext(desk.store, http or desk.http, targets, desk.clock, desk.url)


def test_a_fact_arrives_once_with_its_id_and_the_link_to_its_case(desk: DeliveryContext, receiver: Receiver) -> None:
    assert (deliver_due(desk), deliver_due(desk)) == (1, 0)
    assert receiver.ids() == ["id-1"]
    assert "https://canary.example/cases/7" in receiver.got[0][1].decode()
    assert state(desk) == ("sent", "")


def test_a_busy_destination_is_tried_again_when_it_asked(
    desk: DeliveryContext, receiver: Receiver, clock: Clock
) -> None:
    receiver.answers = [(429, "slow down", {"Retry-After": "90"})]
    deliver_due(desk)
    clock.move(89)
    assert deliver_due(desk) == 0
    clock.move(1)
    assert deliver_due(desk) == 1
    assert receiver.ids() == ["id-1", "id-1"]


@pytest.mark.parametrize(
    ("status", "word"), [(404, "no_service"), (400, "invalid_token"), (410, "channel_is_archived")]
)
def test_a_permanent_refusal_becomes_a_dead_letter(
    desk: DeliveryContext, receiver: Receiver, status: int, word: str
) -> None:
    receiver.answers = [(status, word, {})]
    deliver_due(desk)
    assert state(desk) == ("dead", f"HTTP {status} {word}")


def test_a_fact_that_never_arrives_is_kept_as_a_dead_letter(
    desk: DeliveryContext, receiver: Receiver, clock: Clock
) -> None:
    receiver.answers = [(500, "broken", {})] * (len(LADDER) + 1)
    for _ in range(len(LADDER) + 1):
        deliver_due(desk)
        clock.move(90_000)
    assert len(receiver.got) == len(LADDER) + 1
    assert state(desk) == ("dead", "HTTP 500")


def test_a_redirect_is_not_followed(desk: DeliveryContext, receiver: Receiver) -> None:
    receiver.answers = [(302, "", {"Location": receiver.url})]
    deliver_due(desk)
    assert len(receiver.got) == 1
    assert state(desk)[0] == "waiting"


def test_a_crash_between_sent_and_marked_sends_the_same_id_again(
    desk: DeliveryContext, receiver: Receiver, clock: Clock
) -> None:
    def crash(step: str) -> None:
        if step == "sent":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deliver_due(DeliveryContext(desk.store, desk.http, desk.targets, clock, desk.url, passed=crash))
    clock.move(LEASE.total_seconds())
    deliver_due(desk)
    assert receiver.ids() == ["id-1", "id-1"]


def test_a_private_address_is_refused_unless_allowed(desk: DeliveryContext, receiver: Receiver) -> None:
    http = Http(allow_private=False)
    deliver_due(retargeted(desk, *desk.targets, http=http))
    http.close()
    assert receiver.got == []
    assert "alert.allow_private" in state(desk)[1]


def test_a_webhook_is_signed_as_the_specification_says(desk: DeliveryContext, receiver: Receiver, clock: Clock) -> None:
    clock.now = datetime.now(UTC)  # the verifying library reads the real clock
    deliver_due(retargeted(desk, Target("siem", "webhook", receiver.url, (SECRET,))))
    headers, body = receiver.got[0]
    assert Webhook(SECRET).verify(body, headers)["data"]["case"] == 7
    assert headers["webhook-id"] == "id-1"


def test_a_destination_that_does_not_answer_is_tried_again(desk: DeliveryContext) -> None:
    deliver_due(retargeted(desk, Target("gone", "slack", "http://127.0.0.1:9/")))
    assert state(desk)[0] == "waiting"


def test_no_fault_shows_the_address_of_a_destination(desk: DeliveryContext, receiver: Receiver) -> None:
    receiver.answers = [(500, "broken", {})]
    deliver_due(desk)
    assert "/hook" not in state(desk)[1]
    assert "/hook" not in repr(desk.targets)


def test_nothing_that_a_destination_answers_is_kept(desk: DeliveryContext, receiver: Receiver) -> None:
    target = Target("ops", "webhook", f"{receiver.url}/T0-very-secret", (SECRET,))
    receiver.answers = [(500, f"no such hook: /hook/T0-very-secret {SECRET}\x1b[31m", {})]
    deliver_due(retargeted(desk, target))
    assert state(desk) == ("waiting", "HTTP 500")


def test_what_a_destination_asks_for_holds_for_everything_that_is_to_go_there(
    desk: DeliveryContext, receiver: Receiver, clock: Clock
) -> None:
    put(desk, "id-2", case=8)
    receiver.answers = [(429, "slow down", {"Retry-After": "30"})]
    deliver_due(desk)
    clock.move(29)
    assert deliver_due(desk) == 0
    clock.move(1)
    assert deliver_due(desk) == 1


def test_a_paced_destination_gets_one_message_a_second(desk: DeliveryContext, receiver: Receiver, clock: Clock) -> None:
    for number in range(2, 5):
        put(desk, f"id-{number}", case=number)
    for _ in range(4):
        assert deliver_due(desk) == 1
        assert deliver_due(desk) == 0
        clock.move(1.1)
    assert sorted(receiver.ids()) == ["id-1", "id-2", "id-3", "id-4"]


def test_a_destination_that_is_slow_holds_up_no_other(desk: DeliveryContext, receiver: Receiver) -> None:
    answered, arrived = threading.Event(), threading.Event()

    def note_arrival(_headers: dict[str, str], _body: bytes) -> tuple[int, str, dict[str, str]]:
        arrived.set()
        return 200, "ok", {}

    with receiving() as quick:
        receiver.answer = lambda _headers, _body: (200 if answered.wait(PATIENCE) else 503, "ok", {})
        quick.answer = note_arrival
        couriers = DeliveryPool(retargeted(desk, *desk.targets, Target("quick", "slack", quick.url)))
        couriers.look()
        assert arrived.wait(PATIENCE)
        assert any(not each.done() for its in couriers.away.values() for each in its)
        answered.set()
        couriers.close()
    assert (receiver.ids(), quick.ids()) == (["id-1"], ["id-1"])


def test_a_look_says_when_the_next_message_is_due(desk: DeliveryContext, receiver: Receiver, clock: Clock) -> None:
    receiver.answers = [(429, "slow down", {"Retry-After": "90"})]
    pool = DeliveryPool(desk)
    assert pool.look() == clock()
    pool.close()
    pool = DeliveryPool(desk)
    assert pool.look() == clock() + timedelta(seconds=90)
    clock.move(90)
    assert pool.look() == clock()
    pool.close()
    assert receiver.ids() == ["id-1", "id-1"]
    assert pool.look() is None


def test_facts_that_wait_to_be_routed_are_due_at_once(sqlite_store: Database) -> None:
    with sqlite_store.writing() as session:
        assert outbox.next_due(session) is None
        outbox.put(session, Alert(id="id-1", kind="case-opened", at=NOW, case=7))
        session.flush()
        assert (outbox.next_due(session) or NOW) < NOW


def test_a_fault_of_ours_in_one_message_keeps_no_other_waiting(
    desk: DeliveryContext, receiver: Receiver, clock: Clock
) -> None:
    def stumble(http: Http, post: Delivery) -> None:
        if post.id == "id-1":
            raise RuntimeError("no idea")
        CHANNELS["slack"].send(http, post)

    put(desk, "id-2", case=8)
    broken = DeliveryContext(desk.store, desk.http, desk.targets, clock, desk.url, channels={"slack": Channel(stumble)})
    deliver_due(broken)
    assert receiver.ids() == ["id-2"]


def put(desk: DeliveryContext, name: str, case: int) -> None:
    with desk.store.writing() as session:
        outbox.put(session, replace(FACT, id=name, case=case))
