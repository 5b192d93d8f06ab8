"""Mail to postmaster and abuse: taken from all, within limits of its own, and never at the cost of mail to canaries."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from canary.smtp.admission import ROLES, Event
from canary.smtp.role_mail import DAY, RoleLimits, RoleQuota
from canary.store.role_mail import forget_role_mail
from canary.store.tables import MailContentRow, MailRow
from tests.parts.test_pipeline import LURE, World, world  # noqa: F401 - a fixture
from tests.sink import CANARY, Dialogue, Sink

ROLE, OTHER_ROLE = "postmaster@example.net", "abuse@example.net"
LIMITS = RoleLimits(size=2000, network_quota=2, quota=3)
SMALL, LARGE = "x" * 500, "\r\n".join(["x" * 98] * 40)


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[Sink]:
    with Sink(tmp_path) as sink:
        sink.handler.roles = RoleQuota(LIMITS)
        yield sink


def begun(client: Dialogue, size: int | None = None) -> Dialogue:
    for line in ("EHLO client.example", f"MAIL FROM:<a@sender.example>{f' SIZE={size}' if size else ''}"):
        client.say(line)
    assert [client.hear()[:3] for _ in range(3)] == ["220", "250", "250"]
    return client


def rcpt(client: Dialogue, *recipients: str) -> list[str]:
    return [client.ask(f"RCPT TO:<{recipient}>")[:9] for recipient in recipients]


def send(sink: Sink, text: str, *recipients: str, source: str = "127.0.0.1") -> list[str]:
    """The replies to the recipients, and to the mail if one of them was accepted."""
    with sink.dial(source) as client:
        replies = rcpt(begun(client), *recipients)
        if any(reply[0] == "2" for reply in replies):
            assert client.ask("DATA")[:3] == "354"
            replies.append(client.ask(text, ".")[:9])
        return replies


def kept(sink: Sink) -> list[tuple[str, ...]]:
    return [raw.envelope.rcpt_to for raw in sink.mails()]


def test_a_mail_that_says_it_is_too_large_for_a_role_is_refused_for_the_role_alone(sink: Sink) -> None:
    with sink.dial() as client:
        assert rcpt(begun(client, 4000), ROLE, CANARY, OTHER_ROLE) == ["552 5.3.4", "250 2.1.5", "552 5.3.4"]
        assert client.ask("DATA")[:3] == "354"
        assert client.ask(LARGE, ".")[:3] == "250"
    assert kept(sink) == [(CANARY,)]


def test_a_mail_to_a_role_that_turns_out_too_large_is_refused_and_not_held(sink: Sink) -> None:
    assert send(sink, LARGE, ROLE) == ["250 2.1.5", "552 5.3.4"]
    with sink.dial() as client:
        rcpt(begun(client), ROLE)
        client.say(f"BDAT {len(LARGE)} LAST", LARGE.encode())
        assert client.hear()[:9] == "552 5.3.4"
    assert kept(sink) == []
    assert sink.listener.clients.octets == 0


@pytest.mark.parametrize("recipients", [(ROLE, CANARY), (CANARY, ROLE)])
def test_a_large_mail_to_a_role_and_a_canary_is_kept_for_the_canary(sink: Sink, recipients: tuple[str, str]) -> None:
    assert send(sink, LARGE, *recipients) == ["250 2.1.5", "250 2.1.5", "250 2.0.0"]
    assert kept(sink) == [(CANARY,)]


def test_a_network_has_a_quota_of_mail_to_roles(sink: Sink) -> None:
    taken = ["250 2.1.5", "250 2.0.0"]
    assert [send(sink, SMALL, role) for role in (ROLE, OTHER_ROLE)] == [taken, taken]
    assert send(sink, SMALL, ROLE) == ["452 4.2.2"]
    assert send(sink, SMALL, ROLE, source="127.0.9.1") == taken
    assert send(sink, SMALL, ROLE, CANARY) == ["452 4.2.2", "250 2.1.5", "250 2.0.0"]
    assert kept(sink) == [(ROLE,), (OTHER_ROLE,), (ROLE,), (CANARY,)]


def test_all_together_have_a_quota_of_mail_to_roles_and_canaries_have_none(sink: Sink) -> None:
    for third in range(3):
        assert send(sink, SMALL, ROLE, source=f"127.0.{third + 1}.1")[-1] == "250 2.0.0"
    assert send(sink, SMALL, ROLE, source="127.0.9.1") == ["452 4.2.2"]
    for _ in range(4):
        assert send(sink, SMALL, CANARY, source="127.0.9.1")[-1] == "250 2.0.0"
    assert sink.listener.clients.counts[Event.ROLES] == 1


def test_those_who_begin_before_a_quota_is_used_up_share_what_is_left(sink: Sink) -> None:
    sink.handler.roles = RoleQuota(RoleLimits(quota=1))
    with sink.dial() as one, sink.dial() as two:
        for client in (one, two):
            rcpt(begun(client), ROLE)
            assert client.ask("DATA")[:3] == "354"
        assert [client.ask(SMALL, ".")[:9] for client in (one, two)] == ["250 2.0.0", "452 4.2.2"]
    assert kept(sink) == [(ROLE,)]


def test_a_quota_grows_back_within_a_day_and_own_machines_have_only_that_of_all() -> None:
    now = [1000.0]
    quota = RoleQuota(RoleLimits(network_quota=2, quota=5), lambda ip: ip == "10.0.0.1", lambda: now[0])
    assert [quota.count("192.0.2.1", "192.0.2.0/24") for _ in range(3)] == [True, True, False]
    now[0] += DAY / 2
    assert [quota.count("192.0.2.1", "192.0.2.0/24") for _ in range(2)] == [True, False]
    now[0] += DAY
    assert [quota.count("10.0.0.1", "10.0.0.0/24") for _ in range(6)] == [True] * 5 + [False]
    assert not quota.has_room("192.0.2.1", "192.0.2.0/24")


def test_an_address_that_was_issued_is_no_role(sink: Sink) -> None:
    sink.store.addresses |= {ROLE}
    sink.run(sink.book.refresh())
    for _ in range(5):
        assert send(sink, LARGE, ROLE)[-1] == "250 2.0.0"


def test_mail_to_roles_goes_after_its_days_and_what_reached_a_canary_stays(world: World) -> None:  # noqa: F811
    for _ in range(2):
        world.send(LURE, "postmaster@in.example")
    world.send(LURE, "shop")
    world.run()
    assert len(world.rows(MailRow)) == 3
    before = world.clock()
    forget(world, before)
    assert len(world.rows(MailRow)) == 3
    forget(world, before + timedelta(seconds=1))
    assert len(world.rows(MailRow)) == len(world.rows(MailContentRow)) == 1
    assert [row.mail_id for row in world.rows(MailContentRow)] == [row.id for row in world.rows(MailRow)]


def forget(world: World, before: datetime) -> None:  # noqa: F811
    last: int | None = 0
    while last is not None:
        with world.store.writing() as session:
            last = forget_role_mail(session, before, ROLES, last)
