"""Resend: an event names a mail, which is then fetched from its API.

resend.com/docs: events are signed as Svix does, which is the form of Standard Webhooks; the API gives a signed address
under which the raw mail can be fetched for some time. The addresses of an event are those of the mail's header.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from canary.inlets.http.posted_mail import (
    Acknowledged,
    PostedMail,
    PostedRequest,
    PostRefused,
    Reading,
    ServiceManner,
    addresses_of,
    forged,
    json_object,
    malformed,
    part_of,
    text_of,
)
from canary.model.mail import Trust
from canary.net.standard_webhooks import ForgedEvent, stamped, verify

FetchWith = Callable[[str, Mapping[str, str]], bytes]
"""Fetches a document by https with further headers; raises OSError where it cannot."""

API = "https://api.resend.com/emails/receiving/"
_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_LARGEST = 256 * 1024


@dataclass(frozen=True, slots=True)
class ResendEvents:
    """Events of Resend; `secrets` are those of the webhook, `token` is a key of the API that may read mail."""

    manner: ClassVar = ServiceManner("resend")
    secrets: tuple[str, ...] = field(repr=False)
    token: str = field(repr=False)
    fetch: FetchWith

    def largest(self, mail: int) -> int:
        """Return the size of an event, which has no mail in it."""
        return _LARGEST

    def admit(self, headers: Mapping[str, str], now: datetime) -> None:
        """Refuse what has no signature of about now."""
        try:
            stamped(headers, now, "svix")
        except ForgedEvent as fault:
            raise forged(str(fault)) from None

    def read(self, request: PostedRequest, now: datetime) -> Reading:
        """Check the signature, and fetch the mail."""
        try:
            verify(self.secrets, request.headers, request.body, now, "svix")
        except ForgedEvent as fault:
            raise forged(str(fault)) from None
        event = json_object(request.body)
        if text_of(event, "type") != "email.received":
            return Acknowledged("no event of a received mail")
        return self._mail(part_of(event, "data"))

    def _mail(self, data: Mapping[str, Any]) -> PostedMail:
        identifier = text_of(data, "email_id")
        recipients = addresses_of(
            [*_listed(data, "received_for"), *_listed(data, "to"), *_listed(data, "cc"), *_listed(data, "bcc")]
        )
        if not (_ID.fullmatch(identifier) and recipients):
            raise malformed("the event names no mail or no recipient")
        shown = json_object(self._fetched(API + identifier, {"Authorization": f"Bearer {self.token}"}))
        where = text_of(part_of(shown, "raw"), "download_url", 8000)
        if not where.startswith("https://"):
            raise PostRefused(503, "the API of Resend names no raw mail", 60)
        content = self._fetched(where, {})
        sender = next(iter(addresses_of(text_of(data, "from").rpartition("<")[2])), "")
        return PostedMail(identifier, sender, recipients, content, Trust.CLAIMED)

    def _fetched(self, url: str, headers: Mapping[str, str]) -> bytes:
        try:
            return self.fetch(url, headers)
        except OSError as fault:
            raise PostRefused(503, f"the mail cannot be fetched: {fault}", 60) from None


def _listed(data: Mapping[str, Any], name: str) -> list[object]:
    value = data.get(name)
    return value if isinstance(value, list) else []
