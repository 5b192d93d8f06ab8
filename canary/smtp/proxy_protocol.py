"""The client that a machine of ours names: the PROXY protocol, versions 1 and 2, and Postfix's XCLIENT."""

import ipaddress
import re
import struct
from dataclasses import dataclass, replace

from canary.model.mail import Client
from canary.smtp.admission import plain_ip
from canary.smtp.paths import Refusal

ATTRIBUTES = ("NAME", "ADDR", "PORT", "PROTO", "HELO", "LOGIN", "DESTADDR", "DESTPORT")

_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_MOST_V1 = 107  # octets with the CRLF, as the protocol says
_MOST_V2 = 2048  # of addresses and TLVs; of these we read none
_V1 = re.compile(rb"PROXY (?:UNKNOWN(?: [ -~]*)?|TCP[46] ([0-9A-Fa-f:.]+) [0-9A-Fa-f:.]+ (\d{1,5}) \d{1,5})\r\n")
_XTEXT = re.compile(r"\+([0-9A-Fa-f]{2})")
_ABSENT = frozenset({"[UNAVAILABLE]", "[TEMPUNAVAIL]"})


class ProxyFault(ValueError):
    """A connection that had to begin with a PROXY header and does not."""


@dataclass(frozen=True, slots=True)
class Header:
    """A PROXY header of `length` octets; where it names no client (`ip` is empty), the proxy speaks for itself."""

    length: int
    ip: str = ""
    port: int = 0


def read_header(octets: bytes) -> Header | None:
    """The header that a connection begins with, or None while more of it must come; raises ProxyFault."""
    if octets[: len(_SIGNATURE)] == _SIGNATURE[: len(octets)]:
        return _version_2(octets) if len(octets) >= 16 else None
    return _version_1(octets)


def read_xclient(argument: str, client: Client) -> Client:
    """The client as XCLIENT describes it; raises Refusal. What is not mentioned stays as it was."""
    told: dict[str, str] = {}
    for attribute in argument.split():
        name, equals, value = attribute.partition("=")
        if not equals or name.upper() not in ATTRIBUTES:
            raise Refusal("501 5.5.4 Bad XCLIENT attribute")
        told[name.upper()] = "" if value.upper() in _ABSENT else _plain(value)
    if not told:
        raise Refusal("501 5.5.4 Syntax: XCLIENT attribute=value")
    try:
        ip = _address(told["ADDR"].upper().removeprefix("IPV6:")) if told.get("ADDR") else told.get("ADDR", client.ip)
        port = _port(told["PORT"]) if told.get("PORT") else 0
    except ValueError:
        raise Refusal("501 5.5.4 Bad XCLIENT value") from None
    return replace(client, ip=ip, port=port, helo=told.get("HELO", ""))


def _version_1(octets: bytes) -> Header | None:
    end = octets.find(b"\n", 0, _MOST_V1) + 1
    if not end and len(octets) < _MOST_V1 and octets[:6] == b"PROXY "[: len(octets)]:
        return None
    found = _V1.fullmatch(octets[:end])
    if found is None:
        raise ProxyFault("no PROXY header")
    if found[1] is None:
        return Header(end)
    try:
        return Header(end, _address(found[1].decode()), _port(found[2].decode()))
    except ValueError as error:
        raise ProxyFault(f"bad PROXY header: {error}") from None


def _version_2(octets: bytes) -> Header | None:
    """By the layout: signature, version and command, family and transport, length, addresses, ports, TLVs."""
    command, family, length = struct.unpack_from("!BBH", octets, len(_SIGNATURE))
    if command not in (0x20, 0x21) or length > _MOST_V2:
        raise ProxyFault("bad PROXY header: unknown command, or too long")
    if len(octets) < 16 + length:
        return None
    # Command 0 is LOCAL, a health check of the proxy; families other than TCP over IP name no client for us.
    size = {0x11: 4, 0x21: 16}.get(family, 0) if command == 0x21 else 0
    if not size:
        return Header(16 + length)
    if length < 2 * size + 4:
        raise ProxyFault("bad PROXY header: too short for its addresses")
    ip = plain_ip(str(ipaddress.ip_address(octets[16 : 16 + size])))
    return Header(16 + length, ip, struct.unpack_from("!H", octets, 16 + 2 * size)[0])


def _plain(value: str) -> str:
    """The value without its coding (RFC 3461 4, xtext); raises Refusal for what could not be said in a command."""
    plain = _XTEXT.sub(lambda found: chr(int(found[1], 16)), value)
    if not plain.isprintable():
        raise Refusal("501 5.5.4 Bad XCLIENT value")
    return plain


def _address(text: str) -> str:
    return plain_ip(str(ipaddress.ip_address(text)))


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text[:6]) > 65535:
        raise ValueError(f"port {text}")
    return int(text)
