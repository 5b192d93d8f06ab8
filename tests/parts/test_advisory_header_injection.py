"""Line ends in an address became headers of the stored mail elsewhere. Here an address is never part of the mail."""

import asyncio
import json
import sqlite3
from pathlib import Path

import pytest

from tests.sink import CANARY, Sink
from tests.wire import Spoken

INJECTIONS = [
    b"\r\nBcc: x@evil.example", b"\nBcc: x@evil.example", b"\rBcc: x@evil.example", b"\r\n\r\n<script>", b"\0", b"\x0bX: y",
    b"\x0cX: y", b"\x1b[2J", b"\x7f", b"%0d%0aBcc: x", b"=?utf-8?q?=0D=0ABcc:_x?=", b"\xc2\x85Bcc: x",
    b"\xe2\x80\xa8Bcc: x", b"\xc4\x8aBcc: x", b"\xc4\x8dBcc: x",
]  # fmt: skip
ENCODED = INJECTIONS[9:]


@pytest.mark.parametrize("verb", [b"MAIL FROM", b"RCPT TO"])
@pytest.mark.parametrize("injection", INJECTIONS[:9])
def test_control_characters_in_an_address_are_refused(verb: bytes, injection: bytes) -> None:
    async def main() -> None:
        spoken = Spoken()
        await spoken.say(b"EHLO x\r\n", b"MAIL FROM:<>\r\n" if verb == b"RCPT TO" else b"")
        await spoken.say(verb + b":<play-x7k2m9" + injection + b"@example.net>\r\n")
        assert {reply[0] for reply in spoken.replies[2 + (verb == b"RCPT TO") :]} == {"5"}

    asyncio.run(main())


@pytest.mark.parametrize("injection", ENCODED)
def test_what_looks_like_a_line_end_elsewhere_stays_one_word_of_the_envelope(tmp_path: Path, injection: bytes) -> None:
    sender = b"a" + injection + b"@sender.example"
    with Sink(tmp_path) as sink:
        with sink.dial() as client:
            client.hear()
            client.say(
                "EHLO x", b"MAIL FROM:<" + sender + b">\r\n", f"RCPT TO:<{CANARY}>", "DATA", b"Subject: x\r\n\r\n.\r\n"
            )
            client.ask("QUIT")
            client.file.read()
        [mail] = sink.mails()
        [(envelope,)] = sqlite3.connect(sink.spool.path).execute("SELECT envelope FROM mail").fetchall()
    assert mail.content == b"Subject: x\r\n\r\n"
    assert mail.envelope.mail_from == sender.decode()
    assert "\n" not in envelope
    assert envelope.isascii()
    assert json.loads(envelope)["rcpt_to"] == [CANARY]


def test_a_name_of_a_client_cannot_forge_a_line_of_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "canary.smtp")
    with Sink(tmp_path) as sink, sink.dial() as client:
        client.hear()
        client.say('EHLO x\u2028{"session": "forged"}', "MAIL FROM:<a\u0085b@c.example>", "QUIT")
        client.file.read()
    lines = [record.getMessage() for record in caplog.records if record.name == "canary.smtp"]
    assert [len(line.splitlines()) for line in lines] == [1]
    assert json.loads(lines[0])["client"]["helo"] == 'x\u2028{"session": "forged"}'
