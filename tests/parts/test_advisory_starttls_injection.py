"""Commands sent in the clear were obeyed under TLS elsewhere, as if they had been protected. Here they are dropped."""

import ssl
from pathlib import Path

import pytest
import trustme

from canary.smtp.admission import Limits
from tests.patience import PATIENCE
from tests.sink import CANARY, Dialogue, Sink


@pytest.fixture(scope="module")
def tls() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("mx.example.net").configure_cert(context)
    return context


@pytest.fixture(params=["asyncio", "uvloop"])
def sink(request: pytest.FixtureRequest, tmp_path: Path, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> Sink:
    """A sink in the loop of the standard library, and in the one that is used where it is there."""
    if request.param == "uvloop":
        uvloop = pytest.importorskip("uvloop")
        monkeypatch.setattr("asyncio.new_event_loop", uvloop.new_event_loop)
    return Sink(tmp_path, Limits(idle=PATIENCE), tls=tls)


def upgrade(client: Dialogue, *injected: str) -> None:
    client.hear()
    client.ask("EHLO clear.example")
    reply = client.ask("".join(f"{line}\r\n" for line in ("STARTTLS", *injected)).encode())
    assert reply[:3] == "220"
    client.start_tls()


def test_what_came_with_starttls_is_dropped(sink: Sink) -> None:
    with sink, sink.dial() as client:
        upgrade(client, "EHLO evil.example", "MAIL FROM:<evil@sender.example>", f"RCPT TO:<{CANARY}>", "DATA", "x", ".")
        assert client.ask("NOOP") == "250 2.0.0 OK"
        assert client.ask("MAIL FROM:<a@sender.example>")[:3] == "503"
        assert sink.mails() == []


def test_a_transaction_begun_in_the_clear_is_over_and_a_name_said_there_forgotten(sink: Sink) -> None:
    with sink:
        with sink.dial() as client:
            client.hear()
            client.say("EHLO clear.example", "MAIL FROM:<evil@sender.example>", f"RCPT TO:<{CANARY}>")
            assert [client.hear()[:3] for _ in range(3)] == ["250"] * 3
            assert client.ask("STARTTLS")[:3] == "220"
            client.start_tls()
            assert client.ask("DATA")[:3] == "503"
            assert client.ask("MAIL FROM:<>")[:3] == "503"
            client.say("EHLO safe.example", "MAIL FROM:<a@sender.example>", f"RCPT TO:<{CANARY}>", "DATA", "x", ".")
            assert [client.hear()[:3] for _ in range(5)] == ["250", "250", "250", "354", "250"]
        [mail] = sink.mails()
    assert (mail.envelope.mail_from, mail.envelope.client.helo) == ("a@sender.example", "safe.example")
    assert (mail.envelope.client.tls or "").startswith("TLSv1.3")


def test_clear_text_in_place_of_the_handshake_is_no_command(sink: Sink) -> None:
    with sink:
        with sink.dial() as client:
            client.hear()
            client.ask("EHLO x")
            assert client.ask("STARTTLS")[:3] == "220"
            client.say("MAIL FROM:<evil@sender.example>")
            assert b"250" not in client.file.read()
        sink.run(sink.listener.clients.empty.wait())
        assert sink.mails() == []


def test_large_mails_come_whole_under_tls(sink: Sink) -> None:
    content = (b"z" * 76 + b"\r\n") * 30_000
    with sink, sink.dial() as client:
        upgrade(client)
        client.say("EHLO x", "MAIL FROM:<>", f"RCPT TO:<{CANARY}>", "DATA")
        assert [client.hear()[:3] for _ in range(4)] == ["250", "250", "250", "354"]
        assert client.ask(content + b".\r\n")[:3] == "250"
        assert [mail.content for mail in sink.mails()] == [content]
        assert client.ask("QUIT")[:3] == "221"
