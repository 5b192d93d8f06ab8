"""The same random streams to a session of ours and to stock aiosmtpd: the same octets kept, the same reply codes.

What differs on purpose is in `OTHERWISE` and nothing else. One more difference is kept out of the streams: where a
client has ended a line by CRLF, a bare LF in a later command ends a line for them and spoils it for us.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP

from canary.smtp.admission import Limits
from canary.smtp.data import END
from tests.sink import CANARY
from tests.wire import Spoken, Wire, replies

pytestmark = pytest.mark.slow

LIMIT = 64
BODY = [
    b"\r\n", b"\n", b"\r", b".", b"..", b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r\n.\r\r\n",
    b"\r\r\n.\r\n", b"\r\n\0.\r\n", b"a", b"MAIL FROM:<x@y.example>", b"QUIT", b"\0", b"\xff", END, b".\r\n",
    b"\r\n..\r\n", b"\r\n.\t\r\n", b"\r\n. \r\n", b"\n\n.\n\n", b"\r\n.\r\nRSET\r\n",
]  # fmt: skip
PLAIN = [
    b"NOOP", b"noop x", b"RSET", b"HELO", b"EHLO", b"MAIL FROM:<a@b.example>", b"mail from:<a@b.example>", b"MAIL FROM:<>",
    b"MAIL FROM: <a@b.example>", b"MAIL", b"MAIL FROM", b"MAIL TO:<a@b.example>", b"RCPT TO:<%s>" % CANARY.encode(),
    b"rcpt to:<%s>" % CANARY.encode(), b'RCPT TO:<"play-x7k2m9"@example.net>', b"RCPT TO:<postmaster@example.net>",
    b"RCPT TO:<@a.example,@b.example:%s>" % CANARY.encode(), b"RCPT TO:<a@b.example>", b"RCPT", b"RCPT TO:",
    b"RCPT FROM:<a@b.example>", b"DATA", b"DATA x", b"RSET x", b"VRFY a@b.example", b"EXPN list", b"HELP", b"AUTH PLAIN",
    b"STARTTLS", b"XYZZY", b"", b"\xff\xfe",
]  # fmt: skip
OLD = [*PLAIN, b"HELO x", b"HELO x y"]
NEW = [
    *PLAIN, b"EHLO x", b"ehlo x y", b"MAIL FROM:<a@b.example> SIZE=9", b"MAIL FROM:<a@b.example> SIZE=9999",
    b"MAIL FROM:<a@b.example> BODY=8BITMIME SMTPUTF8", b"MAIL FROM:<a@b.example> X=1", b"MAIL FROM:<a@b.example> SIZE=x",
    b"RCPT TO:<%s> X=1" % CANARY.encode(),
]  # fmt: skip
# By verb, their code and ours. They look at syntax before order and we the other way about; HELP has a code of its
# own (RFC 5321 4.2.2); AUTH and STARTTLS are unknown where they are not offered.
OTHERWISE = {
    b"HELP": {("250", "214")},
    b"STARTTLS": {("454", "502")},
    b"AUTH": {("500", "502"), ("503", "502"), ("538", "502")},
    b"MAIL": {("501", "503")},
}


class Handler:
    """Keeps in memory what stock aiosmtpd was sent, and knows whose mail it takes."""

    def __init__(self) -> None:
        self.contents: list[bytes] = []

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        if not address.endswith("example.net"):
            return "550 relaying denied"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.contents.append(envelope.content)
        return "250 OK"


async def theirs(chunks: list[bytes]) -> tuple[list[str], list[bytes]]:
    handler, wire = Handler(), Wire()
    server = SMTP(
        handler, hostname="x", data_size_limit=LIMIT, enable_SMTPUTF8=True, loop=asyncio.get_running_loop(), timeout=60
    )
    server.connection_made(wire)
    for chunk in (b"", *chunks):
        await asyncio.sleep(0)
        if not wire.closed:
            server.data_received(chunk)
    for _ in range(100):  # every stream ends with QUIT
        if wire.closed:
            break
        await asyncio.sleep(0)
    server.connection_lost(None)
    return [reply[:3] for reply in replies(wire)], handler.contents


async def ours(chunks: list[bytes]) -> tuple[list[str], list[bytes]]:
    spoken = Spoken(Limits(size=LIMIT))
    await spoken.say(*chunks)
    spoken.hang_up()
    return [reply[:3] for reply in spoken.replies], spoken.shelf.contents


def cut(stream: bytes, dice: random.Random) -> list[bytes]:
    """A stream in random packets: of an octet, of a few, or all at once."""
    size = dice.choice((1, 9, 40, len(stream)))
    chunks = []
    while stream:
        at = dice.randint(1, max(1, size))
        chunks.append(stream[:at])
        stream = stream[at:]
    return chunks


def body(dice: random.Random) -> bytes:
    """What follows DATA, up to the one sequence that ends it."""
    octets = b"\r\n" + b"".join(dice.choices(BODY, k=dice.randint(0, 12))) + END
    return octets[2 : octets.index(END) + len(END)]


def mails(dice: random.Random) -> bytes:
    """A session of mails of random octets, and a goodbye that must be the next command after the last."""
    begin = b"MAIL FROM:<a@b.example>\r\nRCPT TO:<%s>\r\nDATA\r\n" % CANARY.encode()
    return b"EHLO x\r\n" + b"".join(begin + body(dice) for _ in range(20)) + b"QUIT\r\n"


def commands(dice: random.Random) -> bytes:
    """A session of random commands; what comes to stand behind a DATA ends with the session."""
    words = dice.choice((OLD, NEW))
    lines = [words[-2], *dice.choices(words, k=12), b".", b"QUIT"]
    return b"".join(line + b"\r\n" for line in lines)


def alike(said: list[str], answered: list[str], stream: bytes) -> bool:
    """Whether two lists of codes are the same but for what differs on purpose, which leads to no other state."""
    if said == answered:
        return True
    lines = [b"", *stream.split(b"\r\n")]
    pairs = zip(said, answered, lines, strict=False)
    return len(said) == len(answered) and all(
        his == mine or (his, mine) in OTHERWISE.get(line.split(b" ")[0].upper(), ()) for his, mine, line in pairs
    )


async def compare(generate: Callable[[random.Random], bytes], count: int, seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(count):
        stream = generate(dice)
        said, kept = await theirs(cut(stream, dice))
        answered, stored = await ours(cut(stream, dice))
        assert stored == kept, stream
        assert alike(said, answered, stream), (stream, said, answered)


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "mail.log")


def test_forty_thousand_random_mails_are_kept_and_answered_alike() -> None:
    asyncio.run(compare(mails, 2_000, 5321))


def test_random_commands_are_answered_alike() -> None:
    asyncio.run(compare(commands, 4_000, 821))


def test_a_difference_would_be_seen() -> None:
    with pytest.raises(AssertionError):
        asyncio.run(compare(lambda _: b"EHLO x\r\nRSET\nMAIL FROM:<>\r\nQUIT\r\n", 1, 0))
