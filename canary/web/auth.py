"""Authentication: who sent a request, by which cookie or token, and whether the route is open to them."""

import logging
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Protocol
from urllib.parse import urlencode, urlsplit

from fastapi import Request, Response
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from canary.store.database import Database, is_down
from canary.store.queries.users import SIGN_UP, Label, Visitor, mark_used, new_token, revoke, use_token
from canary.web.known_browsers import KnownBrowsers
from canary.web.routes import API, COMPAT, LARGEST_FORM, OpenRoute, Role

log = logging.getLogger("canary.web")

LIFETIME = timedelta(days=14)
_SAFE = frozenset({"GET", "HEAD"})
_FORWARDING = ("forwarded", "x-forwarded-for", "x-real-ip")


class UserIdentity(Protocol):
    """Somebody who has just proven who they are."""

    @property
    def id(self) -> int | None:
        """Return the number."""

    @property
    def name(self) -> str:
        """Return the name."""


class Authenticator:
    """Admits requests, or answers them itself."""

    def __init__(self, database: Database, clock: Callable[[], datetime], url: str, key: bytes = b"") -> None:
        """Check requests to the pages that are served under a URL; `key` signs what browsers keep for long."""
        self.database, self.clock, self.url = database, clock, url.rstrip("/")
        self.secure = urlsplit(url).scheme == "https"
        self.cookie = "__Host-canary" if self.secure else "canary"
        self.browsers = KnownBrowsers(key or secrets.token_bytes(32), self.secure)

    def admit(self, request: Request, way: OpenRoute | None) -> Response | None:
        """Admit a request, with its user in its state, or answer it; raises HTTPException if it is refused.

        1. A request that changes something comes from a page of ours, or has a token, which no browser adds by itself.
        2. It is no larger than its route allows.
        3. Where not everybody is admitted, its cookie or token belongs to a user whose role is enough.
        """
        request.state.user = None
        if "\0" in request.url.path or "%00" in request.url.query:
            raise HTTPException(400)  # PostgreSQL cannot even look for it
        by_token = way.token if way else request.url.path.startswith(f"{API}/")
        token = _key(request) if _is_compat(request) else _bearer(request) if by_token else None
        if request.method not in _SAFE and token is None and not same_origin(request):
            raise HTTPException(403, "This request came from another site and was refused.")
        if not _fits(request, way.largest if way else LARGEST_FORM):
            raise HTTPException(413, "This request is too large.")
        least = way.role if way else Role.VIEWER
        if least is Role.PUBLIC:
            return None
        request.state.user = user = self._user(request, token)
        if user is None:
            return None if way and way.local and token is None and is_local(request) else _ask(request)
        _check_scope(request, user)
        if not Role(user.role).allows(least):
            raise HTTPException(403)
        return None

    def _user(self, request: Request, token: str | None) -> Visitor | None:
        """Return the user of the token if there is one, else that of the cookie."""
        secret, kind = (token, "api") if token is not None else (request.cookies.get(self.cookie, ""), "session")
        if not secret:
            return None
        now = self.clock()
        with self.database.reading() as session:
            visitor = use_token(session, secret, kind, now)
        if visitor and visitor.stale:
            self._note_use(request, visitor)
        return visitor

    def _note_use(self, request: Request, visitor: Visitor) -> None:
        """Record from where a token is in use; a store that cannot be written for the moment can still be read."""
        try:
            with self.database.writing() as session:
                mark_used(session, visitor.token, client_of(request), agent_of(request), self.clock())
        except DBAPIError as fault:
            if not is_down(fault):
                raise
            log.warning("the use of a token was not recorded: %s", fault.orig)

    def let_in(self, session: Session, request: Request, user: UserIdentity, to: str) -> Response:
        """Begin a new session and end the one that the browser had, which prevents session fixation."""
        now = self.clock()
        revoke(session, request.cookies.get(self.cookie, ""), now)
        label = Label(client=client_of(request), agent=agent_of(request))
        secret = new_token(session, user.id or 0, "session", LIFETIME, now, label)
        response = RedirectResponse(to, 303)
        response.set_cookie(
            self.cookie, secret, max_age=int(LIFETIME.total_seconds()), path="/", secure=self.secure, httponly=True,
            samesite="lax",
        )  # fmt: skip
        self.browsers.remember(request, response, user.name, now)
        return response

    def let_out(self, session: Session, request: Request) -> Response:
        """End the session."""
        revoke(session, request.cookies.get(self.cookie, ""), self.clock())
        response = RedirectResponse("/login", 303)
        response.delete_cookie(self.cookie, path="/", secure=self.secure, httponly=True, samesite="lax")
        return response


def same_origin(request: Request) -> bool:
    """Whether a browser says that one of our own pages sent this; older ones only send Origin."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    return urlsplit(request.headers.get("origin", "")).netloc == request.headers.get("host", "?")


def client_of(request: Request) -> str:
    """Return the address that a request came from; proxies of `web.proxies` are believed about it."""
    return request.client.host[:64] if request.client else "?"


def network_of(request: Request) -> str:
    """Return the key by which one client is counted: its address, or the network of its IPv6 addresses."""
    client = client_of(request)
    try:
        address = ip_address(client)
    except ValueError:
        return client
    return client if address.version == 4 else str(ip_network(f"{address}/64", strict=False).network_address)


def agent_of(request: Request) -> str:
    """Return the User-Agent of a request."""
    return request.headers.get("user-agent", "")[:200]


def _ask(request: Request) -> Response:
    path = request.url.path
    if _is_compat(request):
        raise HTTPException(401, "This key is not valid: make one with the scope sign-up, under API tokens.")
    if path == "/metrics" or path.startswith(f"{API}/"):
        raise HTTPException(401, headers={"WWW-Authenticate": 'Bearer realm="Canary"'})
    if path == "/new" and request.url.query:
        path = f"{path}?{request.url.query}"  # what was shared outlives the login
    return RedirectResponse("/login" if path == "/" else f"/login?{urlencode({'next': path})}", 303)


def _bearer(request: Request) -> str | None:
    """Return the token in the header; it may be nowhere else, as URLs are logged and remembered (RFC 9700 2.2)."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else None


def _is_compat(request: Request) -> bool:
    return request.url.path.startswith(f"{COMPAT}/")


def _key(request: Request) -> str:
    """Return the key in the header of either service, or nothing: whatever cookies a browser adds are of no use here."""
    return _bearer(request) or request.headers.get("authentication", "").strip()


def _check_scope(request: Request, user: Visitor) -> None:
    """Let keys for making addresses do that and nothing else, and no other key do it; raises HTTPException."""
    if _is_compat(request) and user.scope != SIGN_UP:
        raise HTTPException(403, f"This key has the scope {user.scope}: make one with the scope {SIGN_UP}.")
    if user.scope == SIGN_UP and not _is_compat(request):
        raise HTTPException(
            403, f"A key with the scope {SIGN_UP} makes addresses for programs, and opens nothing else."
        )


def _fits(request: Request, largest: int) -> bool:
    # A body without a stated length could be endless; without any announcement there is no body (RFC 9112 6.3).
    if "transfer-encoding" in request.headers:
        return False
    length = request.headers.get("content-length", "0")
    return length.isascii() and length.isdigit() and len(length) < 10 and int(length) <= largest


def is_local(request: Request) -> bool:
    """Whether a request comes from this machine itself."""
    # A proxy on this machine is loopback too; the requests that it forwards are not.
    if request.client is None or any(name in request.headers for name in _FORWARDING):
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False
