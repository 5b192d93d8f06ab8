"""What is kept, set up in the browser: how long mail stays whole, and how many decoys there are."""

import re

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from canary.web.rendering import Field, PageContext
from canary.web.routes import Role, WebRoute
from canary.web.settings_desk import desk_of

HERE = "/setup/keeping"
_NUMBER = re.compile(r"\d{1,6}", re.ASCII)


class KeepingPage:
    """Retention and decoys; what is written in the settings file is shown and not changed."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            WebRoute("GET", HERE, Role.ADMIN, self.page),
            WebRoute("POST", f"{HERE}/retention", Role.ADMIN, self.set_retention),
            WebRoute("POST", f"{HERE}/decoys", Role.ADMIN, self.set_decoys),
        )

    def page(self, request: Request) -> Response:
        """Show what is in force."""
        return self._show(request)

    def set_retention(self, request: Request, days: Field = "") -> Response:
        """Change how long mail is kept whole."""
        return self._enter(request, "retention", days=days)

    def set_decoys(self, request: Request, count: Field = "", every: Field = "") -> Response:
        """Change how many decoys there are; those that there are stay."""
        return self._enter(request, "decoys", count=count, every=every)

    def _enter(self, request: Request, section: str, **given: str) -> Response:
        desk = desk_of(self._frame.config.desk)
        try:
            with self._frame.writing(request) as session:
                written = desk.views(session, section)[0].written
                values = {name: _number(name, text) for name, text in given.items() if name not in written}
                desk.enter(session, section, "", values, request.state.user.name)
        except ValueError as fault:
            return self._show(request, fault=str(fault))
        return RedirectResponse(HERE, 303)

    def _show(self, request: Request, fault: str = "") -> Response:
        desk = desk_of(self._frame.config.desk)
        with self._frame.database.reading() as session:
            retention, decoys = (desk.views(session, section)[0] for section in ("retention", "decoys"))
        return self._frame.show(
            request, "keeping.html", 422 if fault else 200, retention=retention, decoys=decoys, fault=fault
        )


def _number(name: str, text: str) -> int:
    if not _NUMBER.fullmatch(text.strip()):
        raise ValueError(f"{name} {text[:20]!r}: give a whole number")
    return int(text)
