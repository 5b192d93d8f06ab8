"""Backing up and erasing while mail is received and judged: no mail that was acknowledged is missing afterwards."""

import json
import smtplib
import threading
from pathlib import Path

import pytest
from sqlmodel import select

from canary.spool.spool import Spool
from canary.store.tables import HitRow, MailRow
from tests.conftest import administer
from tests.patience import PATIENCE
from tests.processes import House, Running, eventually

pytestmark = pytest.mark.slow

MOST_WAITING = 50
UP = ("smtp listening on", "worker")


class Sender:
    """Sends mails until it is stopped, never many more than were judged, and notes which were acknowledged."""

    def __init__(self, house: House, client: smtplib.SMTP, address: str) -> None:
        self.acknowledged: list[str] = []
        self._house, self._client, self._address, self._enough = house, client, address, threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()

    def _send(self) -> None:
        while not self._enough.is_set():
            eventually(lambda: self._enough.is_set() or waiting(self._house) < MOST_WAITING)
            name = f"<{len(self.acknowledged)}@stranger.example>"
            body = f"From: a@stranger.example\r\nSubject: Cheap\r\nMessage-ID: {name}\r\n\r\nPills {'x' * 20_000}\r\n"
            self._client.sendmail("a@stranger.example", [self._address], body)
            self.acknowledged.append(name)

    def send_further(self, mails: int) -> None:
        """Wait until so many more were acknowledged."""
        enough = len(self.acknowledged) + mails
        eventually(lambda: len(self.acknowledged) >= enough)

    def stop(self) -> None:
        self._enough.set()
        self._thread.join(PATIENCE)
        self._client.quit()


def received(house: House) -> set[str]:
    with house.store.reading() as session:
        return set(session.exec(select(MailRow.message_id)).all())


def waiting(house: House) -> int:
    spool = Spool(house.folder / "data/spool/smtp.db", reserve_bytes=0, max_backlog=1)
    try:
        return spool.backlog()
    finally:
        spool.close()


def back_up_under_load(house: House, file: Path) -> set[str]:
    """Return the mails that were acknowledged before the backup began."""
    address = house.vendor("Loaded", "loaded.example")
    with house.running("up", until=UP) as running:
        sender = Sender(house, client_of(running), address)
        eventually(lambda: len(sender.acknowledged) >= 100)
        before = set(sender.acknowledged)
        house.canary("backup", str(file))
        after = len(sender.acknowledged)
        sender.stop()
        assert after > len(before)  # mail went on coming in
    return before


def client_of(running: Running) -> smtplib.SMTP:
    return smtplib.SMTP("127.0.0.1", running.port("smtp"), timeout=PATIENCE)


def restored_has(house: House, before: set[str]) -> None:
    with house.running("up", until=UP):
        eventually(lambda: waiting(house) == 0)
    assert before - received(house) == set()
    with house.store.reading() as session:
        mails = session.exec(select(HitRow.mail_id)).all()
    assert len(mails) == len(set(mails)) == len(received(house))


def test_no_acknowledged_mail_is_missing_from_a_backup_under_load(tmp_path: Path) -> None:
    file = tmp_path / "backup.tar"
    first, second = (House(make(tmp_path / name)) for name in ("first", "second"))
    with first.open(), second.open():
        before = back_up_under_load(first, file)
        second.canary("restore", str(file))
        restored_has(second, before)
        assert second.canary("canaries", "--json") == first.canary("canaries", "--json")
        assert json.loads(second.canary("decoys", "--json"))["domains"][0]["issued"] == 1
        for key in ("decoy.key", "secret.key"):
            held = [(house.folder / "data" / key) for house in (first, second)]
            assert [each.read_bytes() for each in held if each.exists()][:1] * 2 == [each.read_bytes() for each in held]


def test_the_same_with_postgresql(tmp_path: Path, postgres: str) -> None:
    for name in ("loaded", "loaded_again"):
        administer(postgres, f"CREATE DATABASE {name}")
    environ = [{"CANARY_STORE__URL": postgres.format(name=name)} for name in ("loaded", "loaded_again")]
    first, second = (House(make(tmp_path / str(n)), each) for n, each in enumerate(environ))
    with first.open(), second.open():
        before = back_up_under_load(first, tmp_path / "backup.tar")
        second.canary("restore", str(tmp_path / "backup.tar"))
        restored_has(second, before)


def test_erasing_while_mail_comes_in_loses_no_mail_and_stops_nothing(tmp_path: Path) -> None:
    house = House(make(tmp_path / "first"))
    with house.open():
        address = house.vendor("Loaded", "loaded.example")
        with house.running("up", until=UP) as running:
            sender = Sender(house, client_of(running), address)
            for _ in range(3):
                sender.send_further(30)
                house.canary("erase", "jane@post.example", "--yes")
            sender.send_further(1)
            sender.stop()
            eventually(lambda: waiting(house) == 0)
        assert set(sender.acknowledged) - received(house) == set()


def make(folder: Path) -> Path:
    folder.mkdir()
    return folder
