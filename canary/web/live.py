"""New hits, and addresses that programs make, as server-sent events; one task in a process asks the store, however many pages listen."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy.exc import DBAPIError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from canary.model.verdict import Verdict
from canary.store.database import is_down
from canary.store.queries.users import use_token
from canary.views.live_hits import MOST, newest, newest_made, news
from canary.views.models import HitLine
from canary.web.rendering import PageContext
from canary.web.routes import Role, WebRoute

log = logging.getLogger("canary.web")

LISTENERS = 500
"""How many may listen to one process; a browser that is refused tries again later."""

PAUSE, BEATS, CHECKS = 0.5, 30, 60
"""Seconds between two queries; after so many of them a keep-alive, and a check of who may still listen."""

WAITING = 100
"""Events that wait for a slow listener; one that falls further behind is disconnected and reconnects by itself."""

_MADE = 'event: canary\ndata: {{"id": {}}}\n\n'
_BEAT = ": still here\n\n"
_HEADERS = {"X-Accel-Buffering": "no"}  # nginx would buffer events


@dataclass(eq=False, slots=True)
class LiveListener:
    """One open stream: the secret it was opened with, and the events it has not read yet; None ends it."""

    secret: str
    waiting: asyncio.Queue[str | None] = field(default_factory=lambda: asyncio.Queue(WAITING))
    ended: bool = False

    def send(self, chunk: str) -> None:
        """Queue an event, or end a stream that is not being read."""
        try:
            self.waiting.put_nowait(chunk)
        except asyncio.QueueFull:
            self.end()

    def end(self) -> None:
        """End the stream, whatever is still waiting."""
        while not self.waiting.empty():
            self.waiting.get_nowait()
        self.waiting.put_nowait(None)
        self.ended = True


class Live:
    """The stream of hits, for all open pages that show them."""

    def __init__(self, frame: PageContext, pause: float = PAUSE) -> None:
        """Ask the store of a context, every so many seconds."""
        self._frame, self._pause = frame, pause
        self._listeners: set[LiveListener] = set()
        self._asking: asyncio.Task[None] | None = None
        self._beginning = asyncio.Lock()
        self._made = 0

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (WebRoute("GET", "/live", Role.VIEWER, self.live),)

    async def live(self, request: Request) -> Response:
        """Stream hits as they come, beginning after the last one that a disconnected browser names."""
        if len(self._listeners) >= LISTENERS:
            raise HTTPException(
                503, "Too many pages are listening right now; try again in a moment.", {"Retry-After": "30"}
            )
        listener = LiveListener(request.cookies.get(self._frame.door.cookie, ""))
        # Before the store is asked what was missed: a hit that comes meanwhile is sent twice rather than never.
        self._listeners.add(listener)
        try:
            await self._begin()
            missed = await run_in_threadpool(self._missed, _last_seen(request.headers))
        except BaseException:
            self._listeners.discard(listener)
            raise
        return StreamingResponse(self._stream(listener, missed), media_type="text/event-stream", headers=_HEADERS)

    async def _stream(self, listener: LiveListener, missed: Iterable[HitLine]) -> AsyncIterator[str]:
        try:
            yield "retry: 3000\n\n"
            for line in missed:
                yield event_of(line)
            while (chunk := await listener.waiting.get()) is not None:
                yield chunk
        finally:
            self._listeners.discard(listener)

    async def _begin(self) -> None:
        """Start the task that asks the store, if it does not run; hits after this moment are sent."""
        async with self._beginning:
            if self._asking is None or self._asking.done():
                seen = await run_in_threadpool(self._seen)
                self._asking = asyncio.create_task(self._ask(seen))

    async def _ask(self, seen: "SeenHits") -> None:
        """Ask for new hits and send them, as long as anybody listens."""
        try:
            turn = 0
            while self._listeners:
                await asyncio.sleep(self._pause)
                turn += 1
                await self._turn(seen, turn)
        finally:
            # Whatever ended this, no stream may stay open without news; browsers reconnect.
            for listener in self._listeners:
                listener.end()

    async def _turn(self, seen: "SeenHits", turn: int) -> None:
        try:
            fresh = await run_in_threadpool(self._news, seen)
            gone = await run_in_threadpool(self._gone) if turn % CHECKS == 0 else ()
        except (DBAPIError, OSError) as fault:
            if not is_down(fault):
                raise
            log.warning("store is down: %s; live updates wait", getattr(fault, "orig", fault))
            return
        for listener in gone:
            listener.end()
        chunk = fresh or (_BEAT if turn % BEATS == 0 else "")
        for listener in self._listeners if chunk else ():
            listener.send(chunk)
        # A browser that left before its stream began reads nothing, and does not occupy a place for long.
        self._listeners -= {listener for listener in self._listeners if listener.ended}

    def _missed(self, after: int | None) -> tuple[HitLine, ...]:
        if after is None:
            return ()
        with self._frame.database.reading() as session:
            return news(session, after)

    def _seen(self) -> "SeenHits":
        with self._frame.database.reading() as session:
            self._made = newest_made(session)
            return SeenHits(newest(session))

    def _news(self, seen: "SeenHits") -> str:
        """Return the events of what is new."""
        with self._frame.database.reading() as session:
            fresh, made = seen.note_new(news(session, seen.since)), newest_made(session)
        told = "".join(map(event_of, fresh)) + (_MADE.format(made) if made != self._made else "")
        self._made = made
        return told

    def _gone(self) -> list[LiveListener]:
        """Return the streams whose session has ended."""
        now, listeners = self._frame.clock(), list(self._listeners)
        with self._frame.database.reading() as session:
            secrets = {listener.secret for listener in listeners}
            ended = {secret for secret in secrets if use_token(session, secret, "session", now) is None}
        return [listener for listener in listeners if listener.secret in ended]


class SeenHits:
    """Which hits were sent already.

    Parallel workers commit in another order than they number: the newest numbers are asked for again and again.
    """

    def __init__(self, newest: int) -> None:
        """Begin after a hit."""
        self._first = self._newest = newest
        self._told: set[int] = set()

    @property
    def since(self) -> int:
        """The number after which to ask."""
        return max(self._first, self._newest - MOST // 2)

    def note_new(self, found: Iterable[HitLine]) -> list[HitLine]:
        """Return what is new among what was found."""
        fresh = [line for line in found if line.id not in self._told]
        self._told.update(line.id for line in fresh)
        self._newest = max([self._newest, *self._told])
        self._told = {number for number in self._told if number > self.since}
        return fresh


def event_of(line: HitLine) -> str:
    """Return a hit as an event; JSON contains no line ends, so nothing in a mail can end the event.

    Mail of our own tests is no news, but the page of its address waits for it: it is an event of another name.
    """
    facts: Mapping[str, Any] = {
        "id": line.id, "mail": line.mail, "at": line.at.isoformat(), "verdict": line.verdict, "leak": line.leak,
        "address": line.canary, "vendor": line.vendor, "slug": line.slug, "subject": line.subject[:200],
        "sender": line.sender[:200], "proven": line.proven, "case": line.case,
    }  # fmt: skip
    name = "self-test" if line.verdict == Verdict.SELF_TEST else "hit"
    return f"id: {line.id}\nevent: {name}\ndata: {json.dumps(facts)}\n\n"


def _last_seen(headers: Mapping[str, str]) -> int | None:
    said = headers.get("last-event-id", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 10 else None
