"""What all calls of the API share: names and numbers within bounds, pages with a cursor, and how a call is declared."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Malformed
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Path, Query, Request
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, StringConstraints
from starlette.exceptions import HTTPException

from canary.store.tables.base import HIGHEST_CANARY
from canary.web.routes import API, Role, WebRoute

LIMIT, MOST = 50, 200
LARGEST = 1 << 20
HIGHEST = 2**31 - 1
"""No row but a canary has a higher number, and PostgreSQL refuses higher ones with an error."""

SEEN = r"^[^\x00-\x1f\x7f]*$"
_CURSOR = r"^[A-Za-z0-9_-]{1,400}$"


def _utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError("outside the years 1 to 9999") from None


Time = Annotated[AwareDatetime, AfterValidator(_utc)]
Number = Annotated[int, Path(ge=1, le=HIGHEST)]
CanaryNumber = Annotated[int, Path(ge=1, le=HIGHEST_CANARY)]
Slug = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,80}$")]
Limit = Annotated[int, Query(ge=1, le=MOST, description="How many to return at most.")]
Cursor = Annotated[str | None, Query(pattern=_CURSOR, description="The `next` of the previous page.")]
Word = Annotated[str, Query(max_length=320, pattern=SEEN)]
Counted = Annotated[int | None, Query(ge=1, le=HIGHEST)]
At = Annotated[Time | None, Query()]
Text = Annotated[str, StringConstraints(max_length=4000, pattern=r"^[^\x00]*$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=SEEN)]
Label = Annotated[str, StringConstraints(max_length=320, pattern=SEEN)]

Item = TypeVar("Item")
Found = TypeVar("Found")


class RequestBody(BaseModel):
    """The body of a request; an unknown field is an error."""

    model_config = ConfigDict(extra="forbid")


class PartyMerge(RequestBody):
    """The slug of the party of which another becomes a part."""

    into: Name


class Removed(BaseModel):
    """The slug of what was removed."""

    removed: str


class ListPage(BaseModel, Generic[Item]):
    """One page of a list; `next` is the cursor of the page after it, null at the end."""

    items: list[Item]
    next: str | None = None


def call(
    method: str, path: str, role: Role, handler: Callable[..., Any], status: int = 200, media: str = ""
) -> WebRoute:
    """Declare a call of the API, open to bearer tokens of at least a role."""
    return WebRoute(method, f"{API}{path}", role, handler, largest=LARGEST, token=True, status=status, media=media)


def nothing_else(request: Request) -> None:
    """Refuse an unknown parameter: a misspelt filter would let everything through."""
    known = {field.alias for field in request.scope["route"].dependant.query_params}
    stray = next((name for name in request.query_params if name not in known), None)
    if stray is not None:
        raise HTTPException(
            422, f"parameter {stray[:80]!r}: unknown here; choose from {', '.join(sorted(known)) or 'none'}"
        )


def page(
    found: Sequence[Found], limit: int, show: Callable[[Found], Item], key: Callable[[Found], int | str]
) -> ListPage[Item]:
    """Return the first `limit` of what was found; if there is one more, there is a next page."""
    more = len(found) > limit
    kept = found[:limit]
    return ListPage(items=[show(one) for one in kept], next=cursor(key(kept[-1])) if more else None)


def cursor(key: int | str) -> str:
    """Return a key as an opaque cursor."""
    return urlsafe_b64encode(f"1{key}".encode()).decode().rstrip("=")


def named_by(text: str | None) -> str:
    """Return the name in a cursor, empty for none; raises HTTPException 422 for anything else."""
    if text is None:
        return ""
    try:
        plain = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (Malformed, UnicodeDecodeError, ValueError):
        plain = ""
    if not plain.startswith("1") or not plain.isprintable():
        raise HTTPException(422, f"cursor {text[:40]!r}: not one of ours; use the `next` of a page as it is")
    return plain[1:]


def counted_by(text: str | None, highest: int = HIGHEST) -> int | None:
    """Return the number in a cursor, None for none; raises HTTPException 422 for anything else."""
    plain = named_by(text)
    if text is None:
        return None
    if not (plain.isascii() and plain.isdigit() and len(plain) <= 16 and int(plain) <= highest):
        raise HTTPException(422, f"cursor {text[:40]!r}: of another list; take the `next` of a page as it is")
    return int(plain)


def timed_by(text: str | None) -> tuple[datetime, int] | None:
    """Return the time and number in a cursor, None for none; raises HTTPException 422 for anything else."""
    if text is None:
        return None
    at, _, number = named_by(text).partition(" ")
    try:
        when = datetime.fromisoformat(at).astimezone(UTC)
    except (ValueError, OverflowError):
        raise HTTPException(422, f"cursor {text[:40]!r}: of another list; take the `next` of a page as it is") from None
    return when, counted_by(cursor(number)) or 0


def moment(at: datetime, number: int) -> str:
    """Return the key that a cursor of a list by time holds."""
    return f"{at.isoformat()} {number}"
