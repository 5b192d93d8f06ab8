"""Mails: what exactly came."""

from typing import Annotated

from fastapi import Query, Request, Response

from canary.store.queries.mails import parsed
from canary.views.sender_words import words_of_mail
from canary.views.view_queries import mail_page
from canary.web import filters
from canary.web.rendering import Id, PageContext, or_404
from canary.web.routes import Role, WebRoute


class MailsPage:
    """One page for each mail."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (WebRoute("GET", "/mail/{mail_id}", Role.VIEWER, self.mail),)

    def mail(self, request: Request, mail_id: Id, html: Annotated[str, Query(max_length=1)] = "") -> Response:
        """Show who really sent a mail, what it means and what it says; its HTML only when asked for."""
        with self._frame.database.reading() as session:
            found = or_404(mail_page(session, mail_id))
            markup = (read := parsed(session, mail_id)) and read.html if html else None
            whose = words_of_mail(session, found.identity, found.hits)
        sent = filters.who_sent(found.identity, found.proofs.dmarc.policy)
        shown = html and ("inert" if markup else "none")
        came = filters.how_it_came(found.envelope)
        return self._frame.show(request, "mail.html", page=found, who_sent=sent, came=came, html=shown, whose=whose)
