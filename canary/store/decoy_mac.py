"""Seals: what tells a decoy from an issued address, to whoever holds the key and to nobody else."""

import hmac
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from sqlmodel import Session

from canary.store.signing_key import key_in

INFO = "seals"
_OCTETS, _LEAST = 16, 32


class SealedRow(Protocol):
    """A row of a canary, whole or in part."""

    @property
    def address(self) -> str:
        """The address, in lower case."""

    @property
    def vendor_id(self) -> int | None:
        """The vendor it was issued to, or would have been."""

    @property
    def seal(self) -> bytes:
        """Its seal."""


@dataclass(slots=True)
class DecoyMac:
    """The key of the decoys, in a file outside the store, and how often one is made: one for `every` addresses issued.

    Without a file, and as long as the file is not there, every sealed address counts as issued. `counted` is what
    `canary.canaries.decoys` remembers of the last count.
    """

    file: Path | None = None
    every: int = 0
    counted: tuple[object, Counter[int | None]] = field(default=(None, Counter()), repr=False)
    _key: bytes | None = field(default=None, repr=False)

    def key(self) -> bytes | None:
        """Return the key, or None where it cannot be read; once it was, it stays known."""
        if self._key is None and self.file is not None and self.file.is_file():
            self._key = self._read(self.file)
        return self._key

    def make(self) -> bytes:
        """Return the key, making it if there is none; raises OSError, and ValueError for a file that holds none."""
        if self.file is None:
            raise ValueError("decoys.key_file: no file for the key of the decoys; set one")
        self._key = self._read(self.file)
        return self._key

    def seal(self, address: str) -> bytes:
        """Return the seal of a decoy; raises ValueError without the key."""
        key = self.key()
        if key is None:
            raise ValueError(f"decoy key {self.file}: missing; put your copy there")
        return _digest(key, f"decoy:{address}")

    def tell(self, row: SealedRow) -> bool:
        """Whether a row is known to be a decoy."""
        if row.vendor_id is None:
            return True
        key = self.key()
        return key is not None and hmac.compare_digest(_digest(key, f"decoy:{row.address}"), row.seal)

    def mark(self) -> str:
        """Return by what the key is known again; raises ValueError without it."""
        return self.seal("").hex()

    @staticmethod
    def _read(file: Path) -> bytes:
        found = key_in(file)
        if len(found) < _LEAST:
            raise ValueError(f"decoy key {file}: {len(found)} octets are too few for a key; put your copy there")
        return found


KEYLESS = DecoyMac()


def decoy_mac_of(session: Session) -> DecoyMac:
    """Return the seals that go with a session."""
    found: DecoyMac = session.info.get(INFO, KEYLESS)
    return found


def _digest(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")[:_OCTETS]
