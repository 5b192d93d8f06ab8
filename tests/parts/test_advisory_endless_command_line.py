"""A command line without an end grew the memory of other sinks until they died. Here it ends the session."""

import asyncio
from pathlib import Path

import pytest

from canary.smtp.admission import Limits
from tests.patience import PATIENCE
from tests.sink import Dialogue, Sink
from tests.wire import Spoken


def drown(client: Dialogue, octets: bytes, times: int) -> bytes:
    """Sends without reading, then reads what there is; the server may have closed long before."""
    try:
        for _ in range(times):
            client.socket.sendall(octets)
        return client.file.read()
    except OSError:
        return b""


@pytest.mark.parametrize(
    "octets", [b"x" * 65536, b"EHLO " + b"\0" * 65536, b"\r" * 65536, b"MAIL FROM:<" + b'"' * 65536]
)
def test_a_line_without_end_ends_the_session_and_not_the_sink(tmp_path: Path, octets: bytes) -> None:
    with Sink(tmp_path) as sink:
        with sink.dial() as client:
            drown(client, octets, 200)
        sink.run(asyncio.wait_for(sink.listener.clients.empty.wait(), PATIENCE))
        with sink.dial() as client:
            assert client.hear()[:3] == "220"


def test_no_more_of_a_line_is_held_than_is_read_to_find_its_end() -> None:
    async def main() -> None:
        spoken = Spoken()
        for _ in range(100):
            await spoken.say(b"x" * 1000)
            assert len(spoken.session._reader._octets) <= 8192 + 1000
        assert spoken.replies[-1] == "421 4.7.0 Line too long"

    asyncio.run(main())


def test_a_flood_of_lines_ends_too(tmp_path: Path) -> None:
    with Sink(tmp_path, Limits(commands=100)) as sink, sink.dial() as client:
        heard = drown(client, b"NOOP\r\n" * 1000, 100)
        assert heard.count(b"\n") <= 102
