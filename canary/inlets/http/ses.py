"""Amazon SES: a receipt rule publishes each mail, or that one is in S3, and SNS posts it.

docs.aws.amazon.com/ses, "Contents of notifications": `content` is there with an SNS action only, in the encoding of
`receipt.action`; with an S3 action that names bucket and object; `receipt.recipients` are the RCPT TO that the rule is for, `mail.source` is the MAIL FROM. SES writes the
topmost Received line, in which its client is.
"""

import base64
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from canary.authenticate.message import split
from canary.inlets.http.posted_mail import (
    NO_CLIENT,
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
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_HEADER = 64 * 1024
_LARGEST = 1024 * 1024
"""A message of SNS has 256 KB at most."""


FetchObject = Callable[[str, str, datetime], bytes]
"""Fetches an object of a bucket by its name; raises OSError where it cannot."""


@dataclass(frozen=True, slots=True)
class SesNotifications:
    """Notifications of SES by the topics that `verifier` knows; without `fetch_object` mail in S3 is out of reach."""

    manner: ClassVar = ServiceManner("ses")
    verifier: SnsVerifier
    fetch_object: FetchObject | None = None

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
        return self._mail(text_of(message, "MessageId"), json_object(text_of(message, "Message", _LARGEST)), now)

    def _mail(self, identifier: str, notice: Mapping[str, Any], now: datetime) -> Reading:
        found = read_notice(notice)
        if found is None:
            return Acknowledged("no notification of a received mail")
        content = self._stored(*found.stored, now) if found.stored else found.content
        return PostedMail(identifier, found.sender, found.recipients, content, Trust.RECEIVER, client_of(content))

    def _stored(self, bucket: str, name: str, now: datetime) -> bytes:
        """Fetch a mail that SES has put into a bucket."""
        if self.fetch_object is None:
            raise misconfigured(
                "the mail is in S3; set ingest.ses.access_key and secret_key, which may read its bucket"
            )
        try:
            return self.fetch_object(bucket, name, now)
        except OSError as fault:
            raise PostRefused(503, f"the mail cannot be fetched from S3: {fault}", 60) from None


@dataclass(frozen=True, slots=True)
class ReceivedNotice:
    """A mail that SES received: `content`, or `stored`, the bucket and the object that it is in; `id` is that of SES."""

    id: str
    sender: str
    recipients: tuple[str, ...]
    content: bytes = b""
    stored: tuple[str, str] | None = None


def read_notice(notice: Mapping[str, Any]) -> ReceivedNotice | None:
    """Read a notification, None where it is not that of a received mail; raises PostRefused."""
    if text_of(notice, "notificationType") != "Received":
        return None
    receipt, mail = part_of(notice, "receipt"), part_of(notice, "mail")
    recipients, action = addresses_of(receipt.get("recipients", [])), part_of(receipt, "action")
    if not recipients:
        raise malformed("the notification names no recipient")
    sender, identifier = plain_address(text_of(mail, "source")), text_of(mail, "messageId")
    if text_of(action, "type") == "S3":
        place = object_place(text_of(action, "bucketName"), text_of(action, "objectKey", 1024))
        return ReceivedNotice(identifier, sender, recipients, stored=place)
    return ReceivedNotice(identifier, sender, recipients, _content(notice, text_of(action, "encoding")))


def object_place(bucket: str, name: str) -> tuple[str, str]:
    """Return bucket and name of an object; raises PostRefused for what is none."""
    # A part of two dots would lead into another bucket.
    if not (_BUCKET.fullmatch(bucket) and name) or {"", ".", ".."} & set(name.split("/")):
        raise malformed("the notification names no object of a bucket")
    return bucket, name


def client_of(content: bytes) -> Client:
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
