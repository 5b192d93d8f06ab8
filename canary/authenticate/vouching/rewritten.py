"""Addresses that forwarders rewrote, read back: what the new one still shows of the old one."""

import re
from collections.abc import Callable, Collection

from canary.authenticate.forwarder_registry import Rewrite

MAX_ADDRESS = 400

_SRS0 = re.compile(r"(?:.{0,64}\+)?SRS0[=+-][^=]{1,40}=[^=]{1,20}=([^=@]{1,253})=([^@]{1,200})", re.IGNORECASE)
_SRS1 = re.compile(
    r"SRS1[=+-][^=]{1,40}=[^=]{1,253}==[^=]{1,40}=[^=]{1,20}=([^=@]{1,253})=([^@]{1,200})", re.IGNORECASE
)
_MICROSOFT = re.compile(r"bounces\+SRS=[^=]{1,60}=[^=]{1,20}", re.IGNORECASE)
_CAF = re.compile(r"(.{1,128})\+caf_=([^=@]{1,128})=([^=@]{1,253})", re.IGNORECASE)
_EQUALS = re.compile(r"[^+@]{1,128}\+(.{1,128})=([^=@]{1,253})")
_AT = re.compile(r"([^@]{1,100})_at_([^@]{1,200})")
_SHOWN = re.compile(
    r"([a-z0-9._%+=-]{1,64}) ?(?:@| at |\(a\)|\(at\)) ?([a-z0-9][a-z0-9.-]{0,200}\.[a-z]{2,24})", re.IGNORECASE
)
_DOMAIN = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{1,62}", re.IGNORECASE)


def is_rewritten(path: str) -> bool:
    """Whether a reverse-path was rewritten by a forwarder: by SRS in any form, or as Gmail and Microsoft do it."""
    local = path[:MAX_ADDRESS].rpartition("@")[0]
    return any(shape.fullmatch(local) for shape in (_SRS0, _SRS1, _MICROSOFT, _CAF))


def srs_sender(path: str) -> str:
    """Return the reverse-path that SRS rewrote, empty if there is none or it cannot be read."""
    local = path[:MAX_ADDRESS].rpartition("@")[0]
    found = _SRS0.fullmatch(local) or _SRS1.fullmatch(local)
    return _address(found[2], found[1]) if found else ""


def shown_author(name: str, address: str, forms: Collection[Rewrite]) -> str:
    """Return the writer's address as a rewritten From still shows it, in its local part or its display name."""
    readers = (reader for form, reader in _READERS.items() if form in forms)
    return next((found for reader in readers if (found := reader(name[:300], address[:MAX_ADDRESS]))), "")


def _equals(_: str, address: str) -> str:
    found = _EQUALS.fullmatch(address.rpartition("@")[0])
    return _address(found[1], found[2]) if found else ""


def _at(name: str, address: str) -> str:
    """Read `news_at_shop.example_reader`, then the display name, then `news_at_shop_example_x1`, whose end is a tag."""
    found = _AT.fullmatch(address.rpartition("@")[0])
    if found and "." in found[2]:
        return _address(found[1], found[2].rpartition("_")[0] or found[2])
    if shown := _via(name, address):
        return shown
    return _address(found[1], found[2].rpartition("_")[0].replace("_", ".")) if found else ""


def _via(name: str, _: str) -> str:
    found = _SHOWN.search(name)
    return _address(found[1], found[2]) if found else ""


_READERS: dict[Rewrite, Callable[[str, str], str]] = {Rewrite.EQUALS: _equals, Rewrite.AT: _at, Rewrite.VIA: _via}


def _address(local: str, domain: str) -> str:
    return f"{local}@{domain}".lower() if _DOMAIN.fullmatch(domain) and len(domain) <= 253 else ""
