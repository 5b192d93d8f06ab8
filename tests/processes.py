"""Whole `canary` processes for tests: started in a data folder, spoken to over real sockets, ended by their id."""

import json
import os
import re
import smtplib
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from canary.store.database import Database
from tests.patience import PATIENCE

ROOT = Path(__file__).parent.parent


@dataclass
class House:
    """One installation in a folder: its settings as environment, and its commands."""

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        (self.folder / "zone.json").write_text("{}")
        ours = {
            "CANARY_DATA": str(self.folder / "data"),
            "CANARY_DOMAINS": '["in.example"]',
            "CANARY_SMTP__PORT": "0",
            "CANARY_SMTP__SPOOL_RESERVE": "0",
            "CANARY_WEB__PORT": "0",
            "CANARY_DNS__ZONE": str(self.folder / "zone.json"),
        }
        return {**kept, **ours, **self.environ}

    @cached_property
    def store(self) -> Database:
        return Database(self.environ.get("CANARY_STORE__URL", f"sqlite:///{self.folder}/data/canary.db"))

    @contextmanager
    def open(self) -> Iterator["House"]:
        try:
            yield self
        finally:
            self.store.close()

    def canary(self, *arguments: str) -> str:
        """Run a command to its end and return what it printed."""
        command = [sys.executable, "-m", "canary", *arguments]
        done = subprocess.run(
            command, env=self.environment, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=True
        )
        return done.stdout

    def vendor(self, name: str, domain: str, *more: str) -> str:
        """Add a vendor and return a new address of it."""
        self.canary("vendor", "add", name, "--domain", domain, *more)
        found = json.loads(self.canary("issue", name.lower(), "--format", "json"))
        return str(found[0]["address"])

    @contextmanager
    def running(self, *arguments: str, until: tuple[str, ...]) -> Iterator["Running"]:
        """Run a command until the block ends; begin when each of the lines has been said."""
        command = [sys.executable, "-m", "canary", *arguments]
        process = subprocess.Popen(
            command, env=self.environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        running = Running(process)
        try:
            for word in until:
                running.said(word)
            yield running
        finally:
            process.terminate()
            process.wait(PATIENCE)
            running.listener.join(PATIENCE)


class Running:
    """A process and the lines it says."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self.news = threading.Condition()
        self.listener = threading.Thread(target=self._listen, daemon=True)
        self.listener.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout:
            for line in self.process.stdout:
                with self.news:
                    self.lines.append(line.rstrip())
                    self.news.notify_all()

    def said(self, pattern: str, seconds: float = PATIENCE) -> str:
        """Wait for a line and return it."""
        with self.news:
            found = self.news.wait_for(lambda: [line for line in self.lines if re.search(pattern, line)], seconds)
        assert found, f"never said {pattern!r}: {self.lines}"
        return str(found[0])

    def port(self, role: str) -> int:
        return int(self.said(f"{role} listening on").rpartition(":")[2])

    def client(self) -> smtplib.SMTP:
        return smtplib.SMTP("127.0.0.1", self.port("smtp"), timeout=PATIENCE)


def eventually(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait until something is so, looking again and again; fail when it takes too long."""
    end, pause = time.monotonic() + seconds, threading.Event()
    while not condition():
        assert time.monotonic() < end, "it never became so"
        pause.wait(0.05)
