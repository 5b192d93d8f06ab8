"""Imports of stored mail, begun in the browser and followed there."""

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from canary.authenticate.lookup import dns_name
from canary.web.import_desk import ImportDesk
from canary.web.rendering import Field, PageContext
from canary.web.routes import Role, WebRoute

HERE = "/setup/import"
SHOWN = 200
_MOST = 20


class ImportsPage:
    """What may be imported, what is imported, and the addresses that would be adopted, to be accepted."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            WebRoute("GET", HERE, Role.ADMIN, self.page),
            WebRoute("POST", HERE, Role.ADMIN, self.begin),
            WebRoute("GET", f"{HERE}/state", Role.ADMIN, self.state),
        )

    def page(self, request: Request) -> Response:
        """Show what may be imported, and how far an import is."""
        return self._show(request)

    def begin(
        self, request: Request, name: Field = "", adopt: Field = "", trust: Field = "", accept: Field = ""
    ) -> Response:
        """Begin an import, or go on with it."""
        desk = self._desk()
        try:
            desk.begin(name, _domains(adopt), _domains(trust), accept=accept == "yes")
        except ValueError as fault:
            return self._show(request, fault=str(fault), adopt=adopt, trust=trust)
        with self._frame.writing(request) as session:
            self._frame.audit(session, request, "import-begun", name[:100], f"adopt {adopt}" if adopt else "")
        return RedirectResponse(f"{HERE}#state", 303)

    def state(self, request: Request) -> Response:
        """Show how far an import is, as a part that asks again until it ended."""
        return self._frame.show(request, "_import_state.html", run=self._desk().look(), shown=SHOWN)

    def _desk(self) -> ImportDesk:
        if self._frame.config.imports is None:
            raise HTTPException(404, "Nothing is imported here.")
        return self._frame.config.imports

    def _show(self, request: Request, fault: str = "", adopt: str = "", trust: str = "") -> Response:
        desk = self._desk()
        return self._frame.show(
            request, "imports.html", 422 if fault else 200, folder=desk.folder, offered=desk.offered(), run=desk.look(),
            fault=fault, adopt=adopt, trust=trust, shown=SHOWN,
        )  # fmt: skip


def _domains(text: str) -> list[str]:
    found = [dns_name(word) for word in text.replace(",", " ").split()]
    if len(found) > _MOST or any("." not in name or name.startswith("-") for name in found):
        raise ValueError(f"Domains {text[:60]!r}: give at most {_MOST}, such as inbox.example, with commas between.")
    return found
