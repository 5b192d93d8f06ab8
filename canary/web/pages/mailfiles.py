"""A mail as a file, and its HTML as its sender meant it to look; neither can do anything here."""

from fastapi import Response
from fastapi.responses import HTMLResponse

from canary.store.queries.mails import octets, parsed
from canary.web import sanitise
from canary.web.rendering import Id, PageContext, or_404
from canary.web.routes import Role, WebRoute


class MailFiles:
    """The HTML of a mail for a frame, and its octets."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            WebRoute("GET", "/mail/{mail_id}/html", Role.VIEWER, self.html),
            WebRoute("GET", "/mail/{mail_id}/raw", Role.VIEWER, self.raw),
        )

    def html(self, mail_id: Id) -> Response:
        """Show the HTML of a mail, inert."""
        with self._frame.database.reading() as session:
            markup = or_404(parsed(session, mail_id)).html
        return HTMLResponse(sanitise.page(or_404(markup or None), f"HTML of mail {mail_id}"), headers=sanitise.HEADERS)

    def raw(self, mail_id: Id) -> Response:
        """Return a mail exactly as it came."""
        return raw_mail(self._octets(mail_id), mail_id)

    def _octets(self, mail_id: int) -> bytes:
        with self._frame.database.reading() as session:
            return or_404(octets(session, mail_id))


def raw_mail(content: bytes, mail_id: int) -> Response:
    """Return a mail as a file to download; its name is ours, as a name from the mail could be anything."""
    named = {"Content-Disposition": f'attachment; filename="mail-{mail_id}.eml"'}
    return Response(content, media_type="message/rfc822", headers=sanitise.DOWNLOAD | named)
