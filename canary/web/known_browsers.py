"""Browsers in which a user logged in before: their next login is counted apart from that of strangers.

A browser is recognised by a signed cookie for each user. It opens nothing; it only keeps the guesses of others from
locking its user out.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fastapi import Request, Response

LIFETIME = timedelta(days=400)
"""Browsers keep no cookie for longer (RFC 6265bis section 5.5)."""

_VALUE = re.compile(r"v1\.([0-9]{10})\.([0-9a-f]{16})\.([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class KnownBrowsers:
    """Signs and recognises the cookies, with the key of the installation."""

    key: bytes = field(repr=False)
    secure: bool

    def recognise(self, request: Request, name: str, now: datetime) -> str | None:
        """Return the identifier of a browser in which this user logged in before, or None."""
        found = _VALUE.fullmatch(request.cookies.get(self._cookie(name), "")[:200])
        if found is None or int(found[1]) <= now.timestamp():
            return None
        return found[2] if hmac.compare_digest(found[3], self._signature(name, found[1], found[2])) else None

    def remember(self, request: Request, response: Response, name: str, now: datetime) -> None:
        """Let an answer to a login make this browser one of the user's, or one for longer."""
        browser = self.recognise(request, name, now) or secrets.token_hex(8)
        until = str(int((now + LIFETIME).timestamp()))
        value = f"v1.{until}.{browser}.{self._signature(name, until, browser)}"
        response.set_cookie(
            self._cookie(name), value, max_age=int(LIFETIME.total_seconds()), path="/", secure=self.secure,
            httponly=True, samesite="lax",
        )  # fmt: skip

    def _cookie(self, name: str) -> str:
        digest = hashlib.sha256(_plain(name)).hexdigest()[:12]
        return f"{'__Host-' if self.secure else ''}canary-browser-{digest}"

    def _signature(self, name: str, until: str, browser: str) -> str:
        # The purpose is signed too, so that nothing else signed with this key passes for a browser.
        signed = f"canary browser v1\n{until}\n{browser}\n".encode() + _plain(name)
        return hmac.new(self.key, signed, hashlib.sha256).hexdigest()


def _plain(name: str) -> bytes:
    return name.strip().lower().encode("utf-8", "surrogatepass")
