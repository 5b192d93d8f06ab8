"""Lets pages of other sites, such as a web vault, send requests below `/compat`; they need a key, and cookies are no use."""

import re

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from canary.web.routes import COMPAT

_A_DAY = 86_400


class CompatCors:
    """Answers what browsers ask before such a request (the CORS protocol of the Fetch standard); plain ASGI."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self._app = app
        self._open = CORSMiddleware(
            app, allow_origins=("*",), allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE"), allow_headers=("*",),
            max_age=_A_DAY,
        )  # fmt: skip

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, below `/compat` by way of the middleware.

        Programs put their path behind what people typed, which may end with a slash.
        """
        if scope["type"] == "http" and scope["path"].startswith(f"{COMPAT}/"):
            await self._open({**scope, "path": re.sub("/{2,}", "/", scope["path"])}, receive, send)
        else:
            await self._app(scope, receive, send)
