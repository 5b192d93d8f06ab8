"""The places where we listen: how they are written, opened and cleaned up."""

import contextlib
import errno
import ipaddress
import os
import re
import socket
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

BACKLOG = 1024
_PATH_OCTETS = 107  # the most that sockaddr_un can hold
_WRITTEN = re.compile(r"(?:(smtp|lmtp):)?(?:(/.*)|(?:\[([^\]]*)\]|([^:\[\]]*)):(\d{1,5}))")
_CURES = {
    errno.EACCES: "; let systemd open it (deploy/canary.socket), or choose a port above 1023",
    errno.EADDRINUSE: "; stop the program that listens there, or choose another port",
    errno.EADDRNOTAVAIL: "; this machine has no such address",
}


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """One place to listen, for SMTP or LMTP: host and port, or the path of a Unix socket."""

    protocol: str = "smtp"
    host: str = ""
    port: int = 0
    path: str = ""

    def __str__(self) -> str:
        """The place as it is written in the settings, without the protocol."""
        return self.path or f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def read_listen_address(written: str) -> ListenAddress:
    """A place to listen from `[::]:25`, `192.0.2.1:25`, `lmtp:127.0.0.1:24` or `lmtp:/run/canary/lmtp.sock`; raises ValueError."""
    found = _WRITTEN.fullmatch(written.strip())
    if found is None:
        raise ValueError(f"{written!r} is not a place to listen; write [::]:25, lmtp:127.0.0.1:24 or smtp:/path")
    protocol, path, ipv6, ipv4, port = found.groups()
    if path:
        if len(os.fsencode(path)) > _PATH_OCTETS:
            raise ValueError(f"{written!r}: a socket's path has {_PATH_OCTETS} octets at most; choose a shorter one")
        return ListenAddress(protocol or "smtp", path=path)
    host = ipv6 or ipv4
    with contextlib.suppress(ValueError):
        if (ipaddress.ip_address(host).version == 6) == (ipv6 is not None) and int(port) <= 65535:
            return ListenAddress(protocol or "smtp", host, int(port))
    raise ValueError(
        f"{written!r}: {host}:{port} is not an IP address and port; write 192.0.2.1:25 or [2001:db8::1]:25"
    )


class PortTaken(OSError):
    """Another program listens at a place; the text is one line with the cure."""

    def __init__(self, line: str, place: ListenAddress) -> None:
        """Keep the place."""
        super().__init__(line)
        self.place = place


@dataclass(frozen=True, slots=True)
class OpenListener:
    """A place to listen with its listening socket; `ours` says that we made its file and remove it at the end."""

    address: ListenAddress
    socket: socket.socket
    ours: bool = True

    def close(self) -> None:
        """Stops listening, and removes the file of a Unix socket unless another is at its path already."""
        if self.ours and self.address.path:
            with contextlib.suppress(OSError):
                # One that is at the path but does not answer is this one: it listens no more.
                self.socket.close()
                if not _answers(self.address.path):
                    Path(self.address.path).unlink()
        self.socket.close()

    def place(self) -> str:
        """Where it really listens, now that its port is known."""
        if self.socket.family == socket.AF_UNIX:
            return str(self.address)
        host, port = self.socket.getsockname()[:2]
        return str(ListenAddress(self.address.protocol, host, port))


def open_listeners(places: Iterable[ListenAddress], *, shared: bool = False, mode: int = 0o660) -> list[OpenListener]:
    """Opens all of them or raises OSError; `shared` lets other processes listen there too (SO_REUSEPORT).

    A Unix socket gets the mode, and replaces one at which nobody listens any more.
    """
    opened: list[OpenListener] = []
    wanted = list(places)
    four = {place.port for place in wanted if place.port and place.host and ":" not in place.host}
    try:
        for place in wanted:
            if place.path:
                opened.append(OpenListener(place, _open_path(place.path, mode)))
            else:
                # One socket at [::] takes IPv4 as well, unless that is listed too.
                found = _open_port(place, shared=shared, dual=place.port not in four)
                opened += [OpenListener(place, one) for one in found]
    except OSError as fault:
        for one in opened:
            one.close()
        cure = _CURES.get(fault.errno or 0, "")
        line = f"cannot listen at {place}: {fault.strerror or fault}{cure}"
        raise (PortTaken(line, place) if fault.errno == errno.EADDRINUSE else OSError(line)) from fault
    return opened


def _open_port(place: ListenAddress, *, shared: bool, dual: bool) -> list[socket.socket]:
    found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    opened: list[socket.socket] = []
    for family, address in dict.fromkeys((family, address) for family, *_, address in found):
        listening = socket.socket(family, socket.SOCK_STREAM)
        opened.append(listening)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not (dual and address[0] == "::"))
        try:
            _listen(listening, address)
        except OSError:
            for one in opened:
                one.close()
            raise
    return opened


def _open_path(path: str, mode: int) -> socket.socket:
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise FileExistsError(errno.EEXIST, "something else is there; remove it or choose another path")
        if _answers(path):
            raise OSError(errno.EBUSY, "another process listens there; stop it or choose another path")
        Path(path).unlink()
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        _listen(listening, path)
        Path(path).chmod(mode)
    except OSError:
        listening.close()
        raise
    finally:
        os.umask(before)
    return listening


def _listen(listening: socket.socket, address: object) -> None:
    listening.setblocking(False)
    listening.bind(address)  # type: ignore[arg-type]
    listening.listen(BACKLOG)


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trial:
        trial.settimeout(1)
        try:
            trial.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True  # its queue is full, or it is not ours to ask
    return True
