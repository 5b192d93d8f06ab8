"""An installation says that it is ready only while it works, and tells strangers nothing else."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from canary.model.mail import Client, Envelope
from canary.processes.readiness import LATE, ReadinessCheck, unready_parts
from canary.processes.receiver_health import ReceiverFiles, registry_of
from canary.processes.spools import open_spool
from canary.settings import Arranged, Settings
from canary.web.app import create_app
from canary.web.config import WebConfig
from tests.conftest import START, Clock
from tests.website import Site, serve, serve_app

HUGE = 2**62


def settings(folder: Path, reserve: int = 0) -> Settings:
    return Arranged.model_validate({"data": folder, "smtp": {"spool_reserve": reserve}})


def unready(known: Settings, seconds: float = 0) -> Mapping[str, str]:
    return unready_parts(known, CollectorRegistry(), START + timedelta(seconds=seconds))


def receive(known: Settings) -> None:
    spool = open_spool(known)
    spool.start(Clock())
    try:
        asyncio.run(spool.keep(Envelope("a@b.example", ("c@d.example",), Client("192.0.2.1"), START), b"x"))
    finally:
        spool.close()


def test_an_installation_without_mail_is_ready(tmp_path: Path) -> None:
    assert unready(settings(tmp_path)) == {}


def test_a_full_disk_is_not_ready(tmp_path: Path) -> None:
    assert "less than smtp.spool_reserve" in unready(settings(tmp_path, HUGE))["disk"]


def test_mail_that_nobody_works_off_is_not_ready(tmp_path: Path) -> None:
    known = settings(tmp_path)
    receive(known)
    assert unready(known, LATE.total_seconds()) == {}
    assert unready(known, LATE.total_seconds() + 1) == {"worker": "mail has waited for 2 minutes"}


def test_mail_that_was_put_off_is_waited_for_from_its_time_on(tmp_path: Path) -> None:
    known = settings(tmp_path)
    receive(known)
    spool = open_spool(known)
    [mail] = spool.waiting(1, START)
    spool.postpone(mail.key, START + timedelta(hours=1), "DNS")
    spool.close()
    assert unready(known, 3600 + 60) == {}
    assert unready(known, 3600 + 180) == {"worker": "mail has waited for 3 minutes"}


def test_a_spool_that_cannot_be_read_is_not_ready(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "smtp.db").write_bytes(b"garbage" * 1000)
    assert unready(settings(tmp_path)) == {"spool": "a spool cannot be read (SpoolFault)"}


def test_a_receiver_that_is_not_heard_of_is_not_ready(tmp_path: Path) -> None:
    (tmp_path / "smtp.prom").write_text(
        "# HELP canary_spool_backlog x\n# TYPE canary_spool_backlog gauge\ncanary_spool_backlog 0.0\n"
    )
    later = (tmp_path / "smtp.prom").stat().st_mtime + 120
    numbers = registry_of([ReceiverFiles(tmp_path, lambda: later)])
    assert unready_parts(settings(tmp_path), numbers, START) == {"listener": "not heard of lately"}


@pytest.mark.parametrize(
    "faults", [{}, {"disk": "1 MB free, less than smtp.spool_reserve"}], ids=["ready", "not ready"]
)
def test_a_stranger_learns_only_whether_it_is_ready(tmp_path: Path, faults: Mapping[str, str]) -> None:
    with serve(tmp_path) as first:
        config = WebConfig(
            first.database, lambda: first.now, unready=lambda: faults, health=lambda: {"worker": "keeps up"}
        )
        with serve_app(Site("", create_app(config), first.database, first.now)) as site, site.client() as client:
            here = client.get("/readyz")
            there = client.get("/readyz", headers={"X-Forwarded-For": "203.0.113.9"})
    assert here.status_code == there.status_code == (503 if faults else 200)
    assert there.json() == {"ready": not faults}
    assert here.json() == {"ready": not faults, "store": "ok", "worker": "keeps up", **faults}


def test_however_often_is_asked_it_looks_every_two_seconds() -> None:
    looks, now = iter(({"disk": "full"}, {})), [0.0]
    check = ReadinessCheck(lambda: next(looks), lambda: now[0])
    assert [check() for _ in range(100)] == [{"disk": "full"}] * 100
    now[0] = 2.0
    assert check() == {}
