"""Behind a proxy: who may name a client, and that the limits are those of the real client."""

import asyncio
from pathlib import Path

import pytest

from canary.smtp.admission import Limits
from tests.patience import PATIENCE
from tests.sink import CANARY, Dialogue, Sink


def everybody(_: str) -> bool:
    return True


def behind(sink: Sink, ip: str) -> Dialogue:
    client = sink.dial()
    client.say(f"PROXY TCP4 {ip} 198.51.100.1 4711 25")
    return client


def test_the_limits_count_the_clients_and_not_the_proxy(tmp_path: Path) -> None:
    limits = Limits(connections_per_network=1)
    with Sink(tmp_path, limits, proxies=everybody) as sink, behind(sink, "192.0.2.9") as first:
        assert first.hear()[:3] == "220"
        with behind(sink, "203.0.113.9") as another:
            assert another.hear()[:3] == "220"
        with behind(sink, "192.0.2.77") as neighbour:
            assert neighbour.hear()[:9] == "421 4.7.0"
        first.ask("QUIT")
        first.file.read()
        with behind(sink, "192.0.2.77") as neighbour:
            assert neighbour.hear()[:3] == "220"


def test_xclient_moves_a_session_to_the_clients_network(tmp_path: Path) -> None:
    with Sink(tmp_path, Limits(connections_per_network=1), xclient=everybody) as sink:
        with sink.dial() as relay:
            relay.hear()
            assert relay.ask("XCLIENT ADDR=192.0.2.9")[:3] == "220"
            with sink.dial() as other:
                assert other.hear()[:3] == "220"
                assert other.ask("XCLIENT ADDR=192.0.2.77")[:9] == "421 4.7.0"
                assert other.hear() == ""
        sink.run(asyncio.wait_for(sink.listener.clients.empty.wait(), PATIENCE))


def test_guesses_are_noted_against_the_client(tmp_path: Path) -> None:
    with Sink(tmp_path, proxies=everybody) as sink:
        with behind(sink, "192.0.2.9") as client:
            client.say("HELO x", "MAIL FROM:<>", "RCPT TO:<no@example.net>", "QUIT")
            client.file.read()
        assert [attempt.source for attempt in sink.attempts()] == ["192.0.2.0/24"]


@pytest.mark.slow
@pytest.mark.parametrize("said", [b"", b"PROXY TCP4 192.0.2.9"])
def test_a_proxy_that_never_ends_its_header_is_disconnected(tmp_path: Path, said: bytes) -> None:
    with Sink(tmp_path, Limits(idle=1), proxies=everybody) as sink, sink.dial() as client:
        client.say(said)
        assert client.file.read().splitlines()[-1:] in ([], [b"421 4.4.2 Idle for too long"])


def test_strangers_learn_nothing_of_either(tmp_path: Path) -> None:
    with Sink(tmp_path) as sink, sink.dial() as client:
        client.hear()
        assert "XCLIENT" not in client.ask("EHLO x")
        unknown = client.ask("XYZZY")
        assert client.ask("XCLIENT ADDR=192.0.2.9") == unknown
        assert client.ask("PROXY TCP4 192.0.2.9 198.51.100.1 4711 25") == unknown
        client.say("MAIL FROM:<>", f"RCPT TO:<{CANARY}>", "DATA", ".", "QUIT")
        client.file.read()
        assert sink.mails()[0].envelope.client.ip == "127.0.0.1"
