"""Forward Email: an alias that forwards to a URL posts the mail as JSON.

forwardemail.net: `X-Webhook-Signature` is hex HMAC-SHA256 of the body by the key of the account's webhooks; until it is
answered 200 its own client is told to come again.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from canary.inlets.http.posted_mail import (
    NO_CLIENT,
    PostedMail,
    PostedRequest,
    ServiceManner,
    addresses_of,
    digest,
    forged,
    json_object,
    malformed,
    misconfigured,
    octets_of,
    part_of,
    plain_address,
    same,
    text_of,
)
from canary.model.mail import Client, Trust
from canary.model.networks import network, plain_ip

_SIGNATURE = "x-webhook-signature"


@dataclass(frozen=True, slots=True)
class ForwardEmailPosts:
    """Posts of Forward Email, signed by one of the secrets."""

    manner: ClassVar = ServiceManner("forward-email")
    secrets: tuple[str, ...] = field(repr=False)

    def largest(self, mail: int) -> int:
        """Return the size of a mail as JSON has it, and once more its text and attachments."""
        return 3 * mail + 256 * 1024

    def admit(self, headers: Mapping[str, str], now: datetime) -> None:
        """Refuse what has no signature."""
        if len(headers.get(_SIGNATURE, "")) != 64:
            raise forged("no X-Webhook-Signature; make a key for webhooks in the settings of the domain")

    def read(self, request: PostedRequest, now: datetime) -> PostedMail:
        """Check the signature, and read the mail."""
        made = [hmac.new(secret.encode(), request.body, "sha256").hexdigest() for secret in self.secrets]
        if not any(same(request.headers[_SIGNATURE], each) for each in made):
            raise forged("the signature is not by the key of this inlet")
        document = json_object(request.body)
        content, session = octets_of(document, "raw"), part_of(document, "session")
        if not content:
            raise misconfigured("the post has no raw mail")
        recipients = addresses_of(document.get("recipients", [])) or addresses_of(text_of(session, "recipient"))
        if not recipients:
            raise malformed("the post names no recipient")
        sender, client = plain_address(text_of(session, "sender")), _client(session)
        trust = Trust.HOOK if client.ip else Trust.RECEIVER
        return PostedMail(digest(sender, *recipients, content), sender, recipients, content, trust, client)


def _client(session: Mapping[str, object]) -> Client:
    ip = plain_ip(text_of(session, "remoteAddress"))
    helo = text_of(session, "hostNameAppearsAs", 255) or text_of(session, "clientHostname", 255)
    return Client(ip, helo=helo) if network(ip) else NO_CLIENT
