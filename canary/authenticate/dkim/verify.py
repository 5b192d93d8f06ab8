"""DKIM: who took responsibility for a mail by signing it (RFC 6376, 8301, 8463)."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from canary.authenticate.dkim import canonical, keys, tag_list
from canary.authenticate.dkim.keys import DkimFault, Key, broken
from canary.authenticate.lookup import Lookup
from canary.authenticate.message import Field, Message
from canary.model.proof import DkimResult, Result

MAX_SIGNATURES = 10
MAX_FIELD = 16 << 10
"""Octets of one signature field."""

SKEW = 300
"""Seconds by which clocks may differ before `t=` is in the future or `x=` is past."""

_REQUIRED = ("v", "a", "b", "bh", "d", "h", "s")
_ALGORITHMS = {"rsa-sha256": "rsa", "ed25519-sha256": "ed25519"}
_DIGITS = re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature field read and found well-formed; `length` is `l=`, `signed` the field names of `h=`."""

    field: Field
    domain: str
    selector: str
    kind: str
    header_form: str
    body_form: str
    signed: tuple[bytes, ...]
    length: int | None
    value: bytes
    body_hash: bytes


async def verify_dkim(message: Message, lookup: Lookup, now: datetime) -> tuple[DkimResult, ...]:
    """Judge the signatures of a mail each on its own, from top to bottom; `now` is when the mail was received."""
    fields = message.named(b"dkim-signature")
    looked = [await _judge(message, field, lookup, now) for field in fields[:MAX_SIGNATURES]]
    unseen = len(fields) - len(looked)
    if unseen:
        reason = f"{unseen} more signatures are not checked; at most {MAX_SIGNATURES} are"
        looked.append(DkimResult(Result.POLICY, reason=reason))
    return tuple(looked)


async def _judge(message: Message, field: Field, lookup: Lookup, now: datetime) -> DkimResult:
    claim = DkimResult(Result.PERMERROR)
    try:
        found = read_tags(message, field)
        claim = _claim(found)
        signature = read(field, found, _REQUIRED)
        claim = replace(claim, domain=signature.domain, selector=signature.selector)
        _require_dkim(message, signature, found)
        _require_time(found, now.timestamp())
        agent = _agent(found["i"], signature.domain) if "i" in found else signature.domain
        published = await keys.fetch(lookup, signature.selector, signature.domain)
    except DkimFault as fault:
        return replace(claim, result=fault.result, reason=fault.reason)
    tried = [_judge_with(key, agent, message, signature, claim) for key in published]
    return next((result for result in tried if result.result is Result.PASS), tried[0])


def _claim(found: Mapping[str, str]) -> DkimResult:
    """What a signature says about itself, kept (within bounds and without folds) whether it verifies or not."""
    domain, selector, algorithm = (_plain(found.get(name, ""), 253) for name in ("d", "s", "a"))
    identity = _plain(found.get("i", f"@{domain.lower()}"), 320)
    return DkimResult(Result.PERMERROR, domain.lower(), selector, identity, algorithm)


def _plain(value: str, most: int) -> str:
    return " ".join(value[:most].split())


def _judge_with(key: Key, agent: str, message: Message, signature: Signature, claim: DkimResult) -> DkimResult:
    left = 0
    try:
        if "s" in key.flags and agent != signature.domain:
            raise broken("i= must be in d= itself, the key says (t=s)")
        reason, left = mismatches(message, signature, key)
        result = Result.FAIL if reason else Result.PASS
    except DkimFault as fault:
        result, reason = fault.result, fault.reason
    if left and not reason:
        reason = f"l= leaves {left} octets of the body unsigned"
    testing = "y" in key.flags
    return replace(claim, result=result, key_bits=key.bits, testing=testing, reason=reason, unsigned=left)


def read_tags(message: Message, field: Field) -> dict[str, str]:
    """Read the tags of a signature field; raises `DkimFault` when it, or the header around it, is beyond our limits."""
    if message.overlong:
        raise DkimFault(Result.POLICY, "the header of the mail is too long to verify")
    if len(field.name) + len(field.value) > MAX_FIELD:
        raise DkimFault(Result.POLICY, f"signature field of more than {MAX_FIELD} octets")
    try:
        return tag_list.parse(field.value)
    except tag_list.TagError as error:
        raise broken(str(error)) from error


def require_tags(found: Mapping[str, str], required: tuple[str, ...]) -> None:
    """Raise `DkimFault` when a tag is missing."""
    for name in required:
        if name not in found:
            raise broken(f"tag {name}= is missing")


def read(field: Field, found: Mapping[str, str], required: tuple[str, ...]) -> Signature:
    """Read a message signature (of DKIM or ARC) from its tags; raises `DkimFault` when one is missing or malformed."""
    require_tags(found, required)
    header_form, body_form = _forms(found.get("c", "simple/simple"))
    timestamp(found, "t")
    return Signature(
        field=field,
        domain=keys.hostname(found["d"]),
        selector=keys.hostname(found["s"]),
        kind=key_kind(found["a"]),
        header_form=header_form,
        body_form=body_form,
        signed=tuple(name.lower().encode() for name in tag_list.items(found["h"])),
        length=_number(found, "l", 76),
        value=keys.decoded(found["b"], "b="),
        body_hash=keys.decoded(found["bh"], "bh="),
    )


def key_kind(algorithm: str) -> str:
    """Return the key type of an `a=` algorithm; raises `DkimFault` for one that proves nothing."""
    if algorithm == "rsa-sha1":
        raise broken("rsa-sha1 is historic and never valid (RFC 8301)")
    if algorithm not in _ALGORITHMS:
        raise broken(f"unknown algorithm {algorithm[:40]!r}")
    return _ALGORITHMS[algorithm]


def _forms(value: str) -> tuple[str, str]:
    header_form, _, body_form = value.partition("/")
    # RFC 6376 section 3.5: a single form is that of the header; that of the body is then simple.
    body_form = body_form if "/" in value else "simple"
    if header_form not in canonical.HEADERS or body_form not in canonical.BODIES:
        raise broken(f"unknown canonicalization {value[:40]!r}")
    return header_form, body_form


def timestamp(found: Mapping[str, str], name: str) -> int | None:
    """Return `t=` or `x=` in seconds since 1970, None when it is missing; raises `DkimFault` for anything else."""
    return _number(found, name, 12)


def _number(found: Mapping[str, str], name: str, digits: int) -> int | None:
    if name not in found:
        return None
    if len(found[name]) > digits or not _DIGITS.fullmatch(found[name]):
        raise broken(f"{name}= is not a number of at most {digits} digits")
    return int(found[name])


def _require_dkim(message: Message, signature: Signature, found: Mapping[str, str]) -> None:
    """Check what RFC 6376 section 6.1.1 asks of a DKIM-Signature beyond well-formed tags."""
    if found["v"] != "1":
        raise broken(f"unknown version {found['v'][:40]!r}")
    if "dns/txt" not in tag_list.items(found.get("q", "dns/txt")):
        raise broken("q= names no known way to get the key")
    authors = signature.signed.count(b"from")
    if not authors:
        raise broken("From is not signed")
    # Section 8.15: fields are signed from the bottom, so a From added on top would be shown without being signed.
    if authors < len(message.named(b"from")):
        raise DkimFault(Result.POLICY, "the mail has more From fields than are signed")


def _agent(identity: str, domain: str) -> str:
    """The domain of `i=`, which is that of `d=` or below it."""
    _, at, host = identity.rpartition("@")
    agent = keys.hostname(host)
    if not at or not f".{agent}".endswith(f".{domain}"):
        raise broken("i= is not in the domain d=")
    return agent


def _require_time(found: Mapping[str, str], now: float) -> None:
    signed, expires = timestamp(found, "t"), timestamp(found, "x")
    if signed is not None and signed > now + SKEW:
        raise DkimFault(Result.POLICY, "signed in the future (t=)")
    if expires is None:
        return
    if signed is not None and expires <= signed:
        raise broken("expires before it was signed (x=, t=)")
    if expires < now - SKEW:
        raise DkimFault(Result.POLICY, "expired (x=)")


def mismatches(message: Message, signature: Signature, key: Key) -> tuple[str, int]:
    """Verify a message signature; return what does not match, if anything, and the octets `l=` leaves unsigned."""
    keys.require(key, signature.kind, "sha256")
    body, left = canonical.body_digest(message, signature.body_form, signature.length)
    if left < 0:
        raise broken("l= is longer than the body")
    wrong = []
    if body != signature.body_hash:
        wrong.append("body hash mismatch")
    if not keys.verifies(key, signature.value, _header_digest(message, signature)):
        wrong.append("signature mismatch")
    return " and ".join(wrong), left


def _header_digest(message: Message, signature: Signature) -> bytes:
    form = canonical.HEADERS[signature.header_form]
    signed = [form(field) for field in _selected(message, signature)]
    return hashlib.sha256(b"\r\n".join((*signed, form(as_signed(signature.field))))).digest()


def as_signed(field: Field) -> Field:
    """Return a signature field as it was when it was signed: with an empty `b=`."""
    return Field(field.name, tag_list.without_value(field.value, b"b"), field.key)


def _selected(message: Message, signature: Signature) -> Iterator[Field]:
    """Return the fields `h=` names: each name selects the lowest not yet selected, or nothing (section 5.4.2)."""
    stacks: dict[bytes, list[Field]] = {}
    for name in signature.signed:
        if name not in stacks:
            stacks[name] = [field for field in message.named(name) if field is not signature.field]
        if stacks[name]:
            yield stacks[name].pop()
