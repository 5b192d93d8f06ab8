"""The listener over real sockets: what is kept, when it says so, and who may be written to."""

import asyncio
import smtplib
import socket
import sqlite3
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from canary.model.attempt import AttemptKind, LocalShape
from tests.patience import PATIENCE
from tests.sink import CANARY, ISSUED, Sink

HEAD = b"From: <news@play.example>\r\nTo: <play-x7k2m9@example.net>\r\nSubject: hello\r\n\r\n"


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[Sink]:
    with Sink(tmp_path) as sink:
        yield sink


def send(sink: Sink, content: bytes, *recipients: str) -> None:
    with smtplib.SMTP(*sink.place) as client:
        client.sendmail("a@sender.example", recipients or [CANARY], content)


@contextmanager
def writes_held(sink: Sink) -> Iterator[None]:
    """Holds the spool's write lock, so that no commit can happen."""
    file = sqlite3.connect(sink.spool.path, isolation_level=None)
    file.execute("BEGIN IMMEDIATE")
    yield
    file.execute("ROLLBACK")
    file.close()


async def until(condition: Callable[[], bool]) -> None:
    """Lets the loop turn until it is so."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - nothing tells when a client's octets have been read
            await asyncio.sleep(0)


# What is kept.


def test_a_mail_is_there_with_its_envelope_when_250_is_said(sink: Sink) -> None:
    send(sink, HEAD + b"body\r\n")
    [mail] = sink.mails()
    assert mail.content == HEAD + b"body\r\n"
    assert (mail.envelope.mail_from, mail.envelope.rcpt_to) == ("a@sender.example", (CANARY,))
    assert (mail.envelope.client.ip, mail.envelope.client.tls) == ("127.0.0.1", None)
    assert mail.envelope.client.port > 0


def test_a_mail_to_three_canaries_is_one_mail(sink: Sink) -> None:
    send(sink, HEAD, *sorted(ISSUED))
    [mail] = sink.mails()
    assert mail.envelope.rcpt_to == tuple(sorted(ISSUED))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\r\n",
        b"\0" * 100_000 + b"\r\n",
        b"no header at all\r\n",
        b": : :\r\n\r\n\xff\xfe\r\n",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n\r\n" * 1000,
        b"X: " + b"y" * 1_000_000 + b"\r\n",
        b"bare\nline\rfeeds\n.\n\r\n",
        b".\r\n..\r\n...\r\n.\r\n",
        HEAD + (b"z" * 76 + b"\r\n") * (25 * 1024 * 1024 // 78 - 2),
    ],
    ids=["empty", "blank", "nul", "headerless", "malformed", "parts", "line", "bare", "dots", "25MB"],
)
def test_mails_of_any_shape_are_kept_octet_for_octet(sink: Sink, content: bytes) -> None:
    with sink.dial() as client:
        assert client.begin()[:3] == "354"
        stuffed = (b"\r\n" + content).replace(b"\r\n.", b"\r\n..")[2:]
        assert client.ask(stuffed + b".\r\n")[:3] == "250"
    assert [mail.content for mail in sink.mails()] == [content]


def test_the_reply_carries_the_key_of_the_spool(sink: Sink) -> None:
    with sink.dial() as client:
        client.begin()
        reply = client.ask(b".\r\n")
    assert reply.split()[-1] == sink.mails()[0].key


def test_nothing_is_acknowledged_before_it_is_committed(sink: Sink) -> None:
    with sink.dial() as client:
        client.begin()
        with writes_held(sink):
            client.socket.settimeout(0.3)
            with pytest.raises(TimeoutError):
                client.ask(b"x\r\n.\r\n")
            assert sink.mails() == []
        client.socket.settimeout(PATIENCE)
        reply = client.socket.recv(100)
    assert reply.startswith(b"250")
    assert len(sink.mails()) == 1


def test_a_client_that_vanishes_while_its_mail_is_stored_loses_only_the_answer(sink: Sink) -> None:
    with writes_held(sink):
        client = sink.dial()
        client.begin()
        client.say(b"x\r\n.\r\n")
        sink.run(until(lambda: any(member.storing for member in sink.listener.clients.clients)))
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.hang_up()
        sink.run(until(lambda: all(member.gone for member in sink.listener.clients.clients)))
    sink.stop(grace=PATIENCE)
    assert [mail.content for mail in sink.mails()] == [b"x\r\n"]
    assert sink.attempts() == []


# Our own faults.


def test_a_fault_of_ours_is_temporary_and_shows_nothing(sink: Sink) -> None:
    file = sqlite3.connect(sink.spool.path)
    file.execute("ALTER TABLE mail RENAME TO gone")
    with sink.dial() as client:
        client.begin()
        assert client.ask(b"x\r\n.\r\n") == "451 4.3.0 Temporary local problem, try again later"
        file.execute("ALTER TABLE gone RENAME TO mail")
        client.say("MAIL FROM:<a@sender.example>", f"RCPT TO:<{CANARY}>", "DATA", b".\r\n")
        assert [client.hear()[:3] for _ in range(4)] == ["250", "250", "354", "250"]
    file.close()


def test_an_error_nobody_thought_of_is_temporary_too(sink: Sink, caplog: pytest.LogCaptureFixture) -> None:
    def clock() -> None:
        raise RuntimeError("db password=hunter2")

    sink.handler.clock = clock  # type: ignore[assignment]
    with sink.dial() as client:
        client.begin()
        assert client.ask(b"x\r\n.\r\n") == "451 4.3.0 Temporary local problem, try again later"
        assert client.ask("QUIT")[:3] == "221"
    assert "failed at a command" in caplog.text


def test_a_full_spool_is_452_and_mail_is_taken_again_when_there_is_space(tmp_path: Path) -> None:
    with Sink(tmp_path, max_pages=30) as sink, sink.dial() as client:
        client.begin()
        assert client.ask(b"x" * 1_000_000 + b"\r\n.\r\n") == "452 4.3.1 Insufficient system storage"
        client.say("MAIL FROM:<a@sender.example>", f"RCPT TO:<{CANARY}>", "DATA", b"small\r\n.\r\n")
        assert [client.hear()[:3] for _ in range(4)] == ["250", "250", "354", "250"]
        assert [mail.content for mail in sink.mails()] == [b"small\r\n"]


def test_below_the_disk_reserve_no_mail_is_begun(tmp_path: Path) -> None:
    with Sink(tmp_path, reserve_bytes=1 << 60) as sink, sink.dial() as client:
        client.hear()
        client.ask("EHLO client.example")
        assert client.ask("MAIL FROM:<a@sender.example>") == "452 4.3.1 Insufficient system storage"


def test_a_spool_that_fills_between_mail_and_data_is_no_probe(tmp_path: Path) -> None:
    with Sink(tmp_path, max_backlog=1) as sink, sink.dial() as first, sink.dial() as second:
        for client in (first, second):
            client.hear()
            client.ask("HELO client.example")
            client.ask("MAIL FROM:<a@sender.example>")
            client.ask(f"RCPT TO:<{CANARY}>")
        first.ask("DATA")
        assert first.ask(b".\r\n")[:3] == "250"
        assert second.ask("DATA") == "452 4.3.1 Insufficient system storage"
        assert second.ask("QUIT")[:3] == "221"
        assert sink.attempts() == []


# Who may be written to.


def test_an_address_issued_a_moment_ago_is_accepted(sink: Sink) -> None:
    sink.store.addresses |= {"new-1@example.net"}
    with sink.dial() as client:
        client.hear()
        client.ask("HELO client.example")
        client.ask("MAIL FROM:<>")
        assert client.ask("RCPT TO:<new-1@example.net>")[:3] == "250"


def test_while_the_store_is_down_known_addresses_take_mail_and_others_come_again(sink: Sink) -> None:
    sink.store.fault = OSError("no route to host")
    sink.run(sink.book.refresh())
    with sink.dial() as client:
        client.hear()
        client.ask("HELO client.example")
        client.ask("MAIL FROM:<>")
        assert client.ask("RCPT TO:<new-1@example.net>")[:9] == "451 4.3.0"
        assert client.ask(f"RCPT TO:<{CANARY}>")[:3] == "250"


def test_an_attempt_has_the_network_and_the_shape_of_the_guess_but_not_the_guess(sink: Sink) -> None:
    with sink.dial() as client:
        client.hear()
        client.say("HELO x", "MAIL FROM:<>", "RCPT TO:<Guess@Example.NET>", "QUIT")
        assert client.file.read().endswith(b"221 2.0.0 Bye\r\n")
    [attempt] = sink.attempts()
    assert (attempt.kind, attempt.domain, attempt.source, attempt.address, attempt.shape) == (
        AttemptKind.GUESS, "example.net", "127.0.0.0/24", "", LocalShape.WORD,
    )  # fmt: skip
