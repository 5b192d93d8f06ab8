"""A program that reads a mailbox and is killed at a step: python -m tests.slow.dying_reader FOLDER PLACE STEP TIMES.

PLACE is a Maildir, the address of a JMAP server or of Graph, that of SQS after `sqs:`, or the port of an IMAP server and a user as PORT:USER. STEP is `Class.method` with `<` for before or
`>` for after it; it dies when that happens for the TIMES-th time. Ends by itself where it never does.
"""

import functools
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from canary.inlets.api_client import ApiClient, origin_of
from canary.inlets.aws_queue import AwsQueue
from canary.inlets.desk import InletDesk
from canary.inlets.graph import GraphMailbox, GraphReader
from canary.inlets.imap import ImapFolder, ImapReader
from canary.inlets.imap_session import ImapAccount, ImapSession
from canary.inlets.intake import Intake
from canary.inlets.jmap import JmapMailbox, JmapReader
from canary.inlets.jmap_session import JmapAccount, JmapSession
from canary.inlets.ledger import InletLedger
from canary.inlets.maildir import MaildirReader, WatchedMaildir
from canary.inlets.oauth import AccessToken, TokenGrant
from canary.processes.remote_mailboxes import remote_readers
from tests.amazon import queue_settings
from tests.dovecot import PASSWORD
from tests.graph_server import SECRET, USER
from tests.jmap_server import TOKEN
from tests.landing import landing, mailbox_side, now

PLACES: dict[str, Any] = {
    kind.__name__: kind for kind in (AwsQueue, ImapSession, InletDesk, InletLedger, Intake, JmapSession)
}


def die_at(step: str, times: int) -> None:
    """Let this process be killed at a step."""
    kind, _, method = step[1:].partition(".")
    real: Callable[..., Any] = getattr(PLACES[kind], method)
    left = [times]

    def count() -> None:
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)

    @functools.wraps(real)
    def stepping(*values: Any, **named: Any) -> Any:
        if step[0] == "<":
            count()
        answer = real(*values, **named)
        if step[0] == ">":
            count()
        return answer

    setattr(PLACES[kind], method, stepping)


def main() -> None:
    folder, place, step, times = sys.argv[1:]
    if step != "-":
        die_at(step, int(times))
    with landing(Path(folder)) as land:
        if place.startswith("/"):
            MaildirReader(WatchedMaildir("home", Path(place), mailbox_side()), land.desk).run_once()
        elif place.endswith("/v1.0"):
            client = partial(ApiClient, frozenset({origin_of(place)}), now)
            token = TokenGrant(place.replace("v1.0", "token"), "me", SECRET, "")
            renewed = AccessToken("home", token, land.desk.ledger, httpx.Client(), now)
            GraphReader(
                GraphMailbox("home", place, USER, ("inbox",), mailbox_side()), land.desk, client, renewed
            ).run_once()
        elif place.startswith("sqs:"):
            [reader] = remote_readers(
                queue_settings(place.removeprefix("sqs:"), Path(folder)), land.desk, lambda _: lambda _done, _all: None,
                (), lambda receivers: mailbox_side(*receivers),
            )  # fmt: skip
            reader.run_once()
        elif place.startswith("http:"):
            account = JmapAccount(f"{place}/session", f"Bearer {TOKEN}")
            client = partial(ApiClient, frozenset({origin_of(place)}), now)
            JmapReader(JmapMailbox("home", account, ("INBOX",), mailbox_side()), land.desk, client).run_once()
        else:
            port, _, user = place.partition(":")
            imap = ImapAccount("127.0.0.1", int(port), "none", None, user, PASSWORD)
            ImapReader(ImapFolder("home", "home", imap, "INBOX", mailbox_side()), land.desk).run_once()


if __name__ == "__main__":
    main()
