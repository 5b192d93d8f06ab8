"""The role of the mailboxes: mail that lies in them is read, and kept in the spool of this process."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING

import httpx

from canary.canaries.address_cache import AddressCache
from canary.inlets.batches import Progress
from canary.inlets.desk import InletDesk
from canary.inlets.imap import ImapFolder, ImapReader, Verdicts
from canary.inlets.imap_session import ImapAccount
from canary.inlets.intake import Intake, IntakePolicy
from canary.inlets.ledger import InletLedger
from canary.inlets.maildir import MaildirReader, WatchedMaildir
from canary.inlets.oauth import AccessToken, TokenGrant
from canary.inlets.patience import InletThread
from canary.inlets.stored_mail import MailboxSide
from canary.mail.received import read_trusted
from canary.mailbox_settings import ImapSettings, OAuthSettings
from canary.processes.installation import Installation
from canary.processes.judging import forwarder_registry
from canary.processes.mailbox_health import open_ledger
from canary.processes.remote_mailboxes import RemoteReader, remote_readers
from canary.processes.shutdown import ShutdownSignal, announce
from canary.processes.spools import clock, open_spool
from canary.settings import Settings
from canary.store.issued_addresses import IssuedAddresses

if TYPE_CHECKING:
    from canary.processes.followed_settings import FollowedSettings
    from canary.store.database import Database

ROLE = "mailboxes"
_END_SECONDS = 20.0
_FOLLOW_SECONDS = 2.0
"""So often is looked whether another mailbox was entered."""

MailboxReader = ImapReader | MaildirReader | RemoteReader


async def read_mailboxes(settings: Settings, *, watched: bool = False) -> None:
    """Read all mailboxes until stopped, also those that are entered meanwhile; the store may be down all the while."""
    stopping = ShutdownSignal(watched=watched)
    async with open_desk(settings) as desk:
        reading, follow = RunningMailboxes(desk, _verdicts(settings)), mailboxes_in_force(settings)
        await reading.change_to(settings)
        announce("mailboxes ready")
        try:
            while not stopping.event.is_set():
                await reading.change_to(await asyncio.to_thread(follow))
                await stopping.pause(_FOLLOW_SECONDS)
        finally:
            await reading.end()


class RunningMailboxes:
    """The mailboxes that are read now, each in threads of its own that end and begin with its settings."""

    def __init__(self, desk: InletDesk, verdicts: Verdicts) -> None:
        """Read nothing yet."""
        self._desk, self._verdicts = desk, verdicts
        self._running: dict[str, tuple[object, InletDesk, list[InletThread]]] = {}

    async def change_to(self, settings: Settings) -> None:
        """Read what these settings name and nothing else; what is as it was goes on."""
        wanted: dict[str, object] = {**settings.inlet.imap, **settings.inlet.maildir, **settings.inlet.remote}
        await self._end([name for name, (chosen, *_) in self._running.items() if wanted.get(name) != chosen])
        for name in wanted.keys() - self._running.keys():
            self._running[name] = (wanted[name], *self._begun(settings, name))

    async def end(self) -> None:
        """End all."""
        await self._end(list(self._running))

    async def _end(self, names: Sequence[str]) -> None:
        ending = [self._running.pop(name) for name in names]
        for _, desk, _ in ending:
            desk.stopping.set()
        threads = [thread for *_, threads in ending for thread in threads]
        await asyncio.gather(*(asyncio.to_thread(thread.stop, _END_SECONDS) for thread in threads))

    def _begun(self, settings: Settings, name: str) -> tuple[InletDesk, list[InletThread]]:
        desk = self._desk.another()

        def progress_of(label: str) -> Progress:
            return lambda done, whole: desk.note_progress(label, done, whole)

        readers = mailbox_readers(settings, desk, progress_of, (name,), self._verdicts)
        threads = [InletThread(reader.place.label, reader, desk, _jitter) for reader in readers]
        for thread in threads:
            thread.start()
        return desk, threads


def mailboxes_in_force(settings: Settings) -> "FollowedSettings":
    """Return what returns the settings with the mailboxes that are entered now, or as they were last while the store is down."""
    from canary.processes.entered_sections import MAILBOXES  # noqa: PLC0415
    from canary.processes.followed_settings import FollowedSettings  # noqa: PLC0415 - loads the tables

    return FollowedSettings(settings, MAILBOXES)


@asynccontextmanager
async def open_desk(settings: Settings) -> AsyncIterator[InletDesk]:
    """Open what readers hand their mail to, in this event loop."""
    spool = open_spool(settings, ROLE)
    issued = IssuedAddresses(settings.store_url, guard=Installation(settings).admit)
    spool.start(clock)
    book = AddressCache(issued.fetch, spool, issued.changed)
    policy = IntakePolicy(_domains(settings), settings.smtp.max_size)
    intake = Intake(spool, book, policy, clock)
    desk = InletDesk(asyncio.get_running_loop(), intake, open_ledger(settings), settings.inlet.backlog, clock)
    try:
        await book.start()
        yield desk
    finally:
        desk.stopping.set()
        await book.stop()
        spool.close()
        desk.ledger.close()
        issued.close()


def mailbox_readers(
    settings: Settings,
    desk: InletDesk,
    progress_of: Callable[[str], Progress],
    only: Sequence[str] = (),
    verdicts: Verdicts = lambda _: {},
) -> list[MailboxReader]:
    """Return what reads each folder of each mailbox, or of those that are named; `verdicts` are asked before mail is moved."""
    imap = imap_folders(settings, desk.ledger)
    maildirs = watched_maildirs(settings)
    return [
        *(ImapReader(p, desk, progress_of(p.label), verdicts) for p in imap if not only or p.inlet in only),
        *(MaildirReader(p, desk, progress_of(p.label)) for p in maildirs if not only or p.inlet in only),
        *remote_readers(settings, desk, progress_of, only, partial(_side, settings)),
    ]


def imap_folders(settings: Settings, ledger: InletLedger) -> list[ImapFolder]:
    """Return the folders that are read by IMAP."""
    found: list[ImapFolder] = []
    for name, chosen in settings.inlet.imap.items():
        account = imap_account(name, chosen, ledger)
        for folder, label in zip(chosen.folders, chosen.labels(name), strict=True):
            side = _side(settings, chosen.trusted)
            found.append(
                ImapFolder(name, label, account, folder, side, chosen.poll, chosen.idle, chosen.mark_seen, chosen.move_to)
            )  # fmt: skip
    return found


def imap_account(name: str, chosen: ImapSettings, ledger: InletLedger) -> ImapAccount:
    """Return how to log in to a mailbox."""
    password = chosen.password.get_secret_value() if chosen.password else ""
    account = ImapAccount(chosen.host, chosen.port, chosen.security, chosen.ca_file, chosen.user, password)
    if chosen.oauth is None:
        return account
    return replace(account, token=AccessToken(name, _grant(chosen.oauth), ledger, httpx.Client(), clock))


def watched_maildirs(settings: Settings) -> list[WatchedMaildir]:
    """Return the Maildirs that are watched."""
    return [
        WatchedMaildir(name, chosen.path, _side(settings, chosen.trusted), chosen.poll, chosen.remove)
        for name, chosen in settings.inlet.maildir.items()
    ]


def _verdicts(settings: Settings) -> Verdicts:
    """Return what asks the store, which is opened for the first mailbox whose mail is moved; nothing is judged while it is down."""
    from canary.store.database import is_down  # noqa: PLC0415 - most mailboxes are only read
    from canary.store.queries.mails import charged  # noqa: PLC0415

    @cache
    def store() -> "Database":
        from canary.processes.stores import open_store  # noqa: PLC0415

        return open_store(settings)

    def look_up(keys: Sequence[str]) -> dict[str, bool]:
        try:
            with store().reading() as session:
                return charged(session, keys)
        except Exception as fault:
            if not is_down(fault):
                raise
            return {}

    return look_up


def _grant(oauth: OAuthSettings) -> TokenGrant:
    secret = oauth.client_secret.get_secret_value() if oauth.client_secret else ""
    return TokenGrant(oauth.endpoint, oauth.client_id, secret, oauth.refresh_token.get_secret_value(), oauth.scope)


def _side(settings: Settings, receivers: Sequence[str]) -> MailboxSide:
    trusted = read_trusted(settings.smtp.trusted)
    return MailboxSide(_domains(settings), trusted, tuple(receivers), forwarder_registry(settings.judge.forwarders))


def _domains(settings: Settings) -> frozenset[str]:
    return frozenset(domain.lower() for domain in settings.domains)


def _jitter() -> float:
    return 0.8 + 0.4 * secrets.randbelow(1000) / 1000
