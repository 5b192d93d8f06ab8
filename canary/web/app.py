"""The web application: the parts put together."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from prometheus_client import CollectorRegistry
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware

from canary.model.alert import DestinationView
from canary.store.database import Database
from canary.web.assets import Assets
from canary.web.auth import Door
from canary.web.faults import Faults
from canary.web.frame import Frame
from canary.web.guard import Guard, headers_for
from canary.web.issuing import Issuing
from canary.web.pages import PAGES
from canary.web.probes import Probes
from canary.web.route import Mounted, Role, Route, Ways


def create_app(  # noqa: PLR0913, PLR0917 - what a site is made of
    database: Database,
    clock: Callable[[], datetime],
    url: str = "http://127.0.0.1:8025",
    health: Callable[[], Mapping[str, str]] | None = None,
    registry: CollectorRegistry | None = None,
    issuing: Issuing | None = None,
    destinations: Sequence[DestinationView] = (),
) -> FastAPI:
    """Build the pages over a store; `health` tells the state of each part, `registry` holds the metrics to show.

    `issuing` is what addresses are issued with; `destinations` are those of alerts, without their secrets.
    """
    app = FastAPI(title="Canary", openapi_url=None, docs_url=None, redoc_url=None)
    door = Door(database, clock, url)
    assets = Assets()
    frame = Frame(door, health or dict, assets, issuing, destinations)
    probes = Probes(database, health or dict, registry or CollectorRegistry())
    routes = [route for page in PAGES for route in page(frame).routes()] + list(probes.routes())
    mounted = Mounted("/static", Role.PUBLIC, assets)
    _add(app, routes)
    app.mount(mounted.path, mounted.handler, name="static")
    faults = Faults(frame)
    _tell_faults(app, faults)
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    app.add_middleware(
        Guard, door=door, ways=Ways(app.routes, [*routes, mounted]), faults=faults, headers=headers_for(url)
    )
    app.state.door, app.state.ways = door, (*routes, mounted)
    return app


def _add(app: FastAPI, routes: Sequence[Route]) -> None:
    for route in routes:
        app.add_api_route(
            route.path, route.handler, methods=[route.method], status_code=route.status, include_in_schema=False,
            response_model=None,
        )  # fmt: skip


def _tell_faults(app: FastAPI, faults: Faults) -> None:
    @app.exception_handler(HTTPException)
    def wrong(request: Request, fault: HTTPException) -> Response:
        return faults.answer(request, fault.status_code, fault.detail, fault.headers)

    @app.exception_handler(RequestValidationError)
    def unreadable(request: Request, _: RequestValidationError) -> Response:
        return faults.answer(request, 404 if request.method == "GET" else 400)
