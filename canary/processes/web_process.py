"""The web role: the dashboard and the API."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import uvicorn
from prometheus_client import CollectorRegistry

from canary.authenticate.dns_records import Arrangement, check_records, wanted_records
from canary.net.bounded_http import RequestLimits, protocol_with
from canary.processes.entered import EnteredSettings
from canary.processes.faults import brief
from canary.processes.http_server import RoleServer, open_web
from canary.processes.import_runner import ImportRunner
from canary.processes.judging import lookups, never_vendor
from canary.processes.mailbox_health import is_posted, mailbox_problem, mailbox_states, subject
from canary.processes.mailbox_trials import MailboxTrials
from canary.processes.memory import forbid_core_dumps
from canary.processes.node_report import NodeReporter, keep_reporting
from canary.processes.plan_runner import PlanRunner
from canary.processes.readiness import ReadinessCheck, unready_parts
from canary.processes.receiver_health import listening, receiver_metrics, waiting_mails
from canary.processes.self_test import send_from_browser
from canary.processes.shutdown import ShutdownSignal, announce
from canary.processes.spools import clock
from canary.processes.stores import in_force, open_store, platform_domains
from canary.settings import Settings
from canary.store.database import Database, is_down
from canary.store.signing_key import installation_key
from canary.web.app import create_app
from canary.web.config import WebConfig
from canary.web.issue_forms import IssueSettings
from canary.web.rendering import IS_READ, KEEPS_UP, LISTENING

log = logging.getLogger("canary.processes.web_process")

BEHIND = 500
"""So many mails in the spools are no burst any more: the worker is slow, or there is none."""

STATEMENT_SECONDS = 60.0
"""So long at most PostgreSQL works on one query of a page."""


def _announce(address: str) -> None:
    announce(f"web listening on {address}")


async def serve(
    settings: Settings, *, watched: bool = False, config: Path | None = None, ready: Callable[[str], None] = _announce
) -> None:
    """Serve the dashboard until stopped; `ready` gets its address once it listens."""
    forbid_core_dumps()  # a page reads exports of password managers
    stopping, opened = ShutdownSignal(watched=watched), open_web(settings)
    store = open_store(settings, partial(Database, statement_seconds=STATEMENT_SECONDS))
    imports, plan = ImportRunner(settings, config), PlanRunner(settings.data, config, clock)
    site = replace(_site(settings, store), imports=imports, plan=plan)
    # An access log would show one-time links; the application logs what matters.
    listening = uvicorn.Config(
        create_app(site), lifespan="off", log_config=None, access_log=False, server_header=False,
        http=protocol_with(RequestLimits(settings.web.connections, settings.web.header_seconds)), ws="none",
        proxy_headers=False,  # the application reads them, by web.proxies
        timeout_graceful_shutdown=2,  # a page that listens to news would hold it up for ever
    )  # fmt: skip
    server = RoleServer(listening, stopping.event, ready)
    reporter = NodeReporter("web", str(settings.data.absolute()), clock())
    try:
        await asyncio.to_thread(_look_at, store)
        reporting = asyncio.create_task(keep_reporting(reporter, store, clock, stopping.event))
        try:
            await server.serve(sockets=opened)
        finally:
            stopping.event.set()
            await reporting
    finally:
        imports.stop()
        plan.stop()
        for each in opened:
            each.close()
        store.close()


def _site(settings: Settings, store: Database) -> WebConfig:
    numbers, entered = receiver_metrics(settings), EnteredSettings(settings, clock)
    return WebConfig(
        store,
        clock,
        url=settings.web_url,
        health=lambda: {**_health(numbers), **_mailbox_health(store, entered)},
        registry=receiver_metrics(settings),
        unready=ReadinessCheck(lambda: unready_parts(settings, numbers, clock()), time.monotonic),
        hosts=(settings.web.host, *settings.web.hosts),
        proxies=settings.web.proxies,
        issuing=IssueSettings(
            tuple(settings.domains),
            platform_domains(settings.judge),
            installation_key(settings.data),
            never=never_vendor(settings.judge, settings.domains),
        ),
        arranged=arrangement(settings),
        desk=entered,
        mailboxes=MailboxTrials(entered, clock),
        self_test=lambda address: send_from_browser(settings, address, clock()),
    )


def _look_at(store: Database) -> None:
    """Say at the start why the store cannot be used; requests are answered with 503 meanwhile."""
    try:
        with store.engine.connect():
            pass
    except Exception as fault:
        if not is_down(fault):
            raise
        log.warning("store cannot be used (%s); requests are answered with 503", brief(fault))


def arrangement(settings: Settings) -> Arrangement:
    """Return the records that DNS should have for the domains of the settings, and what asks whether it does."""
    host = settings.smtp.hostname
    records = tuple(record for domain in settings.domains for record in wanted_records(domain, host))
    # Made at the first question: no DNS library is loaded before that page is opened.
    lookup = cache(lambda: lookups(settings))
    return Arrangement(records, lambda: check_records(lookup()(), records))


def _mailbox_health(store: Database, entered: EnteredSettings) -> dict[str, str]:
    """Return the state of each mailbox that is read."""
    settings, now = in_force(store, entered), clock()
    try:
        states = mailbox_states(settings)
    except OSError as fault:
        return {"mailboxes": str(fault)}
    return {
        subject(s.name): mailbox_problem(settings, s, now) or (LISTENING if is_posted(s.name) else IS_READ)
        for s in states
    }


def _health(numbers: CollectorRegistry) -> dict[str, str]:
    """Return the state of the parts on this machine; nothing where no receiver ever wrote its numbers."""
    alive = listening(numbers)
    if alive is None:
        return {}
    waiting = waiting_mails(numbers)
    return {
        "listener": LISTENING if alive else "not heard of lately",
        "worker": KEEPS_UP if waiting < BEHIND else f"{waiting} mails wait",
    }
