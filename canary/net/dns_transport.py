"""One question to the name servers: UDP, then TCP for what does not fit; the next server if one fails.

dnspython reads and writes the messages; the exchange is our own, since its resolver costs several times the question.
"""

import asyncio
import re
import secrets
import socket
from collections.abc import Sequence

import dns.exception
import dns.flags
import dns.inet
import dns.message
import dns.rcode
import dns.rdatatype
import dns.resolver

from canary.authenticate.lookup import Temporary

UDP_PAYLOAD = 1232
"""EDNS buffer that needs no fragments on any path; longer answers come by TCP."""

ROUNDS = 2
"""How often a silent server is asked, as a datagram may be lost."""

MAX_SERVERS = 3

_HEADER = b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01"  # recursion desired, one question, one additional record
_EDNS = b"\x00\x00\x29" + UDP_PAYLOAD.to_bytes(2, "big") + b"\x00\x00\x00\x00\x00\x00"  # RFC 6891 section 6.1.2
_ANSWERED = (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)
Server = tuple[str, int]


class DnsTransport:
    """Asks the servers in order until one answers; `timeout` is for all of them together, in seconds."""

    def __init__(self, servers: Sequence[str], timeout: float) -> None:
        self._servers = [read_server(text) for text in servers][:MAX_SERVERS] or _system_servers()
        self._each = timeout / (ROUNDS * max(len(self._servers), 1))

    async def ask(self, name: str, kind: str) -> dns.message.QueryMessage:
        """Return the response that says there are records, or that there are none; raises `Temporary`."""
        wire = _query(name, kind)
        failed = set[Server]()
        for server in self._servers * ROUNDS:
            if server in failed:
                continue
            try:
                async with asyncio.timeout(self._each):
                    response = await _exchange(server, wire)
            except TimeoutError:
                continue
            except (OSError, EOFError):
                response = None
            if response is not None and response.rcode() in _ANSWERED:
                return response
            failed.add(server)
        raise Temporary("TIMEOUT" if self._servers and not failed else "SERVFAIL")


def _query(name: str, kind: str) -> bytes:
    labels = [label.encode("ascii") for label in name.split(".")]
    question = b"".join(bytes([len(label)]) + label for label in labels)
    rdtype = int(dns.rdatatype.from_text(kind)).to_bytes(2, "big")
    return secrets.token_bytes(2) + _HEADER + question + b"\x00" + rdtype + b"\x00\x01" + _EDNS


async def _exchange(server: Server, wire: bytes) -> dns.message.QueryMessage | None:
    data = await _by_datagram(server, wire)
    if data[2] & dns.flags.TC >> 8:
        data = await _by_stream(server, wire)
    return _read(data)


async def _by_datagram(server: Server, wire: bytes) -> bytes:
    """Send from a port of its own for every question, so that answers are hard to forge (RFC 5452)."""
    loop = asyncio.get_running_loop()
    with socket.socket(dns.inet.af_for_address(server[0]), socket.SOCK_DGRAM) as datagrams:
        datagrams.setblocking(False)
        datagrams.connect(server)
        datagrams.send(wire)
        while True:
            data = await loop.sock_recv(datagrams, 65535)
            if _answers(data, wire):
                return data


async def _by_stream(server: Server, wire: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(*server)
    try:
        writer.write(len(wire).to_bytes(2, "big") + wire)
        data = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
    finally:
        writer.close()
    if not _answers(data, wire):
        raise EOFError("the server answered another question")
    return data


def _answers(data: bytes, wire: bytes) -> bool:
    """Whether octets are a response to a query: same id, a response, same question without regard to case."""
    question = wire[12 : -len(_EDNS)]
    same = data[12 : 12 + len(question)].lower() == question.lower()
    return data[:2] == wire[:2] and len(data) > 12 and bool(data[2] & 0x80) and same


def _read(data: bytes) -> dns.message.QueryMessage | None:
    """Return the response without its additional records, which nobody asked for."""
    try:
        message = dns.message.from_wire(data[:10] + b"\x00\x00" + data[12:], ignore_trailing=True)
    except (dns.exception.DNSException, ValueError):
        return None
    return message if isinstance(message, dns.message.QueryMessage) else None


def _system_servers() -> list[Server]:
    """Return the servers of the system; without any, every question is `Temporary`."""
    resolver = dns.resolver.Resolver(configure=False)
    try:
        resolver.read_resolv_conf("/etc/resolv.conf")
    except (dns.resolver.NoResolverConfiguration, OSError):
        return []
    return [(str(address), 53) for address in resolver.nameservers][:MAX_SERVERS]


_SERVER = re.compile(r"\[(?P<v6>[^\]]+)\](?::(?P<v6port>\d{1,5}))?|(?P<v4>[^:]+):(?P<v4port>\d{1,5})|(?P<plain>.+)")


def read_server(text: str) -> Server:
    """Return the address and port of a name server; raises ValueError with the way to write it."""
    match = _SERVER.fullmatch(text)
    parts = match.groupdict() if match else {}
    address = parts.get("v6") or parts.get("v4") or parts.get("plain") or ""
    port = int(parts.get("v6port") or parts.get("v4port") or "53")
    if not (dns.inet.is_address(address) and 0 < port < 65536):
        raise ValueError(f"name server {text!r}: write an address as 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:53")
    return address, port
