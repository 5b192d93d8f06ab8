"""The handler by itself, under aiosmtpd's own controller and server, as the page about receiving shows it."""

import re
import smtplib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from canary.model.attempt import AttemptKind
from canary.smtp.session import CanarySMTP
from tests.patience import PATIENCE
from tests.processes import ROOT
from tests.sink import DAY

ISSUED = "shop-x7k2m9@inbox.example"
[EXAMPLE] = re.findall(r"```python\n(.*?)```", (ROOT / "docs/receiving.md").read_text(), re.DOTALL)


class Hardened:
    """Makes a controller serve with our class, as the page says."""

    def __init__(self, controller: Any) -> None:
        controller.factory = lambda: CanarySMTP(controller.handler, hostname="mx.example.net")


@pytest.fixture(params=["theirs", "ours"])
def running(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, Any]]:
    """What the example has made: spool, handler, and a controller that listens on a free port."""
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    code = EXAMPLE.replace("port=8025", f"port={port}").replace("reserve_bytes=100_000_000", "reserve_bytes=0")
    made: dict[str, Any] = {"Hardened": Hardened}
    if request.param == "ours":
        code = code.replace("controller.start()", "Hardened(controller)\ncontroller.start()")
    exec(code, made)
    yield made
    made["controller"].stop()
    made["spool"].close()


def client(running: dict[str, Any]) -> smtplib.SMTP:
    found = smtplib.SMTP("127.0.0.1", running["controller"].port, timeout=PATIENCE)
    assert found.ehlo("client.example")[0] == 250
    return found


def test_a_mail_is_on_the_disk_with_its_envelope_when_250_is_said(running: dict[str, Any]) -> None:
    with client(running) as sender:
        assert sender.mail("a@sender.example")[0] == 250
        assert sender.rcpt(ISSUED)[0] == 250
        code, words = sender.data(b"Subject: x\r\n\r\n.dots\r\n")
        [mail] = running["spool"].waiting(10, DAY)
    assert (code, words.decode()) == (250, f"2.0.0 OK: queued as {mail.key}")
    assert (mail.content, mail.envelope.mail_from, mail.envelope.rcpt_to) == (
        b"Subject: x\r\n\r\n.dots\r\n", "a@sender.example", (ISSUED,),
    )  # fmt: skip
    assert (mail.envelope.client.ip, mail.envelope.client.helo) == ("127.0.0.1", "client.example")


def test_the_null_sender_is_kept_as_such(running: dict[str, Any]) -> None:
    with client(running) as sender:
        sender.sendmail("", [ISSUED], b"x\r\n")
    assert running["spool"].waiting(10, DAY)[0].envelope.mail_from == ""


def test_who_is_not_ours_is_refused_and_counted(running: dict[str, Any]) -> None:
    with client(running) as sender:
        sender.mail("a@sender.example")
        assert [sender.rcpt(to)[:1] for to in ("guess@inbox.example", "x@elsewhere.example")] == [(550,), (550,)]
        assert sender.rcpt("never@inbox.example")[1].startswith(b"5.1.1")
        assert sender.rcpt("x@elsewhere.example")[1].startswith(b"5.7.1")
        assert sender.verify("anybody")[0] == 252
    running["spool"].close()
    kinds = [attempt.kind for _, attempt in running["spool"].attempts(10)]
    assert kinds == [AttemptKind.GUESS, AttemptKind.RELAY, AttemptKind.GUESS, AttemptKind.RELAY, AttemptKind.VERIFY]


def test_a_fault_of_ours_is_temporary_and_shows_nothing(running: dict[str, Any]) -> None:
    def broken() -> None:
        raise RuntimeError("db password=hunter2")

    running["handler"].clock = broken
    with client(running) as sender:
        sender.mail("a@sender.example")
        sender.rcpt(ISSUED)
        assert sender.data(b"x\r\n") == (451, b"4.3.0 Temporary local problem, try again later")


def test_it_announces_no_passwords(running: dict[str, Any]) -> None:
    with client(running) as sender:
        assert not sender.has_extn("auth")
        assert sender.has_extn("8bitmime")
