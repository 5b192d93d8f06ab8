"""`canary demo`: the leak of 2011, replayed through the real listener and pipeline into a temporary data folder."""

import asyncio
import json
import secrets
import smtplib
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated, Any

import typer

from canary.cli.context import open_store, show_table
from canary.demo.signing import make_keys
from canary.demo.story import Posting, Story, write
from canary.demo.world import DemoWorld, plan
from canary.demo.zone import write_zone
from canary.model.canary import Canary
from canary.model.case import Suspect, percent
from canary.settings import Arranged, Settings

SEED = 2011


def demo(
    no_serve: Annotated[bool, typer.Option("--no-serve", help="End after the table instead of serving it.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the dashboard; 0 takes a free one.")] = 0,
) -> None:
    """Replay the leak of 2011 and watch it being found."""
    with tempfile.TemporaryDirectory(prefix="canary-demo-") as folder, _slack() as slack:
        settings, story, stage = _prepare(Path(folder), slack, port)
        asyncio.run(stage.replay(story))
        stage.show()
        if not no_serve:
            asyncio.run(stage.serve(settings))


class _Now:
    """The clock of the story: its time is that of the mail being processed."""

    def __init__(self, start: datetime) -> None:
        self.at = start

    def __call__(self) -> datetime:
        return self.at


def _prepare(folder: Path, slack: str, port: int) -> tuple[Settings, Story, "_Stage"]:

    world = plan(SEED)
    keys = make_keys(world.stations.values())
    (folder / "zone.json").write_text(json.dumps(write_zone(world, keys)), encoding="utf-8")
    settings = Arranged.model_validate(
        {
            "data": folder,
            "domains": [world.domain],
            "smtp": {"port": 0, "hostname": f"mx.{world.domain}", "spool_reserve": 0},
            "web": {"port": port},
            "dns": {"zone": folder / "zone.json"},
            "alert": {"destinations": {"slack": {"kind": "slack", "url": slack}}, "allow_private": True},
        }
    )
    store = open_store(settings)
    stage = _Stage(settings, store, world)
    typer.echo(f"{len(world.shops)} vendors, {len(world.suppliers)} suppliers; issuing {len(world.orders)} addresses")
    return settings, write(world, stage.issue(), keys, SEED), stage


@dataclass
class _Stage:
    """The real parts, set up in a temporary folder."""

    settings: Settings
    store: Any
    world: DemoWorld

    def issue(self) -> dict[str, Canary]:
        """Add the vendors, the suppliers and every address in the orders of the world, each at its own time."""
        from canary.canaries import lifecycle
        from canary.canaries.lifecycle import IssueOrder
        from canary.store.queries import vendors

        issued: dict[str, Canary] = {}
        with self.store.writing() as session:
            start = min(order.issued for order in self.world.orders)
            for vendor in self.world.vendors:
                vendors.add_vendor(session, vendor.name, vendor.domains, start)
            for supplier in self.world.suppliers:
                vendors.add_supplier(session, supplier.name, start)
            for supply in self.world.supplies:
                vendors.add_supply(session, supply)
            for order in sorted(self.world.orders, key=lambda o: o.issued):
                if order.replaces:
                    old = issued[order.replaces].address
                    issued[order.key] = lifecycle.rotate(session, old, secrets.randbelow, order.issued)
                    continue
                wanted = IssueOrder(order.vendor, self.world.domain, order.channel, order.style)
                issued[order.key] = lifecycle.issue(session, wanted, secrets.randbelow, order.issued)
        return issued

    async def replay(self, story: Story) -> None:
        """Process the history in the pipeline, send the last weeks through the listener, and deliver alerts to Slack."""
        from dataclasses import replace

        from canary.alerts.delivery import deliver_due
        from canary.cases.weigh import weigh_all
        from canary.pipeline.batch import run_pending
        from canary.processes import build, spools

        now, spool = _Now(story.history[0].at), spools.open_spool(self.settings)
        spool.start(now)
        parts = replace(build.pipeline_context(self.settings, self.store), clock=now)
        desk = build.delivery_context(self.settings, self.store)
        try:
            typer.echo(f"two years of ordinary mail: {len(story.history)} mails through the pipeline")
            for posting in story.history:
                await spool.keep(posting.envelope, posting.content)
            now.at = story.recent[0].at
            await _drain(run_pending, parts, spool)
            await asyncio.to_thread(weigh_all, self.store, now())
            typer.echo(f"March 2011: {len(story.recent)} mails and {len(story.guesses)} guesses through the listener")
            await self._deliver(story, spool, now)
            await _drain(run_pending, parts, spool)
            await asyncio.to_thread(weigh_all, self.store, now())
            while await asyncio.to_thread(deliver_due, desk):
                pass
        finally:
            desk.http.close()
            spool.close()

    async def _deliver(self, story: Story, spool: Any, now: _Now) -> None:
        from canary.canaries.address_cache import AddressCache
        from canary.smtp.handler import CanaryHandler
        from canary.smtp.listeners import ListenAddress, open_listeners
        from canary.smtp.server import Listener, ServerConfig
        from canary.store.issued_addresses import IssuedAddresses

        issued = IssuedAddresses(self.settings.store_url)
        book = AddressCache(issued.fetch, spool, issued.changed)
        handler = CanaryHandler(frozenset({self.world.domain}), book, spool, now)
        listener = Listener(ServerConfig(self.settings.smtp.hostname, handler))
        [door] = open_listeners([ListenAddress(host="127.0.0.1")])
        host, port = door.socket.getsockname()[:2]
        await book.start()
        try:
            await listener.start([door])
            await asyncio.to_thread(_send_all, (host, port), story.guesses, story.recent, now)
        finally:
            await listener.stop()
            await book.stop()
            issued.close()

    def show(self) -> None:
        """Print the table: each vendor, its mails by verdict, its case and what is believed of it."""
        from canary.cases.conclusions import conclusion_of
        from canary.cases.records import list_cases
        from canary.cli.case_words import in_words
        from canary.store.codec import findings_of, suspects_of
        from canary.store.queries.vendors import vendors_by_id
        from canary.views.vendor_summary import standings

        with self.store.reading() as session:
            found = standings(session)
        typer.echo("")
        lines = [
            (
                vendor.name,
                vendor.verdicts.total(),
                ", ".join(f"{count} {verdict}" for verdict, count in vendor.verdicts.most_common()),
                f"case {vendor.case}" if vendor.case else "",
                vendor.answer,
            )
            for vendor in found
        ]
        show_table(("vendor", "mails", "verdicts", "case", "answer"), lines, "No vendors.")
        with self.store.reading() as session:
            for case in (case for case in list_cases(session) if case.merged_into is None):
                opener = vendors_by_id(session, [case.vendor_id])[case.vendor_id].slug
                suspects, findings = suspects_of(case.suspects), findings_of(case.findings)
                named = ", ".join(f"{s.name} {percent(s.p)}" for s in _named(suspects, opener))
                answer = conclusion_of(case)
                typer.echo(f"\nCase {case.id}: {answer.headline} ({named})")
                for line in in_words(findings, leads=answer.leads):
                    typer.echo(f"  {line}")

    async def serve(self, settings: Settings) -> None:
        """Keep the dashboard up and print a link that logs in once."""
        from canary.processes.spools import clock
        from canary.processes.web_process import serve
        from canary.store.queries.users import add_user, new_token

        with self.store.writing() as session:
            user = add_user(session, "demo", secrets.token_urlsafe(16), "admin", clock())
            token = new_token(session, user.id or 0, "login", timedelta(hours=1), clock())

        def ready(address: str) -> None:
            typer.echo(f"\nDashboard: {address}/login/once/{token}   (logs in once; end with Ctrl-C)")

        await serve(settings, ready=ready)


def _named(suspects: Sequence[Suspect], opener: str) -> list[Suspect]:
    """Return the likeliest source, and the vendor whose address was hit first."""
    return [*suspects[:1], *(s for s in suspects[1:] if (s.kind, s.id) == ("vendor", opener))]


async def _drain(run_pending: Any, parts: Any, spool: Any) -> None:
    while await run_pending(parts, spool):
        pass


def _send_all(place: tuple[str, int], guesses: Sequence[str], postings: Sequence[Posting], now: _Now) -> None:
    now.at = postings[0].at
    with smtplib.SMTP(*place) as client:
        client.ehlo()
        for number, address in enumerate(guesses):
            if number % 10 == 0:  # a guesser that is refused too often is disconnected
                client.rset()
                client.mail("collector@harvest.example")
            client.rcpt(address)
        client.rset()
    for posting in postings:
        now.at = posting.at
        with smtplib.SMTP(*place, local_hostname=posting.envelope.client.helo or "localhost") as client:
            client.sendmail(posting.envelope.mail_from, list(posting.envelope.rcpt_to), posting.content)


@contextmanager
def _slack() -> Iterator[str]:
    """Listen in place of Slack, and print what it would show."""

    class Handler(BaseHTTPRequestHandler):
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(min(int(self.headers.get("Content-Length", 0)), 100_000)))
            typer.echo(f"\n[Slack] {message['text']}")
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            """Log nothing: the post itself is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/services/demo"
    finally:
        server.shutdown()
        server.server_close()
