"""Abusers at 127.0.1.2 pay for what they do; a client at 127.0.0.1, in another network, is served meanwhile."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from canary.model.networks import read_networks
from canary.smtp.admission import Event, Limits
from canary.smtp.handler import CanaryHandler
from canary.smtp.listeners import ListenAddress
from tests.sink import CANARY, DAY, Dialogue, Sink
from tests.wire import Spoken

ABUSER = "127.0.1.2"
BEGIN = f"HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<{CANARY}>\r\nDATA\r\n".encode()


@pytest.fixture
def crowd() -> Iterator[ExitStack]:
    """Clients in here stay connected until the test ends."""
    with ExitStack() as stack:
        yield stack


def delivers(sink: Sink, content: bytes = b"x\r\n") -> bool:
    """Whether an honest client gets a mail through, without being put off."""
    with sink.dial() as client:
        return client.begin()[:3] == "354" and client.ask(content + b".\r\n")[:3] == "250"


def floods(sink: Sink, crowd: ExitStack, count: int, said: bytes = b"") -> list[Dialogue]:
    """So many connections of the abuser, greeted or refused."""
    clients = [crowd.enter_context(sink.dial(ABUSER)) for _ in range(count)]
    for client in clients:
        with contextlib.suppress(OSError):
            client.say(said)
    return clients


def drown(client: Dialogue, flood: bytes) -> bytes:
    """Sends a flood without reading; returns what was received before the end."""
    with contextlib.suppress(OSError):
        client.say(flood)
    heard = b""
    with contextlib.suppress(OSError):
        while piece := client.socket.recv(65536):
            heard += piece
    return heard


# Connections.


def test_a_flood_of_connections_from_one_network_stops_at_its_share(tmp_path: Path, crowd: ExitStack) -> None:
    with Sink(tmp_path, Limits(connections=30, connections_per_network=20)) as sink:
        greetings = [client.hear()[:3] for client in floods(sink, crowd, 60)]
        assert greetings == ["220"] * 20 + ["421"] * 40
        assert delivers(sink)


def test_a_house_that_one_network_has_filled_has_room_for_others(tmp_path: Path, crowd: ExitStack) -> None:
    with Sink(tmp_path, Limits(connections=20, connections_per_network=100)) as sink:
        clients = floods(sink, crowd, 20)
        assert {client.hear()[:3] for client in clients} == {"220"}
        assert delivers(sink)
        assert clients[0].hear() == "421 4.3.2 Too busy, try again later"


def test_slow_mails_that_fill_the_house_make_room(tmp_path: Path, crowd: ExitStack) -> None:
    with Sink(tmp_path, Limits(connections=20)) as sink:
        clients = floods(sink, crowd, 20, BEGIN + b"drip")
        assert all(client.hear()[:3] == "220" for client in clients)
        assert all(delivers(sink) for _ in range(5))
        assert len(sink.mails()) == 5


def test_connecting_too_often_is_counted_by_network(tmp_path: Path, crowd: ExitStack) -> None:
    with Sink(tmp_path, Limits(connection_rate=3)) as sink:
        greetings = [client.hear() for client in floods(sink, crowd, 4)]
        assert greetings[3] == "421 4.7.0 Connecting too often, try again later"
        assert delivers(sink)


def test_our_own_machines_have_no_limit_by_network(tmp_path: Path, crowd: ExitStack) -> None:
    limits = Limits(connections_per_network=1, connection_rate=1, mail_rate=1, unknown_rate=1)
    with Sink(tmp_path, limits, exempt=read_networks(["127.0.0.1"])) as sink:
        assert all(delivers(sink) for _ in range(3))
        assert [client.hear()[:3] for client in floods(sink, crowd, 2)] == ["220", "421"]


# Commands.


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flood", "event", "most"),
    [
        (b"RCPT TO:<no@example.net>\r\n" * 20_000, Event.UNKNOWN, Limits().unknown),
        (b"RCPT TO:<no@elsewhere.example>\r\n" * 20_000, Event.FOREIGN, Limits().unknown),
        (b"RCPT TO:<%s>\r\n" % CANARY.encode() * 20_000, Event.COMMANDS, Limits().commands),
        (b"\xde\xad garbage \xbe\xef\r\n" * 50_000, Event.ERRORS, Limits().errors),
        (b"NOOP\r\n" * 100_000, Event.COMMANDS, Limits().commands),
    ],
    ids=["unknown recipients", "foreign recipients", "one recipient", "garbage", "nothing"],
)
def test_a_pipelined_flood_ends_its_session_and_delays_nobody(
    tmp_path: Path, flood: bytes, event: Event, most: int
) -> None:
    with Sink(tmp_path) as sink, sink.dial(ABUSER) as abuser, sink.dial() as client:
        client.begin()
        heard = drown(abuser, b"HELO x\r\nMAIL FROM:<>\r\n" + flood)
        # Its farewell may have been overtaken by the reset that what it has still to say is answered with.
        assert heard.count(b"\r\n") <= most + 4
        assert client.ask(b"x\r\n.\r\n")[:3] == "250"
        assert delivers(sink)
        assert sink.listener.clients.counts[event] > 0


def test_a_mail_arrives_beside_four_floods(tmp_path: Path, crowd: ExitStack) -> None:
    with Sink(tmp_path, Limits(commands=1_000_000)) as sink:
        floods(sink, crowd, 4, b"NOOP\r\n" * 20_000)
        assert delivers(sink)


def test_two_floods_at_once_leave_others_their_turn() -> None:
    async def main() -> None:
        flooders = [Spoken(Limits(commands=1_000_000)) for _ in range(2)]
        client = Spoken()
        for flooder in flooders:
            flooder.session.data_received(b"NOOP\r\n" * 20_000)
        await client.say(b"NOOP\r\n")
        assert client.replies[-1] == "250 2.0.0 OK"
        assert max(len(flooder.replies) for flooder in flooders) < 1_000

    asyncio.run(main())


@pytest.mark.slow
def test_a_client_that_guesses_too_much_sends_no_mail_for_a_while(tmp_path: Path) -> None:
    with Sink(tmp_path, Limits(unknown_rate=5)) as sink, sink.dial(ABUSER) as guesser, sink.dial(ABUSER) as other:
        guesser.hear()
        guesser.say("HELO x", "MAIL FROM:<>", *["RCPT TO:<no@example.net>"] * 6)
        assert [guesser.hear()[:3] for _ in range(8)] == ["250", "250"] + ["550"] * 6
        other.hear()
        assert other.ask("HELO x")[:3] == "250"
        assert other.ask("MAIL FROM:<>") == "450 4.7.1 Too many unknown recipients from your network, try again later"
        assert delivers(sink)


def test_a_client_that_sends_too_much_is_put_off_and_keeps_its_session(tmp_path: Path) -> None:
    with Sink(tmp_path, Limits(mail_rate=2)) as sink, sink.dial(ABUSER) as client:
        assert client.begin()[:3] == "354"
        assert client.ask(b".\r\n", "MAIL FROM:<>")[:3] == "250"
        assert client.hear()[:3] == "250"
        client.ask("RSET")
        assert client.ask("MAIL FROM:<>") == "450 4.7.1 Too much mail from your network, try again later"
        assert client.ask("NOOP")[:3] == "250"
        assert delivers(sink)


# Memory.


def test_many_unfinished_mails_of_one_network_pay_for_memory(tmp_path: Path, crowd: ExitStack) -> None:
    with Sink(tmp_path, Limits(memory=4 << 20)) as sink, sink.dial() as client:
        client.begin()
        client.say(b"y" * (1 << 20))
        abusers = floods(sink, crowd, 12, BEGIN + b"x" * (1 << 19))
        assert client.ask(b"\r\n.\r\n")[:3] == "250"
        ends = []
        for abuser in abusers:
            abuser.say(b"\r\n.\r\n")
            ends.append([abuser.hear()[:3] for _ in range(6)][-1])
        assert ends.count("452") >= 4
        assert sink.listener.clients.octets == 0


# The tarpit.


@pytest.mark.slow
def test_refusals_wait_longer_and_longer_for_a_client_that_earns_them(tmp_path: Path) -> None:
    with Sink(tmp_path, Limits(tarpit=0.1)) as sink, sink.dial(ABUSER) as abuser:
        abuser.hear()
        began = time.monotonic()
        abuser.say("HELO x", "MAIL FROM:<>", *["RCPT TO:<no@example.net>"] * 3, "NOOP")
        assert delivers(sink)
        replies = [abuser.hear()[:3] for _ in range(6)]
        assert time.monotonic() - began > 0.3
        assert replies == ["250", "250", "550", "550", "550", "250"]


# Doors.


def test_a_unix_socket_speaks_lmtp_and_has_a_place_in_a_full_house(tmp_path: Path, crowd: ExitStack) -> None:
    door = ListenAddress("lmtp", path=str(tmp_path / "l.sock"))
    limits = Limits(connections=2, connections_per_network=2, mail_rate=1)
    with Sink(tmp_path, limits, doors=[door]) as sink:
        assert [client.hear()[:3] for client in floods(sink, crowd, 2)] == ["220", "220"]
        with Dialogue(door.path) as client:
            assert client.hear()[:3] == "220"
            assert client.ask("LHLO x")[:3] == "250"
            for _ in range(3):
                client.say("MAIL FROM:<>", f"RCPT TO:<{CANARY}>", f"RCPT TO:<{CANARY.upper()}>", "DATA", b".\r\n")
                assert [client.hear()[:3] for _ in range(6)] == ["250", "250", "250", "354", "250", "250"]
        assert [mail.envelope.client.ip for mail in sink.mails()] == [""] * 3


def test_an_ipv4_client_of_an_ipv6_door_is_counted_as_ipv4(tmp_path: Path) -> None:
    with Sink(tmp_path, doors=[ListenAddress(host="::")]) as sink:
        port = sink.opened[1].socket.getsockname()[1]
        with Dialogue(("127.0.0.1", port)) as four, Dialogue(("::1", port)) as six:
            assert (four.hear()[:3], six.hear()[:3]) == ("220", "220")
            networks = {member.network for member in sink.listener.clients.clients}
        assert networks == {"127.0.0.0/24", "::/48"}


def test_sessions_from_before_keep_their_rules_and_new_ones_get_the_new(tmp_path: Path) -> None:
    with Sink(tmp_path) as sink, sink.dial() as old:
        old.hear()
        moved = CanaryHandler(frozenset({"moved.example"}), sink.book, sink.spool, lambda: DAY)
        fresh = replace(sink.config, handler=moved, limits=Limits(size=9999))
        sink.loop.call_soon_threadsafe(sink.listener.adopt, fresh, lambda _: False)
        with sink.dial() as new:
            new.hear()
            assert "SIZE 9999" in new.ask("EHLO x")
            new.ask("MAIL FROM:<>")
            assert new.ask(f"RCPT TO:<{CANARY}>")[:9] == "550 5.7.1"
        assert "SIZE 26214400" in old.ask("EHLO x")
