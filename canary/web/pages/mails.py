"""Mails: all of them, and what exactly came."""

from typing import Annotated

from fastapi import Query, Request, Response

from canary.store.queries.mails import parsed
from canary.views.mail_list import VERDICTS, MailFilter, mail_list
from canary.views.models import HitLine
from canary.views.sender_words import words_of_mail
from canary.views.view_queries import mail_page
from canary.web import filters
from canary.web.list_forms import Narrowed, Word, asked, list_file
from canary.web.rendering import Id, PageContext, or_404
from canary.web.routes import Role, WebRoute

COLUMNS = (
    "at", "verdict", "confidence", "subject", "sender", "proven", "vendor", "canary", "case", "mail", "reasons",
)  # fmt: skip


class MailsPage:
    """The list of all mail, and a page for each."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            WebRoute("GET", "/mail", Role.VIEWER, self.mails),
            WebRoute("GET", "/mail.csv", Role.VIEWER, self.file),
            WebRoute("GET", "/mail/{mail_id}", Role.VIEWER, self.mail),
        )

    def mails(
        self, request: Request, among: Narrowed, verdict: Word = "", sender: Word = "", after: Word = ""
    ) -> Response:
        """Show all mail at issued addresses, the newest first."""
        wanted = MailFilter(verdict if verdict in VERDICTS else "", sender.strip(), among)
        with self._frame.database.reading() as session:
            lines, further = mail_list(session, wanted, after)
        return self._frame.show(
            request, "mails.html", lines=lines, further=further, after=after, wanted=wanted, verdicts=VERDICTS,
            asked=asked(among, verdict=wanted.verdict, sender=wanted.sender),
        )  # fmt: skip

    def file(self, among: Narrowed, verdict: Word = "", sender: Word = "") -> Response:
        """Return the same as a table."""
        wanted = MailFilter(verdict if verdict in VERDICTS else "", sender.strip(), among)
        return list_file(
            self._frame.database, "mail", COLUMNS, _row, lambda session, after: mail_list(session, wanted, after), ""
        )

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


def _row(line: HitLine) -> tuple[object, ...]:
    reasons = "; ".join(reason.text for reason in line.reasons)
    return (
        line.at, line.verdict, round(line.confidence, 3), line.subject, line.sender, line.proven, line.slug, line.canary,
        line.case, line.mail, reasons,
    )  # fmt: skip
