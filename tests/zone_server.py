"""A DNS server of our own on loopback: answers from a zone, over UDP and TCP, as badly as it is told to.

    .venv/bin/python -m tests.zone_server zone.json      # prints its port, serves until its stdin ends

A zone is that of `ZoneLookup`; `TIMEOUT` never answers, `SERVFAIL` and `REFUSED` answer with that code. It may
truncate all that comes by UDP, lose the first datagrams, and send a forgery before every answer.
"""

import asyncio
import json
import socket
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, cast

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from canary.authenticate.dns_answer import read_records
from canary.authenticate.lookup import dns_name

HOST = "127.0.0.1"
TTL = 300
CLASSIC_PAYLOAD = 512
ZoneMap = Mapping[str, Any]
Asked = tuple[str, str, str]


class ZoneServer:
    """What the server answers, and what it was asked: `asked` holds (name, kind, transport)."""

    def __init__(self, zone: ZoneMap, *, truncate: bool = False, lose: int = 0, forge: bool = False) -> None:
        self.zone = {dns_name(name): kinds for name, kinds in zone.items()}
        self.asked: list[Asked] = []
        self._known: dict[tuple[str, bytes], tuple[Asked, bytes]] = {}
        self.port = 0
        self.lose = lose
        self.forge = forge
        self._truncate = truncate
        self._above = {".".join(name.split(".")[n:]) for name in self.zone for n in range(1, name.count(".") + 1)}

    def answer(self, wire: bytes, transport: str) -> bytes | None:
        """The response to one query, None to stay silent; the same question is worked out once."""
        key = transport, wire[2:]
        if key not in self._known:
            self._known[key] = self._answer(dns.message.from_wire(wire), transport)
        asked, response = self._known[key]
        self.asked.append(asked)
        return wire[:2] + response[2:] if response else None

    def _answer(self, query: dns.message.Message, transport: str) -> tuple[Asked, bytes]:
        question = query.question[0]
        kind = dns.rdatatype.to_text(question.rdtype)
        asked = _text(question.name), kind, transport
        response = dns.message.make_response(query, recursion_available=True)
        if not self._fill(response, question.name, kind):
            return asked, b""
        return asked, self._fitted(query, response, transport)

    def _fitted(self, query: dns.message.Message, response: dns.message.Message, transport: str) -> bytes:
        wire = response.to_wire(max_size=65535)
        room = max(query.payload, CLASSIC_PAYLOAD)
        if transport == "tcp" or not (self._truncate or len(wire) > room):
            return wire
        short = dns.message.make_response(query, recursion_available=True)
        short.flags |= dns.flags.TC
        return short.to_wire()

    def _fill(self, response: dns.message.Message, name: dns.name.Name, kind: str) -> bool:
        """Add the records, through CNAMEs; False for a name that times out."""
        seen = set[str]()
        while (text := _text(name)) not in seen:
            seen.add(text)
            kinds = self.zone.get(text, "EMPTY" if text in self._above else "NXDOMAIN")
            if not isinstance(kinds, str) and kind not in kinds and "CNAME" in kinds:
                name = self._add(response, name, "CNAME", kinds["CNAME"])
                continue
            records = kinds if isinstance(kinds, str) else kinds.get(kind, [])
            return self._finish(response, name, kind, records)
        response.set_rcode(dns.rcode.SERVFAIL)  # a loop of aliases
        return True

    def _finish(self, response: dns.message.Message, name: dns.name.Name, kind: str, records: Any) -> bool:
        if not isinstance(records, str):
            self._add(response, name, kind, records)
        elif records in {"NXDOMAIN", "SERVFAIL", "REFUSED"}:
            response.set_rcode(dns.rcode.from_text(records))
        return not isinstance(records, str) or records != "TIMEOUT"

    def _add(self, response: dns.message.Message, name: dns.name.Name, kind: str, records: Any) -> dns.name.Name:
        rdtype = dns.rdatatype.from_text(kind)
        read = [dns.rdata.from_wire(dns.rdataclass.IN, rdtype, w, 0, len(w)) for w in _wires(kind, records)]
        if read:
            response.answer.append(dns.rrset.from_rdata_list(name, TTL, read))
        return read[-1].target if kind == "CNAME" else name  # type: ignore[attr-defined]


def _wires(kind: str, records: Any) -> Iterator[bytes]:
    for record in read_records(kind, records):
        if isinstance(record, bytes):
            parts = [record[at : at + 255] for at in range(0, len(record), 255)] or [b""]
            yield b"".join(bytes([len(part)]) + part for part in parts)
        elif isinstance(record, tuple):
            yield record[0].to_bytes(2, "big") + _name(record[1]).to_wire()  # type: ignore[operator]
        elif kind in {"A", "AAAA"}:
            yield socket.inet_pton(socket.AF_INET if kind == "A" else socket.AF_INET6, record)
        else:
            yield _name(record).to_wire()  # type: ignore[misc]


def _name(text: str) -> dns.name.Name:
    return dns.name.Name([label.encode("ascii") for label in text.split(".")] + [b""])


def _text(name: dns.name.Name) -> str:
    return b".".join(name.labels[:-1]).decode("latin-1").lower()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: ZoneServer) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        response = self._server.answer(data, "udp")
        if self._server.lose:
            self._server.lose -= 1
        elif response is not None:
            if self._server.forge:
                self._transport.sendto(bytes([response[0] ^ 1]) + response[1:], addr)
                self._transport.sendto(response[:14] + b"x" + response[15:], addr)
                self._transport.sendto(b"junk", addr)
            self._transport.sendto(response, addr)


async def _serve_stream(server: ZoneServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        length = int.from_bytes(await reader.readexactly(2), "big")
        response = server.answer(await reader.readexactly(length), "tcp")
        if response is not None:
            writer.write(len(response).to_bytes(2, "big") + response)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


def _sockets() -> tuple[socket.socket, socket.socket]:
    """A TCP and a UDP socket on one port; a port that is free for TCP may be taken for UDP."""
    for _ in range(20):
        listener = socket.create_server((HOST, 0))
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            datagrams.bind(listener.getsockname())
        except OSError:
            listener.close()
            datagrams.close()
        else:
            return listener, datagrams
    raise OSError("no port is free for both UDP and TCP")


@asynccontextmanager
async def serving(zone: ZoneMap, **options: Any) -> AsyncIterator[ZoneServer]:
    """A server in the running loop, on one free port for UDP and TCP."""
    server = ZoneServer(zone, **options)
    listener, datagrams = _sockets()
    server.port = listener.getsockname()[1]
    stream = await asyncio.start_server(lambda r, w: _serve_stream(server, r, w), sock=listener)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(server), sock=datagrams)
    try:
        yield server
    finally:
        transport.close()
        stream.close()
        await stream.wait_closed()


@contextmanager
def serving_beside(zone: ZoneMap, **options: Any) -> Iterator[ZoneServer]:
    """A server in a thread of its own, for those who ask DNS without a loop."""
    ready, done = threading.Event(), threading.Event()
    servers: list[ZoneServer] = []

    async def serve() -> None:
        async with serving(zone, **options) as server:
            servers.append(server)
            ready.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait()
    try:
        yield servers[0]
    finally:
        done.set()
        thread.join()


def main() -> None:
    """Serve a zone file until stdin ends."""
    with serving_beside(json.loads(Path(sys.argv[1]).read_text())) as server:
        print(server.port, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
