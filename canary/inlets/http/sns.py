"""Messages of Amazon SNS: who signed them, and for which topic.

docs.aws.amazon.com/sns, "Verifying the signatures of Amazon SNS messages": version 1 is RSA with SHA-1, version 2 with
SHA-256, over the fields of `_SIGNED` by name. A valid signature alone proves that some topic of somebody sent it.
"""

import base64
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from canary.inlets.http.posted_mail import PostRefused, forged, text_of

Fetch = Callable[[str], bytes]
"""Fetches a document by https; raises OSError where it cannot."""

CONFIRMATIONS = ("SubscriptionConfirmation", "UnsubscribeConfirmation")
TOLERANCE = timedelta(hours=2)
"""SNS tries again for an hour at most, with the time of the first try."""

_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    **dict.fromkeys(CONFIRMATIONS, ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")),
}
_HASHES = {"1": SHA1, "2": SHA256}
_HOST = r"https://sns\.(?P<region>[a-z]{2}(?:-[a-z]+)+-[0-9])\.amazonaws\.com(?:\.cn)?"
_CERTIFICATE = re.compile(_HOST + r"/SimpleNotificationService-[0-9a-f]{16,64}\.pem")
_SUBSCRIBE = re.compile(_HOST + r"/\?Action=ConfirmSubscription&[A-Za-z0-9%&=:_.~-]+")
_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:(?P<region>[a-z0-9-]+):[0-9]{12}:[A-Za-z0-9_.-]{1,256}")
_MOST_CERTIFICATES = 16
_MOST_MESSAGE = 1024 * 1024


@dataclass
class SnsVerifier:
    """Checks messages of the configured topics; certificates are fetched once, and a few are remembered."""

    topics: tuple[str, ...]
    fetch: Fetch
    _keys: "OrderedDict[str, x509.Certificate]" = field(default_factory=OrderedDict)

    def check(self, message: Mapping[str, Any], headers: Mapping[str, str], now: datetime) -> None:
        """Raise PostRefused unless a message is one of ours: by its headers, topic, time and signature."""
        kind, topic = text_of(message, "Type"), text_of(message, "TopicArn")
        for name, value in (("type", kind), ("id", text_of(message, "MessageId"))):
            if not value or headers.get(f"x-amz-sns-message-{name}") != value:
                raise forged(f"x-amz-sns-message-{name} and the body differ")
        if kind not in _SIGNED:
            raise forged("no message of a kind that SNS sends")
        if topic not in self.topics:
            raise forged("another topic than those of this inlet; name it in ingest.ses.topics if it is yours")
        self._check_signature(message, topic, now)
        if not _is_recent(text_of(message, "Timestamp"), now):
            raise forged("the message is more than two hours old")

    def confirm(self, message: Mapping[str, Any]) -> None:
        """Confirm the subscription of a message that was checked; raises PostRefused."""
        url = text_of(message, "SubscribeURL", 4000)
        if not _of_region(_SUBSCRIBE, url, text_of(message, "TopicArn")):
            raise forged("SubscribeURL is not one of SNS in the region of the topic")
        self._fetched(url)

    def _check_signature(self, message: Mapping[str, Any], topic: str, now: datetime) -> None:
        used = _HASHES.get(text_of(message, "SignatureVersion"))
        url = text_of(message, "SigningCertURL")
        if used is None or not _of_region(_CERTIFICATE, url, topic):
            raise forged("SigningCertURL is not one of SNS in the region of the topic, or the version is unknown")
        key = self._certificate(url, now).public_key()
        try:
            signature = base64.b64decode(text_of(message, "Signature"), validate=True)
            if not isinstance(key, RSAPublicKey):
                raise forged("the certificate has no RSA key")
            # What SNS signs by version 1; the topic decides which version, not the message alone.
            key.verify(signature, signed_text(message), PKCS1v15(), used())
        except (ValueError, InvalidSignature):
            raise forged("the signature is not by the certificate of SNS") from None

    def _certificate(self, url: str, now: datetime) -> x509.Certificate:
        found = self._keys.get(url)
        if found is None:
            try:
                found = x509.load_pem_x509_certificate(self._fetched(url))
            except ValueError:
                raise PostRefused(503, "the certificate of SNS cannot be read", 60) from None
        if not found.not_valid_before_utc <= now <= found.not_valid_after_utc:
            raise forged("the certificate of the signature is not valid now")
        self._keys[url] = found
        if len(self._keys) > _MOST_CERTIFICATES:
            self._keys.popitem(last=False)
        return found

    def _fetched(self, url: str) -> bytes:
        try:
            return self.fetch(url)
        except OSError as fault:
            raise PostRefused(503, f"SNS cannot be asked: {fault}", 60) from None


def topic_region(topic: str) -> str:
    """Return the region of a topic; raises ValueError for what is no name of one."""
    found = _TOPIC.fullmatch(topic)
    if not found:
        raise ValueError(f"{topic!r} is no topic; write it as arn:aws:sns:eu-west-1:123456789012:name")
    return found["region"]


def signed_text(message: Mapping[str, Any]) -> bytes:
    """Return what SNS signs of a message: its fields by name, each name and value on a line of its own."""
    names = _SIGNED[text_of(message, "Type")]
    present = [(name, text_of(message, name, _MOST_MESSAGE)) for name in names if name in message]
    return "".join(f"{name}\n{value}\n" for name, value in present).encode("utf-8", "surrogatepass")


def _of_region(pattern: re.Pattern[str], url: str, topic: str) -> bool:
    found, ours = pattern.fullmatch(url), _TOPIC.fullmatch(topic)
    return bool(found and ours and found["region"] == ours["region"])


def _is_recent(text: str, now: datetime) -> bool:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return False
    return abs(now - (at if at.tzinfo else at.replace(tzinfo=UTC))) <= TOLERANCE
