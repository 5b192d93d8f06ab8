"""Errors: one line on a page for people, a problem document (RFC 9457) for programs."""

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from canary.web.compat.faults import compat_fault
from canary.web.rendering import PageContext
from canary.web.routes import API, COMPAT

PROBLEM = "application/problem+json"
LINES = {
    400: "This request could not be understood.",
    401: "Log in first.",
    403: "Your role does not allow this.",
    404: "There is nothing at this address.",
    405: "This address does not support that method.",
    500: "Something went wrong on our side; the log has the details.",
    503: "The store cannot be reached right now; mail is still being received. Try again in a moment.",
}


class Problem(BaseModel):
    """What is wrong with a request (RFC 9457): `title` is the kind, `detail` the thing, its value and the cure."""

    type: str = "about:blank"
    title: str
    status: int = Field(ge=400, le=599)
    detail: str


class ErrorPages:
    """Answers errors in the form that the client reads."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in a frame."""
        self._frame = frame

    def answer(
        self, request: Request, status: int, detail: str = "", headers: Mapping[str, str] | None = None
    ) -> Response:
        """Answer an error in one line."""
        title = HTTPStatus(status).phrase
        line = detail if detail not in ("", title) else LINES.get(status, title)
        if request.url.path.startswith(f"{API}/"):
            problem = Problem(title=title, status=status, detail=line)
            return JSONResponse(problem.model_dump(), status, dict(headers or {}), media_type=PROBLEM)
        if request.url.path.startswith(f"{COMPAT}/"):
            return compat_fault(request.url.path, status, line, headers)
        page = self._frame.show(request, "error.html", status, title=title, line=line)
        page.headers.update(headers or {})
        return page
