"""The web application: the parts put together, headers on everything, and faults told in one line."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from urllib.parse import urlsplit

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from prometheus_client import CollectorRegistry
from sqlalchemy.exc import DBAPIError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware

from canary.store.database import Database, is_down
from canary.web.assets import Assets
from canary.web.auth import Door
from canary.web.frame import Frame
from canary.web.pages import PAGES
from canary.web.probes import Probes
from canary.web.route import needs

log = logging.getLogger("canary.web")

Next = Callable[[Request], Awaitable[Response]]
LINES = {
    400: "This request makes no sense here.",
    403: "Your account may look at everything and decide nothing.",
    404: "There is nothing at this address.",
    405: "This address does not do that.",
    500: "Something went wrong on our side; the log says what.",
    503: "The store cannot be reached right now; mail is still being received. Try again in a moment.",
}
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def create_app(
    database: Database,
    clock: Callable[[], datetime],
    url: str = "http://127.0.0.1:8025",
    health: Callable[[], Mapping[str, str]] | None = None,
    registry: CollectorRegistry | None = None,
    domains: Sequence[str] = (),
) -> FastAPI:
    """Build the pages over a store; `health` tells the state of each part, `registry` holds the metrics to show.

    The first of the `domains` is where addresses are issued.
    """
    app = FastAPI(title="Canary", openapi_url="/api/v1/openapi.json", docs_url=None, redoc_url=None)
    door = Door(database, clock, url)
    assets = Assets()
    frame = Frame(door, health or dict, assets, domains)
    probes = Probes(database, health or dict, registry or CollectorRegistry())
    for route in (*(route for page in PAGES for route in page(frame).routes()), *probes.routes()):
        app.add_api_route(
            route.path, route.handler, methods=[route.method], include_in_schema=False, response_model=None,
            dependencies=[Depends(needs(route.role))],
        )  # fmt: skip
    app.state.door = door
    app.mount("/static", assets, name="static")
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    headers = _headers(url)

    @app.middleware("http")
    async def guard(request: Request, call_next: Next) -> Response:
        try:
            response = await run_in_threadpool(door.refuse, request) or await call_next(request)
        except Exception as fault:  # noqa: BLE001 - a stranger gets one line, the log gets the rest
            response = frame.error(request, _status_of(fault), LINES)
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        return response

    @app.exception_handler(HTTPException)
    def wrong(request: Request, fault: HTTPException) -> Response:
        return frame.error(request, fault.status_code, LINES)

    @app.exception_handler(RequestValidationError)
    def unreadable(request: Request, _: RequestValidationError) -> Response:
        return frame.error(request, 404 if request.method == "GET" else 400, LINES)

    return app


def _status_of(fault: Exception) -> int:
    if isinstance(fault, DBAPIError) and is_down(fault):
        log.warning("store is down: %s", fault.orig)
        return 503
    log.error("page failed", exc_info=fault)
    return 500


def _headers(url: str) -> dict[str, str]:
    # With no-referrer a browser sends `Origin: null` with our own forms, and over plain HTTP on a network it sends no
    # Sec-Fetch-Site either (Fetch 3.1): nobody could log in there. same-origin tells other sites just as little.
    parts = urlsplit(url)
    trusted = parts.scheme == "https" or parts.hostname in ("127.0.0.1", "localhost", "::1")
    return {
        "Content-Security-Policy": CSP,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer" if trusted else "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
        "Cache-Control": "no-store",
    }
