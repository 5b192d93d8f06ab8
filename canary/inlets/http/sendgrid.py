"""SendGrid Inbound Parse with "POST the raw, full MIME message": a form with the mail, the envelope and the client.

www.twilio.com/docs/sendgrid: the signature is base64 ECDSA (P-256, SHA-256) over timestamp and body. Every answer but 2xx
is tried again for three days. There is no id: a mail is the same if all of it is.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from canary.inlets.http.form import field_text, read_form
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
    plain_address,
    text_of,
)
from canary.model.mail import Client, Trust
from canary.model.networks import network, plain_ip

TOLERANCE = timedelta(days=4)
_SIGNATURE, _STAMP = (f"x-twilio-email-event-webhook-{name}" for name in ("signature", "timestamp"))


@dataclass(frozen=True, slots=True)
class SendgridParse:
    """Posts of Inbound Parse, signed by the key of its security policy."""

    manner: ClassVar = ServiceManner("sendgrid")
    key: EllipticCurvePublicKey

    def largest(self, mail: int) -> int:
        """Return the size of a form with the mail as it is, and a report of a spam filter."""
        return mail + 512 * 1024

    def admit(self, headers: Mapping[str, str], now: datetime) -> None:
        """Refuse what has no signature of the last days."""
        stamp = headers.get(_STAMP, "")
        if not (headers.get(_SIGNATURE) and stamp.isascii() and stamp.isdecimal() and len(stamp) <= 12):
            raise forged("no signature; turn on a security policy with a signature for the parse webhook")
        if abs(now.timestamp() - int(stamp)) > TOLERANCE.total_seconds():
            raise forged("the signature is more than four days old")

    def read(self, request: PostedRequest, now: datetime) -> PostedMail:
        """Check the signature, and read the form."""
        self._verify(request)
        fields = read_form(request.headers.get("content-type", ""), request.body)
        content = fields.get("email", b"")
        if not content:
            raise misconfigured('the form has no email; turn on "POST the raw, full MIME message"')
        envelope = json_object(fields.get("envelope", b""))
        recipients, sender = addresses_of(envelope.get("to", [])), plain_address(text_of(envelope, "from"))
        if not recipients:
            raise malformed("the envelope names no recipient")
        client = _client(field_text(fields, "sender_ip"))
        trust = Trust.HOOK if client.ip else Trust.RECEIVER
        return PostedMail(digest(sender, *recipients, content), sender, recipients, content, trust, client)

    def _verify(self, request: PostedRequest) -> None:
        try:
            signature = base64.b64decode(request.headers[_SIGNATURE], validate=True)
            self.key.verify(signature, request.headers[_STAMP].encode() + request.body, ECDSA(SHA256()))
        except (ValueError, InvalidSignature):
            raise forged("the signature is not by the key of this inlet") from None


def read_key(text: str) -> EllipticCurvePublicKey:
    """Read a public key as SendGrid shows it (base64 of DER); raises ValueError."""
    try:
        key = load_der_public_key(base64.b64decode(text, validate=True))
    except ValueError:
        raise ValueError("is no public key as SendGrid shows it, in base64") from None
    if not isinstance(key, EllipticCurvePublicKey):
        raise ValueError("is no elliptic curve key")  # noqa: TRY004 - of a setting
    return key


def _client(text: str) -> Client:
    ip = plain_ip(text)
    return Client(ip) if network(ip) else NO_CLIENT
