"""The promise of 250 on a bad disk: power cut at random moments, syncs that fail, no space left."""

import asyncio
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from canary.model.mail import Client, Envelope
from canary.spool.spool import Spool
from tests.disk import Disk
from tests.nursery import DAY, Ledger, Nursery, furnish, take_all
from tests.processes import House, eventually

pytestmark = pytest.mark.slow

CUTS = 16


@pytest.fixture
def address(tmp_path: Path) -> str:
    return furnish(tmp_path)


@pytest.fixture
def path(tmp_path: Path, address: str) -> Path:
    """A spool that exists, so that its birth is durable."""
    path = tmp_path / "data" / "spool" / "smtp.db"
    with closing(Spool(path, reserve_bytes=0, max_backlog=1)) as spool:
        spool.start(lambda: DAY)
    return path


@pytest.fixture
def disk(tmp_path: Path, path: Path) -> Disk:
    return Disk(path.parent, tmp_path)


@pytest.fixture
def nursery(tmp_path: Path, disk: Disk) -> Iterator[Nursery]:
    with Nursery(House(tmp_path).environment | disk.environment).open() as found:
        yield found


def cut(nursery: Nursery, disk: Disk, chance: random.Random) -> None:
    nursery.freeze()
    nursery.kill()
    disk.cut_power(chance)


def test_every_acknowledged_mail_is_there_after_each_power_cut_and_none_twice(
    nursery: Nursery, disk: Disk, address: str, path: Path
) -> None:
    ledger, found = Ledger(), list[str]()
    for number in range(CUTS):
        chance = random.Random(number)
        ledger.largest = chance.choice([12_000, 500_000])  # the large ones fill the log and have it brought in
        with ledger.load(nursery.start(), address, str(number)) as ended:
            if number % 2:
                ledger.grow(20)
            ended.wait(chance.uniform(0.1, 0.4))
            cut(nursery, disk, chance)
        if number % 5 == 0:
            found += take_all(path)
            assert ledger.acknowledged <= set(found)
            disk.settle()
    found += take_all(path)
    assert len(ledger.acknowledged) > 100
    assert ledger.acknowledged <= set(found) <= ledger.sent
    assert len(found) == len(set(found))
    assert not list(path.parent.glob("*.damaged-*"))


def test_while_syncs_fail_mail_is_put_off_and_what_was_acknowledged_survives_kill_and_power_cut(
    nursery: Nursery, disk: Disk, address: str, path: Path
) -> None:
    ledger = Ledger()
    for number in range(CUTS):
        chance = random.Random(number)
        with ledger.load(nursery.start(), address, str(number)) as ended:
            nursery.work(path)
            ledger.grow(20 if number % 2 else 0)
            for _ in range(chance.randrange(3)):
                ended.wait(chance.uniform(0.02, 0.2))
                disk.fail()
                eventually(lambda: bool(ledger.refused))
                ended.wait(chance.uniform(0.02, 0.1))
                disk.heal() if chance.random() < 0.8 else None
            ended.wait(chance.uniform(0.05, 0.2))
            cut(nursery, disk, chance) if chance.random() < 0.6 else nursery.kill()
        disk.heal()
    found = take_all(path)
    assert ledger.acknowledged <= set(found) <= ledger.sent
    assert len(found) == len(set(found)) > 100
    assert {reply[:9] for reply in ledger.refused} == {"451 4.3.0"}
    assert not list(path.parent.glob("*.damaged-*"))


def _fails(command: list[str]) -> bool:
    return subprocess.run(command, check=False, capture_output=True).returncode != 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 12 MB, in memory."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(place)]
    if os.geteuid() or shutil.which("mount") is None or _fails(mount):
        pytest.skip("no right to mount a small file system; run as root to see a disk run full")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_full_disk_refuses_for_now_and_loses_nothing_and_takes_mail_again_when_there_is_space(
    small_disk: Path,
) -> None:
    address, ledger, path = furnish(small_disk), Ledger(), small_disk / "data" / "spool" / "smtp.db"
    ballast = [small_disk / "one", small_disk / "other"]
    for file in ballast:
        file.write_bytes(bytes(3_000_000))
    # A client that sends a thousand commands without a mail would be sent away, and a quick one does within a moment.
    patient = House(small_disk, {"CANARY_SMTP__LIMITS__COMMANDS": "1000000"})
    with Nursery(patient.environment).open() as nursery:
        for number in range(3):
            with ledger.load(nursery.start(), address, f"full-{number}") as ended:
                eventually(lambda: bool(ledger.refused))
                ended.wait(0.2)
                nursery.kill()
        assert {reply[:9] for reply in ledger.refused} == {"452 4.3.1"}
        assert ledger.acknowledged
        ballast[0].unlink()
        with ledger.load(nursery.start(), address, "space") as ended:
            ledger.grow(1)
            ended.wait(0.2)
            nursery.kill()
    ballast[1].unlink()  # a worker needs a little space to forget what is done
    found = take_all(path)
    assert ledger.acknowledged <= set(found) <= ledger.sent
    assert len(found) == len(set(found))


def test_a_log_on_a_small_disk_is_brought_in_early_so_that_mail_flows_on(small_disk: Path) -> None:
    envelope = Envelope("a@b.example", ("x@example.net",), Client("192.0.2.1"), DAY)
    with closing(Spool(small_disk / "spool.db", reserve_bytes=1_000_000, max_backlog=1000)) as spool:
        spool.start(lambda: DAY)
        for _ in range(40):
            eventually(lambda: not spool.full, 5)
            key = asyncio.run(spool.keep(envelope, bytes(500_000)))
            spool.done([key])
