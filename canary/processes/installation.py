"""One installation, one store: whether a store belongs to this data folder, whose id is in both and in every spool.

The id is made with the store. A folder without one takes that of the store it is first used with, so that further nodes
need nothing; from then on it uses no other store, and none without an id.
"""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from sqlalchemy import make_url

from canary.settings import Settings
from canary.spool.address_copy import AddressCopy
from canary.spool.spool_file import mark, owner
from canary.store.engine import file_of
from canary.store.identity import StoreIdentity, StoreUnusable, newest_version, place_of


class Installation:
    """A data folder, the store that its settings name, and the id that ties them together."""

    def __init__(self, settings: Settings) -> None:
        """Look at nothing yet."""
        url = make_url(settings.store_url)
        self.data, self.where = settings.data, place_of(url, file_of(url))
        self._file, self._spools = settings.data / "installation.id", settings.data / "spool"

    def id(self) -> str:
        """Return the id, empty where the folder has none; raises OSError."""
        with suppress(FileNotFoundError):
            return self._file.read_text(encoding="utf-8").strip()
        return ""

    def admit(self, store: StoreIdentity) -> None:
        """Raise StoreUnusable for a store that is missing, newer, or another installation's; a new folder joins it."""
        if store.version > newest_version():
            raise StoreUnusable(
                f"store: {self.where} was made by a newer version (schema {store.version}, this one has"
                f" {newest_version()}): install that version, or restore a backup of this one"
            )
        ours = self._ids()
        if not store.version and (ours or self._was_used()):
            raise StoreUnusable(
                f"store: there is none at {self.where}, and {self.data} was used with one: put it back or `canary restore` a"
                " backup into a new folder; `canary init --fresh` gives up all addresses and starts over"
            )
        if store.version and ours - {store.installation}:
            whose = "is another installation's" if store.installation else "does not say which installation it is of"
            raise StoreUnusable(
                f"store: {self.where} {whose}, and is not used: correct store.url or data to name the same data folder as"
                " before; if they do belong together, `canary init --claim` says so"
            )
        if store.installation and not self.id():
            self._write(store.installation)

    def spools(self) -> list[Path]:
        """Return the spools."""
        return sorted(self._spools.glob("*.db"))

    def owns(self, spool: Path) -> bool:
        """Whether a spool is not marked as another installation's."""
        return owner(spool) in ("", self.id() or owner(spool))

    def spool_problems(self) -> dict[str, str]:
        """Return the spools that nobody works on, as sentences by name."""
        aside = [file for file in self._spools.glob("*.db.damaged-*") if not file.name.endswith(("-wal", "-shm"))]
        return {
            **{
                f"spool {file.name}": f"The spool {file} is another installation's; its mails wait"
                for file in self.spools()
                if not self.owns(file)
            },
            **{
                f"spool {file.name}": f"The spool {file} was set aside, and mails in it may wait; move it away when it is dealt with"
                for file in sorted(aside)
            },
        }

    def _copies(self) -> list[AddressCopy]:
        return [AddressCopy(file) for file in sorted(self._spools.glob("*.db.addresses"))]

    def _ids(self) -> frozenset[str]:
        """Return the id, or where it was lost those in the spools."""
        if here := self.id():
            return frozenset({here})
        marked = (*(owner(spool) for spool in self.spools()), *(copy.owner() for copy in self._copies()))
        return frozenset(marked) - {""}

    def _was_used(self) -> bool:
        """Whether a folder without id has traces of a store."""
        return (self.data / "decoy.key").exists() or any(any(copy.read()) for copy in self._copies())

    def _write(self, installation: str) -> None:
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self._file.with_name(f"{self._file.name}.{secrets.token_hex(4)}.new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(installation + "\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._file)

    def start_over(self) -> None:
        """Forget the id, and set the issued addresses of before aside; the mail in the spools stays."""
        for copy in self._copies():
            copy.path.replace(copy.path.with_name(f"{copy.path.name}.old"))
        self._file.unlink(missing_ok=True)
        for spool in self.spools():
            mark(spool, "")
        for name in ("decoy.key", "log.key"):
            if (key := self.data / name).exists():
                key.replace(key.with_name(f"{name}.old"))

    def claim(self, installation: str) -> None:
        """Take an id for the folder and all that is in it."""
        self._write(installation)
        for spool in self.spools():
            mark(spool, installation)
        for copy in self._copies():
            copy.write(copy.read(), installation)
