"""What came, as a file and as its sender meant it to look: neither can do anything here."""

from fastapi import Response
from fastapi.responses import HTMLResponse

from canary.mail.parse import parse
from canary.store.mails import octets
from canary.web import hostile
from canary.web.frame import Frame, Id, known
from canary.web.route import Role, Route


class MailFiles:
    """The HTML of a mail for a frame, and its octets."""

    def __init__(self, frame: Frame) -> None:
        """Stand in a frame."""
        self._frame = frame

    def routes(self) -> tuple[Route, ...]:
        """Return all that it answers to."""
        return (
            Route("GET", "/mail/{mail_id}/html", Role.VIEWER, self.html),
            Route("GET", "/mail/{mail_id}/raw", Role.VIEWER, self.raw),
        )

    def html(self, mail_id: Id) -> Response:
        """Show the HTML of a mail, inert."""
        markup = parse(self._octets(mail_id)).html
        return HTMLResponse(hostile.page(known(markup or None), f"HTML of mail {mail_id}"), headers=hostile.HEADERS)

    def raw(self, mail_id: Id) -> Response:
        """Hand out a mail octet for octet."""
        return raw_mail(self._octets(mail_id), mail_id)

    def _octets(self, mail_id: int) -> bytes:
        with self._frame.database.reading() as session:
            return known(octets(session, mail_id))


def raw_mail(content: bytes, mail_id: int) -> Response:
    """Return a mail as a file to keep; its name is ours, for the mail's own could be anything."""
    named = {"Content-Disposition": f'attachment; filename="mail-{mail_id}.eml"'}
    return Response(content, media_type="message/rfc822", headers=hostile.DOWNLOAD | named)
