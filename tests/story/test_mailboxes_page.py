"""A person with a mailbox and no port 25 follows the page, a Dovecot standing in for the provider."""

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dovecot import PASSWORD, USER, Dovecot, dovecot
from tests.landing import mail
from tests.patience import PATIENCE
from tests.processes import ROOT, Running, eventually

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs/mailboxes.md").read_text()
INSTALLED = ("git clone", "python3 -m venv")
"""How the steps begin that this machine has behind it."""


def steps(name: str) -> list[str]:
    """The commands of the page between two marks."""
    block = re.search(rf"<!-- {name}: begin -->\n(.*?)<!-- {name}: end -->", PAGE, re.DOTALL)
    assert block, name
    return [line.strip() for line in block[1].splitlines() if line.strip()]


@pytest.fixture
def server() -> Iterator[Dovecot]:
    with dovecot() as found:
        yield found


class Person:
    """Types what the page says, at a provider that is on this machine."""

    def __init__(self, home: Path, server: Dovecot) -> None:
        self.home = home
        place = f"--imap 127.0.0.1 --port {server.port} --security none"
        self.changes = {"--imap imap.provider.example": place, "me@inbox.example": USER, "inbox.example": "in.example"}
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        # Nothing but what every test here needs: a free port for each listener, no DNS, and the password that is asked for.
        (home / "zone.json").write_text("{}")
        self.environ = kept | {
            "CANARY_PASSWORD": PASSWORD, "CANARY_SMTP__PORT": "0", "CANARY_WEB__PORT": "0",
            "CANARY_DNS__ZONE": str(home / "zone.json"), "PYTHONPATH": str(ROOT), "CANARY_SMTP__SPOOL_RESERVE": "0",
        }  # fmt: skip

    def words(self, line: str) -> list[str]:
        for theirs, ours in self.changes.items():
            line = line.replace(theirs, ours)
        return [sys.executable, "-m", "canary", *shlex.split(line)[1:]]

    def types(self, line: str) -> str:
        done = subprocess.run(
            self.words(line),
            env=self.environ,
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0 or line == "canary doctor", (line, done.stderr)
        return done.stdout

    def starts(self, line: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.words(line),
            env=self.environ,
            cwd=self.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


def test_the_page_leads_from_a_mailbox_to_the_first_verdict(server: Dovecot, tmp_path: Path) -> None:
    person, begun = Person(tmp_path, server), time.monotonic()
    *typed, last = [line for line in steps("steps") if not line.startswith(INSTALLED)]
    said = {line: person.types(line) for line in typed}
    address = re.search(r"\S+@in\.example", said[next(line for line in typed if line.startswith("canary issue"))])
    assert address
    assert last == "canary up"
    process = person.starts(last)
    running = Running(process)
    try:
        running.said("mailboxes ready")
        test, doctor = (person.types(line) for line in steps("proof"))
        assert "a self-test was read and judged after" in test
        assert re.search("ok +inlet home: watching", doctor)
        sent = time.monotonic()
        server.deliver(mail(address[0], sender="u@bad.example", text="Win a prize at https://bad.example/now"))
        [look] = steps("verdict")
        eventually(lambda: "bad.example" in person.types(look))
        assert time.monotonic() - sent < 60
    finally:
        process.terminate()
        process.wait(PATIENCE)
        running.listener.join(PATIENCE)
    assert time.monotonic() - begun < 600
