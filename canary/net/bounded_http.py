"""HTTP/1.1 with limits that the server itself lacks: on connections, on the time for a request, on a reader that stalls."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

BODY_SECONDS = 60.0
STALL_SECONDS = 60.0
"""So long an answer may wait for a client that does not read it."""


@dataclass
class RequestLimits:
    """The limits of one server, and its connections without a whole request, oldest first."""

    connections: int = 1000
    header_seconds: float = 10.0
    body_seconds: float = BODY_SECONDS
    stall_seconds: float = STALL_SECONDS
    open: int = 0
    waiting: "OrderedDict[BoundedProtocol, None]" = field(default_factory=OrderedDict)

    def make_room(self) -> bool:
        """Close the connection that has waited longest for its request, if all places are taken; False if none has."""
        if self.open < self.connections:
            return True
        if not self.waiting:
            return False
        self.waiting.popitem(last=False)[0].cut()
        return True


class BoundedProtocol(H11Protocol):
    """One connection; a subclass for each server has its limits."""

    limits: RequestLimits
    _timer: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None
    _phase = ""
    _admitted = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the headers, or close at once where there is no place."""
        super().connection_made(transport)
        self._admitted = self.limits.make_room()
        if not self._admitted:
            transport.abort()
            return
        self.limits.open += 1
        self._follow()

    def data_received(self, data: bytes) -> None:
        """Read on; a request that is whole is no longer waited for."""
        super().data_received(data)
        self._follow()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._follow()

    def pause_writing(self) -> None:
        """Give a client that reads too slowly some time."""
        super().pause_writing()
        self._stalled = self._stalled or self.loop.call_later(self.limits.stall_seconds, self.cut)

    def resume_writing(self) -> None:
        """Go on."""
        super().resume_writing()
        self._end_stall()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        if self._admitted:
            self._admitted, self.limits.open = False, self.limits.open - 1
        self._enter("")
        self._end_stall()
        super().connection_lost(exc)

    def cut(self) -> None:
        """End the connection, whatever is under way."""
        self.transport.abort()

    def _end_stall(self) -> None:
        if self._stalled:
            self._stalled.cancel()
            self._stalled = None

    def _follow(self) -> None:
        """Note what is waited for now: headers, a body, or nothing."""
        if self.transport.is_closing():
            self._enter("")
            return
        self._enter({h11.IDLE: "headers", h11.SEND_BODY: "body"}.get(self.conn.their_state, ""))

    def _enter(self, phase: str) -> None:
        if phase == self._phase:
            return
        if self._timer:
            self._timer.cancel()
        self._phase, self._timer = phase, None
        self.limits.waiting.pop(self, None)
        if phase:
            seconds = self.limits.header_seconds if phase == "headers" else self.limits.body_seconds
            self._timer = self.loop.call_later(seconds, self.cut)
            self.limits.waiting[self] = None


def protocol_with(limits: RequestLimits) -> type[BoundedProtocol]:
    """Return the protocol of a server with these limits."""
    return type("LimitedProtocol", (BoundedProtocol,), {"limits": limits})
