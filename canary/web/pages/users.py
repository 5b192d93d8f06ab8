"""Who may look, and what may each do?"""

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from canary.store import roster
from canary.store.users import ROLES
from canary.web.frame import Field, Frame, Id, told
from canary.web.route import Role, Route


class Users:
    """All users: admins add, change and remove them."""

    def __init__(self, frame: Frame) -> None:
        """Stand in a frame."""
        self._frame = frame

    def routes(self) -> tuple[Route, ...]:
        """Return all that it answers to."""
        return (
            Route("GET", "/setup/users", Role.ADMIN, self.users),
            Route("POST", "/setup/users", Role.ADMIN, self.add),
            Route("GET", "/setup/users/{user_id}", Role.ADMIN, self.user),
            Route("POST", "/setup/users/{user_id}/role", Role.ADMIN, self.role),
            Route("POST", "/setup/users/{user_id}/reset", Role.ADMIN, self.reset),
            Route("POST", "/setup/users/{user_id}/end", Role.ADMIN, self.end),
            Route("POST", "/setup/users/{user_id}/remove", Role.ADMIN, self.remove),
        )

    def users(self, request: Request) -> Response:
        """Show all users."""
        return self._show(request)

    def add(self, request: Request, name: Field = "", role: Field = "viewer") -> Response:
        """Add a user, and show the link by which it chooses a password, this once."""
        with told(), self._frame.writing(request) as session:
            row, secret = roster.invite(session, name, role, self._frame.clock())
            self._frame.audit(session, request, "user-added", row.name, role)
        return self._show(request, row.name, secret)

    def user(self, request: Request, user_id: Id) -> Response:
        """Show from where a user is logged in, and by which tokens programs ask in its name."""
        now = self._frame.clock()
        with told(), self._frame.database.reading() as session:
            row = roster.member(session, user_id)
            lines = [line for kind in ("session", "api") for line in roster.passes(session, user_id, now, kind)]
        return self._frame.show(request, "user.html", member=row, lines=lines)

    def role(self, request: Request, user_id: Id, role: Field = "") -> Response:
        """Change what a user may do; its sessions end."""
        with told(), self._frame.writing(request) as session:
            before = roster.set_role(session, user_id, role, self._frame.clock())
            name = roster.member(session, user_id).name
            self._frame.audit(session, request, "role", name, f"{before} became {role}")
        return RedirectResponse("/setup/users", 303)

    def reset(self, request: Request, user_id: Id) -> Response:
        """Show a link by which a user chooses a new password, this once."""
        with told(), self._frame.writing(request) as session:
            secret = roster.reset_link(session, user_id, self._frame.clock())
            name = roster.member(session, user_id).name
            self._frame.audit(session, request, "password-link", name)
        return self._show(request, name, secret)

    def end(self, request: Request, user_id: Id, token: Field = "") -> Response:
        """End a session or token of a user, or all of them."""
        with told(), self._frame.writing(request) as session:
            name = roster.member(session, user_id).name
            ended = roster.end(session, user_id, self._frame.clock(), kinds=("session", "api"), only=token)
            self._frame.audit(session, request, "sessions-ended", name, f"{ended} sessions and tokens")
        return RedirectResponse(f"/setup/users/{user_id}", 303)

    def remove(self, request: Request, user_id: Id) -> Response:
        """Remove a user with all that lets it in."""
        with told(), self._frame.writing(request) as session:
            name = roster.remove(session, user_id)
            self._frame.audit(session, request, "user-removed", name)
        return RedirectResponse("/setup/users", 303)

    def _show(self, request: Request, name: str = "", secret: str = "") -> Response:
        with self._frame.database.reading() as session:
            lines = roster.members(session, self._frame.clock())
        reset = f"{self._frame.door.url}/login/reset/{secret}" if secret else ""
        return self._frame.show(request, "users.html", lines=lines, roles=ROLES, reset=reset, name=name)
