"""A mail that kills the worker is set aside after three deaths; the mail behind it is judged after the first."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import select

from canary.model.mail import Client, Envelope
from canary.spool.spool import Spool
from canary.store.tables import MailRow
from tests.patience import PATIENCE
from tests.processes import ROOT, House

pytestmark = pytest.mark.slow


def mail(subject: str) -> bytes:
    return (
        f"From: a@bad.example\r\nSubject: {subject}\r\n\r\nDownload it at https://bad.example/x now please\r\n".encode()
    )


def work(house: House) -> tuple[int, float]:
    """How a worker ended, and after how many seconds."""
    began, command = time.monotonic(), [sys.executable, "-m", "tests.slow.crashing_worker"]
    done = subprocess.run(command, env=house.environment, cwd=ROOT, timeout=PATIENCE, check=False)
    return done.returncode, time.monotonic() - began


def subjects(house: House) -> list[str]:
    with house.store.reading() as session:
        return sorted(session.exec(select(MailRow.subject)).all())


def test_a_mail_that_kills_three_workers_is_set_aside_and_none_behind_it_waits(tmp_path: Path) -> None:
    with House(tmp_path).open() as house:
        address, folder = house.vendor("Shop", "shop.example"), tmp_path / "data/spool"
        folder.mkdir(parents=True, exist_ok=True)
        spool = Spool(folder / "smtp.db", reserve_bytes=0, max_backlog=100)
        spool.start(lambda: datetime.now(UTC))

        def send(subject: str) -> None:
            envelope = Envelope("a@bad.example", (address,), Client("203.0.113.5"), datetime.now(UTC))
            asyncio.run(spool.keep(envelope, mail(subject)))

        for subject in ("before", "deadly", "beside"):
            send(subject)
        assert work(house)[0] == -signal.SIGKILL
        send("behind")
        code, seconds = work(house)
        assert (code, subjects(house), seconds < 10) == (-signal.SIGKILL, ["behind"], True)
        ended = [work(house)[0] for _ in range(2)]
        assert ended == [-signal.SIGKILL, 0]
        assert subjects(house) == ["", "before", "behind", "beside"]
        assert spool.backlog() == 0
        (listed,) = json.loads(house.canary("unread", "--json"))
        assert (listed["why"], listed["sender"], listed["to"]) == ("set-aside", "a@bad.example", [address])
        spool.close()
