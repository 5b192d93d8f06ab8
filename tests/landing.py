"""Where the mail of inlets lands in tests: a real spool and desk, with an event loop in a thread of its own."""

import asyncio
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from canary.authenticate.forwarder_registry import ForwarderRegistry
from canary.canaries.address_cache import AddressCache
from canary.inlets.desk import InletDesk
from canary.inlets.imap import ImapFolder
from canary.inlets.imap_session import ImapAccount
from canary.inlets.intake import Intake, IntakePolicy
from canary.inlets.ledger import InletLedger
from canary.inlets.patience import InletReader, InletThread
from canary.inlets.stored_mail import MailboxSide
from canary.mail.received import Trusted
from canary.model.attempt import Attempt
from canary.model.mail import RawMail
from canary.spool.spool import Spool
from canary.store.issued_addresses import AddressNews
from tests.dovecot import PASSWORD, USER, Dovecot
from tests.patience import PATIENCE

DOMAIN = "in.example"
CANARIES = frozenset({"shop.k7q2@in.example", "bank.x9f4@in.example"})
MX = "mx.provider.example"


def now() -> datetime:
    return datetime.now(UTC)


def mailbox_side(*receivers: str) -> MailboxSide:
    return MailboxSide(frozenset({DOMAIN}), Trusted(), receivers, ForwarderRegistry())


class Landing:
    """A desk whose mail is in `mails`; a thread is started by `reading` for as long as the block lasts.

    While `fault` is set the store does not answer; `addresses` are what it has issued.
    """

    def __init__(
        self, folder: Path, loop: asyncio.AbstractEventLoop, addresses: Collection[str], *, backlog: int, max_size: int,
        max_backlog: int, clock: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self.folder, self.loop, self.addresses = folder, loop, frozenset(addresses)
        self.fault: Exception | None = None
        self._backlog, self._max_size, self._max_backlog, self._clock = backlog, max_size, max_backlog, clock
        self._sight = Spool(folder / "mailboxes.db", reserve_bytes=0, max_backlog=1_000_000)

    async def begin(self) -> None:
        self.spool = Spool(self.folder / "mailboxes.db", reserve_bytes=0, max_backlog=self._max_backlog)
        self.spool.start(self._clock)
        self.book = AddressCache(self._issued, self.spool)
        await self.book.start()
        intake = Intake(self.spool, self.book, IntakePolicy(frozenset({DOMAIN}), self._max_size), self._clock)
        ledger = InletLedger(self.folder / "ledger.db")
        self.desk = InletDesk(self.loop, intake, ledger, self._backlog, self._clock)

    def _issued(self, mark: str) -> Iterator[AddressNews]:
        if self.fault:
            raise self.fault
        new = " ".join(sorted(self.addresses))
        if mark != new:
            yield AddressNews(len(self.addresses), sorted(self.addresses), new)

    async def end(self) -> None:
        self.desk.stopping.set()
        await self.book.stop()
        self.spool.close()
        self._sight.close()
        self.desk.ledger.close()

    @property
    def mails(self) -> list[RawMail]:
        return self._sight.waiting(100_000, now())

    @property
    def attempts(self) -> list[Attempt]:
        return [attempt for _, attempt in self._sight.attempts(1000)]

    def forget(self) -> None:
        self._sight.done([mail.key for mail in self.mails])

    @contextmanager
    def reading(self, label: str, reader: InletReader) -> Iterator[InletThread]:
        thread = InletThread(label, reader, self.desk)
        thread.start()
        try:
            yield thread
        finally:
            self.desk.stopping.set()
            thread.stop(PATIENCE)
            self.desk.stopping.clear()


@contextmanager
def landing(
    folder: Path, addresses: Collection[str] = CANARIES, *, backlog: int = 100_000, max_size: int = 1 << 20,
    max_backlog: int = 1_000_000, clock: Callable[[], datetime] = now,
) -> Iterator[Landing]:  # fmt: skip
    """Where mail lands, in files of a folder that are there the next time."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    made = Landing(folder, loop, addresses, backlog=backlog, max_size=max_size, max_backlog=max_backlog, clock=clock)
    asyncio.run_coroutine_threadsafe(made.begin(), loop).result(PATIENCE)
    try:
        yield made
    finally:
        asyncio.run_coroutine_threadsafe(made.end(), loop).result(PATIENCE)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE)
        loop.close()


def account(server: Dovecot, user: str = USER, password: str = PASSWORD) -> ImapAccount:
    return ImapAccount("127.0.0.1", server.port, "none", None, user, password)


def folder(server: Dovecot, name: str = "INBOX", user: str = USER, *receivers: str) -> ImapFolder:
    return ImapFolder("home", "home", account(server, user), name, mailbox_side(*receivers), poll=1.0)


def mail(
    to: str = "shop.k7q2@in.example", subject: str = "Your order", *, top: str = "", sender: str = "news@shop.example",
    text: str = "Hello.",
) -> bytes:  # fmt: skip
    """A mail as it lies in a mailbox, with `top` as what the receiver wrote on it."""
    number = abs(hash((to, subject, sender, text))) % 10**9
    lines = (
        f"From: Shop <{sender}>", f"To: {to}", f"Subject: {subject}", "Date: Sun, 01 Mar 2026 11:00:00 +0000",
        f"Message-ID: <{number}@shop.example>", "", text, "",
    )  # fmt: skip
    return (top + "\r\n".join(lines)).encode()
