"""The parts of pipeline and delivery, built from settings."""

import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from canary.alerts.channels.base import Target
from canary.alerts.delivery import DeliveryContext
from canary.alerts.health_check import HealthCheck
from canary.mail.received import read_trusted
from canary.net.http import Http
from canary.pipeline.rspamd_check import RspamdChecker
from canary.pipeline.story import Context, Parser, parse_here
from canary.processes.entered import EnteredSettings, InForce
from canary.processes.installation import Installation
from canary.processes.judging import forwarder_registry, lookups, own_book
from canary.processes.logs import log_to_stderr
from canary.processes.mailbox_health import lasting_problems, mark_entered
from canary.processes.receiver_health import listening, receiver_metrics
from canary.processes.spools import Spools, clock
from canary.settings import Settings
from canary.store.database import Database
from canary.store.queries.mails import count_set_aside
from canary.store.signing_key import installation_key

log = logging.getLogger("canary.processes.build")


def pipeline_context(
    settings: Settings, store: Database, passed: Callable[[str], None] = lambda _: None, parser: Parser = parse_here
) -> Context:
    """Build what the pipeline works with; a `MailParser` parses within limits."""
    trusted, key = read_trusted(settings.smtp.trusted), installation_key(settings.data)
    domains = frozenset(domain.lower() for domain in settings.domains)
    return Context(
        store, lookups(settings), own_book(settings.judge), clock, passed, trusted, key, settings.judge.learning, domains,
        forwarder_registry(settings.judge.forwarders), parser,
    )  # fmt: skip


def delivery_context(
    settings: Settings, store: Database, passed: Callable[[str], None] = lambda _: None
) -> DeliveryContext:
    """Build what delivery works with."""
    http = Http(allow_private=settings.alert.allow_private, clock=clock)
    return DeliveryContext(store, http, alert_targets(settings), clock, settings.web_url, _jitter, passed)


def destinations_in_force(settings: Settings) -> Callable[[DeliveryContext], DeliveryContext]:
    """Return what gives a context the destinations that there are now, and returns the same one where nothing changed.

    Their addresses and secrets are masked in the log from then on; what is not in force is logged.
    """
    entered, seen = EnteredSettings(settings, clock), [InForce(settings)]

    def follow(desk: DeliveryContext) -> DeliveryContext:
        with desk.store.reading() as session:
            found = entered.current(session)
        if found is seen[0]:
            return desk
        seen[0] = found
        log_to_stderr(settings.log.level, json_lines=settings.log.json_lines, mask=found.settings.mask)
        for fault in found.faults.values():
            log.warning("%s", fault)
        targets = alert_targets(found.settings)
        return desk if targets == desk.targets else replace(desk, targets=targets)

    return follow


def alert_targets(settings: Settings) -> list[Target]:
    """Return where alerts go."""
    return [
        Target(name, d.kind, d.url.get_secret_value(), d.secrets, d.when, d.route)
        for name, d in settings.alert.destinations.items()
    ]


def rspamd_checker(settings: Settings, store: Database) -> RspamdChecker | None:
    """Build what asks rspamd, where one is set."""
    rspamd = settings.rspamd
    if rspamd.url is None:
        return None
    from canary.net.rspamd import Rspamd  # noqa: PLC0415 - most installations have none

    password = rspamd.password.get_secret_value() if rspamd.password else None
    return RspamdChecker(store, Rspamd(rspamd.url, password), clock)


def health_check(settings: Settings, spools: Spools, store: Database) -> HealthCheck:
    """Build what looks after this machine."""
    numbers = receiver_metrics(settings)

    def backlogs() -> Mapping[str, int]:
        return {spool.path.stem: spool.backlog() for spool in list(spools.opened.values())}

    def set_aside(since: datetime) -> int:
        with store.reading() as session:
            return count_set_aside(session, since)

    entered, installation = EnteredSettings(settings, clock), Installation(settings)

    def problems() -> Mapping[str, str]:
        with store.reading() as session:
            found = entered.current(session)
        faults, in_force = found.faults, found.settings
        # A data folder that was restored may not have the marks.
        if in_force.inlet.mailboxes:
            mark_entered(settings.data, "mailboxes")
        if in_force.ingest.services:
            mark_entered(settings.data, "ingest")
        broken = {f"settings {section} {name}".strip(): fault for (section, name), fault in faults.items()}
        return {**installation.spool_problems(), **lasting_problems(in_force, clock()), **broken}

    return HealthCheck(lambda: listening(numbers), backlogs, settings.smtp.tls_certificate, set_aside, problems)


def _jitter() -> float:
    return 0.8 + 0.4 * secrets.randbelow(1000) / 1000
