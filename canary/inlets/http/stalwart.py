"""Stalwart's MTA hook: what clients ask of a mail server, stage by stage, and the mail.

stalw.art/docs/api/mta-hooks: a JSON document at each stage, with the client and the envelope so far; at `rcpt` the last
recipient is the one asked for. Addresses come in lower case. At `data` header and contents are text, in which octets that
are no UTF-8 are replaced: a signature over such a mail fails. Any status but 2xx is a fault, for which Stalwart answers
its own client 4xx, so that we always accept.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from canary.inlets.http.posted_mail import (
    NO_CLIENT,
    Acknowledged,
    AskedRecipient,
    BasicPassword,
    PostedMail,
    PostedRequest,
    Reading,
    ServiceManner,
    addresses_of,
    digest,
    json_object,
    malformed,
    part_of,
    plain_address,
    text_of,
)
from canary.model.mail import Client, Trust
from canary.model.networks import network, plain_ip

_MOST_HEADERS = 2000


@dataclass(frozen=True, slots=True)
class StalwartHook:
    """The hook of a Stalwart server of one's own, which has a name and a password, or a token."""

    manner: ClassVar = ServiceManner("stalwart", answer={"action": "accept"}, patient=True)
    password: BasicPassword

    def largest(self, mail: int) -> int:
        """Return the size of a mail in which JSON may write some octets as six."""
        return 3 * mail + 256 * 1024

    def admit(self, headers: Mapping[str, str], now: datetime) -> None:
        """Check the password."""
        self.password.admit(headers)

    def read(self, request: PostedRequest, now: datetime) -> Reading:
        """Read the stage."""
        document = json_object(request.body)
        stage = text_of(part_of(document, "context"), "stage")
        envelope = part_of(document, "envelope")
        recipients = addresses_of(envelope.get("to", []))
        if stage == "rcpt" and recipients:
            return AskedRecipient(recipients[-1], _client(document), _connection(document))
        if stage != "data":
            return Acknowledged()
        content, sender = _content(part_of(document, "message")), _sender(envelope)
        if not recipients:
            raise malformed("the envelope names no recipient")
        queue = text_of(part_of(document, "context", "queue"), "id")
        identifier = digest(queue, sender, *recipients, content)
        client, connection = _client(document), _connection(document)
        return PostedMail(identifier, sender, recipients, content, Trust.HOOK, client, connection)


def _sender(envelope: Mapping[str, Any]) -> str:
    return plain_address(text_of(part_of(envelope, "from"), "address"))


def _client(document: Mapping[str, Any]) -> Client:
    told, tls = part_of(document, "context", "client"), part_of(document, "context", "tls")
    ip, port = plain_ip(text_of(told, "ip")), told.get("port")
    if not network(ip):
        return NO_CLIENT
    helo = text_of(told, "ehlo", 255) or text_of(told, "helo", 255)
    version = text_of(tls, "version", 40)
    return Client(ip, port if isinstance(port, int) and 0 < port < 65536 else 0, helo, version or None)


def _connection(document: Mapping[str, Any]) -> str:
    client, server = part_of(document, "context", "client"), part_of(document, "context", "server")
    return f"{text_of(server, 'ip')} {server.get('port')} {text_of(client, 'ip')} {client.get('port')}"[:200]


def _content(message: Mapping[str, Any]) -> bytes:
    """Return the mail again: each value follows its colon as it came, with its fold and its line end."""
    headers, body = message.get("headers"), message.get("contents")
    if not isinstance(headers, list) or not isinstance(body, str) or len(headers) > _MOST_HEADERS:
        raise malformed("the message has no headers and contents")
    return "".join((*map(_line, headers), "\r\n", body)).encode("utf-8", "replace")


def _line(header: object) -> str:
    match header:
        case [str(name), str(value)]:
            begun = value if value[:1] in (" ", "\t", "\r", "\n") else f" {value}"
            return f"{name}:{begun}" if begun.endswith("\n") else f"{name}:{begun}\r\n"
    raise malformed("a header is no pair of texts")
