"""Tag=value lists, the syntax shared by signatures, key records and policy records (RFC 6376 section 3.2)."""

import re

FWS = " \t\r\n"
_FWS = FWS.encode()

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_ALLOWED = bytes(octet for octet in range(256) if octet >= 32 and octet != 127) + _FWS


class TagError(ValueError):
    """The text is not a tag=value list; the message says where."""


def parse(text: bytes) -> dict[str, str]:
    """Read a tag=value list in order; raises `TagError` for a broken or repeated tag (names are case-sensitive)."""
    if text.translate(None, _ALLOWED):
        raise TagError("control character in tag list")
    specs = text.decode("utf-8", "replace").split(";")
    if not specs[-1].strip(FWS):
        specs.pop()
    tags: dict[str, str] = {}
    for spec in specs:
        name, value = _tag(spec)
        if name in tags:
            raise TagError(f"tag {name}= occurs twice")
        tags[name] = value
    return tags


def _tag(spec: str) -> tuple[str, str]:
    name, equals, value = spec.partition("=")
    name = name.strip(FWS)
    if not equals or not _NAME.fullmatch(name):
        raise TagError(f"no tag=value in {spec.strip(FWS)[:40]!r}")
    return name, value.strip(FWS)


def items(value: str) -> tuple[str, ...]:
    """Split a colon-separated value such as `h=` into its parts, without blanks around them."""
    return tuple(part.strip(FWS) for part in value.split(":"))


def without_value(text: bytes, name: bytes) -> bytes:
    """Empty the value of one tag, blanks around it included, and leave everything else unchanged (section 3.7)."""
    specs = text.split(b";")
    for place, spec in enumerate(specs):
        before, equals, _ = spec.partition(b"=")
        if before.strip(_FWS) == name:
            specs[place] = before + equals
    return b";".join(specs)
