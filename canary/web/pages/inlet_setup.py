"""Where mail is read from, set up in the browser: mailboxes with their state and a live test, and services that post."""

from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from canary.web.mailbox_desk import MailboxDesk
from canary.web.mailbox_forms import KINDS, SECURITY, MailboxForm, form_of
from canary.web.rendering import Field, PageContext, map_store_errors
from canary.web.routes import Role, WebRoute
from canary.web.settings_desk import SettingsDesk, desk_of

HERE = "/setup/inlets"
Name = Annotated[str, Query(max_length=64)]


class InletSetupPage:
    """Mailboxes are added, changed, removed and tested; what the settings file has is shown."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            WebRoute("GET", HERE, Role.ADMIN, self.page),
            WebRoute("POST", HERE, Role.ADMIN, self.enter),
            WebRoute("GET", f"{HERE}/tested/{{name}}", Role.ADMIN, self.tested),
            WebRoute("POST", f"{HERE}/test", Role.ADMIN, self.test),
            WebRoute("POST", f"{HERE}/remove", Role.ADMIN, self.remove),
        )

    def page(self, request: Request, edit: Name = "", tested: Name = "") -> Response:
        """Show the mailboxes, and a form for one."""
        return self._show(request, edit=edit, tested=tested)

    def enter(self, request: Request, form: Annotated[MailboxForm, Form()]) -> Response:
        """Add or change a mailbox, and begin to test it."""
        name = form.name.strip()
        try:
            with self._frame.writing(request) as session:
                self._desk().enter(session, form.kind, name, form.values(), request.state.user.name)
            return self._begun(name)
        except ValueError as fault:
            return self._show(request, form=form, fault=str(fault))

    def test(self, request: Request, name: Field = "") -> Response:
        """Put a self-test into a mailbox; what becomes of it is shown as it goes."""
        try:
            begun = self._begun(name)
        except ValueError as fault:
            return self._show(request, fault=str(fault))
        with self._frame.writing(request) as session:
            self._frame.audit(session, request, "inlet-test", name)
        return begun

    def tested(self, request: Request, name: str) -> Response:
        """Show what became of a test, as a part that asks again until it is known."""
        return self._frame.show(request, "_mailbox_tested.html", trial=self._mailboxes().look(name))

    def remove(self, request: Request, kind: Field = "", name: Field = "") -> Response:
        """Remove a mailbox that was entered here; mail that was read stays."""
        if kind not in KINDS:
            raise HTTPException(404, f"{kind[:20]!r} is no kind of mailbox.")
        with map_store_errors(), self._frame.writing(request) as session:
            self._desk().remove(session, kind, name, request.state.user.name)
        return RedirectResponse(HERE, 303)

    def _begun(self, name: str) -> Response:
        with self._frame.database.reading() as session:
            self._mailboxes().begin(session, name)
        return RedirectResponse(f"{HERE}?{urlencode({'tested': name}, quote_via=quote)}#tested", 303)

    def _desk(self) -> SettingsDesk:
        return desk_of(self._frame.config.desk)

    def _mailboxes(self) -> MailboxDesk:
        if self._frame.config.mailboxes is None:
            raise HTTPException(404, "Mailboxes are not read here.")
        return self._frame.config.mailboxes

    def _show(
        self, request: Request, edit: str = "", tested: str = "", form: MailboxForm | None = None, fault: str = ""
    ) -> Response:
        mailboxes = self._mailboxes()
        with self._frame.database.reading() as session:
            views = [view for kind in KINDS for view in self._desk().views(session, kind)]
            lines = mailboxes.lines(session)
        chosen = next((view for view in views if view.name == edit and not view.written), None)
        form = form or (form_of(chosen) if chosen else MailboxForm())
        edited = chosen is not None or any(v.name == form.name.strip() and not v.written for v in views)
        return self._frame.show(
            request, "inlet_setup.html", 422 if fault else 200, views=views, fault=fault, form=form, edited=edited,
            lines={v.name: [line for line in lines if line.inlet == v.name and not line.posted] for v in views},
            posted=[line for line in lines if line.posted], security=SECURITY, trial=mailboxes.look(tested), tested=tested,
        )  # fmt: skip
