"""The door: which paths are open, who a cookie stands for, and how often a password may be wrong."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from ipaddress import ip_address
from threading import Lock
from urllib.parse import urlsplit

from fastapi import Request, Response
from starlette.responses import PlainTextResponse, RedirectResponse

from canary.store.access import UserRow
from canary.store.database import Database
from canary.store.users import new_token, revoke, use_token

PUBLIC = frozenset({"/healthz", "/readyz", "/login"})
PUBLIC_BELOW = ("/login/once/", "/static/")
"""All that may be seen without a session; whatever is not named here is closed."""

LIFETIME = timedelta(days=14)
LARGEST_FORM = 64 * 1024
_SAFE = frozenset({"GET", "HEAD"})
_FORWARDING = ("forwarded", "x-forwarded-for", "x-real-ip")


class Throttle:
    """Counts failures by key and refuses after too many in a while; the oldest keys make room for new ones."""

    def __init__(self, clock: Callable[[], datetime], span: timedelta, keys: int = 10_000) -> None:
        """Start with nothing counted."""
        self._clock, self._span, self._keys = clock, span, keys
        self._times: OrderedDict[str, list[datetime]] = OrderedDict()
        self._lock = Lock()

    def enter(self, limits: Mapping[str, int]) -> bool:
        """Count one more try under each key and tell whether all are within their limits."""
        now = self._clock()
        with self._lock:
            recent = {key: [t for t in self._times.get(key, ()) if now - t < self._span] for key in limits}
            if any(len(times) >= limits[key] for key, times in recent.items()):
                return False
            for key, times in recent.items():
                self._times[key] = [*times, now]
                self._times.move_to_end(key)
            while len(self._times) > self._keys:
                self._times.popitem(last=False)
        return True

    def clear(self, key: str) -> None:
        """Forget the failures of a key."""
        with self._lock:
            self._times.pop(key, None)


class Door:
    """Lets requests in, or answers them itself."""

    def __init__(self, database: Database, clock: Callable[[], datetime], url: str) -> None:
        """Guard the pages that are served under a URL."""
        self.database, self.clock = database, clock
        self.secure = urlsplit(url).scheme == "https"
        self.cookie = "__Host-canary" if self.secure else "canary"
        self.throttle = Throttle(clock, timedelta(minutes=15))

    def refuse(self, request: Request) -> Response | None:
        """Answer a request that may not go on; the user of one that may is in its state."""
        request.state.user = None
        if request.method not in _SAFE and not same_origin(request):
            return PlainTextResponse("This request came from another site and was refused.\n", 403)
        if request.method not in _SAFE and not _small(request):
            return PlainTextResponse("This form is larger than any form here.\n", 413)
        path = request.url.path
        if path in PUBLIC or path.startswith(PUBLIC_BELOW):
            return None
        request.state.user = self.user(request)
        if request.state.user or (path == "/metrics" and _local(request)):
            return None
        if path == "/metrics" or path.startswith("/api/"):
            return PlainTextResponse("Log in first.\n", 401)
        return RedirectResponse("/login" if path == "/" else f"/login?next={path}", 303)

    def user(self, request: Request) -> UserRow | None:
        """Return whom the session cookie stands for."""
        secret = request.cookies.get(self.cookie, "")
        if not secret:
            return None
        with self.database.reading() as session:
            return use_token(session, secret, "session", self.clock())

    def let_in(self, request: Request, user: int, to: str) -> Response:
        """Begin a fresh session and end the one the browser came with, so that nobody else's can be fixed on it."""
        now = self.clock()
        with self.database.writing() as session:
            revoke(session, request.cookies.get(self.cookie, ""), now)
            secret = new_token(session, user, "session", LIFETIME, now)
        response = RedirectResponse(to, 303)
        response.set_cookie(
            self.cookie, secret, max_age=int(LIFETIME.total_seconds()), path="/", secure=self.secure, httponly=True,
            samesite="lax",
        )  # fmt: skip
        return response

    def let_out(self, request: Request) -> Response:
        """End the session."""
        with self.database.writing() as session:
            revoke(session, request.cookies.get(self.cookie, ""), self.clock())
        response = RedirectResponse("/login", 303)
        response.delete_cookie(self.cookie, path="/", secure=self.secure, httponly=True, samesite="lax")
        return response


def same_origin(request: Request) -> bool:
    """Whether a browser says that one of our own pages sent this; older ones say it by Origin alone."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    return urlsplit(request.headers.get("origin", "")).netloc == request.headers.get("host", "?")


def _small(request: Request) -> bool:
    length = request.headers.get("content-length", "")
    return length.isascii() and length.isdigit() and int(length[:9]) <= LARGEST_FORM and len(length) < 9


def _local(request: Request) -> bool:
    # A proxy on this machine is loopback too; what it passes on for others is not.
    if request.client is None or any(name in request.headers for name in _FORWARDING):
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False
