"""Who leaked, and how do we know?"""

from fastapi import Request, Response

from canary.store.case_pages import case_page
from canary.web.frame import Frame, Id, Key, known
from canary.web.route import Role, Route


class Cases:
    """One page for each case."""

    def __init__(self, frame: Frame) -> None:
        """Stand in a frame."""
        self._frame = frame

    def routes(self) -> tuple[Route, ...]:
        """Return all that it answers to."""
        return (Route("GET", "/cases/{case_id}", Role.VIEWER, self.case),)

    def case(self, request: Request, case_id: Id, before: Key = None) -> Response:
        """Show suspects, what speaks for and against each, and the mails."""
        with self._frame.database.reading() as session:
            found = known(case_page(session, case_id, before))
        return self._frame.show(request, "case.html", page=found, before=before)
