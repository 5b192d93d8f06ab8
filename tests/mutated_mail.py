"""Real mail, damaged anywhere, through the pipeline: .venv/bin/python -m tests.mutated_mail SECONDS [SEED]

It reads the mail in CANARY_CORPUS and CANARY_STREAMS, and prints what was not handled, what was slow, and the memory.
"""

import asyncio
import os
import random
import secrets
import sys
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from canary.authenticate.lookup import ZoneLookup
from canary.canaries import lifecycle
from canary.canaries.lifecycle import IssueOrder
from canary.model.mail import Client, Envelope
from canary.pipeline.batch import run_pending
from canary.pipeline.story import Context
from canary.processes.judging import forwarder_registry, supplier_book
from canary.processes.mail_parser import MailParser
from canary.spool.spool import Spool
from canary.store.database import Database
from canary.store.queries import vendors

TOGETHER = 10
SLOW_SECONDS = 1.0
DAY = datetime(2026, 3, 1, tzinfo=UTC)
_SPLICES = (
    b"", b"\r\n", b"\n", b"\r", b"\r\n\r\n", b" ", b"\t", b";", b"=", b":", b"\0", b"\x1b[2J", b"\xff\xfe", b"--", b'"', b"<", b"(",
    b"=?utf-8?q?", b"?=", b"=?x?b?====?=", b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n", b"Content-Type: message/rfc822\r\n\r\n",
    b"Content-Transfer-Encoding: base64\r\n", b"Content-Transfer-Encoding: x-uue\r\n", b"charset=punycode", b"name*0*=utf-8''%",
    b"From: a@b.example\r\n", b"<div>" * 50, b"<!--", b"http://", "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}".encode(),
)  # fmt: skip


def mutated(mail: bytes, other: bytes, chance: random.Random) -> bytes:
    """A mail with pieces cut out, repeated, put elsewhere, or taken from another mail or from what is known to hurt."""
    for _ in range(chance.randrange(1, 10)):
        start, length = chance.randrange(len(mail) + 1), chance.choice((0, 0, 1, 1, 2, 40, 400))
        there = chance.randrange(len(other) + 1)
        put = chance.choice((
            chance.choice(_SPLICES), chance.choice(_SPLICES) * chance.randrange(1, 200), chance.randbytes(chance.randrange(5)),
            mail[start : start + 99], other[there : there + chance.choice((20, 2_000))],
        ))  # fmt: skip
        mail = mail[:start] + put + mail[start + length :]
    return mail


@dataclass
class Report:
    """How many mails there were, which were not handled, which took longer than a second, and megabytes over time."""

    mails: int = 0
    unhandled: list[str] = field(default_factory=list)
    slow: list[str] = field(default_factory=list)
    worst: float = 0.0
    memory: list[int] = field(default_factory=list)

    @property
    def grown(self) -> int:
        """Megabytes by which memory grew in the second half."""
        return self.memory[-1] - self.memory[len(self.memory) // 2] if self.memory else 0


def run(files: list[Path], seconds: float, seed: int) -> Report:
    """Send damaged mail through the pipeline for so many seconds."""
    with TemporaryDirectory(prefix="canary-mutated-") as folder, closing(MailParser()) as parser:
        spool = Spool(Path(folder) / "smtp.db", reserve_bytes=0, max_backlog=10**6)
        spool.start(lambda: DAY)
        store = Database(f"sqlite:///{folder}/canary.db")
        store.migrate()
        try:
            return asyncio.run(_run(store, spool, parser, (files, seconds, random.Random(seed))))
        finally:
            spool.close()
            store.close()


async def _run(
    store: Database, spool: Spool, parser: MailParser, wanted: tuple[list[Path], float, random.Random]
) -> Report:
    files, seconds, chance = wanted
    parts = Context(
        store, lambda: ZoneLookup({}), supplier_book(), lambda: DAY, forwarders=forwarder_registry(), parse=parser,
        domains=frozenset({"in.example"}),
    )  # fmt: skip
    with store.writing() as session:
        vendors.add_vendor(session, "shop", ["shop.example"], DAY)
        address = lifecycle.issue(session, IssueOrder("shop", "in.example"), secrets.randbelow, DAY).address
    envelope, report, end = (
        Envelope("a@b.example", (address,), Client("203.0.113.5"), DAY),
        Report(),
        time.monotonic() + seconds,
    )
    while time.monotonic() < end:
        names = chance.sample(files, TOGETHER)
        damaged = [mutated(path.read_bytes()[:4_000_000], chance.choice(names).read_bytes(), chance) for path in names]
        spent = await _judge(parts, spool, envelope, damaged)
        report.mails, report.worst = report.mails + TOGETHER, max(report.worst, spent)
        if spent > SLOW_SECONDS:
            # Whether one of them is to blame shows when each goes alone.
            alone = [await _judge(parts, spool, envelope, [mail]) for mail in damaged]
            report.slow += [
                f"{spent:.1f} s: {path.name}" for path, spent in zip(names, alone, strict=True) if spent > SLOW_SECONDS
            ]
        if waiting := spool.backlog() - len(report.unhandled):
            report.unhandled += [f"{waiting} of {[path.name for path in names]}"] * waiting
        if report.mails % 500 == 0:
            report.memory.append(_megabytes())
    return report


async def _judge(parts: Context, spool: Spool, envelope: Envelope, mails: Iterable[bytes]) -> float:
    """Send mails through the pipeline; return how much of the processor that took, in seconds."""
    for mail in mails:
        await spool.keep(envelope, mail)
    before = time.process_time()
    await run_pending(parts, spool)
    return time.process_time() - before


def _megabytes() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) // 1024


def real_mail() -> list[Path]:
    """Every file of real mail there is."""
    folders = (os.environ.get(name) for name in ("CANARY_CORPUS", "CANARY_STREAMS"))
    found = (path for folder in folders if folder for path in sorted(Path(folder).rglob("*")))
    return [path for path in found if path.is_file() and path.suffix not in (".md", ".csv")]


if __name__ == "__main__":
    done = run(real_mail(), float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    print(f"{done.mails:,} mails, {len(done.unhandled)} not handled, {len(done.slow)} batches above a second")
    print(f"the slowest {TOGETHER} took {done.worst:.2f} s; memory in MB, every 500 mails: {done.memory}")
    print("\n".join([*done.unhandled, *done.slow]))
