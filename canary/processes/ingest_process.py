"""The role of the HTTP inlets: services post mail, which is kept in the spool of this process."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import uvicorn

from canary.canaries.address_cache import AddressCache
from canary.http_inlet_settings import HttpInletSettings, PasswordSettings, SesSettings
from canary.inlets.http.application import PREFIX, InletApplication, PostLimits
from canary.inlets.http.forward_email import ForwardEmailPosts
from canary.inlets.http.mailgun import MailgunRoute
from canary.inlets.http.post_counts import label
from canary.inlets.http.posted_mail import BasicPassword, PostingService
from canary.inlets.http.postmark import PostmarkInbound
from canary.inlets.http.raw import RawPosts
from canary.inlets.http.resend import ResendEvents
from canary.inlets.http.sendgrid import SendgridParse, read_key
from canary.inlets.http.ses import FetchObject, SesNotifications
from canary.inlets.http.sns import SnsVerifier, topic_region
from canary.inlets.http.stalwart import StalwartHook
from canary.inlets.intake import Intake, IntakePolicy
from canary.inlets.ledger import InletLedger
from canary.net.aws_signature import AwsKey, object_url, signed_get
from canary.net.bounded_http import RequestLimits, protocol_with
from canary.net.http import AddressRefused, Http, Unreachable
from canary.processes.entered_sections import SERVICES
from canary.processes.followed_settings import FollowedSettings
from canary.processes.http_server import RoleServer
from canary.processes.installation import Installation
from canary.processes.mailbox_health import open_ledger
from canary.processes.shutdown import ShutdownSignal, announce
from canary.processes.spools import clock, open_spool
from canary.settings import Settings
from canary.store.issued_addresses import IssuedAddresses

log = logging.getLogger("canary.processes.ingest_process")

ROLE = "ingest"
_LOOK_SECONDS = 5.0
_FOLLOW_SECONDS = 2.0
"""So often is looked whether another service was entered."""


async def ingest(settings: Settings, *, watched: bool = False) -> None:
    """Serve the HTTP inlets until stopped; the store may be down all the while."""
    stopping, http, ledger = ShutdownSignal(watched=watched), Http(allow_private=False), open_ledger(settings)
    spool = open_spool(settings, ROLE)
    issued = IssuedAddresses(settings.store_url, guard=Installation(settings).admit)
    spool.start(clock)
    book = AddressCache(issued.fetch, spool, issued.changed)
    policy = IntakePolicy(frozenset(domain.lower() for domain in settings.domains), settings.smtp.max_size)
    chosen, followed = settings.ingest, FollowedSettings(settings, SERVICES)
    limits = PostLimits(settings.smtp.max_size, chosen.memory, chosen.mail_rate)
    application = InletApplication({}, Intake(spool, book, policy, clock), limits, clock)
    services = ServicesInForce(application, followed, fetching(http, settings.smtp.max_size))
    try:
        await book.start()
        await services.look()
        async with asyncio.TaskGroup() as group:
            watches = [group.create_task(_watch(application, ledger)), group.create_task(services.follow())]
            await inlet_server(application, chosen, stopping.event).serve()
            for watch in watches:
                watch.cancel()
    finally:
        application.note_probes()
        _write_counts(application, ledger)
        ledger.close()
        followed.close()
        await book.stop()
        spool.close()
        issued.close()
        http.close()


class ServicesInForce:
    """The services that an application serves: those that are set, and those that are entered meanwhile."""

    def __init__(self, application: InletApplication, followed: FollowedSettings, fetch: "Fetch") -> None:
        """Serve nothing yet."""
        self._application, self._followed, self._fetch = application, followed, fetch
        self._served: tuple[HttpInletSettings, bool] | None = None

    async def look(self) -> None:
        """Serve what is in force now; what is as it was goes on."""
        chosen = (await asyncio.to_thread(self._followed)).ingest
        if (chosen, self._followed.is_whole) != self._served:
            self._served = chosen, self._followed.is_whole
            self._application.serve(posting_services(chosen, self._fetch), whole=self._followed.is_whole)

    async def follow(self) -> None:
        """Look again and again."""
        while True:
            await asyncio.sleep(_FOLLOW_SECONDS)
            await self.look()


def inlet_server(
    application: InletApplication, chosen: HttpInletSettings, stop: asyncio.Event,
    ready: Callable[[str], None] = lambda address: announce(f"ingest listening on {address}"),
) -> RoleServer:  # fmt: skip
    """Return the server of the application, bounded in connections and time."""
    limits = RequestLimits(chosen.connections, chosen.header_seconds, chosen.body_seconds)
    config = uvicorn.Config(
        application, chosen.host, chosen.port, lifespan="off", log_config=None, access_log=False,
        server_header=False, http=protocol_with(limits), ws="none", proxy_headers=False, interface="asgi3",
        timeout_graceful_shutdown=10,
    )  # fmt: skip
    return RoleServer(config, stop, ready)


def fetching(http: Http, most: int) -> "Fetch":
    """Return what fetches a document by https, of at most so many octets; it raises OSError."""

    def fetch(url: str, headers: Mapping[str, str]) -> bytes:
        if not url.startswith("https://"):
            raise OSError("only https is asked")
        try:
            answer = http.get(url, headers, most)
        except (AddressRefused, Unreachable) as fault:
            raise OSError(str(fault)) from None
        if answer.status != 200:
            raise OSError(f"the answer is {answer.status}")
        return answer.content

    return fetch


Fetch = Callable[[str, Mapping[str, str]], bytes]

_MAKERS: dict[str, Callable[[Any, Fetch], PostingService]] = {
    "raw": lambda chosen, _: RawPosts(chosen.readable, chosen.receivers),
    "mailgun": lambda chosen, _: MailgunRoute(chosen.readable, chosen.receivers),
    "ses": lambda chosen, fetch: SesNotifications(
        SnsVerifier(chosen.topics, lambda url: fetch(url, {})), _fetch_object(chosen, fetch)
    ),
    "sendgrid": lambda chosen, _: SendgridParse(read_key(chosen.public_key)),
    "postmark": lambda chosen, _: PostmarkInbound(_password(chosen), chosen.receivers),
    "resend": lambda chosen, fetch: ResendEvents(chosen.readable, chosen.token.get_secret_value(), fetch),
    "forward_email": lambda chosen, _: ForwardEmailPosts(chosen.readable),
    "stalwart": lambda chosen, _: StalwartHook(_password(chosen)),
}
"""What makes a service of its settings, by their name."""


def _fetch_object(chosen: SesSettings, fetch: Fetch) -> FetchObject | None:
    """Return what fetches mail from S3, if there is a key for that."""
    if chosen.secret_key is None:
        return None
    region = chosen.region or topic_region(chosen.topics[0])
    key = AwsKey(chosen.access_key, chosen.secret_key.get_secret_value(), region)

    def fetch_object(bucket: str, name: str, now: datetime) -> bytes:
        url = object_url(region, bucket, name)
        return fetch(url, signed_get(key, url, now))

    return fetch_object


def posting_services(chosen: HttpInletSettings, fetch: Fetch) -> dict[str, PostingService]:
    """Return the services that are set, by their path."""
    made = [_MAKERS[name](getattr(chosen, name), fetch) for name in chosen.services]
    return {service.manner.path: service for service in made}


def service_paths(settings: Settings) -> dict[str, str]:
    """Return the path of each service that is set, by the name under which its state is noted."""
    made = posting_services(settings.ingest, _fetch_nothing)
    return {label(service.manner.name): PREFIX + path for path, service in made.items()}


def _fetch_nothing(url: str, _: Mapping[str, str]) -> bytes:
    raise OSError(f"{url} is not asked")


def _password(chosen: PasswordSettings) -> BasicPassword:
    return BasicPassword(chosen.password.get_secret_value(), chosen.user)


async def _watch(application: InletApplication, ledger: InletLedger) -> None:
    while True:
        application.note_probes()
        await asyncio.to_thread(_write_counts, application, ledger)
        await asyncio.sleep(_LOOK_SECONDS)


def _write_counts(application: InletApplication, ledger: InletLedger) -> None:
    try:
        application.counts.write(ledger, clock())
    except OSError as fault:
        log.warning("how it goes with the HTTP inlets cannot be noted: %s", fault)
