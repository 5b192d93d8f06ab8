"""Self-tests: a mail to the newest canary, through the listener for `canary doctor`, until it is judged."""

import secrets
import smtplib
import threading
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import TYPE_CHECKING

from canary.cli.context import CliError, clock, local

if TYPE_CHECKING:
    from canary.settings import Settings

SECONDS = 10.0
_PAUSE = 0.1


def self_test(known: "Settings") -> str:
    """Send a signed mail and wait for its verdict; raises CliError, OSError or smtplib.SMTPException with what went wrong."""
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
        with smtplib.SMTP(local(known.smtp.host), known.smtp.port, timeout=5) as client:
            client.send_message(message, f"doctor@{known.smtp.hostname}", [address])
        ended = until_judged(known, str(message["Message-ID"]), begun)
    finally:
        store.close()
    return f"a mail to {address} was received and judged after {(ended - begun).total_seconds():.1f} s"


def self_test_message(known: "Settings", address: str, now: datetime) -> EmailMessage:
    """Return a mail to a canary that is judged as a self-test of this installation."""
    from canary.judge.selftest import HEADER, make_token
    from canary.store.signing_key import installation_key

    message = EmailMessage()
    message["From"] = f"Canary doctor <doctor@{known.smtp.hostname}>"
    message["To"], message["Subject"], message["Date"] = address, "Self-test", format_datetime(now)
    message["Message-ID"] = f"<{secrets.token_hex(12)}@{known.smtp.hostname}>"
    message[HEADER] = make_token(installation_key(known.data), address, now)
    message.set_content("Sent by `canary doctor` to test whether mail arrives and is judged.\n")
    return message


def until_judged(known: "Settings", message_id: str, begun: datetime, seconds: float = SECONDS) -> datetime:
    """Wait for the verdict on a self-test that came since a time, and return when it was there; raises CliError."""
    from canary.model.verdict import Verdict
    from canary.processes.stores import open_store
    from canary.store.queries.mails import verdict_since

    store, pause, verdict = open_store(known), threading.Event(), None
    try:
        while verdict is None and (clock() - begun).total_seconds() < seconds:
            pause.wait(_PAUSE)
            with store.reading() as session:
                verdict = verdict_since(session, message_id, begun)
    finally:
        store.close()
    if verdict is None:
        raise CliError(f"a mail was received and not judged within {seconds:.0f} s; is `canary worker` running?")
    if verdict != Verdict.SELF_TEST:
        raise CliError(f"a mail was judged {verdict}, not self-test; worker and doctor need the same data folder")
    return clock()
