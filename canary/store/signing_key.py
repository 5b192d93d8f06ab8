"""The signing key of the installation, in the data folder; it is made at first use."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

_LEAST_OCTETS = 32


def installation_key(folder: Path) -> bytes:
    """Return the key in a data folder, making both if need be; raises OSError, also for a key that anybody could guess."""
    key = read_or_make_key(file := folder / "secret.key")
    if len(key) < _LEAST_OCTETS:
        raise OSError(
            f"key {file}: {len(key)} octets are too few: put your copy there, or remove it, and everybody logs in again"
        )
    return key


def read_or_make_key(file: Path) -> bytes:
    """Return the key in a file that only its owner may read, making it if need be; raises OSError."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not file.exists():
        # Written whole under another name first: of two processes that start together, neither may read half a key.
        made = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as text:
            text.write(secrets.token_hex(32) + "\n")
        with suppress(FileExistsError):
            file.hardlink_to(made)
        made.unlink()
    return file.read_bytes().strip()
