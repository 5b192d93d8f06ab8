"""The SMTP dialogues of tests/cases/smtp, spoken to a real listener, and once more in memory an octet at a time.

    C: text    the client says a line            S: text    a reply line begins so (* skips lines up to the last)
    W: octets  the client sends just these       H:         the client closes its side, and listens on
    E:         the server closes the connection  L: k=v     limits for this dialogue
    M: octets  the next mail that was kept       R: a b     the recipients of the last mail named
    A: kind domain [address]  the next attempt noted
    K: words   what kind of connection it is: lmtp, proxied (it begins with a PROXY header), xclient (may say that)
    P: ip helo the client that the last mail named came from
`{x*9}` stands for nine x; W and M know the escapes of Python bytes.
"""

import asyncio
import codecs
import re
import socket
from dataclasses import dataclass
from pathlib import Path

import pytest

from canary.model.attempt import Attempt
from canary.model.mail import Envelope
from canary.smtp.admission import Limits
from tests.sink import ISSUED, Dialogue, Sink
from tests.wire import Spoken

CASES = sorted((Path(__file__).parent.parent / "cases" / "smtp").glob("*.txt"))
KEPT = {"M", "R", "P"}


@dataclass(frozen=True)
class Case:
    """A dialogue as its file tells it."""

    steps: list[tuple[str, str]]
    limits: Limits
    words: set[str]


def read(path: Path) -> Case:
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    steps = [(line[0], line[3:]) for line in lines]
    limits = {k: int(v) for key, text in steps if key == "L" for k, v in [text.split("=")]}
    return Case(steps, Limits(**limits), {word for key, text in steps if key == "K" for word in text.split()})


def octets(text: str) -> bytes:
    repeated = re.sub(r"\{(.)\*(\d+)\}", lambda found: found[1] * int(found[2]), text)
    return codecs.decode(repeated, "unicode_escape").encode("latin-1")


def speak(dialogue: Dialogue, key: str, text: str) -> None:
    if key == "C":
        dialogue.say(text)
    elif key == "W":
        dialogue.say(octets(text))
    elif key == "H":
        dialogue.socket.shutdown(socket.SHUT_WR)
    elif key == "E":
        assert dialogue.file.read() == b""
    elif key == "S":
        line = dialogue.file.readline()
        while text.endswith("-*") and line[3:4] == b"-" and dialogue.file.peek(4)[3:4] == b"-":
            line = dialogue.file.readline()
        assert line.decode().startswith(text.removesuffix("*")), line


def outcome(steps: list[tuple[str, str]], attempts: list[Attempt], mails: list[tuple[Envelope, bytes]]) -> None:
    """Compares what is there in the end with what the file says, as far as it speaks of it."""
    assert [f"{a.kind} {a.domain} {a.address}".strip() for a in attempts] == [t for key, t in steps if key == "A"]
    assert [content for _, content in mails] == [octets(text) for key, text in steps if key == "M"]
    at = -1
    for key, text in steps:
        at += key == "M"
        envelope = mails[at][0] if key in KEPT else None
        if envelope and key == "R":
            assert " ".join(envelope.rcpt_to) == text
        elif envelope and key == "P":
            assert f"{envelope.client.ip} {envelope.client.helo}".strip() == text


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_dialogue_goes_as_written(path: Path, tmp_path: Path) -> None:
    case = read(path)
    with Sink(
        tmp_path, case.limits, protocol="lmtp" if "lmtp" in case.words else "smtp",
        proxies=lambda _: "proxied" in case.words, xclient=lambda _: "xclient" in case.words,
    ) as sink:  # fmt: skip
        with sink.dial() as dialogue:
            for key, text in case.steps:
                speak(dialogue, key, text)
        attempts = sink.attempts()
        outcome(case.steps, attempts, [(mail.envelope, mail.content) for mail in sink.mails()])


async def drip(case: Case) -> Spoken:
    """The client's octets one by one, however many make a line, and the transcript that must come of it."""
    spoken = Spoken(
        case.limits, "lmtp" if "lmtp" in case.words else "smtp", ISSUED,
        proxies=lambda _: "proxied" in case.words, xclient=lambda _: "xclient" in case.words,
    )  # fmt: skip
    heard: list[str] = []
    for key, text in case.steps:
        if key in "CW":
            said = text.encode() + b"\r\n" if key == "C" else octets(text)
            # A long run of the same octet goes in few packets: it is the same to the reader, and quicker.
            await spoken.say(*(said[i : i + 1] for i in range(len(said))) if len(said) < 3000 else (said,))
        elif key == "H":
            spoken.session.eof_received()
            await spoken.settle()
        elif key == "E":
            assert spoken.wire.closed
        elif key == "S":
            heard.append(text)
    lines = [line for line in spoken.wire.sent.decode().split("\r\n") if line]
    for text in heard:
        line = lines.pop(0)
        while text.endswith("-*") and line[3:4] == "-" and lines[0][3:4] == "-":
            line = lines.pop(0)
        assert line.startswith(text.removesuffix("*")), (text, line, lines)
    spoken.hang_up()
    await spoken.settle()
    return spoken


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_dialogue_goes_the_same_an_octet_at_a_time(path: Path) -> None:
    case = read(path)
    spoken = asyncio.run(drip(case))
    outcome(case.steps, spoken.shelf.noted, spoken.shelf.mails)


def test_there_are_dialogues() -> None:
    assert len(CASES) > 50
