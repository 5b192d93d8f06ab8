"""Sealing a stream of octets with a passphrase: scrypt makes a key, and AES-GCM seals it piece by piece.

A piece is a mebibyte, so that no backup is too large for the memory. The nonce of a piece has its number and whether it
is the last one: pieces cannot be left out, moved or cut off at the end (the STREAM construction, Hoang and others 2015).
"""

from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

MAGIC = b"canary sealed 1\n"
RANDOM_OCTETS = 16 + 7
PIECE = 1024 * 1024
_TAG = 16
_COST = 2**16
"""64 MiB of memory and some tenths of a second for each passphrase that is tried (RFC 7914)."""


class SealError(ValueError):
    """What was read is not what was sealed with this passphrase."""


class SealingWriter:
    """Seals what is written to it; only `close` makes it whole."""

    def __init__(self, sink: BinaryIO, passphrase: str, chance: bytes) -> None:
        """Begin with a salt and the beginning of the nonces, both drawn at random (`RANDOM_OCTETS`)."""
        self._sink, self._header = sink, MAGIC + chance
        self._cipher, self._nonces = _cipher(passphrase, chance), _Nonces(chance)
        self._waiting = bytearray()
        sink.write(self._header)

    def write(self, octets: bytes) -> int:
        """Add octets."""
        self._waiting += octets
        while len(self._waiting) > PIECE:
            self._seal(bytes(self._waiting[:PIECE]), last=False)
            del self._waiting[:PIECE]
        return len(octets)

    def close(self) -> None:
        """Write the last piece."""
        self._seal(bytes(self._waiting), last=True)
        self._waiting.clear()

    def _seal(self, piece: bytes, *, last: bool) -> None:
        self._sink.write(self._cipher.encrypt(self._nonces.next_one(last=last), piece, self._header))


class SealedReader:
    """Reads what was sealed; every octet that it returns was checked."""

    def __init__(self, source: BinaryIO, passphrase: str) -> None:
        """Begin after the magic words, which were read already; raises SealError for what is cut off."""
        chance = source.read(RANDOM_OCTETS)
        if len(chance) < RANDOM_OCTETS:
            raise SealError("it is cut off")
        self._source, self._header = source, MAGIC + chance
        self._cipher, self._nonces = _cipher(passphrase, chance), _Nonces(chance)
        self._ready, self._next, self._first = b"", source.read(PIECE + _TAG), True

    def read(self, size: int) -> bytes:
        """Return so many octets, fewer only at the end; raises SealError."""
        while len(self._ready) < size and self._next:
            self._ready += self._open_piece()
        found, self._ready = self._ready[:size], self._ready[size:]
        return found

    def _open_piece(self) -> bytes:
        piece, self._next = self._next, self._source.read(PIECE + _TAG)
        try:
            opened = self._cipher.decrypt(self._nonces.next_one(last=not self._next), piece, self._header)
        except InvalidTag:
            raise SealError("the passphrase is another one, or it is damaged" if self._first else "damaged") from None
        self._first = False
        return opened


class _Nonces:
    def __init__(self, chance: bytes) -> None:
        self._beginning, self._number = chance[16:], 0

    def next_one(self, *, last: bool) -> bytes:
        self._number += 1
        return self._beginning + self._number.to_bytes(4, "big") + bytes([last])


def _cipher(passphrase: str, chance: bytes) -> AESGCM:
    key = Scrypt(salt=chance[:16], length=32, n=_COST, r=8, p=1).derive(passphrase.encode())
    return AESGCM(key)
