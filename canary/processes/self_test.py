"""The self-test: a mail of ours through the own listener to an address of ours, recognised by its signed header."""

import secrets
import smtplib
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

from canary.judge.selftest import HEADER, make_token
from canary.net.special_addresses import local_address
from canary.settings import Settings
from canary.store.signing_key import installation_key

_SECONDS = 5.0


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
