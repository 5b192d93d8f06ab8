"""ARC: what the hosts that handled a mail found out about it, and whether their chain is valid (RFC 8617)."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from canary.authenticate.dkim import keys
from canary.authenticate.dkim.canonical import relaxed_field
from canary.authenticate.dkim.keys import DkimFault, Key, broken
from canary.authenticate.dkim.verify import (
    Signature,
    as_signed,
    key_kind,
    mismatches,
    read,
    read_tags,
    require_tags,
    timestamp,
)
from canary.authenticate.lookup import Lookup
from canary.authenticate.message import Field, Message
from canary.model.proof import ArcResult, Result

MAX_INSTANCES = 50

_RESULTS, _MESSAGE, _SEAL = b"arc-authentication-results", b"arc-message-signature", b"arc-seal"
_MESSAGE_TAGS = ("i", "a", "b", "bh", "d", "h", "s")
_SEAL_TAGS = ("i", "a", "b", "cv", "d", "s")
_INSTANCE = re.compile(r"[0-9]{1,2}")
_RESULTS_INSTANCE = re.compile(rb"[ \t\r\n]*i[ \t\r\n]*=[ \t\r\n]*([0-9]{1,2})[ \t\r\n]*;")


@dataclass(frozen=True, slots=True)
class Seal:
    """An ARC-Seal read and found well-formed; `status` is its `cv=`."""

    field: Field
    domain: str
    selector: str
    kind: str
    status: str
    value: bytes


@dataclass(frozen=True, slots=True)
class ArcLink:
    """One ARC set: what one host added to the chain."""

    results: Field
    signature: Field
    seal: Seal


async def verify_arc(message: Message, lookup: Lookup) -> ArcResult:
    """Validate the chain as section 5.2 says: `none` without one, `pass`, `fail`, or `temperror` without DNS."""
    found = {name: message.named(name) for name in (_RESULTS, _MESSAGE, _SEAL)}
    count = max(map(len, found.values()))
    if not count:
        return ArcResult()
    claim = ArcResult(instances=count)
    try:
        chain = _chain(message, count)
        claim = ArcResult(domain=chain[-1].seal.domain, instances=count)
        _require_statuses(chain)
        await _require_signatures(message, chain, lookup)
    except DkimFault as fault:
        # Section 5.2 knows only none, pass and fail; a name server that is down is reported as such, to be asked again.
        result = Result.TEMPERROR if fault.result is Result.TEMPERROR else Result.FAIL
        return ArcResult(result, claim.domain, count, fault.reason)
    return ArcResult(Result.PASS, claim.domain, count)


def _chain(message: Message, count: int) -> list[ArcLink]:
    """Return the sets from first to last; raises `DkimFault` unless each instance has exactly one of each field."""
    if count > MAX_INSTANCES:
        raise broken(f"{count} ARC sets; at most {MAX_INSTANCES} are allowed")
    results = {_results_instance(field): field for field in message.named(_RESULTS)}
    signatures = {_signature_instance(message, field): field for field in message.named(_MESSAGE)}
    seals = dict(_seal(message, field) for field in message.named(_SEAL))
    # No kind has more than `count` fields, so a repeated or missing instance leaves a gap here.
    instances = range(1, count + 1)
    if not all(set(part) == set(instances) for part in (results, signatures, seals)):
        raise broken("ARC sets are incomplete or not numbered one by one")
    return [ArcLink(results[i], signatures[i], seals[i]) for i in instances]


def _results_instance(field: Field) -> int:
    # Section 4.1.1: the instance comes first, and a semicolon after it.
    if not (match := _RESULTS_INSTANCE.match(field.value)):
        raise broken("ARC-Authentication-Results does not start with an instance (i=)")
    return _instance(match[1].decode())


def _instance(value: str) -> int:
    if not _INSTANCE.fullmatch(value) or not 1 <= int(value) <= MAX_INSTANCES:
        raise broken(f"ARC instance {value[:20]!r} is not between 1 and {MAX_INSTANCES}")
    return int(value)


def _signature_instance(message: Message, field: Field) -> int:
    found = read_tags(message, field)
    require_tags(found, ("i",))
    return _instance(found["i"])


def _signature(message: Message, field: Field) -> Signature:
    # Without c= DKIM means simple, but ARC grew up with relaxed only and its validation suite still expects that.
    signature = read(field, {"c": "relaxed/relaxed", **read_tags(message, field)}, _MESSAGE_TAGS)
    # Section 4.1.2: a seal comes after the message signature, which therefore cannot cover one.
    if _SEAL in signature.signed:
        raise broken("ARC-Message-Signature signs an ARC-Seal")
    return signature


def _seal(message: Message, field: Field) -> tuple[int, Seal]:
    found = read_tags(message, field)
    require_tags(found, _SEAL_TAGS)
    # Section 4.1.3: what a seal covers is fixed, so h= in it makes the chain fail.
    if "h" in found:
        raise broken("ARC-Seal has h=")
    if found["cv"] not in {"none", "pass", "fail"}:
        raise broken(f"unknown chain status cv={found['cv'][:20]!r}")
    timestamp(found, "t")
    domain, selector = keys.hostname(found["d"]), keys.hostname(found["s"])
    value = keys.decoded(found["b"], "b=")
    return _instance(found["i"]), Seal(field, domain, selector, key_kind(found["a"]), found["cv"], value)


def _require_statuses(chain: list[ArcLink]) -> None:
    """Steps 2 and 3: the last sealer found no fault, the first found no chain, all others one that passed."""
    if chain[-1].seal.status == "fail":
        raise broken(f"the chain was broken before instance {len(chain)} (cv=fail)")
    for instance, link in enumerate(chain, 1):
        if link.seal.status != ("none" if instance == 1 else "pass"):
            raise broken(f"instance {instance} has cv={link.seal.status}")


async def _require_signatures(message: Message, chain: list[ArcLink], lookup: Lookup) -> None:
    """Steps 4 and 6: the last message signature verifies, and the seals do, from the last to the first."""
    known: dict[tuple[str, str], tuple[Key, ...]] = {}

    async def published(part: Signature | Seal) -> tuple[Key, ...]:
        name = (part.selector, part.domain)
        if name not in known:
            known[name] = await keys.fetch(lookup, *name)
        return known[name]

    last = _signature(message, chain[-1].signature)
    wrong = [mismatches(message, last, key)[0] for key in await published(last)]
    if all(wrong):
        raise broken(f"ARC-Message-Signature {len(chain)}: {wrong[0]}")
    for instance, digest in reversed(list(enumerate(_seal_digests(chain), 1))):
        seal = chain[instance - 1].seal
        if not any(_sealed(key, seal, digest) for key in await published(seal)):
            raise broken(f"ARC-Seal {instance}: signature mismatch")


def _sealed(key: Key, seal: Seal, digest: bytes) -> bool:
    keys.require(key, seal.kind, "sha256")
    return keys.verifies(key, seal.value, digest)


def _seal_digests(chain: list[ArcLink]) -> Iterator[bytes]:
    """What each seal signs: all sets up to its own, in order, itself last and without its value (section 5.1.1).

    The hash runs on from seal to seal, so that a long chain costs no more than its octets.
    """
    running = hashlib.sha256()
    for link in chain:
        running.update(relaxed_field(link.results) + b"\r\n" + relaxed_field(link.signature) + b"\r\n")
        up_to_here = running.copy()
        up_to_here.update(relaxed_field(as_signed(link.seal.field)))
        yield up_to_here.digest()
        running.update(relaxed_field(link.seal.field) + b"\r\n")
