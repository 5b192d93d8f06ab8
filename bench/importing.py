"""Import of a large mailbox made of real mail (CANARY_CORPUS): our reading beside `mailbox.mbox` of the standard library,
then the whole of `canary import`, undisturbed and killed half-way.

Both read the same file to its end, each in a process of its own, by turns. BENCH_MB sets another size than 1000 MB.
One mail in 50 is at an address of ours, so that judging has something to do while memory is watched.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
CORPUS = Path(os.environ.get("CANARY_CORPUS", ROOT / "../shared/corpus"))
MEGABYTES = int(os.environ.get("BENCH_MB", "1000"))
ROUNDS = 2
FASTER, MEMORY = 5.0, 200
OURS = 50
BEGIN = datetime(2015, 1, 1, tzinfo=UTC)
ADDRESS = "shop.k7q2mw9x4tzp@in.example"
HEAD = "Return-Path: <{}>\nDelivered-To: " + ADDRESS + "\nAuthentication-Results: mx.in.example; dkim={}"
SHOP, LURE = (HEAD.format(*said).encode() for said in (("news@shop.example", "pass"), ("a@bad.example", "none")))
BY = b"Received: from a.example (a.example [192.0.2.1]) by mx.in.example with ESMTP; "

READING = {
    "mailbox.mbox": "import mailbox; count = sum(1 for _ in mailbox.mbox(path))",
    "canary": (
        "from pathlib import Path; from canary.importing.archive import Reader\n"
        "count = sum(1 for _ in Reader().read(Path(path)))"
    ),
}
SCRIPT = """
import re, sys, time
path = sys.argv[1]
begun = time.perf_counter()
{reading}
seconds, status = time.perf_counter() - begun, open("/proc/self/status").read()
print(count, seconds, time.process_time(), int(re.search(r"VmHWM:\\s+(\\d+)", status)[1]) / 1024)
"""
ASKED = ("import", "--adopt", "in.example", "--trust-authserv", "mx.in.example", "--yes", "--json", "--offline")


def main() -> None:
    files = [path for path in sorted(CORPUS.rglob("*")) if path.is_file() and path.suffix != ".md"]
    if not files:
        raise SystemExit(f"CANARY_CORPUS: no real mail at {CORPUS}; set it to a folder of mail")
    with tempfile.TemporaryDirectory(prefix="canary-bench-") as folder:
        box = Path(folder) / "years.mbox"
        count, size = make(box, files)
        print(f"{count:,} mails, {size / 1e6:,.0f} MB, from {len(files):,} files of {CORPUS.name}\n")
        faster = beside(box, size)
        fits, same = whole(Path(folder), box, size)
    print(f"\nreading at least {FASTER:g} times as fast as mailbox.mbox: {faster:.1f} times, {kept(faster >= FASTER)}")
    print(f"memory of the import below {MEMORY} MB: {fits:.0f} MB, {kept(fits < MEMORY)}")
    print(f"killed half-way and run again, the same counts: {kept(same)}")


def make(box: Path, files: list[Path]) -> tuple[int, int]:
    """Write a mailbox of the wanted size, and return how many mails it has and how many octets."""
    count = size = 0
    with box.open("wb") as file:
        for path in cycle(files):
            mail = letter(path.read_bytes(), count)
            size += file.write(mail)
            count += 1
            if size >= MEGABYTES * 1_000_000:
                return count, size
    raise AssertionError


def letter(content: bytes, number: int) -> bytes:
    """A real mail as a mailbox holds it; each copy differs, and some are ours."""
    text = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    text = text.partition(b"\n")[2] if text.startswith(b"From ") else text
    at = BEGIN + timedelta(minutes=number)
    head = b"X-Number: %d\n" % number
    if number % OURS == 0:
        # Three of four are the shop's own, as its receiver saw them; the fourth comes from strangers.
        own = (number // OURS) % 4 < 3
        seen = SHOP + b" header.d=shop.example; dmarc=pass header.from=shop.example" if own else LURE
        head += seen + b"\n" + BY + at.strftime("%a, %d %b %Y %H:%M:%S +0000").encode() + b"\n"
        text = b"From: Shop <news@shop.example>\n" + text if own else text
    text = re.sub(rb"(?m)^(>*From )", rb">\1", head + text)
    return b"From x@y.example " + at.strftime("%a %b %d %H:%M:%S %Y").encode() + b"\n" + text.rstrip(b"\n") + b"\n\n"


def beside(box: Path, size: int) -> float:
    """Read the mailbox by turns; print the table, and return how many times as fast we are."""
    rounds: dict[str, list[tuple[float, ...]]] = {name: [] for name in READING}
    for _ in range(ROUNDS):
        for name, reading in READING.items():
            command = [sys.executable, "-c", SCRIPT.format(reading=reading), str(box)]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
            rounds[name].append(tuple(map(float, done.stdout.split())))
    best = {name: min(found, key=lambda row: row[1]) for name, found in rounds.items()}
    print(f"{'reading':<16}{'mails':>10}{'seconds':>10}{'CPU s':>10}{'MB/s':>10}{'MB of memory':>14}")
    for name, (count, seconds, cpu, memory) in best.items():
        print(f"{name:<16}{count:>10,.0f}{seconds:>10.1f}{cpu:>10.1f}{size / seconds / 1e6:>10.0f}{memory:>14.0f}")
    return best["mailbox.mbox"][1] / best["canary"][1]


def whole(folder: Path, box: Path, size: int) -> tuple[float, bool]:
    """Import it undisturbed, then killed twice; print the table, return the most memory and whether the counts agree."""
    begun = time.perf_counter()
    undisturbed, memory = imported(folder / "whole", box)
    seconds = time.perf_counter() - begun
    for part in (0.3, 0.3):  # the second goes on where the first was cut off
        memory = max(memory, imported(folder / "cut", box, lambda spent, part=part: spent > part * seconds)[1])  # type: ignore[misc]
    again, more = imported(folder / "cut", box)
    told = [f"{name} {undisturbed[name]:,}" for name in ("read", "new", "known", "elsewhere", "aside")]
    print(f"\nwhole import: {seconds:.0f} s ({size / seconds / 1e6:.0f} MB/s), " + ", ".join(told))
    print(f"verdicts: {undisturbed['verdicts']}, cases: {len(undisturbed['cases'])}")
    return max(memory, more), again == undisturbed


def imported(folder: Path, box: Path, until: Callable[[float], bool] = lambda _: False) -> tuple[dict[str, Any], float]:
    """Run the import, killed when it is time; return what it said, and the most memory that it had."""
    folder.mkdir(exist_ok=True)
    kept_names = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment = {**kept_names, "CANARY_DATA": str(folder), "CANARY_DOMAINS": '["in.example"]'}
    table = folder / "vendors.csv"
    table.write_text(f"address,vendor,channel,domains\n{ADDRESS},Shop,signup,shop.example\n")
    command = [sys.executable, "-m", "canary", *ASKED, "--vendor-map", str(table), str(box)]
    with (folder / "said").open("w+") as said:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=said)
        memory = max(watched(process, until), default=0.0)
        process.wait()
        said.seek(0)
        text = said.read()
    if process.returncode not in (0, -signal.SIGKILL):
        raise SystemExit("the import failed; see above")
    return json.loads(text) if text else {}, memory


def watched(process: "subprocess.Popen[bytes]", until: Callable[[float], bool]) -> Iterator[float]:
    """Yield the peak of a process's memory in MB while it runs; kill it when it is time."""
    begun = time.perf_counter()
    while process.poll() is None:
        status = Path(f"/proc/{process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+)", status)
        yield int(found[1]) / 1024 if found else 0.0
        if until(time.perf_counter() - begun):
            process.kill()
        time.sleep(0.05)


def kept(promise: bool) -> str:
    return "reached" if promise else "NOT REACHED"


if __name__ == "__main__":
    main()
