"""A small signer of DKIM and ARC: plain line by line, so that it shares no code with what it tests."""

import asyncio
import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from canary.authenticate.arc import verify_arc
from canary.authenticate.dkim.verify import verify_dkim
from canary.authenticate.lookup import ZoneLookup
from canary.authenticate.message import split
from canary.model.proof import ArcResult, DkimResult

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MAIL = (
    b"From: Vendor <news@example.com>\r\nTo: canary@example.net\r\nSubject: Our  spring\r\n\toffers\r\n"
    b"Date: Sun, 1 Mar 2026 11:59:00 +0000\r\n\r\nHello,  dear \r\n\tcustomer.\r\n\r\nBye\r\n"
)
FIELDS = ("from", "to", "subject", "date")

Zone = dict[str, object]
Tags = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and where its public half is published."""

    private: RSAPrivateKey | Ed25519PrivateKey
    domain: str = "example.com"
    selector: str = "s1"

    @property
    def kind(self) -> str:
        return "rsa" if isinstance(self.private, RSAPrivateKey) else "ed25519"

    @property
    def name(self) -> str:
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def public(self) -> bytes:
        if isinstance(self.private, RSAPrivateKey):
            return self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def pem(self) -> bytes:
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())

    def record(self, **tags: str | None) -> str:
        """The key record, with tags changed, added, or taken out by None."""
        return written({"v": "DKIM1", "k": self.kind, "p": base64.b64encode(self.public).decode(), **tags})

    def zone(self, **tags: str | None) -> Zone:
        return {self.name: {"TXT": [self.record(**tags)]}}

    def sign(self, signed: bytes) -> str:
        if isinstance(self.private, RSAPrivateKey):
            return base64.b64encode(self.private.sign(signed, PKCS1v15(), hashes.SHA256())).decode()
        return base64.b64encode(self.private.sign(hashlib.sha256(signed).digest())).decode()


@cache
def rsa(bits: int = 1024, domain: str = "example.com", selector: str = "s1") -> SigningKey:
    return SigningKey(generate_private_key(65537, bits), domain, selector)


@cache
def ed25519(domain: str = "example.com", selector: str = "ed") -> SigningKey:
    return SigningKey(Ed25519PrivateKey.generate(), domain, selector)


def written(tags: Tags, between: str = "; ") -> str:
    return between.join(f"{name}={value}" for name, value in tags.items() if value is not None)


def fields_of(mail: bytes) -> list[bytes]:
    """The header fields, each with its folds and without its last CRLF."""
    header = mail.split(b"\r\n\r\n", 1)[0] if not mail.startswith(b"\r\n") else b""
    return re.split(rb"\r\n(?![ \t])", header)


def body_of(mail: bytes) -> bytes:
    return mail.partition(b"\r\n\r\n")[2]


def canonical_field(field: bytes, form: str) -> bytes:
    if form == "simple":
        return field
    name, _, value = field.partition(b":")
    return name.strip().lower() + b":" + re.sub(rb"[ \t]+", b" ", value.replace(b"\r\n", b"")).strip(b" ")


def canonical_body(body: bytes, form: str) -> bytes:
    lines = body.split(b"\r\n")
    if form == "relaxed":
        lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in lines]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines) or (b"\r\n" if form == "simple" else b"")


def picked(mail: bytes, names: Sequence[str]) -> list[bytes]:
    """The fields to sign: for each name the lowest field of this name that is left."""
    left = fields_of(mail)[::-1]
    chosen = []
    for name in names:
        found = next((f for f in left if f.partition(b":")[0].strip().lower() == name.strip().lower().encode()), None)
        if found is not None:
            left.remove(found)
            chosen.append(found)
    return chosen


def signature(mail: bytes, key: SigningKey, prefix: str, tags: Tags, between: str = "; ") -> bytes:
    """A signature field over a mail; `tags` add to, change or (None) take out what a plain one would say."""
    forms = [*(tags.get("c") or "simple/simple").split("/"), "simple"]
    body = canonical_body(body_of(mail), forms[1])
    length = tags.get("l")
    digest = hashlib.sha256(body[: int(length)] if length and length.isdigit() else body).digest()
    full: Tags = {"bh": base64.b64encode(digest).decode(), **tags}
    names = (full.get("h") or "").split(":")
    bare = f"{prefix}{written({**full, 'b': ''}, between)}".encode()
    data = [*(canonical_field(field, forms[0]) for field in picked(mail, names)), canonical_field(bare, forms[0])]
    return bare + key.sign(b"\r\n".join(data)).encode() + b"\r\n"


def dkim(mail: bytes, key: SigningKey, between: str = "; ", **tags: str | None) -> bytes:
    """The mail with a DKIM-Signature on top."""
    plain: Tags = {
        "v": "1",
        "a": f"{key.kind}-sha256",
        "c": "relaxed/relaxed",
        "d": key.domain,
        "s": key.selector,
        "h": ":".join(FIELDS),
    }
    return signature(mail, key, "DKIM-Signature: ", {**plain, **tags}, between) + mail


def arc(mail: bytes, key: SigningKey, status: str | None = None, instance: int = 0, **tags: str | None) -> bytes:
    """The mail with one more ARC set on top, its status `none` or `pass` as its place in the chain asks."""
    number = instance or 1 + sum(f.lower().startswith(b"arc-seal:") for f in fields_of(mail))
    results = f"ARC-Authentication-Results: i={number}; mx.example.net; spf=pass\r\n".encode()
    common: Tags = {"i": str(number), "a": f"{key.kind}-sha256", "d": key.domain, "s": key.selector}
    message_tags: Tags = {**common, "c": "relaxed/relaxed", "h": ":".join(FIELDS), **tags}
    message = signature(mail, key, "ARC-Message-Signature: ", message_tags)
    sealed = message + results + mail
    cv = status or ("none" if number == 1 else "pass")
    return _seal(sealed, key, number, {**common, "cv": cv}) + sealed


def _seal(mail: bytes, key: SigningKey, number: int, tags: Tags) -> bytes:
    kinds = (b"arc-authentication-results", b"arc-message-signature", b"arc-seal")
    found: dict[tuple[int, int], bytes] = {}
    for field in fields_of(mail):
        name, _, value = field.partition(b":")
        if name.lower() in kinds and (match := re.search(rb"(?:^|;)\s*i=(\d+)", value)):
            found[int(match[1]), kinds.index(name.lower())] = canonical_field(field, "relaxed")
    bare = f"ARC-Seal: {written(tags)}; b=".encode()
    covered = [found[place] for place in sorted(found) if place[0] <= number]
    data = b"\r\n".join([*covered, canonical_field(bare, "relaxed")])
    return bare + key.sign(data).encode() + b"\r\n"


def judged(mail: bytes, zone: Mapping[str, object], now: datetime = NOW) -> tuple[DkimResult, ...]:
    """What DKIM says of a mail, with the records of a zone."""
    return asyncio.run(verify_dkim(split(mail), ZoneLookup(zone), now))


def chained(mail: bytes, zone: Mapping[str, object]) -> ArcResult:
    """What ARC says of a mail, with the records of a zone."""
    return asyncio.run(verify_arc(split(mail), ZoneLookup(zone)))
