"""A spool damaged at random: the receiver starts, takes mail, and its worker comes to the end of it."""

import asyncio
import logging
import random
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from canary.model.attempt import Attempt, AttemptKind
from canary.model.mail import Client, Envelope
from canary.spool.spool import Spool
from tests.sink import DAY

pytestmark = pytest.mark.slow

T = TypeVar("T")
ENVELOPE = Envelope("a@b.example", ("x@example.net",), Client("192.0.2.1"), DAY)
ROUNDS = 100


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def started(path: Path) -> Spool:
    spool = Spool(path, reserve_bytes=0, max_backlog=1_000_000)
    spool.start(lambda: DAY)
    return spool


async def keep(spool: Spool, *contents: bytes) -> None:
    await asyncio.gather(*(spool.keep(ENVELOPE, content) for content in contents))


async def keep_with_patience(spool: Spool, content: bytes) -> None:
    """As a sender does: again after a refusal for now. Damage may show twice, in the file and in its log."""
    for last in (False, False, True):
        try:
            await keep(spool, content)
        except OSError:
            if last:
                raise
        else:
            return


def originals(folder: Path) -> list[dict[str, bytes]]:
    """The files of a spool as they are while it runs, and after it was closed."""
    chance, path = random.Random(1), folder / "spool.db"
    spool = started(path)
    run(keep(spool, *(chance.randbytes(chance.randint(10, 9000)) for _ in range(40))))
    for _ in range(20):
        spool.note(Attempt(AttemptKind.GUESS, "example.net", "192.0.2.0/24", DAY))
    run(keep(spool, *(chance.randbytes(chance.randint(10, 9000)) for _ in range(40))))
    live = {name: (folder / name).read_bytes() for name in ("spool.db", "spool.db-wal")}
    spool.close()
    return [live, {"spool.db": path.read_bytes()}]


def harmed(content: bytes, chance: random.Random) -> bytes:
    """A few octets overwritten, anywhere or near the beginning where everything hangs together; maybe cut short."""
    octets = bytearray(content)
    reach = chance.choice([len(octets), len(octets), min(len(octets), 100), min(len(octets), 8192)])
    for _ in range(chance.choice([1, 1, 3, 50])):
        size, at = chance.choice([1, 1, 8, 200]), chance.randrange(reach)
        octets[at : at + size] = chance.randbytes(size)
    return bytes(octets[: chance.randrange(len(octets))] if chance.random() < 0.1 else octets)


def emptied(path: Path) -> list[bytes]:
    """What a worker finds until nothing is due; it asks again after a fault, as it does in its loop."""
    worker, found, faults = Spool(path, reserve_bytes=0, max_backlog=1), [], 0
    while faults < 3:
        try:
            if not (mails := worker.waiting(1000, DAY)):
                break
            worker.done([mail.key for mail in mails])
        except OSError:
            faults += 1
            continue
        found += [mail.content for mail in mails]
    worker.attempts(1000)
    worker.close()
    return found


def test_a_spool_damaged_anywhere_is_used_or_set_aside_and_mail_flows_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    files, set_aside = originals(tmp_path), 0
    for number in range(ROUNDS):
        chance, folder = random.Random(number), tmp_path / str(number)
        folder.mkdir()
        for name, content in chance.choice(files).items():
            (folder / name).write_bytes(harmed(content, chance))
        spool = started(folder / "spool.db")
        run(keep_with_patience(spool, b"new"))
        assert b"new" in emptied(spool.path), f"round {number}"
        spool.close()
        set_aside += bool(list(folder.glob("*.damaged-*")))
    assert 0 < set_aside < ROUNDS
