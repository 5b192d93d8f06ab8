"""Asking a service that mail is fetched from: only where the settings lead, and every answer bounded in size and time."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx

from canary.inlets.faults import InletFault
from canary.net.http import PORTS, retry_after

MOST_JSON = 4 << 20
_SECONDS = 30.0
_LONGEST = timedelta(minutes=5)


class AnswerTooBig(Exception):
    """An answer has more octets than are wanted of it."""


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """Status and body of an answer."""

    status: int
    content: bytes

    @property
    def document(self) -> dict[str, Any]:
        """The object that the body is in JSON, empty where it is none."""
        try:
            found = json.loads(self.content)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


def origin_of(url: str) -> str:
    """Return scheme, host and port of an address, empty for what is no address by http or https."""
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.hostname}:{port}" if parts.hostname and port else ""


class ApiClient:
    """Asks addresses of the given origins and no others; it follows no redirect."""

    def __init__(self, origins: frozenset[str], clock: Callable[[], datetime]) -> None:
        """Connect to nothing yet."""
        self._origins, self._clock = origins, clock
        self._client = httpx.Client(timeout=_SECONDS, follow_redirects=False, trust_env=False)

    def admits(self, url: str) -> bool:
        """Whether an address may be asked."""
        return origin_of(url) in self._origins

    def ask(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None, most: int = MOST_JSON
    ) -> ApiAnswer:
        """Ask, and return an answer that is not for another time; raises InletFault and AnswerTooBig.

        What is busy or broken (429, 5xx), or elsewhere (3xx), is an InletFault, with the time to wait that was asked for.
        """
        if not self.admits(url):
            raise InletFault(f"{_place(url)} is none of the hosts of this inlet: it is not asked", by_settings=True)
        sent = {**headers, "accept-encoding": "identity"}
        try:
            with self._client.stream(method, url, headers=sent, content=body) as response:
                self._check(url, response)
                return ApiAnswer(response.status_code, self._body(url, response, most))
        except (httpx.HTTPError, httpx.InvalidURL) as fault:
            raise InletFault(f"{_place(url)} cannot be reached ({type(fault).__name__}): it is tried again") from None

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def _check(self, url: str, response: httpx.Response) -> None:
        status = response.status_code
        if status == httpx.codes.TOO_MANY_REQUESTS or status >= httpx.codes.INTERNAL_SERVER_ERROR:
            wait = retry_after(response.headers.get("retry-after"), self._clock) or 0.0
            raise InletFault(f"{_place(url)} answered {status}: it is tried again", wait=wait)
        if 300 <= status < 400:
            line = f"{_place(url)} answered {status}, which leads elsewhere: name the address itself in the settings"
            raise InletFault(line, by_settings=True)
        if response.headers.get("content-encoding", "identity") != "identity":
            raise InletFault(f"{_place(url)} answered in an encoding that was not asked for: it is tried again")

    def _body(self, url: str, response: httpx.Response, most: int) -> bytes:
        begun, content = self._clock(), bytearray()
        for piece in response.iter_raw():
            content += piece
            if len(content) > most:
                raise AnswerTooBig(f"{_place(url)}: the answer has more than {most:,} octets")
            if self._clock() - begun > _LONGEST:
                raise InletFault(f"{_place(url)} answers too slowly: it is tried again")
        return bytes(content)


def _place(url: str) -> str:
    """Return the host of an address: what follows it may be secret."""
    return origin_of(url) or "an address that cannot be read"
