"""Places where mail lies and an inlet fetches it, one of each kind, each with what reads it: Dovecot, a Maildir and so on."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from canary.inlets.imap import ImapReader
from canary.inlets.maildir import MaildirReader, WatchedMaildir
from canary.inlets.patience import InletReader
from canary.processes.remote_mailboxes import remote_readers
from canary.settings import Arranged, Settings
from tests.amazon import REGION, amazon, notice, queue_settings
from tests.dovecot import USER, dovecot
from tests.graph_server import SECRET, graph_server
from tests.graph_server import USER as GRAPH_USER
from tests.jmap_server import TOKEN, jmap_server
from tests.landing import DOMAIN, MX, Landing, folder, mailbox_side


@dataclass(frozen=True, slots=True)
class Posted:
    """A mail as it left a host, and whom it is for."""

    sender: str
    to: str
    content: bytes
    ip: str = "192.0.2.7"
    helo: str = "out.shop.example"

    def received(self, by: str = MX) -> bytes:
        """The mail with the lines of the server that took it."""
        taken = f"from {self.helo} ({self.helo} [{self.ip}])\r\n by {by} with ESMTPS id 1"
        lines = f"Return-Path: <{self.sender}>\r\nReceived: {taken};\r\n Sun, 01 Mar 2026 12:00:00 +0000\r\n"
        return f"Delivered-To: {self.to}\r\n{lines}".encode() + self.content


class OnceReader(InletReader, Protocol):
    """A reader that can also read what is there and end."""

    def run_once(self) -> None:
        """Read what is there."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A place: how a mail comes to lie in it, under a name, and who reads it as `home`."""

    deliver: Callable[[str, Posted], object]
    reader: Callable[[Landing], OnceReader]


def _only_reader(known: Settings, land: Landing) -> OnceReader:
    [found] = remote_readers(known, land.desk, lambda _: lambda _done, _all: None, (), lambda to: mailbox_side(*to))
    return found


def _remote(kind: str, chosen: dict[str, Any]) -> Callable[[Landing], OnceReader]:
    inlet = {kind: {"home": {"receivers": [MX], **chosen}}}
    return lambda land: _only_reader(Arranged(domains=(DOMAIN,), data=land.folder, inlet=inlet), land)


@contextmanager
def _imap(_: Path) -> Iterator[Mailbox]:
    with dovecot() as server:
        yield Mailbox(
            lambda _, mail: server.deliver(mail.received()),
            lambda land: ImapReader(folder(server, "INBOX", USER, MX), land.desk),
        )


@contextmanager
def _maildir(place: Path) -> Iterator[Mailbox]:
    there = place / "Maildir"
    for part in ("new", "cur", "tmp"):
        (there / part).mkdir(parents=True)
    yield Mailbox(
        lambda name, mail: (there / "new" / f"1772366400.{name}.host").write_bytes(mail.received()),
        lambda land: MaildirReader(WatchedMaildir("home", there, mailbox_side(MX)), land.desk),
    )


@contextmanager
def _jmap(_: Path) -> Iterator[Mailbox]:
    with jmap_server() as server:
        chosen = {"url": f"{server.url}/session", "password": TOKEN, "poll": 0.1}
        yield Mailbox(lambda name, mail: server.deliver(name, mail.received()), _remote("jmap", chosen))


@contextmanager
def _graph(_: Path) -> Iterator[Mailbox]:
    with graph_server() as server:
        chosen = {
            "url": f"{server.url}/v1.0", "token_url": f"{server.url}/token", "user": GRAPH_USER, "tenant": "t",
            "client_id": "me", "client_secret": SECRET, "poll": 0.1,
        }  # fmt: skip
        yield Mailbox(lambda name, mail: server.deliver(name, mail.received()), _remote("graph", chosen))


@contextmanager
def _queue(place: Path) -> Iterator[Mailbox]:
    with amazon() as server:
        server.begin("home")

        def deliver(name: str, mail: Posted) -> None:
            taken = mail.received(f"inbound-smtp.{REGION}.amazonaws.com")
            server.send(notice(mail.to, mail.sender, content=taken, name=name))

        yield Mailbox(deliver, lambda land: _only_reader(queue_settings(server.queue, land.folder), land))


MAILBOXES: dict[str, Callable[[Path], AbstractContextManager[Mailbox]]] = {
    "imap": _imap, "maildir": _maildir, "jmap": _jmap, "graph": _graph, "sqs": _queue,
}  # fmt: skip
"""Each begins in a folder of its own and ends with its block; one skips where its server is not installed."""
