"""The promise of 250: a receiver killed at any moment under load loses no mail it acknowledged, and doubles none."""

import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from canary.receive.spool import Spool
from tests.sink import CANARY, DAY, Dialogue

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent
CLIENTS = 8
ROUNDS = 5


@contextmanager
def receiver(folder: Path) -> Iterator[tuple[int, int]]:
    """A receiving process: its pid and its port; killed at the end if it still lives."""
    command = [sys.executable, "-m", "tests.sink", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield process.pid, int(process.stdout.readline())
        finally:
            process.kill()


def load(port: int, name: str, sent: list[str], acknowledged: list[str]) -> None:
    """Sends mails over one session, each once, until the connection breaks; writes down every 250."""
    try:
        with Dialogue(("127.0.0.1", port)) as client:
            client.hear()
            client.ask("HELO client.example")
            while True:
                token = f"{name}.{len(sent)}"
                client.say("MAIL FROM:<>", f"RCPT TO:<{CANARY}>", "DATA")
                if [client.hear()[:3] for _ in range(3)] != ["250", "250", "354"]:
                    return
                sent.append(token)
                padding = random.Random(token).randbytes(random.Random(name).randint(10, 20_000)).hex()
                if client.ask(f"{token} {padding}", ".")[:3] == "250":
                    acknowledged.append(token)
    except OSError:
        return


def one_round(folder: Path, number: int) -> tuple[list[str], list[str]]:
    """Loads a receiver from several clients and kills it in the midst; the tokens sent and acknowledged."""
    sent: list[str] = []
    acknowledged: list[str] = []
    with receiver(folder) as (pid, port):
        clients = [
            threading.Thread(target=load, args=(port, f"{number}.{client}", sent, acknowledged))
            for client in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        clients[0].join(random.Random(number).uniform(0.3, 1.5))
        os.kill(pid, signal.SIGKILL)
        for client in clients:
            client.join()
    return sent, acknowledged


def kept(folder: Path) -> Counter[str]:
    spool = Spool(folder / "spool.db", reserve_bytes=0, max_backlog=1)
    spool.start(lambda: DAY)
    found: Counter[str] = Counter()
    while mails := spool.waiting(10_000, DAY):
        found.update(mail.content.split()[0].decode() for mail in mails)
        spool.done([mail.key for mail in mails])
    spool.close()
    return found


def test_every_acknowledged_mail_is_there_after_kill_9_and_none_twice(tmp_path: Path) -> None:
    rounds = [one_round(tmp_path, number) for number in range(ROUNDS)]
    sent, acknowledged = ([token for part in parts for token in part] for parts in zip(*rounds, strict=True))
    found = kept(tmp_path)
    assert len(acknowledged) > ROUNDS * CLIENTS
    assert set(acknowledged) <= set(found) <= set(sent)
    assert set(found.values()) == {1}
