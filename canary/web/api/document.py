"""The OpenAPI document of the API: what FastAPI reads from the calls, with our error format and authentication."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from canary.web.errors import PROBLEM, Problem
from canary.web.routes import API, Role, WebRoute

PATH = f"{API}/openapi.json"
FAULT: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "What is wrong, in one line (RFC 9457).",
        "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}


def answers(route: WebRoute) -> dict[int | str, dict[str, Any]]:
    """Return the answers of a route besides JSON: a file of its type, or a problem document."""
    if not route.media:
        return FAULT
    return {**FAULT, route.status: {"content": {route.media: {"schema": {"type": "string"}}}}}


class Document:
    """The document, made once when it is first requested."""

    def __init__(self, app: FastAPI, version: str) -> None:
        """Describe an application."""
        self._app, self._version = app, version
        self._made: dict[str, Any] | None = None

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (WebRoute("GET", PATH, Role.VIEWER, self.document, token=True),)

    def document(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        if self._made is None:
            self._made = self._make()
        return self._made

    def _make(self) -> dict[str, Any]:
        made = get_openapi(title="Canary", version=self._version, routes=self._app.routes)
        parts = made.setdefault("components", {})
        parts["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        parts["schemas"]["Problem"] = Problem.model_json_schema()
        for unused in ("HTTPValidationError", "ValidationError"):
            parts["schemas"].pop(unused, None)
        made["security"] = [{"token": []}]
        return made
