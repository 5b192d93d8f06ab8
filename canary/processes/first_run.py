"""The first run: what `canary init` and the first-run page both do, and when it is due.

Everything is checked before anything is made, and the settings file is written last: what failed can be done again.
"""

import json
import os
import secrets
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlmodel import select

from canary.processes.installation import Installation
from canary.processes.stores import open_store, prepare_store, store_exists
from canary.settings import Settings, load_settings
from canary.store.database import Database
from canary.store.identity import NO_STORE
from canary.store.queries.users import SHORTEST, add_user
from canary.store.signing_key import installation_key
from canary.store.tables import UserRow

_TOML = """\
# Canary. Every key is explained in config/canary.example.toml; any of them also as CANARY_SECTION__KEY.
data = {data}
domains = [{domain}]

[smtp]
host = "127.0.0.1"
port = 2525
# listen = ["[::]:25"]  # once anyone may send mail to it
hostname = {hostname}

[web]
host = "127.0.0.1"
port = 8025
"""


@dataclass(frozen=True, slots=True)
class FirstRun:
    """What a first run is told: the domain whose mail arrives here, the host in its MX record, and the first user."""

    domain: str
    hostname: str
    admin: str
    password: str


@dataclass(frozen=True, slots=True)
class FirstRunDone:
    """A new installation: its settings, its store, and its first user."""

    settings: Settings
    store: Database
    user: UserRow


def read_domain(text: str, what: str = "domain") -> str:
    """Return a domain in its plain form; raises ValueError."""
    found = text.strip().lower().strip(".")
    labels = found.split(".")
    sound = len(found) <= 253 and len(labels) > 1 and all(0 < len(label) <= 63 for label in labels)
    if not sound or any(not (c.isalnum() or c in "-.") for c in found):
        raise ValueError(f"{what} {text[:80]!r}: not a domain; give one such as inbox.example")
    return found


def is_first_run(settings: Settings, config: Path | None) -> bool:
    """Whether nothing was set up yet: no settings file, no domain, no user in a store.

    Raises StoreUnusable where a store is missing that there was, as the data folder shows.
    """
    if settings.domains or (config and config.exists()):
        return False
    if store_exists(settings):
        return not _has_users(settings)
    Installation(settings).admit(NO_STORE)
    return True


def _has_users(settings: Settings) -> bool:
    with closing(open_store(settings)) as store:
        prepare_store(settings, store)
        with store.reading() as session:
            return session.exec(select(UserRow.id).limit(1)).first() is not None


def set_up(wanted: FirstRun, config: Path, data: Path, environ: Mapping[str, str], now: datetime) -> FirstRunDone:
    """Make data folder, store, first user and settings file.

    Raises ValueError, SettingsError, StoreUnusable and OSError in one line; the settings file is not there then.
    """
    if config.exists():
        raise ValueError(f"{config}: exists already; edit it, or remove it to start over")
    if len(wanted.password) < SHORTEST:
        raise ValueError(f"password has {len(wanted.password)} characters: choose one with at least {SHORTEST}")
    text = _TOML.format(
        data=json.dumps(str(data)), domain=json.dumps(wanted.domain), hostname=json.dumps(wanted.hostname)
    )
    settings = _read(text, environ)
    if not store_exists(settings):
        Installation(settings).admit(NO_STORE)
    installation_key(settings.data)
    store = open_store(settings)
    prepare_store(settings, store)
    with store.writing() as session:
        user = add_user(session, wanted.admin, wanted.password, "admin", now)
        # Without its file there is no user either, and all can be done again.
        _write(config, text)
    return FirstRunDone(settings, store, user)


def _read(text: str, environ: Mapping[str, str]) -> Settings:
    """Read settings that are not at their place yet, together with the environment; raises SettingsError."""
    with TemporaryDirectory(prefix="canary-") as folder:
        draft = Path(folder) / "canary.toml"
        draft.write_text(text, encoding="utf-8")
        return load_settings(draft, environ)


def _write(config: Path, text: str) -> None:
    config.parent.mkdir(parents=True, exist_ok=True)
    draft = config.with_name(f".{config.name}.{secrets.token_hex(4)}")
    try:
        draft.write_text(text, encoding="utf-8")
        os.link(draft, config)  # fails where a file of this name came meanwhile
    finally:
        draft.unlink(missing_ok=True)
