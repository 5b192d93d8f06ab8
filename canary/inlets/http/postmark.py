"""Postmark: inbound webhooks with "Include raw email content in JSON payload".

postmarkapp.com/developer/webhooks/inbound-webhook: no signature, so that the address has a name and a password in it; 403
is an answer for good, anything else but 200 is tried again ten times. The first of `Headers` is a Return-Path.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from canary.inlets.http.posted_mail import (
    BasicPassword,
    PostedMail,
    PostedRequest,
    ServiceManner,
    addresses_of,
    json_object,
    malformed,
    misconfigured,
    octets_of,
    plain_address,
    text_of,
)
from canary.model.mail import Trust


@dataclass(frozen=True, slots=True)
class PostmarkInbound:
    """Inbound webhooks of Postmark, which have a name and a password; `receivers` are its hosts that are believed."""

    manner: ClassVar = ServiceManner("postmark", unwanted=403)
    password: BasicPassword
    receivers: tuple[str, ...] = ()

    def largest(self, mail: int) -> int:
        """Return the size of a mail as JSON has it, and once more its text and attachments."""
        return 3 * mail + 256 * 1024

    def admit(self, headers: Mapping[str, str], now: datetime) -> None:
        """Check name and password."""
        self.password.admit(headers)

    def read(self, request: PostedRequest, now: datetime) -> PostedMail:
        """Read the mail."""
        document = json_object(request.body)
        content, identifier = octets_of(document, "RawEmail"), text_of(document, "MessageID")
        if not content:
            raise misconfigured('no RawEmail; turn on "Include raw email content in JSON payload"')
        recipients = addresses_of(text_of(document, "OriginalRecipient"))
        if not (recipients and identifier):
            raise malformed("OriginalRecipient or MessageID is missing")
        sender = _return_path(document)
        return PostedMail(identifier, sender, recipients, content, Trust.RECEIVER, receivers=self.receivers)


def _return_path(document: Mapping[str, Any]) -> str:
    headers = document.get("Headers")
    first = headers[0] if isinstance(headers, list) and headers and isinstance(headers[0], dict) else {}
    return plain_address(text_of(first, "Value")) if text_of(first, "Name").lower() == "return-path" else ""
