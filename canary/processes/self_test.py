"""The self-test: a mail of ours through the own listener to an address of ours, recognised by its signed header."""

import secrets
import smtplib
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

from canary.judge.selftest import HEADER, make_token
from canary.model.verdict import Verdict
from canary.net.special_addresses import local_address
from canary.processes.stores import open_store
from canary.settings import Settings
from canary.store.queries.canaries import newest_active
from canary.store.queries.mails import verdict_since
from canary.store.signing_key import installation_key

SECONDS = 10.0
"""So long a verdict is waited for."""

_SECONDS, _PAUSE = 5.0, 0.1


class NotJudged(OSError):
    """A self-test was sent and not judged as one; the text is one line with the cure."""


def self_test_message(settings: Settings, address: str, now: datetime, sender: str = "doctor") -> EmailMessage:
    """Return a mail to an address that is recognised as our own for an hour."""
    message = EmailMessage()
    message["From"] = f"Canary {sender} <{sender}@{settings.smtp.hostname}>"
    message["To"], message["Subject"], message["Date"] = address, "Self-test", format_datetime(now)
    message["Message-ID"] = f"<{secrets.token_hex(12)}@{settings.smtp.hostname}>"
    message[HEADER] = make_token(installation_key(settings.data), address, now)
    message.set_content("Sent by Canary itself to test whether mail arrives and is judged.\n")
    return message


def send_self_test(settings: Settings, message: EmailMessage) -> None:
    """Hand a mail to the listener of the settings; raises OSError and smtplib.SMTPException."""
    with smtplib.SMTP(local_address(settings.smtp.host), settings.smtp.port, timeout=_SECONDS) as client:
        client.send_message(message, str(message["From"]).rpartition("<")[2].rstrip(">"), [str(message["To"])])


def send_from_browser(settings: Settings, address: str, now: datetime) -> None:
    """Send a self-test to an address; raises ValueError in one line."""
    try:
        send_self_test(settings, self_test_message(settings, address, now, "setup"))
    except (OSError, smtplib.SMTPException) as fault:
        raise ValueError(
            f"The listener on port {settings.smtp.port} did not take the mail ({fault}): is `canary up` or `canary smtp` running?"
        ) from None


def judged_self_test(settings: Settings, clock: Callable[[], datetime]) -> str:
    """Send a self-test to the newest address and wait for its verdict; raises NotJudged, OSError and smtplib.SMTPException."""
    with closing(open_store(settings)) as store, store.reading() as session:
        address = newest_active(session)
    if address is None:
        return "no address to write to yet; `canary issue VENDOR` makes one"
    begun = clock()
    message = self_test_message(settings, address, begun)
    send_self_test(settings, message)
    ended = until_judged(settings, str(message["Message-ID"]), begun, clock)
    return f"a mail to {address} was received and judged after {(ended - begun).total_seconds():.1f} s"


def until_judged(
    settings: Settings, message_id: str, begun: datetime, clock: Callable[[], datetime], seconds: float = SECONDS
) -> datetime:
    """Wait for the verdict on a self-test that came since a time, and return when it was there; raises NotJudged."""
    pause, verdict = threading.Event(), None
    with closing(open_store(settings)) as store:
        while verdict is None and (clock() - begun).total_seconds() < seconds:
            pause.wait(_PAUSE)
            with store.reading() as session:
                verdict = verdict_since(session, message_id, begun)
    if verdict is None:
        raise NotJudged(f"a mail was received and not judged within {seconds:.0f} s; is `canary worker` running?")
    if verdict != Verdict.SELF_TEST:
        raise NotJudged(f"a mail was judged {verdict}, not self-test; worker and doctor need the same data folder")
    return clock()
