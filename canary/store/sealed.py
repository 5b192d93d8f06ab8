"""Secret values in the store, sealed by a key outside of it: who has only the store, or a dump of it, reads none of them."""

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from canary.store.signing_key import read_or_make_key

_VERSION = "1."
_NONCE, _LEAST_OCTETS = 12, 32


class SealBroken(ValueError):
    """What was sealed cannot be read, or nothing can be sealed; the text is one line with the cure."""


class Sealer:
    """Seals and opens values with the key in a file, by AES-GCM; the place of a value is sealed with it, so none is moved."""

    def __init__(self, file: Path, draw: Callable[[int], bytes] = secrets.token_bytes) -> None:
        """Look at the file when it is needed; `draw` returns so many random octets."""
        self.file, self._draw = file, draw

    def seal(self, values: Mapping[str, object], place: str) -> str:
        """Return values sealed for a place, making the key at first use; raises SealBroken."""
        nonce = self._draw(_NONCE)
        sealed = self._cipher(make=True).encrypt(nonce, json.dumps(dict(values)).encode(), place.encode())
        return _VERSION + base64.b64encode(nonce + sealed).decode()

    def open(self, sealed: str, place: str) -> dict[str, Any]:
        """Return the values that were sealed for a place; raises SealBroken."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - most installations have nothing sealed

        cipher = self._cipher(make=False)
        try:
            octets = base64.b64decode(sealed.removeprefix(_VERSION), validate=True)
            found = json.loads(cipher.decrypt(octets[:_NONCE], octets[_NONCE:], place.encode()))
        except (InvalidTag, ValueError):
            raise SealBroken(f"settings key {self.file}: is not the one that sealed {place}: {_CURE}") from None
        return dict(found)

    def _cipher(self, *, make: bool) -> Any:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - as above

        return AESGCM(hashlib.sha256(b"canary settings key:" + self._key(make=make)).digest())

    def _key(self, *, make: bool) -> bytes:
        try:
            key = read_or_make_key(self.file) if make else self.file.read_bytes().strip()
        except FileNotFoundError:
            raise SealBroken(f"settings key {self.file}: is missing: {_CURE}") from None
        except OSError as fault:
            why = fault.strerror or type(fault).__name__
            raise SealBroken(
                f"settings key {self.file}: {why}: let the user that runs Canary read it, and write to its folder"
            ) from None
        if len(key) < _LEAST_OCTETS:
            raise SealBroken(f"settings key {self.file}: {len(key)} octets are too few for a key: {_CURE}")
        return key


_CURE = "put your copy of the key there, or remove what was sealed in the browser and enter it again"
