"""Key records: what a domain publishes so that its signatures can be verified (RFC 6376 section 3.6)."""

import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256

from canary.authenticate.dkim import tag_list
from canary.authenticate.lookup import Lookup, Record, Temporary, dns_name
from canary.model.proof import Result

MAX_RECORD = 16 << 10
"""Octets of one key record; a 4096 bit key needs 800."""

MAX_RECORDS = 4
"""Key records tried when a selector has several, which RFC 6376 section 3.6.2.2 leaves undefined."""

MIN_BITS, MAX_BITS, MAX_EXPONENT_BITS = 1024, 4096, 33

_PADDING, _PREHASHED = PKCS1v15(), Prehashed(SHA256())
_RSA_OID = bytes.fromhex("06092a864886f70d010101")
_INTEGER, _BIT_STRING, _SEQUENCE = b"\x02", b"\x03", b"\x30"
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")


class DkimFault(Exception):
    """Why a signature cannot be judged by arithmetic: the result word it gets, and the reason."""

    def __init__(self, result: Result, reason: str) -> None:
        """Keep the result and the reason apart."""
        super().__init__(reason)
        self.result = result
        self.reason = reason


def broken(reason: str) -> DkimFault:
    """Return the fault of something that can never verify."""
    return DkimFault(Result.PERMERROR, reason)


@dataclass(frozen=True, slots=True)
class Key:
    """One published key, its size known, its numbers not built yet; `material` is modulus and exponent, or 32 octets."""

    kind: str
    bits: int
    material: tuple[bytes, ...]
    hashes: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()


async def fetch(lookup: Lookup, selector: str, domain: str) -> tuple[Key, ...]:
    """Ask for the keys of a selector; raises `DkimFault` when there is none, or none that can be read."""
    name = f"{selector}._domainkey.{domain}"
    if len(name) > 253:
        raise broken("name of the key is too long")
    try:
        answer = await lookup(name, "TXT")
    except Temporary as failure:
        raise DkimFault(Result.TEMPERROR, f"no answer from DNS for {name}: {failure.word}") from failure
    if not answer.records:
        raise broken(f"no key at {name}")
    return _readable(answer.records[:MAX_RECORDS])


def _readable(records: tuple[Record, ...]) -> tuple[Key, ...]:
    keys: list[Key] = []
    faults: list[DkimFault] = []
    for record in records:
        try:
            keys.append(read(record if isinstance(record, bytes) else str(record).encode("utf-8", "replace")))
        except DkimFault as fault:
            faults.append(fault)
    if not keys:
        raise faults[0]
    return tuple(keys)


@lru_cache(maxsize=256)
def read(record: bytes) -> Key:
    """Read a key record; raises `DkimFault` when it is broken, revoked, or not meant for mail."""
    if len(record) > MAX_RECORD:
        raise broken(f"key record of {len(record)} octets, at most {MAX_RECORD} are read")
    try:
        found = tag_list.parse(record)
    except tag_list.TagError as error:
        raise broken(f"key record: {error}") from error
    _for_mail(found)
    kind = found.get("k", "rsa")
    if kind not in _MATERIAL:
        raise broken(f"unknown key type {kind[:40]!r}")
    bits, material = _MATERIAL[kind](decoded(found["p"], "key"))
    hashes = tag_list.items(found["h"]) if "h" in found else ()
    return Key(kind, bits, material, hashes, tag_list.items(found.get("t", "")))


def _for_mail(found: Mapping[str, str]) -> None:
    # Section 3.6.1: v= is optional, but must be the first tag and DKIM1.
    if "v" in found and (next(iter(found)) != "v" or found["v"] != "DKIM1"):
        raise broken("key record: not of version DKIM1")
    if "p" not in found:
        raise broken("key record: no p= tag")
    if not {"*", "email"} & set(tag_list.items(found.get("s", "*"))):
        raise broken("key is not meant for mail (s=)")
    if not found["p"]:
        raise broken("key revoked")


def decoded(value: str, what: str) -> bytes:
    """Decode a base64 value with folds in it; raises `DkimFault`, naming the value, when it is empty or not base64."""
    compact = value.encode("ascii", "replace").translate(None, b" \t\r\n")
    try:
        octets = binascii.a2b_base64(compact, strict_mode=True)
    except binascii.Error as error:
        raise broken(f"{what} is not base64") from error
    if not octets:
        raise broken(f"{what} is empty")
    return octets


def hostname(text: str) -> str:
    """Return a domain or selector in lower-case A-labels (RFC 8616); raises `DkimFault` when it is no such name."""
    name = dns_name(text)
    if text.endswith(".") or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise broken(f"{text[:80]!r} is not a domain name")
    return name


def _rsa(der: bytes) -> tuple[int, tuple[bytes, ...]]:
    sequence, _ = _opened(der, _SEQUENCE)
    # Section 3.6.1 asks for a bare RSAPublicKey; erratum 3017 and everybody in practice publish SubjectPublicKeyInfo.
    if sequence.startswith(_SEQUENCE):
        algorithm, rest = _opened(sequence, _SEQUENCE)
        if not algorithm.startswith(_RSA_OID):
            raise broken("key is not an RSA key")
        sequence, _ = _opened(_opened(rest, _BIT_STRING)[0][1:], _SEQUENCE)
    modulus, rest = _opened(sequence, _INTEGER)
    exponent, _ = _opened(rest, _INTEGER)
    return _bits(modulus), (modulus, exponent)


def _opened(der: bytes, kind: bytes) -> tuple[bytes, bytes]:
    """Return the content of the first DER element, and what follows it."""
    if len(der) < 2 or der[:1] != kind:
        raise broken("key is not DER")
    size, start = der[1], 2
    if size & 0x80:
        start += size & 0x7F
        size = int.from_bytes(der[2 : min(start, 6)], "big")
    if start + size > len(der):
        raise broken("key is cut off")
    return der[start : start + size], der[start + size :]


def _bits(number: bytes) -> int:
    significant = number.lstrip(b"\0")
    return 8 * len(significant) - 8 + significant[0].bit_length() if significant else 0


def _ed25519(raw: bytes) -> tuple[int, tuple[bytes, ...]]:
    if len(raw) != 32:
        raise broken(f"key of {len(raw)} octets, ed25519 has 32")
    return 256, (raw,)


_MATERIAL: Mapping[str, Callable[[bytes], tuple[int, tuple[bytes, ...]]]] = {"rsa": _rsa, "ed25519": _ed25519}


def require(key: Key, kind: str, digest: str) -> None:
    """Raise `DkimFault` when a key must not, or for its size cannot, verify a signature of this type and hash."""
    if key.kind != kind:
        raise broken(f"key is of type {key.kind}, the signature of type {kind}")
    if key.hashes and digest not in key.hashes:
        raise broken(f"key does not allow {digest}")
    if kind == "rsa":
        _require_size(key)


def _require_size(key: Key) -> None:
    # RFC 8301 section 3.2: below 1024 bit is never valid; above 4096 is refused by us, for what it would cost.
    if key.bits < MIN_BITS:
        raise DkimFault(Result.POLICY, f"weak key: {key.bits} bit RSA, at least {MIN_BITS} are needed")
    if key.bits > MAX_BITS:
        raise DkimFault(Result.POLICY, f"key too large: {key.bits} bit RSA, at most {MAX_BITS} are verified")
    if _bits(key.material[1]) > MAX_EXPONENT_BITS:
        raise DkimFault(Result.POLICY, f"key exponent of {_bits(key.material[1])} bit, at most 33 are verified")


def verifies(key: Key, signature: bytes, digest: bytes) -> bool:
    """Return whether a signature over a SHA-256 digest was made with this key, which `require` has accepted."""
    try:
        _VERIFY[key.kind](key.material, signature, digest)
    except InvalidSignature:
        return False
    except ValueError as error:
        raise broken("key is not a valid public key") from error
    return True


def _verify_rsa(material: tuple[bytes, ...], signature: bytes, digest: bytes) -> None:
    rsa_key(*material).verify(signature, digest, _PADDING, _PREHASHED)


@lru_cache(maxsize=256)
def rsa_key(modulus: bytes, exponent: bytes) -> RSAPublicKey:
    """Build an RSA key from its numbers, once; raises ValueError when they are not a key."""
    return RSAPublicNumbers(int.from_bytes(exponent, "big"), int.from_bytes(modulus, "big")).public_key()


def _verify_ed25519(material: tuple[bytes, ...], signature: bytes, digest: bytes) -> None:
    # RFC 8463 section 3: PureEdDSA over the digest of the header, as if it were the message.
    Ed25519PublicKey.from_public_bytes(material[0]).verify(signature, digest)


_VERIFY: Mapping[str, Callable[[tuple[bytes, ...], bytes, bytes], None]] = {
    "rsa": _verify_rsa,
    "ed25519": _verify_ed25519,
}
