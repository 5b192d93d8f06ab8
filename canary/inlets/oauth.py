"""Access tokens for mailboxes: renewed before they end, for as long as the mailbox is read."""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx

from canary.inlets.faults import InletFault
from canary.inlets.ledger import InletLedger

_EARLY = timedelta(minutes=5)
_USUAL = timedelta(hours=1)
_SECONDS = 20.0
_MAX_ANSWER = 64 * 1024


@dataclass(frozen=True, slots=True)
class TokenGrant:
    """What a token is renewed with, and where; without a refresh token the application logs in by itself (RFC 6749 4.4)."""

    endpoint: str
    client_id: str
    client_secret: str
    refresh_token: str
    scope: str = ""


class AccessToken:
    """The access token of one mailbox; a refresh token that the provider replaces is remembered."""

    def __init__(
        self, inlet: str, grant: TokenGrant, ledger: InletLedger, client: httpx.Client, clock: Callable[[], datetime]
    ) -> None:
        """Ask for nothing yet."""
        self._inlet, self._grant, self._ledger, self._client, self._clock = inlet, grant, ledger, client, clock
        self._origin = hashlib.sha256(grant.refresh_token.encode()).hexdigest()
        self._token, self._ends = "", clock()
        self._lock = threading.Lock()

    def current(self) -> str:
        """Return a token that is valid for some minutes; raises InletFault."""
        with self._lock:
            if not self._token or self._clock() + _EARLY >= self._ends:
                self._renew()
            return self._token

    def discard(self) -> None:
        """Forget a token that the server refused."""
        self._token = ""

    def _renew(self) -> None:
        refresh = self._ledger.refresh_token(self._inlet, self._origin) or self._grant.refresh_token
        answer = self._ask(refresh)
        self._token = str(answer.get("access_token") or "")
        if not self._token:
            raise InletFault(f"{self._grant.endpoint} gave no access token: check how inlet {self._inlet} logs in")
        lasts = answer.get("expires_in")
        self._ends = self._clock() + (
            timedelta(seconds=lasts) if isinstance(lasts, int | float) and 0 < lasts < 10**8 else _USUAL
        )
        fresh = answer.get("refresh_token")
        if isinstance(fresh, str) and fresh and fresh != refresh:
            self._ledger.renew_token(self._inlet, self._origin, fresh)

    def _ask(self, refresh: str) -> dict[str, Any]:
        grant = self._grant
        form = {"grant_type": "refresh_token" if refresh else "client_credentials", "client_id": grant.client_id}
        form |= {"refresh_token": refresh} if refresh else {}
        form |= {"client_secret": grant.client_secret} if grant.client_secret else {}
        form |= {"scope": grant.scope} if grant.scope else {}
        try:
            with self._client.stream("POST", grant.endpoint, data=form, timeout=_SECONDS) as response:
                octets = b""
                for piece in response.iter_bytes():
                    octets += piece
                    if len(octets) > _MAX_ANSWER:
                        raise InletFault(f"{grant.endpoint} answered with more than {_MAX_ANSWER} octets")
                return self._read(httpx.Response(response.status_code, content=octets))
        except httpx.HTTPError as fault:
            raise InletFault(
                f"{grant.endpoint} cannot be reached ({type(fault).__name__}): it is tried again"
            ) from None

    def _read(self, response: httpx.Response) -> dict[str, Any]:
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise InletFault(f"{self._grant.endpoint} answered {response.status_code} without JSON: it is tried again")
        if response.status_code != httpx.codes.OK:
            error = str(answer.get("error", ""))[:100]
            cure = (
                "log in again and set a fresh refresh_token"
                if error == "invalid_grant"
                else "check client_id and client_secret"
            )
            refused = 400 <= response.status_code < 500
            raise InletFault(
                f"{self._grant.endpoint} said {error or response.status_code}: {cure}", by_settings=refused
            )
        return answer
