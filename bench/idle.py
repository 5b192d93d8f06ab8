"""What `canary up` costs while nothing happens: memory and processor time of all its processes.

    make bench ARGS=idle               # WINDOW=60 ROUNDS=2; OTHER=/path/to/checkout, with its .venv, takes turns

Memory is the proportional set size: a page that several processes share counts once in all. An installation with one
issued address is started on free ports in a folder of its own, and left alone before and while it is measured.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

WINDOW = float(os.environ.get("WINDOW", "60"))
ROUNDS = int(os.environ.get("ROUNDS", "1"))
OTHER = os.environ.get("OTHER", "")
SETTLE_SECONDS = 10.0
READY = ("smtp listening", "web listening", "worker ready")
HERE = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Cost:
    """One process: megabytes, and the share of one core that it took, in percent."""

    role: str
    pss: float
    own: float
    cpu: float


def main() -> None:
    sides = {"here": HERE, **({"other": Path(OTHER)} if OTHER else {})}
    rounds: dict[str, list[list[Cost]]] = {name: [] for name in sides}
    for turn in range(ROUNDS):
        for name, checkout in sides.items():
            print(f"round {turn + 1}, {name}: {checkout}")
            rounds[name].append(measure(checkout))
            _show(rounds[name][-1])
    memory = {name: median(sum(cost.pss for cost in costs) for costs in found) for name, found in rounds.items()}
    cpu = {name: median(sum(cost.cpu for cost in costs) for costs in found) for name, found in rounds.items()}
    print()
    for name in sides:
        print(f"{name:6} {memory[name]:7.1f} MB   {cpu[name]:6.2f} % of a core")
    if OTHER:
        print(f"ratio  {memory['here'] / memory['other']:7.2f}      {cpu['here'] / cpu['other']:6.2f}")


def measure(checkout: Path) -> list[Cost]:
    """Start an installation of a checkout, wait until it is ready and at rest, and measure it."""
    with tempfile.TemporaryDirectory(prefix="canary-idle-") as folder, _running(checkout, Path(folder)) as top:
        time.sleep(SETTLE_SECONDS)
        processes = {top, *_children(top)}
        before, began = {pid: _cpu_seconds(pid) for pid in processes}, time.monotonic()
        time.sleep(WINDOW)
        after, passed = {pid: _cpu_seconds(pid) for pid in processes}, time.monotonic() - began
        return [Cost(_role(pid), *_memory(pid), (after[pid] - before[pid]) / passed * 100) for pid in sorted(processes)]


@contextmanager
def _running(checkout: Path, folder: Path) -> Iterator[int]:
    canary = [str(checkout / ".venv/bin/python"), "-m", "canary"]
    environment = _environment(folder)
    for line in ("vendor add Shop --domain shop.example", "issue shop"):
        subprocess.run([*canary, *line.split()], env=environment, cwd=checkout, capture_output=True, check=True)
    # Once before, so that byte code is there for every module.
    for started in range(2):
        process = subprocess.Popen([*canary, "up"], env=environment, cwd=checkout, stdout=subprocess.PIPE, text=True)
        try:
            reader = _wait_until_ready(process)
            if started:
                yield process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
            reader.join()


def _environment(folder: Path) -> dict[str, str]:
    (folder / "zone.json").write_text(json.dumps({}))
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {
        **kept,
        "CANARY_LOG__LEVEL": "WARNING",
        "CANARY_DATA": str(folder / "data"),
        "CANARY_DOMAINS": '["in.example"]',
        "CANARY_SMTP__PORT": "0",
        "CANARY_WEB__PORT": "0",
        "CANARY_DNS__ZONE": str(folder / "zone.json"),
    }


def _wait_until_ready(process: "subprocess.Popen[str]") -> threading.Thread:
    assert process.stdout is not None
    missing = set(READY)
    for line in process.stdout:
        missing -= {word for word in missing if word in line}
        if not missing:
            break
    else:
        sys.exit(f"canary up ended before it said: {', '.join(sorted(missing))}")
    reader = threading.Thread(target=process.stdout.read, daemon=True)
    reader.start()
    return reader


def _children(pid: int) -> set[int]:
    found = {
        int(child) for tasks in Path(f"/proc/{pid}/task").glob("*/children") for child in tasks.read_text().split()
    }
    return found.union(*map(_children, found))


def _role(pid: int) -> str:
    words = Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")
    roles = [word for word in words if re.fullmatch(r"up|smtp(-\d+)?|worker|web", word)]
    return roles[0] if len(roles) == 1 else "up"


def _memory(pid: int) -> tuple[float, float]:
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    own = sum(int(lines[name].split()[0]) for name in ("Private_Clean", "Private_Dirty"))
    return int(lines["Pss"].split()[0]) / 1024, own / 1024


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _show(costs: list[Cost]) -> None:
    for cost in costs:
        print(f"  {cost.role:8} {cost.pss:7.1f} MB (own {cost.own:6.1f})   {cost.cpu:6.2f} %")


if __name__ == "__main__":
    main()
