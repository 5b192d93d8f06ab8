"""Mailgun: a route that forwards to an address ending in `mime` posts a form with the whole mail.

documentation.mailgun.com: `signature` is hex HMAC-SHA256 of timestamp and token by the signing key. It does not cover the
mail, so a token counts for one mail only; 406 is an answer for good, and anything else but 200 is tried again for hours.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar

from canary.inlets.http.form import field_text, read_form
from canary.inlets.http.posted_mail import (
    PostedMail,
    PostedRequest,
    ServiceManner,
    addresses_of,
    forged,
    malformed,
    misconfigured,
    plain_address,
    same,
)
from canary.model.mail import Trust

TOLERANCE = timedelta(days=1)
"""How old a signature may be: nothing says that one is made again for each of the tries, which last eight hours."""


@dataclass(frozen=True, slots=True)
class MailgunRoute:
    """A route of Mailgun; the secrets are its HTTP webhook signing keys, and `receivers` its hosts that are believed."""

    manner: ClassVar = ServiceManner("mailgun", unwanted=406, suffix="/mime")
    secrets: tuple[str, ...] = field(repr=False)
    receivers: tuple[str, ...] = ()

    def largest(self, mail: int) -> int:
        """Return the size of a form in which each octet may be written as three."""
        return 3 * mail + 256 * 1024

    def admit(self, headers: Mapping[str, str], now: datetime) -> None:
        """Let the body be read: the signature is in it."""

    def read(self, request: PostedRequest, now: datetime) -> PostedMail:
        """Check the signature, and read the form."""
        fields = read_form(request.headers.get("content-type", ""), request.body)
        token = self._verified(fields, now)
        content = fields.get("body-mime", b"")
        if not content:
            raise misconfigured("the form has no body-mime; let the address that the route forwards to end in /mime")
        recipients = addresses_of(field_text(fields, "recipient", 10_000).split(","))
        if not recipients:
            raise malformed("the form names no recipient")
        sender = plain_address(field_text(fields, "sender"))
        return PostedMail(token, sender, recipients, content, Trust.RECEIVER, receivers=self.receivers)

    def _verified(self, fields: dict[str, bytes], now: datetime) -> str:
        stamp, token, signature = (field_text(fields, name, 100) for name in ("timestamp", "token", "signature"))
        if not (token and stamp.isascii() and stamp.isdecimal() and len(stamp) <= 12):
            raise forged("the form has no timestamp, token and signature of Mailgun")
        wanted = [
            hmac.new(secret.encode(), f"{stamp}{token}".encode(), "sha256").hexdigest() for secret in self.secrets
        ]
        if not any(same(signature, each) for each in wanted):
            raise forged("the signature is not by the signing key of this inlet")
        if abs(now.timestamp() - int(stamp)) > TOLERANCE.total_seconds():
            raise forged("the signature is more than a day old")
        return token
