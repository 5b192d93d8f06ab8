"""Which names the site answers to, so that no other name that leads here can read it (DNS rebinding)."""

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class HostNames:
    """The names of a site: that of its URL and further ones, and always those of this machine.

    Where the URL has no name, any literal address will do: none can be led elsewhere. Where it has one, a literal
    address has to be the one that the connection came to, as probes of this machine use it.
    """

    def __init__(self, url: str, more: Iterable[str] = ()) -> None:
        """Begin with the URL and further names of a site."""
        main = _name(urlsplit(url).netloc)
        self._names = _LOOPBACK | {main, *map(_name, more)} - {""}
        self._any_address = main in _LOOPBACK or _is_address(main)

    def include(self, host: str, address: str) -> bool:
        """Whether a Host header, sent to an address of ours, names this site."""
        name = _name(host)
        return name in self._names or (_is_address(name) and (self._any_address or name == address))


class HostGate:
    """Refuses requests for any other host before anything looks at them."""

    def __init__(self, app: ASGIApp, names: HostNames) -> None:
        """Guard an application."""
        self._app, self._names = app, names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it with 421 (RFC 9110 section 15.5.20)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        host = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1")
        if self._names.include(host, str((scope.get("server") or ("",))[0])):
            await self._app(scope, receive, send)
            return
        line = f"Host {host[:100]!r} is not served here: name it in web.url or web.hosts of canary.toml.\n"
        await PlainTextResponse(line, 421, {"Connection": "close"})(scope, receive, send)


def _name(host: str) -> str:
    """Return the name in a Host header, without port; empty for what is none."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
