"""What a route is: a path, who may use it at the least, and what answers; every part of the site lists its own."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from fastapi import Request, Response
from starlette.exceptions import HTTPException


class Role(StrEnum):
    """Who somebody is to us, each allowed what those before it are."""

    PUBLIC = "public"
    VIEWER = "viewer"
    ANALYST = "analyst"
    ADMIN = "admin"

    def allows(self, least: "Role") -> bool:
        """Whether this role is enough where another is the least."""
        order = list(Role)
        return order.index(self) >= order.index(least)


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path, the least role that may use it, and its handler."""

    method: str
    path: str
    role: Role
    handler: Callable[..., Response]


def needs(role: Role) -> Callable[[Request], None]:
    """Return a dependency that lets nobody below a role pass."""

    def check(request: Request) -> None:
        user = getattr(request.state, "user", None)
        have = Role(user.role) if user else Role.PUBLIC
        if not have.allows(role):
            raise HTTPException(403)

    return check
