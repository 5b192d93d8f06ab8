"""The web application, put together from its parts."""

from collections.abc import Sequence

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from canary import __version__
from canary.web.api import NOUNS
from canary.web.api.document import PATH, Document, answers
from canary.web.api.schema import nothing_else
from canary.web.assets import Assets
from canary.web.compat import ALIAS_SERVICES
from canary.web.compat.cors import CompatCors
from canary.web.config import WebConfig
from canary.web.errors import ErrorPages
from canary.web.health_endpoints import HealthEndpoints
from canary.web.host_names import HostGate, HostNames
from canary.web.middleware import SiteMiddleware, headers_for
from canary.web.pages import PAGES
from canary.web.rendering import PageContext
from canary.web.routes import API, COMPAT, Mounted, Role, RouteTable, WebRoute


def create_app(config: WebConfig) -> FastAPI:
    """Build the site: pages, API, health endpoints and static files, behind the middleware that checks every request."""
    app = FastAPI(title="Canary", openapi_url=None, docs_url=None, redoc_url=None)
    frame = PageContext(config)
    probes = HealthEndpoints(config)
    pages = [page(frame) for page in (*PAGES, *NOUNS, *ALIAS_SERVICES)]
    routes = [route for part in (*pages, probes, Document(app, __version__)) for route in part.routes()]
    mounted = Mounted("/static", Role.PUBLIC, Assets())
    _add(app, routes)
    app.mount(mounted.path, mounted.handler, name="static")
    faults = ErrorPages(frame)
    _tell_faults(app, faults)
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    app.add_middleware(
        SiteMiddleware,
        door=frame.door,
        ways=RouteTable(app.routes, [*routes, mounted]),
        faults=faults,
        headers=headers_for(config.url),
    )
    app.add_middleware(CompatCors)
    app.add_middleware(HostGate, names=HostNames(config.url, config.hosts))
    app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(config.proxies))
    app.state.door, app.state.ways = frame.door, (*routes, mounted)
    return app


def _add(app: FastAPI, routes: Sequence[WebRoute]) -> None:
    for route in routes:
        told = route.path.startswith(API) and route.path != PATH
        tag = route.path.removeprefix(API).split("/")[1].partition(".")[0]
        app.add_api_route(
            route.path, route.handler, methods=[route.method], status_code=route.status, include_in_schema=told,
            responses=answers(route), response_class=Response if route.media else JSONResponse, tags=[tag],
            dependencies=[Depends(nothing_else)] if told else None,
        )  # fmt: skip


def _tell_faults(app: FastAPI, faults: ErrorPages) -> None:
    @app.exception_handler(HTTPException)
    def wrong(request: Request, fault: HTTPException) -> Response:
        return faults.answer(request, fault.status_code, fault.detail, fault.headers)

    @app.exception_handler(RequestValidationError)
    def unreadable(request: Request, fault: RequestValidationError) -> Response:
        if request.url.path.startswith((API, COMPAT)):
            return faults.answer(request, 422, _brief(fault))
        return faults.answer(request, 404 if request.method == "GET" else 400)


def _brief(fault: RequestValidationError) -> str:
    """Return the first invalid field, its value and what it should be."""
    first = fault.errors()[0]
    named = ".".join(str(step) for step in first["loc"][1:]) or str(first["loc"][0])
    return f"{named} {str(first.get('input'))[:80]!r}: {first['msg'][:300]}"
