"""Where mail is read from, set up in the browser: mailboxes and services that post, with their state and a live test."""

from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from canary.model.entered import SettingView
from canary.web.inlet_forms import KINDS, MAILBOXES, SERVICES, InletForm, form_of
from canary.web.mailbox_desk import MailboxDesk
from canary.web.rendering import Field, PageContext, map_store_errors
from canary.web.routes import Role, WebRoute
from canary.web.settings_desk import SettingsDesk, desk_of

HERE = "/setup/inlets"
Name = Annotated[str, Query(max_length=64)]


class InletSetupPage:
    """Inlets are added, changed, removed and tested; what the settings file has is shown."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            WebRoute("GET", HERE, Role.ADMIN, self.page),
            WebRoute("POST", HERE, Role.ADMIN, self.enter),
            WebRoute("GET", f"{HERE}/tested", Role.ADMIN, self.tested),
            WebRoute("POST", f"{HERE}/test", Role.ADMIN, self.test),
            WebRoute("POST", f"{HERE}/remove", Role.ADMIN, self.remove),
        )

    def page(self, request: Request, edit: Name = "", tested: Name = "") -> Response:
        """Show the inlets, and a form for one."""
        return self._show(request, edit=edit, tested=tested)

    def enter(self, request: Request, form: Annotated[InletForm, Form()]) -> Response:
        """Add or change an inlet, and begin to test it."""
        try:
            with self._frame.writing(request) as session:
                self._desk().enter(session, form.kind, form.entry, form.values(), request.state.user.name)
            return self._begun(form.inlet)
        except ValueError as fault:
            return self._show(request, form=form, fault=str(fault))

    def test(self, request: Request, name: Field = "") -> Response:
        """Put a self-test into an inlet; what becomes of it is shown as it goes."""
        try:
            begun = self._begun(name)
        except ValueError as fault:
            return self._show(request, fault=str(fault))
        with self._frame.writing(request) as session:
            self._frame.audit(session, request, "inlet-test", name)
        return begun

    def tested(self, request: Request, name: Name = "") -> Response:
        """Show what became of a test, as a part that asks again until it is known."""
        return self._frame.show(request, "_mailbox_tested.html", trial=self._mailboxes().look(name))

    def remove(self, request: Request, kind: Field = "", name: Field = "") -> Response:
        """Remove an inlet that was entered here; mail that was read stays."""
        if kind not in KINDS:
            raise HTTPException(404, f"{kind[:20]!r} is no kind of inlet.")
        with map_store_errors(), self._frame.writing(request) as session:
            self._desk().remove(session, kind, "" if kind in SERVICES else name, request.state.user.name)
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
        self, request: Request, edit: str = "", tested: str = "", form: InletForm | None = None, fault: str = ""
    ) -> Response:
        mailboxes = self._mailboxes()
        with self._frame.database.reading() as session:
            views = {kind: list(self._desk().views(session, kind)) for kind in KINDS}
            lines = mailboxes.lines(session)
        every = [view for found in views.values() for view in found]
        chosen = next((view for view in every if _inlet(view) == edit and not view.written), None)
        form = form or (form_of(chosen) if chosen else InletForm())
        edited = any(_inlet(view) == form.inlet and view.section == form.kind and not view.written for view in every)
        return self._frame.show(
            request, "inlet_setup.html", 422 if fault else 200, fault=fault, form=form, edited=edited,
            views=[view for kind in MAILBOXES for view in views[kind]], mailboxes=MAILBOXES, services=SERVICES,
            posting={kind: found[0] for kind in SERVICES if (found := views[kind])},
            lines={_inlet(v): [line for line in lines if (line.label if line.posted else line.inlet) == _inlet(v)]
                   for v in every},
            trial=mailboxes.look(tested), tested=tested,
        )  # fmt: skip


def _inlet(view: SettingView) -> str:
    """Return what an inlet is called in tests, states and lists."""
    return view.name or view.section
