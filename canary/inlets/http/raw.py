"""Raw mail, signed by the Standard Webhooks specification: what scripts of one's own post, and the Cloudflare Email Worker."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar
from urllib.parse import parse_qs

from canary.inlets.http.posted_mail import (
    MOST_RECIPIENTS,
    NO_CLIENT,
    PostedMail,
    PostedRequest,
    ServiceManner,
    addresses_of,
    forged,
    malformed,
    plain_address,
)
from canary.model.mail import Client, Trust
from canary.model.networks import network, plain_ip
from canary.net.standard_webhooks import ForgedEvent, stamped, verify

ENVELOPE = "canary-envelope"
"""The header with the envelope, as in a query: rcpt (repeated), from, ip, helo. Without it the query counts."""


@dataclass(frozen=True, slots=True)
class RawPosts:
    """Mail whose octets are the body; each secret is base64 after `whsec_`.

    One who has a secret is believed about the envelope, and about the client where an address is given; else a line of one
    of the `receivers` on top of the mail may show it.
    """

    manner: ClassVar = ServiceManner("raw", unwanted=404)
    secrets: tuple[str, ...] = field(repr=False)
    receivers: tuple[str, ...] = ()

    def largest(self, mail: int) -> int:
        """Return the size of the mail."""
        return mail

    def admit(self, headers: Mapping[str, str], now: datetime) -> None:
        """Refuse what has no signature of about now."""
        try:
            stamped(headers, now)
        except ForgedEvent as fault:
            raise forged(str(fault)) from None

    def read(self, request: PostedRequest, now: datetime) -> PostedMail:
        """Check the signature, and read the envelope."""
        try:
            identifier = verify(self.secrets, request.headers, request.body, now)
        except ForgedEvent as fault:
            raise forged(str(fault)) from None
        said = _envelope(request.headers.get(ENVELOPE) or request.query)
        recipients = addresses_of(said.get("rcpt", []))
        if not recipients:
            raise malformed(f"no recipient; name one by ?rcpt= or in the header {ENVELOPE}")
        client = _client(said)
        return PostedMail(
            identifier, plain_address(_first(said, "from")), recipients, request.body,
            Trust.HOOK if client.ip else Trust.RECEIVER, client, receivers=self.receivers,
        )  # fmt: skip


def _envelope(text: str) -> dict[str, list[str]]:
    try:
        return parse_qs(text, max_num_fields=MOST_RECIPIENTS + 10, errors="strict")
    except ValueError:
        raise malformed("the envelope cannot be read; write it as in a query, percent-encoded") from None


def _client(said: Mapping[str, list[str]]) -> Client:
    ip = plain_ip(_first(said, "ip"))
    if not ip:
        return NO_CLIENT
    if not network(ip):
        raise malformed("ip is no address of a host")
    return Client(ip, helo=_first(said, "helo")[:255])


def _first(said: Mapping[str, list[str]], name: str) -> str:
    return said.get(name, [""])[0].strip()
