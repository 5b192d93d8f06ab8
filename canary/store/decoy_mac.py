"""Which address is a decoy: its row carries an authentication code (MAC) that only the holder of a key can make or check."""

import hmac
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from sqlmodel import Session

from canary.store.signing_key import read_or_make_key
from canary.store.tables.base import MAC_OCTETS

SESSION_KEY = "decoy_mac"
"""The name under which a session carries its `DecoyMac`."""

_LEAST_OCTETS = 32


class MarkedRow(Protocol):
    """A row of a canary, whole or in part."""

    @property
    def address(self) -> str:
        """The address, in lower case."""

    @property
    def mac(self) -> bytes:
        """Random octets, or the authentication code of a decoy."""


@dataclass(frozen=True, slots=True)
class DecoyCount:
    """The decoys that were counted with a key: by ranges of their numbers as these were then, and by vendor.

    `mark` stands for all addresses that there were.
    """

    key: bytes | None = None
    mark: str = ""
    ranges: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    by_range: Mapping[int, Counter[int]] = field(default_factory=dict)
    total: Counter[int] = field(default_factory=Counter)


@dataclass(slots=True)
class DecoyMac:
    """The key of the decoys, in a file outside the store, and how often one is made: one for `every` addresses issued.

    `in_force` says how often by what the store has, where that may have been changed since the start. Without a file, and
    as long as the file is not there, every address counts as issued. `counted` is where
    `canary.canaries.decoys` keeps its last count.
    """

    file: Path | None = None
    every: int = 0
    in_force: Callable[[Session], int] | None = field(default=None, repr=False)
    counted: DecoyCount = field(default_factory=DecoyCount, repr=False)
    _key: bytes | None = field(default=None, repr=False)

    def one_in(self, session: Session) -> int:
        """Return for how many addresses issued one decoy is made; 0: for none."""
        return self.in_force(session) if self.in_force else self.every

    def key(self) -> bytes | None:
        """Return the key, or None where it cannot be read; a key that was read once is remembered."""
        if self._key is None and self.file is not None and self.file.is_file():
            self._key = _read(self.file)
        return self._key

    def make_key(self) -> None:
        """Make the key if there is none; raises OSError, and ValueError for a file without a key."""
        if self.file is None:
            raise ValueError("decoys.key_file: no file for the key of the decoys; set one")
        self._key = _read(self.file)

    def mac(self, address: str) -> bytes:
        """Return the authentication code of a decoy; raises ValueError without the key."""
        key = self.key()
        if key is None:
            raise ValueError(f"decoy key {self.file}: missing; put your copy there")
        return _mac(key, address)

    def is_decoy(self, row: MarkedRow) -> bool:
        """Whether the key says that a row is a decoy."""
        key = self.key()
        return key is not None and hmac.compare_digest(_mac(key, row.address), row.mac)

    def fingerprint(self) -> str:
        """Return the fingerprint of the key; raises ValueError without the key."""
        return self.mac("").hex()


NO_DECOYS = DecoyMac()
"""Where no key is set, no address is a decoy."""


def decoy_mac_of(session: Session) -> DecoyMac:
    """Return the `DecoyMac` of a session, which tells decoys from issued addresses."""
    made: DecoyMac = session.info.get(SESSION_KEY, NO_DECOYS)
    return made


def _read(file: Path) -> bytes:
    key = read_or_make_key(file)
    if len(key) < _LEAST_OCTETS:
        raise ValueError(f"decoy key {file}: {len(key)} octets are too few for a key; put your copy there")
    return key


def _mac(key: bytes, address: str) -> bytes:
    return hmac.digest(key, f"decoy:{address}".encode(), "sha256")[:MAC_OCTETS]
