"""The SMTP dialogues of tests/cases/smtp, spoken to a real listener.

    C: text    the client says a line            S: text    a reply line begins so (* skips lines up to the last)
    W: octets  the client sends just these       H:         the client closes its side, and listens on
    E:         the server closes the connection  L: k=v     limits for this dialogue
    M: octets  the next mail that was kept       R: a b     the recipients of the last mail named
    A: kind domain [address]  the next attempt noted
`{x*9}` stands for nine x; W and M know the escapes of Python bytes.
"""

import codecs
import re
import socket
from pathlib import Path

import pytest

from canary.receive.admission import Limits
from tests.sink import Dialogue, Sink

CASES = sorted((Path(__file__).parent.parent / "cases" / "smtp").glob("*.txt"))


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


def outcome(sink: Sink) -> list[tuple[str, str]]:
    """What the spool has in the end, in the words of the files."""
    kept: list[tuple[str, str]] = []
    attempts = [("A", f"{a.kind} {a.domain} {a.address}".strip()) for a in sink.attempts()]
    for mail in sink.mails():
        kept += [("M", repr(mail.content)), ("R", " ".join(mail.envelope.rcpt_to))]
    return attempts + kept


def expected(steps: list[tuple[str, str]], real: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What the file says the spool has; recipients it does not mention are taken as they are."""
    attempts = [step for step in steps if step[0] == "A"]
    mails = [("M", repr(octets(text))) if key == "M" else (key, text) for key, text in steps if key in "MR"]
    if not any(key == "R" for key, _ in mails):
        mails = [pair for mail, to in zip(mails, [r for r in real if r[0] == "R"], strict=True) for pair in (mail, to)]
    return attempts + mails


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_the_dialogue_goes_as_written(case: Path, tmp_path: Path) -> None:
    lines = [line for line in case.read_text().splitlines() if line and not line.startswith("#")]
    steps = [(line[0], line[3:]) for line in lines]
    limits = Limits(**{k: int(v) for key, text in steps if key == "L" for k, v in [text.split("=")]})
    with Sink(tmp_path, limits) as sink:
        with sink.dial() as dialogue:
            for key, text in steps:
                speak(dialogue, key, text)
        real = outcome(sink)
        assert real == expected(steps, real)


def test_there_are_dialogues() -> None:
    assert len(CASES) > 20
