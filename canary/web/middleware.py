"""The outermost layer: authenticates every request, puts headers on every answer, and reports errors in one line."""

import logging
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from sqlalchemy.exc import DataError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from canary.store.database import is_down, is_overlong
from canary.web.auth import Authenticator
from canary.web.errors import ErrorPages
from canary.web.routes import RouteTable

log = logging.getLogger("canary.web")

OVERLONG = "The store took longer for this than it may: ask for less, or try again when it is less busy."

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

_SECRET = re.compile(r"^(/(?:answer|login/once|login/reset)/).+", re.DOTALL)


class SiteMiddleware:
    """Wraps the application; plain ASGI, so that an endless answer passes through it unbuffered."""

    def __init__(
        self, app: ASGIApp, door: Authenticator, ways: RouteTable, faults: ErrorPages, headers: Mapping[str, str]
    ) -> None:
        """Wrap an application."""
        self._app, self._door, self._ways, self._faults, self._headers = app, door, ways, faults, headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        if scope["type"] != "http":
            return
        request, outgoing = Request(scope, receive), _Outgoing(send, self._headers)
        try:
            answer = await run_in_threadpool(self._door.admit, request, self._ways.taken(scope)) or self._app
            await answer(scope, receive, outgoing)
        except Exception as fault:
            if outgoing.started:
                raise
            answer = await run_in_threadpool(self._told, request, fault)
            await answer(scope, receive, outgoing)

    def _told(self, request: Request, fault: Exception) -> Response:
        """Answer a fault: a stranger gets one line, the log gets the rest."""
        if isinstance(fault, HTTPException):
            return self._faults.answer(request, fault.status_code, fault.detail, fault.headers)
        if isinstance(fault, DataError):
            log.warning("a request had what the store cannot hold: %s", fault.orig)
            return self._faults.answer(request, 400)
        if is_down(fault):
            log.warning("store is down: %s", getattr(fault, "orig", fault))
            return self._faults.answer(request, 503)
        if is_overlong(fault):
            log.warning("a query took longer than it may: %s %s", request.method, masked(request.url.path))
            return self._faults.answer(request, 503, OVERLONG)
        log.error("page failed", exc_info=fault)
        return self._faults.answer(request, 500)


class _Outgoing:
    """Sends answers on, with our headers where an answer has none by that name."""

    def __init__(self, send: Send, headers: Mapping[str, str]) -> None:
        self._send, self._headers, self.started = send, headers, False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = MutableHeaders(scope=message)
            for name, value in self._headers.items():
                headers.setdefault(name, value)
        await self._send(message)


def masked(path: str) -> str:
    """Return a path for the program's log, without the secret that a link has in it."""
    return _SECRET.sub(r"\1***", path)


def headers_for(url: str) -> dict[str, str]:
    """Return the headers of every answer of a site that is served under a URL."""
    # With no-referrer a browser sends `Origin: null` with our own forms, and over plain HTTP on a network it sends no
    # Sec-Fetch-Site either (Fetch 3.1): nobody could log in there. same-origin reveals just as little to other sites.
    parts = urlsplit(url)
    trusted = parts.scheme == "https" or parts.hostname in ("127.0.0.1", "localhost", "::1")
    kept = {"Strict-Transport-Security": "max-age=31536000"} if parts.scheme == "https" else {}
    return {
        "Content-Security-Policy": CSP,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer" if trusted else "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
        "Cache-Control": "no-store",
        **kept,
    }
