"""The key of the log, in a file outside of the store: it signs, it blinds, and it finds the leaf of a thing again."""

import hmac
import logging
from functools import cached_property
from pathlib import Path

from sqlalchemy import bindparam, update
from sqlmodel import Session, col

from canary.store.locks import Lock, lock
from canary.store.signing_key import read_or_make_key
from canary.store.tables import KeyFingerprintRow, LogLeafRow

log = logging.getLogger("canary.store.log_key")

CARRIED_AS = "evidence.log"
"""Under this name a session of the store carries the key; without it nothing is logged."""

_FINGERPRINT = "log"


class LogKeyError(ValueError):
    """The store's log was begun with another key than the one on this machine."""


class LogKey:
    """The key in a file, which is made at first use and read when it is needed."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._is_the_stores = False

    @cached_property
    def _seed(self) -> bytes:
        return read_or_make_key(self.file)

    @cached_property
    def _blinding(self) -> bytes:
        return self._derived(b"canary log blinding")

    @property
    def signing(self) -> bytes:
        """The 32 octets of the private key that signs checkpoints (Ed25519)."""
        return self._derived(b"canary log signing")

    @property
    def fingerprint(self) -> str:
        """What tells this key from others without giving it away."""
        return self._derived(b"canary log fingerprint").hex()[:32]

    def alias(self, text: str) -> str:
        """Return 32 hexadecimal digits that stand for a text: always the same ones, which nobody else can compute."""
        return hmac.digest(self._derived(b"canary alias"), text.encode(), "sha256").hex()[:32]

    def reference(self, kind: str, number: int) -> int:
        """Return the number by which the leaf of a thing is found, which tells nobody else what it is about."""
        return int.from_bytes(hmac.digest(self._blinding, f"{kind} {number}".encode(), "sha256")[:7], "big")

    def nonce(self, salt: bytes) -> bytes:
        """Return what a leaf is blinded with."""
        return hmac.digest(self._blinding, b"nonce " + salt, "sha256")

    def check(self, session: Session) -> bool:
        """Whether the log of a store was begun with this key, or has none yet; raises LogKeyError if it was another."""
        if self._is_the_stores:
            return True
        row = session.get(KeyFingerprintRow, _FINGERPRINT)
        if row is None:
            return False
        if not self.file.exists() or row.fingerprint != self.fingerprint:
            raise LogKeyError(
                f"log key {self.file}: is not the key of this store's log; put a copy of that key there (evidence.key_file)"
            )
        self._is_the_stores = True
        return True

    def claim(self, session: Session) -> None:
        """Make the log of a store that of this key, at first use; raises LogKeyError if it is another's."""
        if self.check(session):
            return
        lock(session, Lock.LOG)
        if not self.check(session):
            session.add(KeyFingerprintRow(name=_FINGERPRINT, fingerprint=self.fingerprint))
            session.flush()

    def _derived(self, purpose: bytes) -> bytes:
        return hmac.digest(self._seed, purpose, "sha256")


def log_key_of(session: Session) -> LogKey | None:
    """Return the key that a session carries, or None where nothing is logged."""
    found = session.info.get(CARRIED_AS)
    return found if isinstance(found, LogKey) else None


def usable_key(session: Session) -> LogKey | None:
    """Return the key to log with; None, and a line in the program's log, where it is not the key of this store's log."""
    key = log_key_of(session)
    try:
        if key:
            key.claim(session)
    except (LogKeyError, OSError) as fault:
        log.warning("%s; until then nothing new comes into the log", fault)
        return None
    return key


def forget_openings(session: Session, kind: str, numbers: list[int]) -> None:
    """Let nobody open the leaves of some things any more; the leaves stay."""
    if (key := log_key_of(session)) and numbers:
        gone = [{"about": key.reference(kind, number)} for number in numbers]
        session.connection().execute(_FORGET, gone)


_FORGET = update(LogLeafRow.__table__).where(col(LogLeafRow.reference) == bindparam("about")).values(salt=None)  # type: ignore[attr-defined]
