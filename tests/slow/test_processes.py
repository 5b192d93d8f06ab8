"""`canary up` as a user runs it: whole processes, real sockets, real mail."""

import re
import signal
import smtplib
import subprocess
from pathlib import Path

import httpx
import pytest
from sqlmodel import func, select

from canary.model.verdict import LEAKS
from canary.spool.spool import Spool
from canary.store.tables import CaseRow, HitRow, MailRow
from tests.conftest import administer
from tests.patience import PATIENCE
from tests.postgres import cluster
from tests.processes import House, Running, eventually
from tests.receiver import Receiver

UP = ("smtp listening", "web listening", "worker ready")
LURE = b"From: a@bad.example\r\nSubject: Reader update\r\n\r\nDownload the new version at https://bad.example/x\r\n"


def number(house: House, table: type) -> int:
    with house.store.reading() as session:
        return int(session.exec(select(func.count()).select_from(table)).one())


def children(running: Running) -> list[str]:
    return subprocess.run(
        ["pgrep", "-P", str(running.process.pid)], capture_output=True, text=True, check=False
    ).stdout.split()


@pytest.mark.corpus
def test_two_hundred_real_phishing_mails_at_three_addresses_are_one_leak_and_few_posts(
    house: House, receiver: Receiver, corpus: Path
) -> None:
    addresses = [house.vendor(f"V{n}", f"v{n}.example") for n in range(3)]
    files = sorted((corpus / "phishing_pot").glob("*.eml"))[:200]
    with house.running("up", until=UP) as running:
        before = children(running)
        with running.client() as client:
            for n, file in enumerate(files):
                client.sendmail("sender@bad.example", [addresses[n % 3]], file.read_bytes())
        eventually(lambda: number(house, HitRow) == len(files), 120)
        eventually(lambda: len(set(receiver.ids())) >= 1)
        assert children(running) == before
    with house.store.reading() as session:
        verdicts = session.exec(select(HitRow.verdict)).all()
    assert sum(v in LEAKS for v in verdicts) >= 190
    assert 1 <= number(house, CaseRow) <= 3
    assert 1 <= len(receiver.got) <= 6


@pytest.mark.slow
def test_an_address_issued_by_another_process_is_valid_within_a_second(house: House) -> None:
    house.vendor("Shop", "shop.example")
    with house.running("smtp", until=("smtp listening",)) as running, running.client() as client:
        fresh = house.vendor("Late", "late.example")
        assert client.sendmail("a@bad.example", [fresh], LURE) == {}


@pytest.mark.slow
def test_all_roles_run_where_uvloop_is_not_installed(house: House) -> None:
    absent = house.folder / "absent"
    absent.mkdir()
    (absent / "uvloop.py").write_text("raise ImportError('not installed')")
    house.environ["PYTHONPATH"] = str(absent)
    address = house.vendor("Shop", "shop.example")
    with house.running("up", until=UP) as running, running.client() as client:
        assert client.sendmail("a@bad.example", [address], LURE) == {}
        eventually(lambda: number(house, MailRow) == 1)


@pytest.mark.slow
def test_a_listener_receives_while_the_store_is_down_and_everything_arrives_once_it_is_back(house: House) -> None:
    with cluster() as server:
        administer(server.url, "CREATE DATABASE canary")
        house.environ["CANARY_STORE__URL"] = server.url.format(name="canary")
        address = house.vendor("Shop", "shop.example")
        with house.running("up", until=UP) as running:
            eventually((house.folder / "data/spool/smtp.db.addresses").exists)
            server.stop()
            with running.client() as client:
                for _ in range(5):
                    client.sendmail("a@bad.example", [address], LURE)
            assert httpx.get(f"http://127.0.0.1:{running.port('web')}/readyz", timeout=PATIENCE).status_code == 503
            running.said("store or spool cannot be used")
            server.start()
            eventually(lambda: number(house, MailRow) == 5)
        assert not any("Traceback" in line for line in running.lines)


@pytest.mark.slow
def test_a_full_spool_puts_mail_off_loses_nothing_and_says_so_once(house: House) -> None:
    house.environ["CANARY_SMTP__SPOOL_PAGES"] = "200"
    address = house.vendor("Shop", "shop.example")
    kept, codes = 0, set()
    with house.running("smtp", until=("smtp listening",)) as running, running.client() as client:
        for _ in range(40):
            try:
                client.sendmail("a@bad.example", [address], LURE + b"x" * 60_000)
                kept += 1
            except smtplib.SMTPResponseException as refusal:
                codes.add(refusal.smtp_code)
                client.rset()
        assert codes == {452}
        assert len([line for line in running.lines if re.search(r"(ERROR|WARN).*(full|space)", line)]) == 1
        spool = Spool(house.folder / "data/spool/smtp.db", reserve_bytes=0, max_backlog=1000)
        assert spool.backlog() == kept
        with house.running("worker", until=("worker ready",)):
            eventually(lambda: number(house, MailRow) == kept)
        spool.close()
        assert client.sendmail("a@bad.example", [address], LURE) == {}


@pytest.mark.slow
def test_a_role_that_dies_is_started_again(house: House) -> None:
    house.vendor("Shop", "shop.example")
    with house.running("up", until=UP) as running:
        victim = int(children(running)[0])
        subprocess.run(["kill", f"-{signal.SIGKILL.value}", str(victim)], check=True)
        running.said(r"ended with -9; starting it again")
        eventually(lambda: len(children(running)) == 3 and str(victim) not in children(running))


@pytest.mark.slow
def test_the_roles_end_when_the_one_that_watches_them_is_killed(house: House) -> None:
    house.canary("vendor", "list")
    with house.running("up", until=UP) as running:
        roles = children(running)
        running.process.kill()
        running.process.wait()
        eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in roles))


@pytest.mark.slow
def test_the_demo_names_the_shared_supplier_and_ends(tmp_path: Path) -> None:
    table = House(tmp_path).canary("demo", "--no-serve")
    leaking = [line for line in table.splitlines() if "case 1" in line]
    assert len(leaking) == 5
    assert all("Silverline" in line for line in leaking)
    assert "Case 1: Most likely Silverline's list was stolen (over 99%): one campaign hit 4 of its 5 clients" in table
    assert "Names leaked: yes" in table
    assert "case 2" not in table
