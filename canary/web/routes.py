"""What a route is: a path, the least role that may use it, and its handler; every part of the site lists its own."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from starlette.routing import BaseRoute, Match
from starlette.types import Scope

API = "/api/v1"
COMPAT = "/compat"
"""Below this the site speaks the interfaces of other services, to programs only: by key and never by cookie."""
LARGEST_FORM = 64 * 1024


class Role(StrEnum):
    """The role of a user; each may do what those before it may."""

    PUBLIC = "public"
    VIEWER = "viewer"
    ANALYST = "analyst"
    ADMIN = "admin"

    def allows(self, least: "Role") -> bool:
        """Whether this role is enough where another is required."""
        order = list(Role)
        return order.index(self) >= order.index(least)


@dataclass(frozen=True, slots=True)
class WebRoute:
    """One method of one path, the least role that may use it, and its handler.

    `local` opens it to this machine as well, without a role; `largest` bounds the octets of a request; `token` lets
    bearer tokens in; `status` is the answer on success, `media` its type where that is not JSON.
    """

    method: str
    path: str
    role: Role
    handler: Callable[..., Any]
    local: bool = False
    largest: int = LARGEST_FORM
    token: bool = False
    status: int = 200
    media: str = ""


@dataclass(frozen=True, slots=True)
class Mounted:
    """A whole application below a path, and the least role that may use it."""

    path: str
    role: Role
    handler: Any
    local: bool = False
    largest: int = 0
    token: bool = False


OpenRoute = WebRoute | Mounted


class RouteTable:
    """Finds the declared route of a request: who may do what is read from the declarations and nowhere else."""

    def __init__(self, routes: Sequence[BaseRoute], declared: Iterable[OpenRoute]) -> None:
        """Index the routes of an application; raises ValueError for one without a declared role."""
        self._routes = routes
        self._declared = {_key(way): way for way in declared}
        loose = [key for route in routes for key in _keys(route) if key not in self._declared]
        if loose:
            raise ValueError(f"route {loose[0][1]}: no role was declared for it; list it among the routes of its page")

    def taken(self, scope: Scope) -> OpenRoute | None:
        """Return the route of a request, or None if there is none."""
        for route in self._routes:
            if route.matches(scope)[0] is Match.FULL:
                return self._declared[next(key for key in _keys(route) if key[0] in ("", scope["method"]))]
        return None


def _key(way: OpenRoute) -> tuple[str, str]:
    return (way.method if isinstance(way, WebRoute) else "", way.path)


def _keys(route: BaseRoute) -> list[tuple[str, str]]:
    path, methods = getattr(route, "path", repr(route)), getattr(route, "methods", None)
    return [(method, path) for method in sorted(methods)] if methods else [("", path)]
