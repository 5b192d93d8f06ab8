"""The signing key of the installation, in the data folder; it is made at first use."""

import os
import secrets
from contextlib import suppress
from pathlib import Path


def installation_key(folder: Path) -> bytes:
    """Return the key in a data folder, making both if need be; raises OSError."""
    return read_or_make_key(folder / "secret.key")


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
