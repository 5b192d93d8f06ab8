"""Makes what reads mailboxes and queues that are asked by HTTP."""

import base64
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import httpx

from canary.inlets.api_client import ApiClient, origin_of
from canary.inlets.aws_queue import AwsPlace
from canary.inlets.batches import Progress
from canary.inlets.desk import InletDesk
from canary.inlets.graph import GraphMailbox, GraphReader
from canary.inlets.jmap import JmapMailbox, JmapReader
from canary.inlets.jmap_session import JmapAccount
from canary.inlets.ledger import InletLedger
from canary.inlets.oauth import AccessToken, TokenGrant
from canary.inlets.queued_mail import BelievedSources
from canary.inlets.sqs import SqsInlet, SqsReader
from canary.inlets.stored_mail import MailboxSide
from canary.processes.spools import clock
from canary.remote_mailbox_settings import GraphSettings, JmapSettings, SqsSettings
from canary.settings import Settings

RemoteReader = JmapReader | GraphReader | SqsReader
SideOf = Callable[[Sequence[str]], MailboxSide]


def remote_readers(
    settings: Settings,
    desk: InletDesk,
    progress_of: Callable[[str], Progress],
    only: Sequence[str],
    side_of: SideOf,
) -> list[RemoteReader]:
    """Return what reads each of them, or of those that are named; `side_of` says whose word counts."""
    chosen = settings.inlet
    made: list[RemoteReader] = [_jmap(name, each, desk, progress_of, side_of) for name, each in chosen.jmap.items()]
    made += [_graph(name, each, desk, side_of) for name, each in chosen.graph.items()]
    made += [_sqs(name, each, desk, settings.data, side_of) for name, each in chosen.sqs.items()]
    return [reader for reader in made if not only or reader.place.inlet in only]


def jmap_account(chosen: JmapSettings) -> JmapAccount:
    """Return how to log in to a mailbox by JMAP."""
    secret = chosen.password.get_secret_value()
    basic = base64.b64encode(f"{chosen.user}:{secret}".encode()).decode()
    return JmapAccount(chosen.url, f"Basic {basic}" if chosen.user else f"Bearer {secret}")


def graph_token(name: str, chosen: GraphSettings, ledger: InletLedger) -> AccessToken:
    """Return the token of a mailbox at Microsoft 365, which is asked for when it is needed."""
    secret, refresh = (s.get_secret_value() if s else "" for s in (chosen.client_secret, chosen.refresh_token))
    grant = TokenGrant(chosen.endpoint, chosen.client_id, secret, refresh, chosen.scope)
    # Asked once an hour: no connection is worth holding.
    asking = httpx.Client(trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))
    return AccessToken(name, grant, ledger, asking, clock)


def client_of(urls: Sequence[str]) -> Callable[[], ApiClient]:
    """Return what opens a client for the hosts of these addresses."""
    return partial(ApiClient, frozenset(map(origin_of, urls)), clock)


def aws_place(chosen: SqsSettings) -> AwsPlace:
    """Return where a queue is, and how to log in."""
    secret = chosen.secret_key.get_secret_value() if chosen.secret_key else ""
    return AwsPlace(
        chosen.queue, chosen.region, chosen.access_key, secret, chosen.endpoint, int(chosen.poll), chosen.visibility
    )


def _sqs(name: str, chosen: SqsSettings, desk: InletDesk, data: Path, side_of: SideOf) -> SqsReader:
    sources = BelievedSources(chosen.topics, chosen.buckets)
    apart, side = data / "inlets" / "unreadable" / name, side_of(chosen.trusted)
    return SqsReader(SqsInlet(name, aws_place(chosen), sources, side, apart, chosen.tries), desk)


def _jmap(
    name: str, chosen: JmapSettings, desk: InletDesk, progress_of: Callable[[str], Progress], side_of: SideOf
) -> JmapReader:
    own = (chosen.user.lower(),) if "@" in chosen.user else ()
    place = JmapMailbox(name, jmap_account(chosen), chosen.folders, side_of(chosen.receivers), chosen.poll, own)
    return JmapReader(place, desk, client_of(chosen.origins), progress_of(name))


def _graph(name: str, chosen: GraphSettings, desk: InletDesk, side_of: SideOf) -> GraphReader:
    place = GraphMailbox(name, chosen.url, chosen.user, chosen.folders, side_of(chosen.receivers), chosen.poll)
    return GraphReader(place, desk, client_of((chosen.url,)), graph_token(name, chosen, desk.ledger))
