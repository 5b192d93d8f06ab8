"""The one HTTP client: no redirects, bounded in time and size, and private addresses refused unless allowed."""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from canary.net.special_addresses import special_block

if TYPE_CHECKING:
    import httpx

MAX_ANSWER = 16 * 1024
PORTS = {"http": 80, "https": 443}


class AddressRefused(Exception):
    """The request was not made, because of where it would have gone."""


class Unreachable(Exception):
    """The request was made and brought no answer; trying again later may help."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """Status, the beginning of the body as text and as it came, and the seconds to wait that a server asked for."""

    status: int
    text: str
    retry_after: float | None = None
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class FetchedContent:
    """Status and body of what was fetched."""

    status: int
    content: bytes


@dataclass(frozen=True, slots=True)
class AddressGuard:
    """Resolves hosts; private addresses are refused unless allowed."""

    allow_private: bool

    def resolve(self, host: str, port: int) -> str:
        """Return an address of a host if all its addresses are allowed; raises AddressRefused or Unreachable.

        A caller that connects to this address, and not to the name again, cannot be led elsewhere by a changed DNS
        answer.
        """
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise Unreachable(f"{host}: no address found") from None
        addresses = [str(entry[4][0]) for entry in found]
        special = next(filter(None, map(special_block, addresses)), None)
        if special and not self.allow_private:
            why = f"{special.name}, {special.source}"
            raise AddressRefused(f"{host}: a private address ({why}); set alert.allow_private to allow it")
        return addresses[0]


class Http:
    """Posts to addresses that an owner configured; each host is resolved once and checked before it is connected to."""

    def __init__(
        self, *, allow_private: bool, seconds: float = 15, clock: Callable[[], datetime] | None = None
    ) -> None:
        """Make a client; `allow_private` lets it connect to loopback and private networks.

        `clock` is used where a server gives a time to come back instead of seconds to wait.
        """
        self.guard = AddressGuard(allow_private)
        self.seconds = seconds
        self.clock = clock
        self._client: httpx.Client | None = None
        self._beginning = threading.Lock()

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> HttpAnswer:
        """Post a body; raises AddressRefused or Unreachable."""
        with self._answered("POST", url, headers, body) as response:
            content = next(response.iter_bytes(MAX_ANSWER), b"")
            wait = self._seconds(response.headers.get("retry-after"))
            return HttpAnswer(response.status_code, content.decode("utf-8", "replace").strip(), wait, content)

    def get(self, url: str, headers: Mapping[str, str], most: int) -> FetchedContent:
        """Fetch a body of at most so many octets; raises AddressRefused or Unreachable."""
        content = bytearray()
        with self._answered("GET", url, headers) as response:
            for piece in response.iter_bytes(64 * 1024):
                content += piece
                if len(content) > most:
                    raise Unreachable(f"the answer has more than {most} octets")
            return FetchedContent(response.status_code, bytes(content))

    @contextmanager
    def _answered(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> "Iterator[httpx.Response]":
        import httpx  # noqa: PLC0415 - large, and not needed before there is something to send

        client = self._begin()
        try:
            parsed = httpx.URL(url)
            port = parsed.port or PORTS[parsed.scheme]
        except (httpx.InvalidURL, KeyError):
            raise AddressRefused("its url cannot be read; correct it") from None
        address = self.guard.resolve(parsed.host, port)
        # The checked address is the one connected to, so that a DNS answer cannot change in between.
        target = parsed.copy_with(host=address)
        named = {**headers, "Host": parsed.netloc.decode("ascii")}
        request = client.build_request(
            method, target, content=body, headers=named, extensions={"sni_hostname": parsed.host}
        )
        try:
            response = client.send(request, stream=True)
            try:
                yield response
            finally:
                response.close()
        except httpx.HTTPError as fault:
            raise Unreachable(f"{parsed.host}: {type(fault).__name__}") from None

    def close(self) -> None:
        """Close all connections."""
        if self._client:
            self._client.close()

    def _begin(self) -> "httpx.Client":
        import httpx  # noqa: PLC0415

        with self._beginning:
            if self._client is None:
                self._client = httpx.Client(timeout=self.seconds, follow_redirects=False, trust_env=False)
            return self._client

    def _seconds(self, value: str | None) -> float | None:
        return retry_after(value, self.clock)


def retry_after(value: str | None, clock: Callable[[], datetime] | None) -> float | None:
    """Read Retry-After: seconds, or a date (RFC 9110 section 10.2.3); without a clock dates say nothing."""
    if not value:
        return None
    try:
        if value.isascii() and value.replace(".", "", 1).isdigit():
            return float(value)
        at = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (aware - clock()).total_seconds()) if clock else None
