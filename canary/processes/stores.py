"""The store of an installation, from its settings."""

import secrets
from collections.abc import Callable
from contextlib import closing
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import inspect, make_url
from sqlmodel import Session

from canary.attribute.priors import CARRIED_AS
from canary.cases.weighing import CASE_AT
from canary.judge_settings import JudgeSettings
from canary.processes.entered import EnteredSettings
from canary.processes.installation import Installation
from canary.processes.spools import clock
from canary.senders.profile import PLATFORMS
from canary.settings import Settings
from canary.store.database import Database, is_down
from canary.store.decoy_mac import DecoyMac
from canary.store.engine import file_of
from canary.store.identity import INSTALLATION, StoreIdentity, newest_version
from canary.store.locks import Lock, lock
from canary.store.log_key import CARRIED_AS as LOG_KEY
from canary.store.log_key import LogKey
from canary.store.tables import KeyFingerprintRow

if TYPE_CHECKING:
    from canary.judge.providers import ProviderRegistry


def open_store(settings: Settings, kind: Callable[..., Database] = Database) -> Database:
    """Open the store of this installation, making the data folder if need be; cases are assessed by the assumptions of the settings."""
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    carried = {
        CARRIED_AS: settings.attribution.rates,
        CASE_AT: settings.judge.case_at,
        PLATFORMS: platform_domains(settings.judge),
        LOG_KEY: log_key_from(settings),
    }
    guard = Installation(settings).admit
    return kind(settings.store_url, decoy_mac=decoy_mac_from(settings), carried=carried, guard=guard)


def prepare_store(settings: Settings, store: Database) -> None:
    """Bring a store up to date, and make it this installation's at its first use; raises StoreUnusable."""
    store.migrate()
    installation = Installation(settings)
    if not installation.id():
        installation.admit(StoreIdentity(newest_version(), _mark(store)))


def claim_store(settings: Settings) -> str:
    """Give the store of the settings, the data folder and its spools one id, whatever they had; return it.

    It is the store's, else the folder's, else a new one.
    """
    installation = Installation(settings)
    with closing(Database(settings.store_url)) as store:
        store.migrate()
        found = _mark(store, installation.id())
    installation.claim(found)
    return found


def store_exists(settings: Settings) -> bool:
    """Return whether there is a store, anybody's: a file, or a database with our tables."""
    if file := file_of(make_url(settings.store_url)):
        return file.exists()
    with closing(Database(settings.store_url)) as store, store.engine.connect() as connection:
        return inspect(connection).has_table("alembic_version")


def _mark(store: Database, wanted: str = "") -> str:
    """Return the id of a store, which gets one if it has none."""
    with store.writing() as session:
        lock(session, Lock.MIGRATIONS)
        row = session.get(KeyFingerprintRow, INSTALLATION)
        if row is None:
            row = KeyFingerprintRow(name=INSTALLATION, fingerprint=wanted or secrets.token_hex(16))
            session.add(row)
        return row.fingerprint


def platform_domains(judge: JudgeSettings) -> Callable[[str], bool]:
    """Return what says whether many senders share a domain; the registries are read at the first question."""

    @cache
    def book() -> "ProviderRegistry":
        from canary.processes.judging import own_book  # noqa: PLC0415 - most commands ask nothing of it

        return own_book(judge)

    return lambda domain: book().is_shared(domain)


def decoy_mac_from(settings: Settings) -> DecoyMac:
    """Return what tells decoys from issued addresses, by the key in its file."""
    entered = EnteredSettings(settings, clock)

    def one_in(session: Session) -> int:
        decoys = entered.current(session).settings.decoys
        return decoys.every if decoys.count else 0

    return DecoyMac(settings.decoy_key, settings.decoys.every if settings.decoys.count else 0, one_in)


def log_key_from(settings: Settings) -> LogKey:
    """Return the key of the log, whose file is made at first use."""
    return LogKey(settings.evidence.key_file or settings.data / "log.key")


def settings_in_force(settings: Settings) -> Settings:
    """Return the settings with what was entered in the browser, as they are written while the store is down."""
    with closing(open_store(settings)) as store:
        return in_force(store, EnteredSettings(settings, clock))


def in_force(store: Database, entered: EnteredSettings) -> Settings:
    """Return the settings with what was entered into a store, as they are written while it is down."""
    try:
        with store.reading() as session:
            return entered.current(session).settings
    except Exception as fault:
        if not is_down(fault):
            raise
        return entered.written
