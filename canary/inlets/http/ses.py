"""Amazon SES: a receipt rule with an SNS action publishes each mail, and SNS posts it.

docs.aws.amazon.com/ses, "Contents of notifications": `content` is there with an SNS action only, in the encoding of
`receipt.action`; `receipt.recipients` are the RCPT TO that the rule is for, `mail.source` is the MAIL FROM. SES writes the
topmost Received line, in which its client is.
"""

import base64
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from canary.authenticate.message import split
from canary.inlets.http.posted_mail import (
    NO_CLIENT,
    Acknowledged,
    PostedMail,
    PostedRequest,
    Reading,
    ServiceManner,
    addresses_of,
    forged,
    json_object,
    malformed,
    misconfigured,
    octets_of,
    part_of,
    plain_address,
    text_of,
)
from canary.inlets.http.sns import SnsVerifier
from canary.mail.received import read_received
from canary.model.mail import Client, Trust

log = logging.getLogger("canary.inlets")

_WRITER = re.compile(r"inbound-smtp\.[a-z0-9-]+\.amazonaws\.com")
_HEADER = 64 * 1024
_LARGEST = 1024 * 1024
"""A message of SNS has 256 KB at most."""


@dataclass(frozen=True, slots=True)
class SesNotifications:
    """Notifications of SES by the topics that `verifier` knows."""

    manner: ClassVar = ServiceManner("ses")
    verifier: SnsVerifier

    def largest(self, mail: int) -> int:
        """Return the size of a message of SNS, whatever a mail may have."""
        return min(_LARGEST, 2 * mail + 64 * 1024)

    def admit(self, headers: Mapping[str, str], now: datetime) -> None:
        """Refuse what does not even say that it is from SNS."""
        if not headers.get("x-amz-sns-message-type"):
            raise forged("no message of SNS")

    def read(self, request: PostedRequest, now: datetime) -> Reading:
        """Check the message; confirm a subscription, or read the mail."""
        message = json_object(request.body)
        self.verifier.check(message, request.headers, now)
        kind, topic = text_of(message, "Type"), text_of(message, "TopicArn")
        if kind == "SubscriptionConfirmation":
            self.verifier.confirm(message)
            log.warning("the subscription to %s is confirmed", topic)
            return Acknowledged("confirmed")
        if kind != "Notification":
            log.warning("the subscription to %s was ended", topic)
            return Acknowledged()
        return _mail(text_of(message, "MessageId"), json_object(text_of(message, "Message", _LARGEST)))


def _mail(identifier: str, notice: Mapping[str, Any]) -> Reading:
    if text_of(notice, "notificationType") != "Received":
        return Acknowledged("no notification of a received mail")
    receipt, mail = part_of(notice, "receipt"), part_of(notice, "mail")
    recipients = addresses_of(receipt.get("recipients", []))
    if not recipients:
        raise malformed("the notification names no recipient")
    content = _content(notice, text_of(part_of(receipt, "action"), "encoding"))
    sender = plain_address(text_of(mail, "source"))
    return PostedMail(identifier, sender, recipients, content, Trust.RECEIVER, _client(content))


def _client(content: bytes) -> Client:
    """Return the client in the topmost Received line, which SES writes above all that came to it."""
    header = content[:_HEADER].replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    lines = split(header + b"\n\n").named(b"received")
    topmost = read_received(lines[0].value.decode("latin-1")) if lines else None
    if topmost is None or not _WRITER.fullmatch(topmost.by):
        return NO_CLIENT
    return Client(topmost.ip, helo=topmost.helo, tls="TLS" if topmost.tls else None)


def _content(notice: Mapping[str, Any], encoding: str) -> bytes:
    content = octets_of(notice, "content")
    if not content:
        raise misconfigured("the notification has no content; give the receipt rule an SNS action with encoding Base64")
    if encoding.upper() != "BASE64":
        return content
    try:
        return base64.b64decode(content, validate=True)
    except ValueError:
        raise malformed("the content is no base64") from None
