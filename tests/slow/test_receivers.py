"""Receiving by whole processes: several at one port, reload, sockets of systemd, the journal and the numbers."""

import fcntl
import json
import os
import signal
import smtplib
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import func, select

from canary.spool.spool import Spool
from canary.store.tables import MailRow
from tests.patience import PATIENCE
from tests.processes import ROOT, House, Running, eventually

pytestmark = pytest.mark.slow

POSTMASTER = "postmaster@in.example"
LETTER = b"From: a@sender.example\r\nSubject: Hello\r\n\r\nx\r\n"


@pytest.fixture
def port() -> Iterator[int]:
    """A free port, kept for processes that share it."""
    with socket.socket() as kept:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        kept.bind(("127.0.0.1", 0))
        yield kept.getsockname()[1]


def send(port: int, to: str = POSTMASTER) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE) as client:
        client.sendmail("a@sender.example", [to], LETTER)


def backlog(house: House, name: str) -> int:
    spool = Spool(house.folder / f"data/spool/{name}.db", reserve_bytes=0, max_backlog=1000)
    try:
        return spool.backlog()
    finally:
        spool.close()


def kept(house: House) -> int:
    with house.store.reading() as session:
        return int(session.exec(select(func.count()).select_from(MailRow)).one())


def pids(running: Running, word: str) -> list[int]:
    """The children of a process that were started with these words."""
    command = ["pgrep", "-P", str(running.process.pid), "-f", "--", word]
    return [int(pid) for pid in subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()]


def serve_two(house: House, port: int) -> None:
    house.environ |= {"CANARY_SMTP__PORT": str(port), "CANARY_SMTP__PROCESSES": "2"}


def test_several_receivers_share_a_port_and_each_has_its_own_spool(house: House, port: int) -> None:
    serve_two(house, port)
    house.canary("vendor", "list")
    with house.running("smtp", until=()) as running:
        eventually(lambda: len([line for line in running.lines if "smtp listening" in line]) == 2)
        while not (backlog(house, "smtp") and backlog(house, "smtp-2")):
            send(port)
    waiting = backlog(house, "smtp") + backlog(house, "smtp-2")
    house.environ["CANARY_SMTP__PROCESSES"] = "1"
    with house.running("worker", until=("worker ready",)):
        eventually(lambda: kept(house) == waiting)


def test_a_receiver_that_dies_is_started_again_while_the_other_receives(house: House, port: int) -> None:
    serve_two(house, port)
    house.canary("vendor", "list")
    with house.running("smtp", until=()) as running:
        eventually(lambda: len([line for line in running.lines if "smtp listening" in line]) == 2)
        [victim] = pids(running, "smtp-2")
        os.kill(victim, signal.SIGKILL)
        running.said("smtp-2 ended with -9; starting it again")
        send(port)
        eventually(lambda: len([line for line in running.lines if "smtp listening" in line]) == 3)
        assert pids(running, "smtp-2") != [victim]


def test_a_hang_up_takes_over_good_settings_and_keeps_the_old_ones_when_the_new_are_bad(house: House) -> None:
    file = house.folder / "canary.toml"
    house.environ["CANARY_CONFIG"] = str(file)
    file.write_text("[smtp]\nmax_size = 1111\n")
    house.canary("vendor", "list")
    with house.running("smtp", until=("smtp listening",)) as running:
        with running.client() as client:
            assert client.ehlo()[1].split(b"SIZE ")[1].startswith(b"1111")
        file.write_text("[smtp]\nmax_size = 2222\nspool_backlog = 5\n")
        running.process.send_signal(signal.SIGHUP)
        running.said("smtp.spool_backlog changed: that needs a restart")
        with running.client() as client:
            assert client.ehlo()[1].split(b"SIZE ")[1].startswith(b"2222")
        file.write_text("[smtp]\nmax_size = 'big'\n")
        running.process.send_signal(signal.SIGHUP)
        running.said("settings are not taken over, those from before stay: smtp.max_size = 'big'")
        with running.client() as client:
            assert client.ehlo()[1].split(b"SIZE ")[1].startswith(b"2222")


def test_a_hang_up_of_the_whole_reaches_its_receivers(house: House, port: int) -> None:
    serve_two(house, port)
    house.canary("vendor", "list")
    with house.running("up", until=("web listening", "worker ready")) as running:
        eventually(lambda: len([line for line in running.lines if "smtp listening" in line]) == 2)
        running.process.send_signal(signal.SIGHUP)
        eventually(lambda: len([line for line in running.lines if "settings taken over" in line]) == 2)
        send(port)
        assert not any("ended with" in line for line in running.lines)


_ACTIVATE = """
import os, sys
for place, number in enumerate(sys.argv[1].split(",")):
    os.dup2(int(number), 3 + place)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(place + 1), "LISTEN_FDNAMES": sys.argv[2]}
os.execv(sys.executable, [sys.executable, "-m", "canary", *sys.argv[3:]])
"""


@pytest.mark.parametrize("role", ["smtp", "up"])
def test_sockets_of_systemd_are_served_by_the_receiver(house: House, tmp_path: Path, role: str) -> None:
    house.canary("vendor", "list")
    path = str(tmp_path / "l.sock")
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(path)
        unix.listen()
        numbers = [fcntl.fcntl(one.fileno(), fcntl.F_DUPFD, 20) for one in (tcp, unix)]
        command = [sys.executable, "-c", _ACTIVATE, ",".join(map(str, numbers)), "smtp:lmtp", role]
        process = subprocess.Popen(
            command, env=house.environment, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, pass_fds=numbers,
        )  # fmt: skip
        for number in numbers:
            os.close(number)
        running = Running(process)
        try:
            running.said(rf"smtp listening on 127.0.0.1:{tcp.getsockname()[1]}$")
            running.said(rf"lmtp listening on {path}$")
            send(tcp.getsockname()[1])
            with smtplib.LMTP(path) as client:
                client.sendmail("a@sender.example", [POSTMASTER], LETTER)
        finally:
            process.terminate()
            process.wait(PATIENCE)
            running.listener.join(PATIENCE)
        assert Path(path).exists()


def test_a_receiver_without_dashboard_shows_its_numbers_and_logs_each_mail(house: House) -> None:
    house.environ["CANARY_SMTP__METRICS"] = "127.0.0.1:0"
    house.environ["CANARY_SMTP__MASK_ADDRESSES"] = "true"
    house.canary("vendor", "list")
    with house.running("smtp", until=("smtp listening",)) as running:
        where = running.said("metrics listening on").rpartition(" ")[2]
        send(running.port("smtp"))
        told = json.loads(running.said('^{"session"'))
        assert (told["rcpt_to"], told["size"]) == (["p***@in.example"], len(LETTER))

        def shown() -> bool:
            with urllib.request.urlopen(f"http://{where}/metrics", timeout=PATIENCE) as answer:
                return b'canary_smtp_mails_total{outcome="kept",receiver="smtp"} 1.0' in answer.read()

        eventually(shown)


def test_stopping_lets_a_mail_finish_and_says_goodbye_to_the_idle(house: House) -> None:
    house.canary("vendor", "list")
    with (
        house.running("smtp", until=("smtp listening",)) as running,
        running.client() as idle,
        running.client() as busy,
    ):
        busy.ehlo()
        for line in ("MAIL FROM:<>", f"RCPT TO:<{POSTMASTER}>", "DATA"):
            assert busy.docmd(line)[0] in (250, 354)
        running.process.terminate()
        assert idle.getreply()[0] == 421
        busy.send(LETTER + b".\r\n")
        assert [busy.getreply()[0] for _ in range(2)] == [250, 421]
        assert running.process.wait(PATIENCE) == 0
    assert backlog(house, "smtp") == 1
