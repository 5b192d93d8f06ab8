"""A disk that fails and loses power, under a real process: what it has durably is known to the sector.

The C library `tests/slow/disk.c` is loaded into the process; it follows every write and sync of the files in one folder.
"""

import random
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent / "slow" / "disk.c"
SECTOR = 512


class Disk:
    """The disk beneath a folder; `environment` puts it beneath a process."""

    def __init__(self, folder: Path, aside: Path) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            pytest.skip("no C compiler: `.ci/install test-tools` installs one")
        self.folder, self.shadow = folder, aside / "shadow"
        library = aside / "disk.so"
        command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl", "-lpthread"]
        subprocess.run(command, check=True)
        self.environment = {
            "LD_PRELOAD": str(library), "DISK_FOLDER": str(folder), "DISK_SHADOW": str(self.shadow),
        }  # fmt: skip
        self.settle()

    def settle(self) -> None:
        """Takes everything in the folder for durable."""
        shutil.rmtree(self.shadow, ignore_errors=True)
        shutil.copytree(self.folder, self.shadow)

    def fail(self) -> None:
        """From now on no sync succeeds."""
        (self.shadow / "fail").touch()

    def heal(self) -> None:
        (self.shadow / "fail").unlink(missing_ok=True)

    def cut_power(self, chance: random.Random) -> None:
        """Leaves what a power cut may leave: of what was not durable nothing, all of it, or any sectors."""
        fate = chance.choice([0.0, chance.random(), 1.0])
        self.heal()
        for file in [file for file in self.folder.iterdir() if file.suffix != ".addresses"]:
            durable = self.shadow / file.name
            if file.name.endswith("-shm"):
                file.unlink()
            else:
                before = durable.read_bytes() if durable.exists() else b""
                file.write_bytes(_mixed(before, file.read_bytes(), chance, fate))
        self.settle()


def _mixed(durable: bytes, written: bytes, chance: random.Random, fate: float) -> bytes:
    size = len(written) if chance.random() < fate else len(durable)
    durable, written = durable.ljust(size, b"\0")[:size], written.ljust(size, b"\0")[:size]
    starts = range(0, size, SECTOR)
    sectors = ((written if chance.random() < fate else durable)[start : start + SECTOR] for start in starts)
    return b"".join(sectors)
