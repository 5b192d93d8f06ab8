"""LMTP at a Unix socket and over TCP: one reply for each recipient, of which none comes before the commit."""

import smtplib
import socket
from pathlib import Path

import pytest

from canary.smtp.listeners import ListenAddress
from tests.patience import PATIENCE
from tests.sink import CANARY, Dialogue, Sink


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "lmtp.sock")


def test_a_unix_socket_is_as_good_as_a_port(tmp_path: Path, path: str) -> None:
    with Sink(tmp_path, doors=[ListenAddress("lmtp", path=path)]) as sink:
        with socket.socket(socket.AF_UNIX) as client, client.makefile("rb") as file:
            client.settimeout(PATIENCE)
            client.connect(path)
            client.sendall(b"LHLO x\r\nMAIL FROM:<a@sender.example>\r\n")
            client.sendall(
                f"RCPT TO:<{CANARY}>\r\nRCPT TO:<shop-abc123@example.net>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n".encode()
            )
            replies = [line[:3] for line in file.read().splitlines() if line[3:4] == b" "]
        assert replies == [b"220", b"250", b"250", b"250", b"250", b"354", b"250", b"250", b"221"]
        [mail] = sink.mails()
    assert (mail.envelope.client.ip, mail.envelope.client.helo) == ("", "x")


def test_the_client_of_the_standard_library_delivers(tmp_path: Path, path: str) -> None:
    with Sink(tmp_path, doors=[ListenAddress("lmtp", path=path)]) as sink:
        with smtplib.LMTP(path) as client:
            client.sendmail("a@sender.example", [CANARY], b"Subject: x\r\n\r\n")
        assert [mail.content for mail in sink.mails()] == [b"Subject: x\r\n\r\n"]


def test_a_full_spool_is_reported_for_each_recipient(tmp_path: Path) -> None:
    with Sink(tmp_path, max_pages=64, protocol="lmtp") as sink, sink.dial() as client:
        client.hear()
        client.say("LHLO x", "MAIL FROM:<>", f"RCPT TO:<{CANARY}>", "RCPT TO:<shop-abc123@example.net>", "DATA")
        assert [client.hear()[:3] for _ in range(5)] == ["250", "250", "250", "250", "354"]
        assert [client.ask(b"x" * 1_000_000 + b"\r\n.\r\n"), client.hear()] == [
            "452 4.3.1 Insufficient system storage"
        ] * 2
        assert client.ask("NOOP")[:3] == "250"


def test_each_of_many_recipients_gets_a_reply(tmp_path: Path) -> None:
    with Sink(tmp_path, protocol="lmtp") as sink:
        sink.store.addresses = frozenset(f"c{number}@example.net" for number in range(100))
        sink.run(sink.book.refresh())
        with sink.dial() as client:
            recipients = [f"RCPT TO:<c{number}@example.net>" for number in range(100)]
            client.say("LHLO x", "MAIL FROM:<>", *recipients, "DATA", "x", ".", "QUIT")
            replies = heard(client)
        assert replies.count("250 2.0.0 OK: queued as " + sink.mails()[0].key) == 100


def heard(client: Dialogue) -> list[str]:
    lines: list[str] = client.file.read().decode().splitlines()
    return lines
