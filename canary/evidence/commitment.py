"""Blinded leaves: each field of an entry is committed to by itself, so that a pack can show some and hide the others.

Without its key a commitment says nothing, not even to one who guesses the value: it is a digest that begins with a random
key. A leaf is the digest of all commitments of an entry; what is published is only the root above it.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import blake2b, sha256
from json.encoder import encode_basestring_ascii
from typing import Any


class OpeningError(ValueError):
    """What should open a leaf is not in the form for it."""


# Made once: `json.dumps` would make one for every value.
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def canonical(value: object) -> bytes:
    """Return a value as JSON that is the same, octet for octet, whenever the value is."""
    return _ENCODER.encode(value).encode("ascii")


def commit_fields(fields: Mapping[str, object], nonce: bytes) -> dict[str, str]:
    """Return the commitments to some fields, in hex."""
    return {name: _commit(_key(nonce, name), value) for name, value in fields.items()}


def open_leaf(
    kind: str,
    fields: Mapping[str, object],
    nonce: bytes,
    hidden: Collection[str] = (),
    held: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return what opens a leaf: its fields with their keys, and of the hidden ones the commitments alone.

    `held` has the commitments to fields that may have changed since: these are hidden where they did.
    """
    shown: dict[str, list[object]] = {}
    covered = dict(held or {})
    for name, value in fields.items():
        key = _key(nonce, name)
        commitment = _commit(key, value)
        if name in hidden or covered.get(name, commitment) != commitment:
            covered.setdefault(name, commitment)
        else:
            covered.pop(name, None)
            shown[name] = [key.hex(), value]
    return {"kind": kind, "fields": shown, **({"hidden": covered} if covered else {})}


@dataclass(frozen=True, slots=True)
class OpenedLeaf:
    """What an opening shows: the kind of the entry, the values of fields that are not hidden, and the leaf they make."""

    kind: str
    values: Mapping[str, object]
    leaf: bytes


def read_opening(document: Mapping[str, Any]) -> OpenedLeaf:
    """Recompute the leaf that an opening opens; raises OpeningError."""
    try:
        kind, shown, held = document["kind"], document["fields"], document.get("hidden", {})
        commitments = {name: _commit(_octets(key), value) for name, (key, value) in shown.items()}
        commitments |= {name: _octets(value).hex() for name, value in held.items()}
    except (KeyError, TypeError, ValueError, AttributeError) as fault:
        raise OpeningError(f"an entry of the log is not in its form ({fault})") from None
    if not isinstance(kind, str) or len(commitments) != len(shown) + len(held):
        raise OpeningError("an entry of the log names a field twice, or has no kind")
    return OpenedLeaf(kind, {name: value for name, (_, value) in shown.items()}, leaf_of(kind, commitments))


def _octets(text: str) -> bytes:
    found = bytes.fromhex(text)
    if len(found) != 32 or found.hex() != text:
        raise ValueError(text[:80])
    return found


def _key(nonce: bytes, name: str) -> bytes:
    return blake2b(name.encode(), key=nonce, digest_size=32).digest()


def _commit(key: bytes, value: object) -> str:
    return sha256(key + canonical(value)).hexdigest()


def leaf_of(kind: str, commitments: Mapping[str, str]) -> bytes:
    """Return the leaf of an entry, of which the commitments to all fields are given."""
    named = "".join(f"{encode_basestring_ascii(name)}:{commitments[name]}\n" for name in sorted(commitments))
    return sha256(f"{encode_basestring_ascii(kind)}\n{named}".encode()).digest()
