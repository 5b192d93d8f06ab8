"""The listener under abuse, under TLS, and at its end."""

import asyncio
import contextlib
import gc
import json
import logging
import os
import smtplib
import ssl
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from canary.smtp.admission import Limits
from tests.patience import PATIENCE
from tests.sink import CANARY, Dialogue, Sink
from tests.wire import Spoken


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[Sink]:
    with Sink(tmp_path) as sink:
        yield sink


def send(sink: Sink, content: bytes) -> None:
    with smtplib.SMTP(*sink.place) as client:
        client.sendmail("a@sender.example", [CANARY], content)


# Abuse.


def drown(client: Dialogue, flood: bytes) -> bytes:
    """Sends a flood without reading, then reads what there is until the server has had enough."""
    try:
        client.socket.sendall(flood)
        return client.file.read()
    except OSError:
        return b""


def test_a_hundred_recipients_are_taken_and_the_next_comes_again(tmp_path: Path) -> None:
    with Sink(tmp_path) as sink:
        sink.store.addresses = frozenset(f"c{number}@example.net" for number in range(101))
        sink.run(sink.book.refresh())
        with sink.dial() as client:
            client.hear()
            client.say("HELO x", "MAIL FROM:<>", *[f"RCPT TO:<c{number}@example.net>" for number in range(101)])
            replies = [client.hear()[:9] for _ in range(103)]
            assert replies[2:] == ["250 2.1.5"] * 100 + ["452 4.5.3"]
            client.say("DATA", b"x\r\n.\r\n")
            assert [client.hear()[:3] for _ in range(2)] == ["354", "250"]
        assert len(sink.mails()[0].envelope.rcpt_to) == 100


@pytest.mark.slow
def test_twenty_thousand_recipients_end_the_session(sink: Sink) -> None:
    with sink.dial() as client:
        drown(client, b"HELO x\r\nMAIL FROM:<>\r\n" + b"RCPT TO:<no@example.net>\r\n" * 20_000)
    send(sink, b"x\r\n")
    assert len(sink.mails()) == 1
    assert len(sink.attempts()) < Limits().commands


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_line_without_end_costs_no_memory_and_is_refused_at_the_end(tmp_path: Path) -> None:
    with Sink(tmp_path, Limits(size=1 << 20)) as sink, sink.dial() as client:
        client.begin()
        before, chunk = resident(), b"x" * (1 << 20)
        for _ in range(200):
            client.say(chunk)
        assert resident() - before < 30 << 20
        assert client.ask(b"\r\n.\r\n")[:9] == "552 5.3.4"
        assert client.ask("NOOP")[:3] == "250"


def test_a_mail_that_is_read_for_nothing_is_cut_off_some_day(tmp_path: Path) -> None:
    with Sink(tmp_path, Limits(size=1000, discard=1 << 20)) as sink, sink.dial() as client:
        client.begin()
        drown(client, b"x" * (1 << 24))
        client.socket.close()
        assert sink.mails() == []


def test_the_biggest_unfinished_mail_pays_for_memory(tmp_path: Path) -> None:
    with Sink(tmp_path, Limits(memory=1 << 20)) as sink, sink.dial() as big, sink.dial() as small:
        big.begin()
        big.say(b"x" * (1 << 19))
        small.begin()
        small.say(b"y" * (1 << 10))
        big.say(b"x" * (1 << 20))
        assert big.ask(b"\r\n.\r\n") == "452 4.3.1 Insufficient system storage"
        assert small.ask(b"\r\n.\r\n")[:3] == "250"
        assert big.ask("MAIL FROM:<>")[:3] == "250"


@pytest.mark.parametrize("limits", [Limits(connections=2), Limits(connections_per_network=2)])
def test_too_many_connections_are_asked_to_come_again(tmp_path: Path, limits: Limits) -> None:
    with Sink(tmp_path, limits) as sink, sink.dial() as first, sink.dial() as second:
        assert [first.hear()[:3], second.hear()[:3]] == ["220", "220"]
        with sink.dial() as third:
            assert third.hear()[:9] == "421 4.7.0"
            assert third.hear() == ""
        first.ask("QUIT")
        first.hear()
        with sink.dial() as fourth:
            assert fourth.hear()[:3] == "220"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (Limits(idle=1), b""),
        (Limits(idle=1), b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<play-x7k2m9@example.net>\r\nDATA\r\nhalf"),
        (Limits(session=1), b"NOOP\r\n"),
    ],
)
def test_silence_and_lingering_end_with_421(tmp_path: Path, limits: Limits, said: bytes) -> None:
    with Sink(tmp_path, limits) as sink, sink.dial() as client:
        client.say(said)
        assert client.file.read().splitlines()[-1][:9] == b"421 4.4.2"
        assert sink.mails() == []


@pytest.mark.slow
def test_dripping_octets_do_not_stretch_the_session(tmp_path: Path) -> None:
    with Sink(tmp_path, Limits(idle=PATIENCE, session=3)) as sink, sink.dial() as client:
        client.begin()
        client.socket.settimeout(0.05)
        heard = b""
        while not heard:
            client.say(b"x")
            with contextlib.suppress(TimeoutError):
                heard = client.socket.recv(100)
        assert heard[:9] == b"421 4.4.2"


@pytest.mark.slow
def test_a_client_that_never_reads_is_dropped(tmp_path: Path) -> None:
    with Sink(tmp_path, Limits(idle=0.3, commands=10_000_000)) as sink, sink.dial() as client:
        with contextlib.suppress(ConnectionError):
            client.say(b"HELP\r\n" * 1_000_000)
        sink.run(asyncio.wait_for(sink.listener.clients.empty.wait(), PATIENCE))


def test_a_connection_that_is_over_is_freed_without_looking_for_garbage() -> None:
    async def main() -> None:
        spoken = Spoken()
        await spoken.say(b"EHLO x\r\nQUIT\r\n")
        spoken.hang_up()
        session = weakref.ref(spoken.session)
        del spoken.session
        for _ in range(3):
            await asyncio.sleep(0)
        assert session() is None

    gc.disable()
    try:
        asyncio.run(main())
    finally:
        gc.enable()


# TLS.


@pytest.fixture(scope="module")
def tls() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("mx.example.net").configure_cert(context)
    return context


def test_tls_is_offered_once_and_recorded_with_the_mail(tmp_path: Path, tls: ssl.SSLContext) -> None:
    with Sink(tmp_path, tls=tls) as sink, sink.dial() as client:
        client.hear()
        assert "250-STARTTLS\r\n" in client.ask("EHLO before")
        assert client.ask("STARTTLS")[:3] == "220"
        client.start_tls()
        assert client.ask("MAIL FROM:<>")[:3] == "503"
        assert "STARTTLS" not in client.ask("EHLO after")
        assert client.ask("STARTTLS")[:3] == "503"
        client.say("MAIL FROM:<>", f"RCPT TO:<{CANARY}>", "DATA", b".\r\n")
        assert [client.hear()[:3] for _ in range(4)] == ["250", "250", "354", "250"]
        told = sink.mails()[0].envelope.client
    assert (told.helo, (told.tls or "").split()[0]) == ("after", "TLSv1.3")


def test_commands_injected_before_tls_are_dropped(tmp_path: Path, tls: ssl.SSLContext) -> None:
    with Sink(tmp_path, tls=tls) as sink, sink.dial() as client:
        client.hear()
        client.ask("EHLO before")
        assert client.ask(b"STARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@sender.example>\r\n")[:3] == "220"
        client.start_tls()
        assert client.ask("NOOP") == "250 2.0.0 OK"
        assert client.ask("MAIL FROM:<>")[:3] == "503"


def test_a_handshake_that_fails_frees_its_place(tmp_path: Path, tls: ssl.SSLContext) -> None:
    with Sink(tmp_path, Limits(connections=1), tls=tls) as sink:
        with sink.dial() as client:
            client.hear()
            client.ask("EHLO x")
            client.ask("STARTTLS")
            client.say(b"this is no handshake\r\n" * 10)
            client.file.read()
        sink.run(sink.listener.clients.empty.wait())
        with sink.dial() as client:
            assert client.hear()[:3] == "220"


# Stopping, and the log.


def test_stopping_says_goodbye_to_the_idle_and_lets_a_mail_finish(sink: Sink) -> None:
    with sink.dial() as idle, sink.dial() as busy:
        idle.hear()
        busy.begin()
        stopping = asyncio.run_coroutine_threadsafe(sink.listener.stop(PATIENCE), sink.loop)
        assert idle.hear()[:9] == "421 4.3.2"
        with pytest.raises(ConnectionRefusedError):
            sink.dial()
        assert busy.ask(b"x\r\n.\r\n")[:3] == "250"
        assert busy.hear()[:9] == "421 4.3.2"
        stopping.result(PATIENCE)
    assert len(sink.mails()) == 1


def test_stopping_waits_no_longer_than_its_grace_and_calls_it_no_probe(sink: Sink) -> None:
    with sink.dial() as busy:
        busy.begin()
        sink.stop(grace=0.05)
        assert busy.hear()[:9] == "421 4.3.2"
    assert sink.attempts() == []


def test_each_transaction_is_one_line_in_the_log(sink: Sink, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    send(sink, b"x\r\n")
    with sink.dial() as client:
        client.hear()
        client.say("HELO x", "MAIL FROM:<'>", "RCPT TO:<no@example.net>", "QUIT")
        client.file.read()
    lines = [json.loads(record.getMessage()) for record in caplog.records if record.name == "canary.smtp"]
    assert [(line["key"], line["outcome"][:3]) for line in lines] == [(sink.mails()[0].key, "250"), ("", "no ")]
    assert (lines[1]["mail_from"], lines[1]["refused"]) == ("'", {"unknown": 1})
    assert not [record for record in caplog.records if record.name == "mail.log"]
