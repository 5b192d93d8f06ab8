"""Where alerts go, set up in the browser: destinations with their routes and a live test, and what is muted."""

import re
from datetime import datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlmodel import Session
from starlette.exceptions import HTTPException

from canary.store.queries import mutes
from canary.store.queries.outbox import DeliveryStatus, deliveries, put_test
from canary.web.destination_forms import CHOICES, DestinationForm, form_of
from canary.web.rendering import Field, Id, Key, PageContext, map_store_errors
from canary.web.routes import Role, WebRoute
from canary.web.settings_desk import SettingsDesk, desk_of

BACK = ("/setup/alerts", "/setup/start")
"""The pages that have the form of a destination."""

_AHEAD = {"hours": timedelta(hours=1), "days": timedelta(days=1), "weeks": timedelta(weeks=1)}
Name = Annotated[str, Query(max_length=64)]


class AlertSetupPage:
    """Destinations are added, changed, removed and tested; cases and vendors are muted and snoozed."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            WebRoute("GET", "/setup/alerts", Role.ADMIN, self.page),
            WebRoute("POST", "/setup/alerts", Role.ADMIN, self.enter),
            WebRoute("GET", "/setup/alerts/sent/{delivery_id}", Role.ADMIN, self.sent),
            WebRoute("POST", "/setup/alerts/remove", Role.ADMIN, self.remove),
            WebRoute("POST", "/setup/alerts/mute", Role.ADMIN, self.mute),
            WebRoute("POST", "/setup/alerts/unmute", Role.ADMIN, self.unmute),
        )

    def page(self, request: Request, edit: Name = "", delivery: Key = None) -> Response:
        """Show the destinations, a form for one, and what is muted."""
        return self._show(request, edit=edit, delivery=delivery)

    def enter(self, request: Request, form: Annotated[DestinationForm, Form()]) -> Response:
        """Add or change a destination, and send a test to it."""
        desk, back = self._desk(), form.back if form.back in BACK else BACK[0]
        try:
            with self._frame.writing(request) as session:
                desk.enter(session, "destination", form.name.strip(), form.values(), request.state.user.name)
                number = put_test(session, form.name.strip(), self._frame.clock())
        except ValueError as fault:
            return self._show(request, form=form, fault=str(fault))
        return RedirectResponse(f"{back}?{urlencode({'delivery': number})}#sent", 303)

    def sent(self, request: Request, delivery_id: Id) -> Response:
        """Show what became of a test, as a part that asks again until it is known."""
        with self._frame.database.reading() as session:
            test = test_of(session, delivery_id)
        return self._frame.show(request, "_test_sent.html", test=test)

    def remove(self, request: Request, name: Field = "") -> Response:
        """Remove a destination that was entered here."""
        with map_store_errors(), self._frame.writing(request) as session:
            self._desk().remove(session, "destination", name, request.state.user.name)
        return RedirectResponse(BACK[0], 303)

    def mute(self, request: Request, subject: Field = "", number: Field = "", unit: Field = "") -> Response:
        """Mute a case or a vendor for good, or hold its alerts for a time."""
        who, now = request.state.user.name, self._frame.clock()
        try:
            until = _until(number, unit, now)
            with map_store_errors(), self._frame.writing(request) as session:
                if until is None:
                    mutes.mute(session, _subject(subject), who, now)
                else:
                    mutes.snooze(session, _subject(subject), until, who, now)
        except (ValueError, HTTPException) as fault:
            return self._show(request, mute_fault=str(getattr(fault, "detail", fault)))
        return RedirectResponse(f"{BACK[0]}#muted", 303)

    def unmute(self, request: Request, subject: Field = "") -> Response:
        """Send alerts about a subject again."""
        with map_store_errors(), self._frame.writing(request) as session:
            mutes.unmute(session, subject, request.state.user.name, self._frame.clock())
        return RedirectResponse(f"{BACK[0]}#muted", 303)

    def _desk(self) -> SettingsDesk:
        return desk_of(self._frame.config.desk)

    def _show(
        self,
        request: Request,
        edit: str = "",
        delivery: int | None = None,
        form: DestinationForm | None = None,
        **faults: str,
    ) -> Response:
        with self._frame.database.reading() as session:
            views = self._desk().views(session, "destination")
            muted = mutes.list_mutes(session, self._frame.clock())
            test = test_of(session, delivery) if delivery else None
        chosen = next((view for view in views if view.name == edit and not view.written), None)
        form = form or (form_of(chosen) if chosen else DestinationForm(severity="low"))
        given = {"fault": "", "mute_fault": "", **faults}
        return self._frame.show(
            request, "alert_setup.html", 422 if any(faults.values()) else 200, views=views, muted=muted, test=test, form=form,
            edited=chosen is not None, choices=CHOICES, **given,
        )  # fmt: skip


def test_of(session: Session, delivery: int) -> DeliveryStatus | None:
    """Return what became of a test, if the number is that of one."""
    found = deliveries(session, before=delivery + 1, limit=1)
    return found[0] if found and found[0].id == delivery and found[0].fact.kind == "test" else None


def _until(number: str, unit: str, now: datetime) -> datetime | None:
    if unit == "good":
        return None
    if not re.fullmatch(r"[1-9]\d{0,3}", number) or unit not in _AHEAD:
        raise ValueError(f"How long {number[:20]!r}: give a number of hours, days or weeks, or choose `for good`.")
    return now + int(number) * _AHEAD[unit]


def _subject(word: str) -> str:
    word = word.strip().removeprefix("case ")
    return f"case:{word}" if word.isascii() and word.isdigit() else f"vendor:{word}"
