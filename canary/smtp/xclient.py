"""The client that a machine of ours names by Postfix's XCLIENT; the PROXY protocol is aiosmtpd's."""

import ipaddress
import re
from dataclasses import replace

from canary.model.mail import Client
from canary.model.networks import plain_ip
from canary.smtp.admission import Refusal

ATTRIBUTES = ("NAME", "ADDR", "PORT", "PROTO", "HELO", "LOGIN", "DESTADDR", "DESTPORT")

_XTEXT = re.compile(r"\+([0-9A-Fa-f]{2})")
_ABSENT = frozenset({"[UNAVAILABLE]", "[TEMPUNAVAIL]"})


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
        ip = told.get("ADDR", client.ip)
        if told.get("ADDR"):
            ip = plain_ip(str(ipaddress.ip_address(ip.upper().removeprefix("IPV6:"))))
        port = _port(told["PORT"]) if told.get("PORT") else 0
    except ValueError:
        raise Refusal("501 5.5.4 Bad XCLIENT value") from None
    return replace(client, ip=ip, port=port, helo=told.get("HELO", ""))


def _plain(value: str) -> str:
    """The value without its coding (RFC 3461 4, xtext); raises Refusal for what could not be said in a command."""
    plain = _XTEXT.sub(lambda found: chr(int(found[1], 16)), value)
    if not plain.isprintable():
        raise Refusal("501 5.5.4 Bad XCLIENT value")
    return plain


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text[:6]) > 65535:
        raise ValueError(f"port {text}")
    return int(text)
