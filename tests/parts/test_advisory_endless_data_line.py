"""A line of a mail that never ended grew the memory of other sinks past their limits. Here it costs nothing."""

import asyncio
import os
from pathlib import Path

import pytest

from canary.smtp.admission import Limits
from tests.sink import CANARY, Sink
from tests.wire import Spoken

MEGABYTE = 1 << 20


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("begin", ["DATA", f"BDAT {300 * MEGABYTE} LAST"])
def test_two_hundred_megabytes_without_a_line_end_cost_no_memory(tmp_path: Path, begin: str) -> None:
    with Sink(tmp_path, Limits(size=MEGABYTE)) as sink, sink.dial() as client:
        client.hear()
        client.say("EHLO x", "MAIL FROM:<>", f"RCPT TO:<{CANARY}>", begin)
        before, chunk = resident(), b"x" * MEGABYTE
        for _ in range(200):
            client.say(chunk)
        assert resident() - before < 30 * MEGABYTE
        assert sink.mails() == []


@pytest.mark.parametrize("octets", [b"x" * 999, b"\r\n" * 500, b".\r" * 500, b"\r\n.." * 250, b"\n" * 999])
def test_of_a_mail_that_grows_no_more_is_held_than_its_limit(octets: bytes) -> None:
    async def main() -> None:
        spoken = Spoken(Limits(size=5000))
        await spoken.say(f"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<{CANARY}>\r\nDATA\r\n".encode())
        held = []
        for _ in range(20):
            await spoken.say(octets)
            held.append(spoken.session.held)
        assert 0 < max(held) <= 5000
        assert (held[-1], spoken.clients.octets) == (0, 0)

    asyncio.run(main())
