"""Reading a mailbox by IMAP from a Dovecot on this machine beside reading the same mails from an mbox, as an import does.

Each in a process of its own; the reader of the mailbox once undisturbed, and once killed half-way and begun again. One
mail in 50 is at an address of ours. BENCH_MAILS sets another number than 100,000.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from canary.spool.spool import Spool
from tests.dovecot import USER, Dovecot, dovecot

ROOT = Path(__file__).parent.parent
MAILS = int(os.environ.get("BENCH_MAILS", "100000"))
OURS, OCTETS = 50, 5000
SHARE, MEMORY = 1 / 3, 200
BEGIN = datetime(2020, 1, 1, tzinfo=UTC)
READING = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from canary.importing import backfill
from canary.importing.archive import Reader
from canary.importing.envelope_recovery import border
from canary.mail.received import Trusted
box, folder = map(Path, sys.argv[1:])
progress = backfill.open_progress(folder, [str(box)], "bench", datetime.now(UTC))
where = border(["in.example"], Trusted(), (), datetime.now(UTC))
backfill.gather(backfill.Archive((box,), where, Reader(), folder / "aside"), progress, lambda *_: None)
"""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="canary-bench-") as made, dovecot() as server:
        folder = Path(made)
        box = folder / "years.mbox"
        fill(server, box)
        print(
            f"{MAILS:,} mails of {OCTETS:,} octets\n\n{'reading':<28}{'seconds':>10}{'mails/s':>10}{'MB of memory':>14}"
        )
        mbox, _ = show("an mbox, as an import does", [sys.executable, "-c", READING, str(box), str(folder / "import")])
        imap, memory = show("a mailbox by IMAP", reader(server, folder / "imap"))
        half = killed(reader(server, folder / "cut"), imap / 2)
        _, more = show("the rest after a kill", reader(server, folder / "cut"))
        kept = {name: backlog(folder / name) for name in ("imap", "cut")}
        print(
            f"\nkilled after {half:.1f} s; kept {kept['imap']:,} undisturbed, {kept['cut']:,} with the kill (copies are one mail)"
        )
        fine = (
            mbox / imap >= SHARE
            and max(memory, more) < MEMORY
            and kept["imap"] == MAILS // OURS <= kept["cut"] <= kept["imap"] + 100
        )
        print(
            f"{'ok' if fine else 'MISSED'}: {mbox / imap:.0%} of the speed of the mbox (wanted {SHARE:.0%}), memory below {MEMORY} MB"
        )


def fill(server: Dovecot, box: Path) -> None:
    """Write the mails into the mailbox, as files, and into an mbox."""
    server.create("Archive")
    server.deliver(b"Subject: first\r\n\r\n")
    place = server.maildir() / "cur"
    owner = place.stat()
    with box.open("wb") as file:
        for number in range(1, MAILS + 1):
            content, at = mail(number), BEGIN + timedelta(minutes=number)
            file.write(f"From a@b.example {at:%a %b %d %H:%M:%S %Y}\n".encode() + content + b"\n")
            path = place / f"{int(at.timestamp())}.{number}.bench:2,S"
            path.write_bytes(content)
            os.chown(path, owner.st_uid, owner.st_gid)


def mail(number: int) -> bytes:
    to = "shop.k7q2@in.example" if number % OURS == 0 else f"friend{number}@elsewhere.example"
    head = (
        f"Return-Path: <a@b.example>\nReceived: from a.b.example (a.b.example [192.0.2.1]) by mx.c.example; Sun, 1 Mar 2020 11:00:00 +0000\n"
        f"From: A <a@b.example>\nTo: {to}\nSubject: Mail {number}\nMessage-ID: <{number}@b.example>\nDate: Sun, 1 Mar 2020 11:00:00 +0000\n\n"
    )
    line = f"This is line of mail {number}, which says nothing of interest to anybody.\n"
    return (head + line * ((OCTETS - len(head)) // len(line))).encode()


def reader(server: Dovecot, folder: Path) -> list[str]:
    folder.mkdir(exist_ok=True)
    return [sys.executable, "-m", "tests.slow.dying_reader", str(folder), f"{server.port}:{USER}", "-", "1"]


def show(name: str, command: list[str]) -> tuple[float, float]:
    """Run a program to its end, print and return its seconds and megabytes."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT)
    _, status, used = os.wait4(process.pid, 0)
    seconds, memory = time.perf_counter() - begun, used.ru_maxrss / 1024
    if status:
        raise SystemExit(f"{name}: ended with {status}")
    print(f"{name:<28}{seconds:>10.1f}{MAILS / seconds:>10,.0f}{memory:>14.0f}", flush=True)
    return seconds, memory


def killed(command: list[str], seconds: float) -> float:
    process = subprocess.Popen(command, cwd=ROOT)
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return seconds


def backlog(folder: Path) -> int:
    spool = Spool(folder / "mailboxes.db", reserve_bytes=0, max_backlog=10**6)
    try:
        return spool.backlog()
    finally:
        spool.close()
