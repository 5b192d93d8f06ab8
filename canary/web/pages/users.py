"""Users: who may log in, and what each may do."""

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from canary.store.queries import user_admin
from canary.store.queries.users import ROLES
from canary.web.rendering import Field, Id, PageContext, map_store_errors
from canary.web.routes import Role, WebRoute


class Users:
    """All users: admins add, change and remove them."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            WebRoute("GET", "/setup/users", Role.ADMIN, self.users),
            WebRoute("POST", "/setup/users", Role.ADMIN, self.add),
            WebRoute("GET", "/setup/users/{user_id}", Role.ADMIN, self.user),
            WebRoute("POST", "/setup/users/{user_id}/role", Role.ADMIN, self.role),
            WebRoute("POST", "/setup/users/{user_id}/reset", Role.ADMIN, self.reset),
            WebRoute("POST", "/setup/users/{user_id}/end", Role.ADMIN, self.end),
            WebRoute("POST", "/setup/users/{user_id}/remove", Role.ADMIN, self.remove),
        )

    def users(self, request: Request) -> Response:
        """Show all users."""
        return self._show(request)

    def add(self, request: Request, name: Field = "", role: Field = "viewer") -> Response:
        """Add a user, and show the link to choose a password, only this once."""
        with map_store_errors(), self._frame.writing(request) as session:
            row, secret = user_admin.invite(session, name, role, self._frame.clock())
            self._frame.audit(session, request, "user-added", row.name, role)
        return self._show(request, row.name, secret)

    def user(self, request: Request, user_id: Id) -> Response:
        """Show from where a user is logged in, and the tokens of programs that act in its name."""
        now = self._frame.clock()
        with map_store_errors(), self._frame.database.reading() as session:
            row = user_admin.member(session, user_id)
            lines = [line for kind in ("session", "api") for line in user_admin.passes(session, user_id, now, kind)]
        return self._frame.show(request, "user.html", member=row, lines=lines)

    def role(self, request: Request, user_id: Id, role: Field = "") -> Response:
        """Change what a user may do; its sessions end."""
        with map_store_errors(), self._frame.writing(request) as session:
            before = user_admin.set_role(session, user_id, role, self._frame.clock())
            name = user_admin.member(session, user_id).name
            self._frame.audit(session, request, "role", name, f"{before} became {role}")
        return RedirectResponse("/setup/users", 303)

    def reset(self, request: Request, user_id: Id) -> Response:
        """Show a link to choose a new password, only this once."""
        with map_store_errors(), self._frame.writing(request) as session:
            secret = user_admin.reset_link(session, user_id, self._frame.clock())
            name = user_admin.member(session, user_id).name
            self._frame.audit(session, request, "password-link", name)
        return self._show(request, name, secret)

    def end(self, request: Request, user_id: Id, token: Field = "") -> Response:
        """End a session or token of a user, or all of them."""
        with map_store_errors(), self._frame.writing(request) as session:
            name = user_admin.member(session, user_id).name
            ended = user_admin.end(session, user_id, self._frame.clock(), kinds=("session", "api"), only=token)
            self._frame.audit(session, request, "sessions-ended", name, f"{ended} sessions and tokens")
        return RedirectResponse(f"/setup/users/{user_id}", 303)

    def remove(self, request: Request, user_id: Id) -> Response:
        """Remove a user with all its tokens."""
        with map_store_errors(), self._frame.writing(request) as session:
            name = user_admin.remove(session, user_id)
            self._frame.audit(session, request, "user-removed", name)
        return RedirectResponse("/setup/users", 303)

    def _show(self, request: Request, name: str = "", secret: str = "") -> Response:
        with self._frame.database.reading() as session:
            lines = user_admin.members(session, self._frame.clock())
        reset = f"{self._frame.door.url}/login/reset/{secret}" if secret else ""
        return self._frame.show(request, "users.html", lines=lines, roles=ROLES, reset=reset, name=name)
