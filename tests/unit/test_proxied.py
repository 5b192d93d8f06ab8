"""PROXY headers and XCLIENT, as octets and words."""

import asyncio
import ipaddress
import random
import struct

import pytest

from canary.model.mail import Client
from canary.smtp.admission import Refusal
from canary.smtp.handler import client_of
from canary.smtp.xclient import read_xclient
from tests.wire import Spoken

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def version_2(command: int, family: int, rest: bytes) -> bytes:
    return SIGNATURE + struct.pack("!BBH", command, family, len(rest)) + rest


def addresses(source: str, port: int) -> bytes:
    packed = ipaddress.ip_address(source).packed
    return packed + b"\0" * len(packed) + struct.pack("!HH", port, 25)


WHOLE = [
    (b"PROXY TCP4 192.0.2.9 192.0.2.1 4711 25\r\n", "192.0.2.9", 4711),
    (b"PROXY TCP6 2001:DB8::9 2001:db8::1 4711 25\r\n", "2001:db8::9", 4711),
    (b"PROXY TCP6 ::ffff:192.0.2.9 ::1 4711 25\r\n", "192.0.2.9", 4711),
    (b"PROXY UNKNOWN\r\n", "", 0),
    (b"PROXY UNKNOWN what ever\r\n", "", 0),
    (version_2(0x21, 0x11, addresses("192.0.2.9", 4711)), "192.0.2.9", 4711),
    (version_2(0x21, 0x21, addresses("2001:db8::9", 4711)), "2001:db8::9", 4711),
    (version_2(0x21, 0x21, addresses("::ffff:192.0.2.9", 4711) + b"\x03\0\x04abcd"), "192.0.2.9", 4711),
    (version_2(0x20, 0x00, b""), "", 0),
    (version_2(0x20, 0x11, addresses("192.0.2.9", 4711)), "", 0),
    (version_2(0x21, 0x31, b"/run/x".ljust(216, b"\0")), "", 0),
]


@pytest.mark.parametrize(("octets", "ip", "port"), WHOLE)
def test_a_header_is_read_when_it_is_whole_and_takes_no_octet_of_what_follows(
    octets: bytes, ip: str, port: int
) -> None:
    async def main() -> None:
        spoken = Spoken(proxies=lambda _: True)
        for end in range(len(octets)):
            await spoken.say(octets[end : end + 1])
            assert (spoken.wire.closed, bool(spoken.wire.sent)) == (False, end == len(octets) - 1), end
        await spoken.say(b"NOOP\r\n")
        assert spoken.replies == ["220 mx.example.net ESMTP", "250 2.0.0 OK"]
        client = client_of(spoken.session.session)
        assert (client.ip, client.port) == ((ip, port) if ip else ("127.0.0.1", 4711))

    asyncio.run(main())


@pytest.mark.parametrize(
    "octets",
    [
        b"EHLO x\r\n",
        b"PROXY\r\n",
        b"PROXY TCP4\r\n",
        b"PROXY TCP4 192.0.2.9 192.0.2.1 4711\r\n",
        b"PROXY TCP4 192.0.2.9 192.0.2.1 4711 25\n",
        b"PROXY TCP4 192.0.2.9 192.0.2.1 4711 25 \r\n",
        b"PROXY TCP4 192.0.2.256 192.0.2.1 4711 25\r\n",
        b"PROXY TCP4 192.0.2.9 192.0.2.1 99999 25\r\n",
        b"PROXY UDP4 192.0.2.9 192.0.2.1 4711 25\r\n",
        b"proxy TCP4 192.0.2.9 192.0.2.1 4711 25\r\n",
        b"PROXY UNKNOWN " + b"x" * 107,
        version_2(0x22, 0x11, addresses("192.0.2.9", 1)),
        version_2(0x11, 0x11, addresses("192.0.2.9", 1)),
        version_2(0x21, 0x11, b"\xc0\0\x02\x09"),
        version_2(0x21, 0x11, b"\0" * 2049),
    ],
)
def test_what_is_no_header_ends_the_connection_without_a_word(octets: bytes) -> None:
    assert asyncio.run(heard(octets)) == (True, b"")


async def heard(octets: bytes) -> tuple[bool, bytes]:
    """Whether the connection was closed, and what was said on it."""
    spoken = Spoken(proxies=lambda _: True)
    await spoken.say(octets)
    closed = spoken.wire.closed
    spoken.hang_up()
    return closed, bytes(spoken.wire.sent)


def test_no_octets_do_anything_else_nor_are_waited_for_without_end() -> None:
    dice = random.Random(1)

    async def main() -> None:
        for _ in range(2000):
            begin = dice.choice([b"", SIGNATURE, SIGNATURE + b"\x21", b"PROXY ", b"PROXY TCP4 ", b"\r\n"])
            closed, said = await heard(begin + dice.randbytes(3000))
            assert closed or said.startswith(b"220 ")

    asyncio.run(main())


@pytest.mark.parametrize(
    ("argument", "client"),
    [
        ("ADDR=192.0.2.9", Client("192.0.2.9")),
        ("addr=192.0.2.9 port=4711", Client("192.0.2.9", 4711)),
        ("ADDR=IPV6:2001:db8::9", Client("2001:db8::9")),
        ("ADDR=IPV6:::ffff:192.0.2.9", Client("192.0.2.9")),
        ("ADDR=[UNAVAILABLE] PORT=[UNAVAILABLE]", Client("")),
        ("NAME=x PROTO=ESMTP LOGIN=y", Client("127.0.0.1")),
        ("HELO=a+3Db", Client("127.0.0.1", helo="a=b")),
    ],
)
def test_xclient_names_the_client(argument: str, client: Client) -> None:
    assert read_xclient(argument, Client("127.0.0.1", 5, "relay")) == client


@pytest.mark.parametrize(
    "argument", ["", "ADDR", "X=1", "ADDR=x", "PORT=x", "PORT=65536", "PORT=\u0661", "HELO=+0A", "HELO=+00"]
)
def test_an_xclient_that_says_nothing_sound_is_refused(argument: str) -> None:
    with pytest.raises(Refusal, match=r"^501 5\.5\.4"):
        read_xclient(argument, Client("127.0.0.1"))
