"""Files that are written while they are sent."""

from collections.abc import Generator

from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send


class Download(StreamingResponse):
    """A file to download, under a name of ours, as `lines` yields it.

    What the generator holds open, such as a session of the store, is given back when the file is at its end, and at
    once when the client leaves before.
    """

    def __init__(self, name: str, lines: Generator[str], media_type: str) -> None:
        """Send these lines; the name has its extension."""
        super().__init__(
            lines, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'}
        )
        self._lines = lines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file, then close what it is read from."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await run_in_threadpool(self._lines.close)
