"""Trying a mailbox that is asked by HTTP: log in, and look into its folders."""

from collections.abc import Callable
from contextlib import closing

from canary.inlets.api_client import ApiClient
from canary.inlets.aws_queue import AwsQueue
from canary.inlets.faults import InletFault
from canary.inlets.graph import folder_page
from canary.inlets.jmap_session import JmapRefusal, JmapSession
from canary.processes.mailbox_health import open_ledger
from canary.processes.remote_mailboxes import aws_place, client_of, graph_token, jmap_account
from canary.processes.trial_fault import TrialFailed
from canary.remote_mailbox_settings import GraphSettings, JmapSettings, SqsSettings
from canary.settings import Settings

_NO_SELF_TEST = "No self-test can be put there: write to one of your addresses, and see the mail arrive"


def looked_into_remotely(
    known: Settings, name: str, note: Callable[[str], None], found_there: Callable[[str], None]
) -> tuple[str, None]:
    """Return what is in a mailbox that nothing can be put into; raises TrialFailed."""
    chosen = known.inlet.remote[name]
    try:
        found = f"{name}: {_looked_into(known, name, chosen)}"
    except InletFault as fault:
        raise TrialFailed(f"{name}: {fault}") from None
    except JmapRefusal as fault:
        raise TrialFailed(f"{name}: the server answers {fault.kind!r}; it is tried again") from None
    found_there(found)
    note(_NO_SELF_TEST)
    return found, None


def _looked_into(known: Settings, name: str, chosen: JmapSettings | GraphSettings | SqsSettings) -> str:
    if isinstance(chosen, SqsSettings):
        with closing(AwsQueue(aws_place(chosen))) as queue:
            return f"{queue.waiting():,} messages wait in the queue"
    return _by_jmap(chosen) if isinstance(chosen, JmapSettings) else _by_graph(known, name, chosen)


def _by_jmap(chosen: JmapSettings) -> str:
    with closing(client_of(chosen.origins)()) as client:
        session = JmapSession(jmap_account(chosen), client)
        _, count = session.page(session.folders(chosen.folders))
    return f"logged in; {count:,} mails in {', '.join(chosen.folders)}"


def _by_graph(known: Settings, name: str, chosen: GraphSettings) -> str:
    with closing(open_ledger(known)) as ledger:
        token = graph_token(name, chosen, ledger).current()
        with closing(client_of((chosen.url,))()) as client:
            _look(client, chosen, token)
    return f"logged in; {', '.join(chosen.folders)} can be read"


def _look(client: ApiClient, chosen: GraphSettings, token: str) -> None:
    for folder in chosen.folders:
        folder_page(client, chosen.url, chosen.user, folder, token)
