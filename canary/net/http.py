"""The one HTTP client: no redirects, bounded in time and size, and private addresses refused unless allowed."""

import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

MAX_ANSWER = 16 * 1024


class Refused(Exception):
    """The request was not made, because of where it would have gone."""


class Unreachable(Exception):
    """The request was made and brought no answer; trying again later may help."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, the beginning of the body, and the seconds to wait that a server asked for."""

    status: int
    text: str
    retry_after: float | None = None


class Http:
    """Posts to addresses that an owner configured; each host is resolved once and checked before it is spoken to."""

    def __init__(self, *, allow_private: bool, seconds: float = 15) -> None:
        """Make a client; `allow_private` lets it speak to loopback and private networks."""
        self.allow_private = allow_private
        self.client = httpx.Client(timeout=seconds, follow_redirects=False, trust_env=False)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Post a body; raises Refused or Unreachable."""
        parsed = httpx.URL(url)
        address = self._resolve(parsed)
        # The checked address is the one connected to, so that DNS cannot change its mind in between.
        target = parsed.copy_with(host=address)
        named = {**headers, "Host": parsed.netloc.decode("ascii")}
        request = self.client.build_request(
            "POST", target, content=body, headers=named, extensions={"sni_hostname": parsed.host}
        )
        try:
            response = self.client.send(request, stream=True)
            try:
                text = next(response.iter_bytes(MAX_ANSWER), b"").decode("utf-8", "replace")
            finally:
                response.close()
        except httpx.HTTPError as fault:
            raise Unreachable(f"{parsed.host}: {type(fault).__name__}") from None
        return Answer(response.status_code, text.strip(), _seconds(response.headers.get("retry-after")))

    def close(self) -> None:
        """Close all connections."""
        self.client.close()

    def _resolve(self, url: httpx.URL) -> str:
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            found = socket.getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
        except OSError:
            raise Unreachable(f"{url.host}: no address found") from None
        addresses = [str(entry[4][0]) for entry in found]
        if not self.allow_private and any(not ipaddress.ip_address(a.partition("%")[0]).is_global for a in addresses):
            raise Refused(f"{url.host}: a private address; set alert.allow_private to allow it")
        return addresses[0]


def _seconds(value: str | None) -> float | None:
    return float(value) if value and value.isascii() and value.isdigit() else None
