"""Macros of SPF: names and explanations made from who sends (RFC 7208 section 7)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote

from canary.authenticate.spf.record import MACRO, is_macro_string

MAX_NAME = 253
MAX_EXPLANATION = 1000
_PLAIN = {"%%": "%", "%_": " ", "%-": "%20"}


@dataclass(frozen=True, slots=True)
class SpfSender:
    """Who sends: address, local part and domain, HELO, the client's address, who asks and when."""

    local: str
    domain: str
    helo: str
    ip: IPv4Address | IPv6Address
    receiver: str
    now: datetime | None

    def values(self, domain: str, proven: str) -> dict[str, str]:
        """The values of the macro letters for the domain being judged and the client's proven name."""
        return {
            "s": f"{self.local}@{self.domain}",
            "l": self.local,
            "o": self.domain,
            "d": domain,
            "i": dotted(self.ip),
            "p": proven,
            "h": self.helo,
            "v": "in-addr" if self.ip.version == 4 else "ip6",
            "c": str(self.ip),
            "r": self.receiver,
            "t": str(int(self.now.timestamp())) if self.now else "0",
        }


def dotted(ip: IPv4Address | IPv6Address) -> str:
    """Return the address with a dot between its parts, which are octets (IPv4) or nibbles (IPv6)."""
    return str(ip) if ip.version == 4 else ".".join(ip.exploded.replace(":", "").upper())


def reverse_name(ip: IPv4Address | IPv6Address) -> str:
    """Return the name that holds the PTR records of an address."""
    zone = "in-addr" if ip.version == 4 else "ip6"
    return f"{'.'.join(reversed(dotted(ip).split('.')))}.{zone}.arpa"


def needs_proven_name(text: str) -> bool:
    """Whether a macro string asks for the proven name of the client, which costs questions."""
    return any(macro["letter"] in {"p", "P"} for macro in MACRO.finditer(text))


def expand_name(text: str, values: Mapping[str, str]) -> str:
    """Return a domain-spec as a name; one that is too long loses labels from the left (7.3)."""
    name = _expand(text, values).removesuffix(".")
    if len(name) <= MAX_NAME:
        return name
    return name[-MAX_NAME - 1 :].partition(".")[2]


def expand_text(text: str, values: Mapping[str, str]) -> str:
    """Return the text of an explanation, empty if it has a syntax error (6.2)."""
    if not all(map(is_macro_string, text.split(" "))):
        return ""
    return _expand(text, values)[:MAX_EXPLANATION]


def _expand(text: str, values: Mapping[str, str]) -> str:
    return MACRO.sub(lambda macro: _one(macro, values), text)


def _one(macro: re.Match[str], values: Mapping[str, str]) -> str:
    letter = macro["letter"]
    if letter is None:
        return _PLAIN[macro[0]]
    parts = re.split(f"[{re.escape(macro['split'] or '.')}]", values[letter.lower()])
    if macro["reverse"]:
        parts.reverse()
    kept = ".".join(parts[-_number(macro["keep"]) :])
    return quote(kept, safe="") if letter.isupper() else kept


def _number(digits: str) -> int:
    """Return how many parts to keep, 0 for all; a number too long to matter is cut."""
    return int(digits.lstrip("0")[:4] or "0")
