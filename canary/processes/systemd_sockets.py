"""The sockets that systemd opens for a receiver, and hands over."""

import socket
from collections.abc import Collection, Mapping

from canary.smtp.listeners import ListenAddress, OpenListener

_FIRST = 3  # SD_LISTEN_FDS_START
_MOST = 64


def systemd_listeners(environ: Mapping[str, str], pids: Collection[int]) -> list[OpenListener]:
    """Return the sockets that systemd opened for one of these processes (sd_listen_fds); raises OSError for one of no use.

    The name of a socket (FileDescriptorName=) says its protocol: LMTP for `lmtp`, SMTP for any other name.
    """
    if environ.get("LISTEN_PID") not in {str(pid) for pid in pids}:
        return []
    count = environ.get("LISTEN_FDS", "")
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    number = min(int(count), _MOST) if count.isdecimal() else 0
    names += [""] * (number - len(names))
    return [_adopt(_FIRST + index, names[index]) for index in range(number)]


def descriptors(environ: Mapping[str, str], pid: int) -> tuple[int, ...]:
    """Return the numbers of the sockets that systemd gave to this process, to pass them on to its children."""
    count = environ.get("LISTEN_FDS", "")
    ours = environ.get("LISTEN_PID") == str(pid) and count.isdecimal()
    return tuple(range(_FIRST, _FIRST + min(int(count), _MOST))) if ours else ()


def _adopt(number: int, name: str) -> OpenListener:
    try:
        adopted = socket.socket(fileno=number)
    except OSError as fault:
        raise OSError(
            fault.errno, f"socket {number} ({name}) handed over by systemd cannot be used: {fault}"
        ) from fault
    if not adopted.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        raise OSError(f"socket {number} ({name}) handed over by systemd does not listen; use ListenStream=")
    adopted.setblocking(False)
    path = adopted.getsockname() if adopted.family == socket.AF_UNIX else ""
    return OpenListener(
        ListenAddress("lmtp" if name.lower().startswith("lmtp") else "smtp", path=str(path)), adopted, ours=False
    )
