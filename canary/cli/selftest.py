"""The self-test of `canary doctor`: a mail through the listener to the newest canary, until it is judged."""

import threading
from datetime import datetime
from typing import TYPE_CHECKING

from canary.cli.context import CliError, clock

if TYPE_CHECKING:
    from canary.settings import Settings

SECONDS = 10.0
_PAUSE = 0.1


def self_test(known: "Settings") -> str:
    """Send a signed mail and wait for its verdict; raises CliError, OSError or smtplib.SMTPException with what went wrong."""
    from canary.processes.self_test import self_test_message, send_self_test
    from canary.processes.stores import open_store
    from canary.store.queries.canaries import newest_active

    store = open_store(known)
    try:
        with store.reading() as session:
            address = newest_active(session)
        if address is None:
            return "no address to write to yet; `canary issue VENDOR` makes one"
        begun = clock()
        message = self_test_message(known, address, begun)
        send_self_test(known, message)
        ended = _until_judged(known, str(message["Message-ID"]), begun)
    finally:
        store.close()
    return f"a mail to {address} was received and judged after {(ended - begun).total_seconds():.1f} s"


def _until_judged(known: "Settings", message_id: str, begun: datetime) -> datetime:
    from canary.model.verdict import Verdict
    from canary.processes.stores import open_store
    from canary.store.queries.mails import verdict_since

    store, pause, verdict = open_store(known), threading.Event(), None
    try:
        while verdict is None and (clock() - begun).total_seconds() < SECONDS:
            pause.wait(_PAUSE)
            with store.reading() as session:
                verdict = verdict_since(session, message_id, begun)
    finally:
        store.close()
    if verdict is None:
        raise CliError(f"a mail was received and not judged within {SECONDS:.0f} s; is `canary worker` running?")
    if verdict != Verdict.SELF_TEST:
        raise CliError(f"a mail was judged {verdict}, not self-test; worker and doctor need the same data folder")
    return clock()
