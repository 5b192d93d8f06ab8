"""Syslog (RFC 5424) with events in CEF, for a SIEM: `udp://`, `tcp://` or `tls://` and host and port.

TCP and TLS count octets (RFC 6587 section 3.4.1, RFC 5425 section 4.3). Syslog has no acknowledgement: what was given
to the network counts as sent.
"""

import re
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import closing
from urllib.parse import SplitResult, urlsplit

from canary import __version__
from canary.alerts.channels.base import Channel, Delivery, DeliveryError, cut
from canary.alerts.compose import CONTROL, event
from canary.cases.sharing.cef_escape import escape_header, escape_value
from canary.model.alert import Alert, Severity
from canary.net.http import AddressGuard, Http, Unreachable

PORTS = {"udp": 514, "tcp": 601, "tls": 6514}
_FACILITY = 13  # log audit
_SEVERITY = {Severity.LOW: 5, Severity.MEDIUM: 4, Severity.HIGH: 2}
_CEF_SEVERITY = {Severity.LOW: 3, Severity.MEDIUM: 6, Severity.HIGH: 9}
_DATAGRAM = 2048  # what every receiver should accept, RFC 5424 section 6.1
_NAME = re.compile(r"[^!-~]")


def send(http: Http, post: Delivery) -> None:
    """Send a line for each fact; raises AddressRefused or Unreachable."""
    place = urlsplit(post.target.url)
    host, port = place.hostname or "", _port(place)
    lines = [line(fact, post) for fact in post.bulletin.facts]
    try:
        _TRANSPORTS[place.scheme](http.guard, host, port, http.seconds, lines)
    except OSError as fault:
        raise Unreachable(f"{host}: {type(fault).__name__}") from None


def _port(place: SplitResult) -> int:
    try:
        return place.port or PORTS[place.scheme]
    except ValueError:
        raise DeliveryError("the port in its url is no number; correct it", permanent=True) from None


def line(fact: Alert, post: Delivery) -> bytes:
    """Return one syslog message."""
    priority = _FACILITY * 8 + _SEVERITY[fact.severity]
    at = fact.at.isoformat(timespec="milliseconds")
    host = _NAME.sub("", urlsplit(post.url).hostname or "") or "-"
    return f"<{priority}>1 {at} {host[:255]} canary - {fact.kind[:32]} - {cef(fact, post)}".encode()


def cef(fact: Alert, post: Delivery) -> str:
    """Return a fact in the Common Event Format, version 0."""
    told = event(post.bulletin, post.url)["data"]
    page = next((other["url"] for other in told["also"] if other["id"] == fact.id), told["url"])
    suspects = ", ".join(f"{name} {p:.2f}" for name, p in fact.suspects[:3])
    values: dict[str, object] = {
        "rt": int(fact.at.timestamp() * 1000), "externalId": fact.id, "cat": fact.verdict, "suser": fact.sender,
        "duser": fact.canary, "msg": fact.change or fact.subject, "request": page, "cs1Label": "vendor",
        "cs1": fact.vendor, "cs2Label": "suspects", "cs2": suspects, "cs3Label": "identity", "cs3": fact.identity,
        "cn1Label": "case", "cn1": fact.case or "", "cfp1Label": "confidence", "cfp1": f"{fact.confidence:.3f}",
    }  # fmt: skip
    head = ("CEF:0", "Canary", "Canary", __version__, fact.kind, fact.kind.replace("-", " "))
    extension = " ".join(f"{key}={_value(value)}" for key, value in values.items() if value != "")
    return "|".join((*map(_header, head), str(_CEF_SEVERITY[fact.severity]), extension))


def _header(text: str) -> str:
    return escape_header(CONTROL.sub(" ", text))


def _value(value: object) -> str:
    return escape_value(CONTROL.sub(" ", cut(str(value), 1000)))


def _udp(guard: AddressGuard, host: str, port: int, seconds: float, lines: Sequence[bytes]) -> None:
    address = guard.resolve(host, port)
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.settimeout(seconds)
        for each in lines:
            sender.sendto(each[:_DATAGRAM].decode(errors="ignore").encode(), (address, port))


def _tcp(guard: AddressGuard, host: str, port: int, seconds: float, lines: Sequence[bytes]) -> None:
    with closing(socket.create_connection((guard.resolve(host, port), port), seconds)) as stream:
        _frames(stream, lines)


def _tls(guard: AddressGuard, host: str, port: int, seconds: float, lines: Sequence[bytes]) -> None:
    context = ssl.create_default_context()
    with (
        closing(socket.create_connection((guard.resolve(host, port), port), seconds)) as plain,
        context.wrap_socket(plain, server_hostname=host) as stream,
    ):
        _frames(stream, lines)


def _frames(stream: socket.socket, lines: Sequence[bytes]) -> None:
    stream.sendall(b"".join(b"%d %b" % (len(each), each) for each in lines))


_TRANSPORTS: dict[str, Callable[[AddressGuard, str, int, float, Sequence[bytes]], None]] = {
    "udp": _udp,
    "tcp": _tcp,
    "tls": _tls,
}
CHANNEL = Channel(send)
