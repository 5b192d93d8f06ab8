"""Ports to listen on: opened, or one line that says who has them, as far as this machine shows it."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from canary.settings import Settings
from canary.smtp.listeners import ListenAddress, OpenListener, PortTaken, open_listeners

_PROC = Path("/proc")
_LISTENS = "0A"


@dataclass(frozen=True, slots=True)
class PortHolder:
    """A process that listens on a port; `data` is the data folder of a Canary."""

    process: int
    command: str
    data: Path | None = None

    def __str__(self) -> str:
        """Who it is, for a line."""
        if self.data:
            return f"another Canary, process {self.process} with the data folder {self.data}"
        return f"`{self.command}`, process {self.process}"


def open_ports(places: Iterable[ListenAddress], *, shared: bool = False, mode: int = 0o660) -> list[OpenListener]:
    """Open places to listen as `open_listeners` does; the line about one that is taken says by whom."""
    try:
        return open_listeners(places, shared=shared, mode=mode)
    except PortTaken as fault:
        holder = port_holder(fault.place.port)
        raise PortTaken(f"{fault}; it is {holder}" if holder else str(fault), fault.place) from None


def check_ports(settings: Settings, *, web: bool) -> None:
    """Raise OSError in one line where the listener, or the dashboard beside it, could not listen."""
    dashboard = [ListenAddress(host=settings.web.host, port=settings.web.port)] if web else []
    mode, several = int(settings.smtp.socket_mode, 8), settings.smtp.processes > 1
    for opened in (*open_ports(settings.smtp.doors, shared=several, mode=mode), *open_ports(dashboard)):
        opened.close()


def port_holder(port: int) -> PortHolder | None:
    """Return who listens on a TCP port, or None where this machine does not show it to this user."""
    sockets = {f"socket:[{inode}]" for inode in _listening_on(port)}
    if not sockets:
        return None
    for process in _PROC.glob("[0-9]*"):
        files = list(_open_files(process))
        if sockets & set(files):
            return PortHolder(int(process.name), _command(process), _data_folder(files))
    return None


def _listening_on(port: int) -> Iterator[str]:
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in (_PROC / "net" / table).read_text(encoding="ascii").splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTENS and int(fields[1].rpartition(":")[2], 16) == port:
                    yield fields[9]


def _open_files(process: Path) -> Iterator[str]:
    with suppress(OSError):  # it is another user's, or gone
        for file in (process / "fd").iterdir():
            with suppress(OSError):
                yield str(file.readlink())


def _command(process: Path) -> str:
    try:
        return (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "a program"


def _data_folder(files: Iterable[str]) -> Path | None:
    """Return the data folder in which a process holds a role."""
    locks = (Path(file) for file in files if file.endswith(".lock"))
    return next((lock.parent.parent for lock in locks if lock.parent.name == "locks"), None)
