"""A served site with its store: one vendor with a hostile name, one hostile mail, and users of every role."""

import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import uvicorn
from fastapi import FastAPI
from fastapi.dependencies import models as dependencies

from canary.mail.parse import parse
from canary.model.plan_run import PlanRun
from canary.net.bounded_http import RequestLimits, protocol_with
from canary.processes.entered import EnteredSettings
from canary.processes.mailbox_trials import MailboxTrials
from canary.settings import Arranged
from canary.store import tables
from canary.store.counters import recount
from canary.store.database import Database
from canary.store.decoy_mac import DecoyMac
from canary.store.parsed_mail import packed
from canary.store.queries.outbox import mark_failed, put_test
from canary.store.queries.users import Label, add_user, new_token
from canary.store.tables import UserRow
from canary.web.app import create_app
from canary.web.config import WebConfig
from canary.web.issue_forms import IssueSettings
from tests.patience import PATIENCE

NOW = datetime(2011, 3, 24, 12, tzinfo=UTC)
PASSWORD = "correct horse battery"
USERS = ("admin", "analyst", "viewer")
EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>"
HOSTILE = (
    b"From: a@b.example\r\nSubject: x\r\nContent-Type: text/html\r\n\r\n<p onclick=alert(1)>Dear <b>Ada</b><img src=http://b"
    b".example/i.png><a href=http://b.example/>b</a></p><script>alert(1)</script><form action=http://b.example></form>\r\n"
)


class KeptPlan:
    """A plan that was worked out once, with words of others in it."""

    def __init__(self) -> None:
        self.begun = 0

    def begin(self) -> None:
        self.begun += 1

    def look(self) -> PlanRun:
        return PlanRun((f"Issue an address to {EVIL}.",), NOW)


class IdleImports:
    """Imports of which none ever runs."""

    folder = "/srv/canary/to-import"

    def offered(self) -> list[str]:
        return ["mail.mbox"]

    def begin(self, name: str, adopt: Sequence[str], trust: Sequence[str], *, accept: bool) -> None:
        """Nothing is begun."""

    def look(self) -> None:
        return None


@dataclass
class Site:
    """A served application with its store and a clock that can be set."""

    url: str
    app: FastAPI
    database: Database
    now: datetime

    def client(self) -> httpx.Client:
        # Without a store of certificates, which takes longer to read than all that is asked.
        return httpx.Client(
            base_url=self.url, headers={"Origin": self.url}, trust_env=False, verify=False, timeout=PATIENCE
        )

    def logged_in(self, role: str = "admin") -> httpx.Client:
        secret = self.secret("session", role)
        client = self.client()
        client.cookies.set("canary", secret, domain="127.0.0.1")
        return client

    def secret(self, kind: str, role: str = "admin", scope: str = "admin") -> str:
        with self.database.writing() as session:
            label = Label("test", scope)
            return new_token(session, USERS.index(role) + 1, kind, timedelta(days=1), self.now, label)

    def link(self) -> str:
        return f"/login/once/{self.secret('login')}"


def stray(key: str, to: list[str]) -> tables.MailRow:
    """A hostile mail that reaches no canary."""
    return tables.MailRow(
        key=key, sha256="0" * 64, size=9, received_at=NOW, subject=EVIL, sender=EVIL, envelope={"rcpt_to": to},
        identity={"claim": "", "proof": "none", "domain": ""}, proofs={}, parts={},
    )  # fmt: skip


def fill(database: Database) -> None:
    """One vendor with a hostile name, one canary, one hostile mail, one case."""
    mail = tables.MailRow(
        key="k", sha256="0" * 64, size=2_000, received_at=NOW, subject=EVIL, sender_name=EVIL, sender=EVIL,
        text=f"{EVIL} http://bad.example/x", envelope={"mail_from": EVIL, "rcpt_to": ["a@example.net"],
        "client": {"ip": "192.0.2.1", "port": 1, "helo": EVIL, "tls": None}, "received": NOW.isoformat()},
        identity={"claim": EVIL, "proof": "none", "domain": ""}, proofs={"dmarc": {"policy": "reject", "domain": EVIL}},
        parts={"links": [f"https://bad.example/{EVIL}", "javascript:alert(3)"], "oddities": [EVIL],
        "attachments": [{"name": EVIL, "type": EVIL, "size": 5, "sha256": "f" * 64}], "headers": [[EVIL, EVIL]]},
    )  # fmt: skip
    top = {"kind": "vendor", "id": "play", "name": EVIL, "p": 0.87, "hit": 1, "held": 1}
    nobody = {"kind": "none", "id": "no leak", "name": "No leak", "p": 0.08}
    with database.writing() as session:
        session.add(tables.VendorRow(slug="play", name=EVIL, created_at=NOW))
        session.flush()
        session.add(tables.CanaryRow(id=1, address="a@example.net", domain="example.net", vendor_id=1, style="tagged", bits=65,
                                     issued_at=NOW - timedelta(days=90)))  # fmt: skip
        session.add_all(
            [mail, tables.CaseRow(vendor_id=1, opened_at=NOW, last_hit_at=NOW, suspects=[top, nobody], leak=0.92)]
        )
        session.flush()
        session.add(tables.MailContentRow(mail_id=1, content=zlib.compress(HOSTILE), parsed=packed(parse(HOSTILE))))
        session.add(tables.CampaignRow(subject=EVIL, first_at=NOW, last_at=NOW, mails=1))
        session.flush()
        mail.campaign_id = 1
        linked = [{"kind": "link", "value": EVIL}, {"kind": "text", "value": "0.91"}]
        session.add(tables.CampaignMailRow(mail_id=1, features=linked[:1] * 2, links=[{"campaign": 1, "by": linked}]))
        session.add(tables.CampaignDecisionRow(at=NOW, who=EVIL, one=False, campaign_id=1, other_id=1, note=EVIL))
        session.add(stray("stray", [f"postmaster@{EVIL}"]))
        session.add(tables.CaseVendorRow(case_id=1, vendor_id=1))
        session.add(
            tables.SenderRow(
                vendor_id=1, key=EVIL, state="pending", count=1, first_at=NOW, last_at=NOW, mail_id=1, asked_at=NOW
            )
        )
        session.add(tables.VendorEventRow(vendor_id=1, at=NOW, kind="sender-asked", text=EVIL))
        session.add(tables.CaseEventRow(case_id=1, at=NOW, kind="opened", text=EVIL))
        session.add(tables.HitRow(mail_id=1, canary_id=1, at=NOW, verdict="spam", confidence=0.98, case_id=1,
                                  reasons=[{"code": "bulk", "facts": {"signs": [EVIL]}}]))  # fmt: skip
        recount(session)
        mark_failed(session, put_test(session, "ops", NOW), EVIL, None)
        add_user(session, "ada", PASSWORD, "admin", NOW)
        for role in USERS[1:]:
            session.add(UserRow(name=role, role=role, created_at=NOW))


@cache
def filled() -> bytes:
    """The store of every site before anything happens to it."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "canary.db"
        database = Database(f"sqlite:///{path}")
        database.migrate()
        fill(database)
        with database.engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()
        return path.read_bytes()


@contextmanager
def serve(tmp_path: Path, issuing: IssueSettings = IssueSettings()) -> Iterator[Site]:  # noqa: B008 - frozen
    """Serve the pages over a store of their own on a free port."""
    (tmp_path / "canary.db").write_bytes(filled())
    database = Database(f"sqlite:///{tmp_path}/canary.db", decoy_mac=DecoyMac(tmp_path / "decoy.key"))
    site = Site("", FastAPI(), database, NOW)
    ops = {"kind": "slack", "url": "https://hooks.slack.example/services/T0/B0/x"}
    arranged = Arranged(data=tmp_path, alert={"destinations": {"ops": ops}})
    entered = EnteredSettings(arranged, lambda: site.now)
    site.app = create_app(
        WebConfig(
            database,
            lambda: site.now,
            health=lambda: {"listener": "listening"},
            issuing=issuing,
            desk=entered,
            mailboxes=MailboxTrials(entered, lambda: site.now, lambda *_: ("home: logged in", 1.0)),
            self_test=lambda _: None,
            imports=IdleImports(),
            plan=KeptPlan(),
        )
    )
    with serve_app(site):
        yield site


@contextmanager
def serve_app(site: Site, limits: RequestLimits | None = None) -> Iterator[Site]:
    """Serve the application of a site on a free port; its store is closed at the end.

    A server sees only some tenths of a second later that it has to end, and has nothing to do until then: nobody waits.
    """
    config = uvicorn.Config(
        site.app, port=0, log_config=None, log_level="warning", access_log=False, lifespan="off", proxy_headers=False, ws="none",
        http=protocol_with(limits or RequestLimits()),
    )  # fmt: skip
    server = uvicorn.Server(config)
    listening = server.config.bind_socket()
    listening.listen(64)  # a client that comes before the server does waits in the queue
    site.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield site
    finally:
        server.should_exit = True
        site.database.close()
        _forget_routes()


def _forget_routes() -> None:
    """FastAPI remembers what it found out of every function that it ever served, and with it 4 MB for each test."""
    for kept in vars(dependencies).values():
        if hasattr(kept, "cache_clear"):
            kept.cache_clear()
