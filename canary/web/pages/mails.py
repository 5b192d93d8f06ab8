"""What exactly came?"""

from typing import Annotated

from fastapi import Query, Request, Response

from canary.mail.parse import parse
from canary.store.mails import octets
from canary.store.pages import mail_page
from canary.web import words
from canary.web.frame import Frame, Id, known
from canary.web.route import Role, Route


class Mails:
    """One page for each mail."""

    def __init__(self, frame: Frame) -> None:
        """Stand in a frame."""
        self._frame = frame

    def routes(self) -> tuple[Route, ...]:
        """Return all that it answers to."""
        return (Route("GET", "/mail/{mail_id}", Role.VIEWER, self.mail),)

    def mail(self, request: Request, mail_id: Id, html: Annotated[str, Query(max_length=1)] = "") -> Response:
        """Show who really sent a mail, what it means and what it says; its HTML only when asked for."""
        with self._frame.database.reading() as session:
            found = known(mail_page(session, mail_id))
            content = octets(session, mail_id) if html else None
        sent = words.who_sent(found.mail.identity, found.mail.proofs.get("dmarc") or {})
        shown = html and ("inert" if content and parse(content).html else "none")
        return self._frame.show(request, "mail.html", page=found, who_sent=sent, html=shown)
