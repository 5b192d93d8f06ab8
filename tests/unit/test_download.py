"""A file that is written while it is sent gives back what it holds."""

import asyncio
from collections.abc import Generator
from typing import Any

import pytest
from starlette.requests import ClientDisconnect

from canary.web.download import Download


class Source:
    """Lines without end, and whether they are still held open."""

    held = False

    def lines(self) -> Generator[str]:
        self.held = True
        try:
            while True:
                yield "a line\n"
        finally:
            self.held = False


async def left_before_the_end(file: Download, asgi: dict[str, str]) -> None:
    """Take the head and a line, then leave as a server says it in this version of its interface."""
    sent: list[Any] = []
    left = asyncio.Event()

    async def receive() -> dict[str, str]:
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)
        if len(sent) > 1:
            left.set()
            if asgi["spec_version"] >= "2.4":
                raise OSError("the client left")

    await file({"type": "http", "asgi": asgi}, receive, send)


@pytest.mark.parametrize("version", ["2.3", "2.4"])
def test_what_a_download_holds_is_given_back_when_the_client_leaves(version: str) -> None:
    source = Source()
    lines = source.lines()
    next(lines)
    assert source.held
    try:
        asyncio.run(left_before_the_end(Download("x.csv", lines, "text/csv"), {"spec_version": version}))
    except ClientDisconnect:
        assert version == "2.4"
    assert not source.held
