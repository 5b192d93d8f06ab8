"""Throw-away DKIM keys and signatures for the senders of the demo (RFC 6376, RFC 8463)."""

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from canary.demo.world import Station

_UNSIGNED = (b"received", b"return-path", b"dkim-signature")
_FIELD_END = re.compile(rb"\r\n(?![ \t])")
_BLANKS = re.compile(rb"[ \t]+")
_ENDS = re.compile(rb"[ \t]+(?=\r\n)")


@dataclass(frozen=True, slots=True)
class Signer:
    """A key with the domain and selector under which its public half is published."""

    domain: str
    selector: str
    key: Ed25519PrivateKey | RSAPrivateKey

    @property
    def name(self) -> str:
        """The DNS name of the key record."""
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def record(self) -> str:
        """The key record."""
        public = self.key.public_key()
        if isinstance(self.key, Ed25519PrivateKey):
            return f"v=DKIM1; k=ed25519; p={_base64(public.public_bytes(Encoding.Raw, PublicFormat.Raw))}"
        der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return f"v=DKIM1; k=rsa; p={_base64(der)}"

    @property
    def algorithm(self) -> str:
        """The value of the a= tag."""
        return "ed25519-sha256" if isinstance(self.key, Ed25519PrivateKey) else "rsa-sha256"

    def seal(self, data: bytes) -> bytes:
        """Return the bare signature of some octets."""
        if isinstance(self.key, Ed25519PrivateKey):
            return self.key.sign(sha256(data).digest())  # the digest is signed as the message: RFC 8463 section 3
        return self.key.sign(data, PKCS1v15(), SHA256())


def make_keys(stations: Iterable[Station]) -> dict[str, Signer]:
    """Make a key for every station; return them by domain."""
    return {station.domain: Signer(station.domain, station.selector, _key(rsa=station.rsa)) for station in stations}


def sign(content: bytes, signer: Signer, at: datetime) -> bytes:
    """Return a CRLF mail with a relaxed/relaxed signature of this time over its body and all its own headers on top."""
    head, _, body = content.partition(b"\r\n\r\n")
    fields = [field for field in _FIELD_END.split(head) if _key_of(field) not in _UNSIGNED]
    tags = (
        f"v=1; a={signer.algorithm}; c=relaxed/relaxed; d={signer.domain}; s={signer.selector};",
        f"t={int(at.timestamp())}; bh={_base64(sha256(_relaxed_body(body)).digest())};",
        f"h={_folded_list([_key_of(field).decode() for field in fields])};",
        "b=",
    )
    stub = ("DKIM-Signature: " + "\r\n\t".join(tags)).encode()
    signed = b"".join(_relaxed(field) + b"\r\n" for field in fields) + _relaxed(stub)
    seal = _base64(signer.seal(signed))
    folded = "\r\n\t ".join(seal[start : start + 72] for start in range(0, len(seal), 72))
    return stub + folded.encode() + b"\r\n" + content


def _folded_list(names: list[str]) -> str:
    return ":\r\n\t ".join(":".join(names[at : at + 6]) for at in range(0, len(names), 6))


def _key(*, rsa: bool) -> Ed25519PrivateKey | RSAPrivateKey:
    return generate_private_key(65537, 2048) if rsa else Ed25519PrivateKey.generate()


def _key_of(field: bytes) -> bytes:
    return field.partition(b":")[0].strip().lower()


def _relaxed(field: bytes) -> bytes:
    """A field in the form of RFC 6376 section 3.4.2, without its line end."""
    value = field.partition(b":")[2].replace(b"\r\n", b"")
    return _key_of(field) + b":" + _BLANKS.sub(b" ", value).strip()


def _relaxed_body(body: bytes) -> bytes:
    """A body in the form of RFC 6376 section 3.4.4."""
    text = _BLANKS.sub(b" ", _ENDS.sub(b"", body)).rstrip(b"\r\n")
    return text + b"\r\n" if text else b""


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()
