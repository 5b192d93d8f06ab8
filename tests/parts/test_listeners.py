"""Where we listen: every way to write a place, real sockets behind it, and what systemd hands over."""

import fcntl
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from canary.processes.systemd_sockets import descriptors, systemd_listeners
from canary.smtp.listeners import ListenAddress, OpenListener, open_listeners, read_listen_address
from tests.patience import PATIENCE


@pytest.fixture
def listening() -> Iterator[list[OpenListener]]:
    opened: list[OpenListener] = []
    yield opened
    for one in opened:
        one.close()


def reached(family: int, address: object) -> bool:
    with socket.socket(family) as client:
        client.settimeout(PATIENCE)
        try:
            client.connect(address)  # type: ignore[arg-type]
        except OSError:
            return False
        return True


@pytest.mark.parametrize(
    ("written", "door"),
    [
        ("[::]:25", ListenAddress("smtp", "::", 25)),
        ("192.0.2.1:2525", ListenAddress("smtp", "192.0.2.1", 2525)),
        ("smtp:0.0.0.0:25", ListenAddress("smtp", "0.0.0.0", 25)),
        ("lmtp:127.0.0.1:2424", ListenAddress("lmtp", "127.0.0.1", 2424)),
        ("lmtp:[::1]:24", ListenAddress("lmtp", "::1", 24)),
        ("lmtp:/run/canary/lmtp.sock", ListenAddress("lmtp", path="/run/canary/lmtp.sock")),
        ("/run/a:b.sock", ListenAddress("smtp", path="/run/a:b.sock")),
    ],
)
def test_a_place_is_written_as_people_write_it(written: str, door: ListenAddress) -> None:
    assert read_listen_address(written) == door


@pytest.mark.parametrize(
    "written",
    ["", "25", ":25", "mx.example.net:25", "[127.0.0.1]:25", "::1:25", "127.0.0.1:99999", "smtps:[::]:465", "lmtp:x.sock",
     "lmtp:/" + "x" * 110, "[::1%eth0]:25:25"],
)  # fmt: skip
def test_anything_else_is_refused_with_the_cure(written: str) -> None:
    with pytest.raises(ValueError, match=f"{written[:20]!r}"[1:-1].replace("[", r"\[") + ".*(write|choose)"):
        read_listen_address(written)


def test_one_socket_at_the_unspecified_address_takes_both_kinds_of_client(listening: list[OpenListener]) -> None:
    listening += open_listeners([ListenAddress(host="::")])
    port = listening[0].socket.getsockname()[1]
    assert reached(socket.AF_INET6, ("::1", port))
    assert reached(socket.AF_INET, ("127.0.0.1", port))


def test_each_kind_may_have_its_own_door_at_the_same_port(listening: list[OpenListener]) -> None:
    listening += open_listeners([ListenAddress(host="0.0.0.0")])
    port = listening[0].socket.getsockname()[1]
    listening[0].close()
    listening += open_listeners([ListenAddress(host="::", port=port), ListenAddress(host="0.0.0.0", port=port)])
    assert [one.place() for one in listening[1:]] == [f"[::]:{port}", f"0.0.0.0:{port}"]


def test_processes_share_a_port_if_all_of_them_say_so(listening: list[OpenListener]) -> None:
    listening += open_listeners([ListenAddress(host="127.0.0.1")], shared=True)
    again = ListenAddress(host="127.0.0.1", port=listening[0].socket.getsockname()[1])
    listening += open_listeners([again], shared=True)
    with pytest.raises(OSError, match=rf"cannot listen at 127.0.0.1:{again.port}: Address already in use"):
        open_listeners([again])


def test_a_door_that_cannot_be_opened_leaves_none_open(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    with pytest.raises(OSError, match="cannot listen at /nowhere/b.sock"):
        open_listeners([ListenAddress(path=str(path)), ListenAddress(path="/nowhere/b.sock")])
    assert not path.exists()


# Unix sockets.


def test_a_unix_socket_has_its_mode_and_goes_with_its_listener(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    [opened] = open_listeners([ListenAddress("lmtp", path=str(path))], mode=0o600)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert opened.place() == str(path)
    assert reached(socket.AF_UNIX, str(path))
    opened.close()
    assert not path.exists()


def test_a_socket_that_nobody_listens_at_is_replaced(tmp_path: Path, listening: list[OpenListener]) -> None:
    path = str(tmp_path / "a.sock")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)
    listening += open_listeners([ListenAddress(path=path)])
    assert reached(socket.AF_UNIX, path)


def test_a_socket_that_another_listens_at_stays_his(tmp_path: Path, listening: list[OpenListener]) -> None:
    path = str(tmp_path / "a.sock")
    listening += open_listeners([ListenAddress(path=path)])
    with pytest.raises(OSError, match="another process listens there; stop it or choose another path"):
        open_listeners([ListenAddress(path=path)])
    assert reached(socket.AF_UNIX, path)


def test_what_is_no_socket_is_never_removed(tmp_path: Path) -> None:
    path = tmp_path / "letter"
    path.write_text("dear")
    with pytest.raises(OSError, match="something else is there; remove it or choose another path"):
        open_listeners([ListenAddress(path=str(path))])
    assert path.read_text() == "dear"


def test_closing_leaves_the_socket_of_a_successor(tmp_path: Path, listening: list[OpenListener]) -> None:
    path = tmp_path / "a.sock"
    [first] = open_listeners([ListenAddress(path=str(path))])
    path.unlink()
    listening += open_listeners([ListenAddress(path=str(path))])
    first.close()
    assert reached(socket.AF_UNIX, str(path))


# systemd.

_CHILD = """
import os, sys
from canary.processes.systemd_sockets import systemd_listeners
for place, number in enumerate(sys.argv[2:]):
    os.dup2(int(number), 3 + place)
os.environ["LISTEN_PID"] = str(os.getpid() if sys.argv[1] == "me" else os.getppid())
for one in systemd_listeners(os.environ, (os.getpid(), os.getppid())):
    print(one.address.protocol, one.place())
"""


def high(given: socket.socket) -> socket.socket:
    """The socket again, with a number above those that the shell moves it to."""
    return socket.socket(fileno=fcntl.fcntl(given.fileno(), fcntl.F_DUPFD_CLOEXEC, 20))


def hand_over(sockets: list[socket.socket], names: str, whose: str = "me") -> "subprocess.CompletedProcess[str]":
    """What a process says that gets these sockets as systemd gives them, from descriptor 3 on."""
    numbers = [one.fileno() for one in sockets]
    return subprocess.run(
        [sys.executable, "-c", _CHILD, whose, *map(str, numbers)],
        pass_fds=numbers, capture_output=True, text=True, check=False,
        env={**os.environ, "LISTEN_FDS": str(len(sockets)), "LISTEN_FDNAMES": names},
    )  # fmt: skip


@pytest.mark.parametrize("whose", ["me", "my parent"])
def test_sockets_of_systemd_are_taken_over_by_name(tmp_path: Path, listening: list[OpenListener], whose: str) -> None:
    listening += open_listeners([ListenAddress(host="127.0.0.1"), ListenAddress(path=str(tmp_path / "l.sock"))])
    sockets = [high(one.socket) for one in listening]
    done = hand_over(sockets, "canary.socket:lmtp", whose)
    for one in sockets:
        one.close()
    assert (done.stdout, done.stderr) == (f"smtp {listening[0].place()}\nlmtp {tmp_path}/l.sock\n", "")
    assert (tmp_path / "l.sock").exists()


def test_sockets_of_another_process_are_not_ours() -> None:
    environ = {"LISTEN_PID": "1", "LISTEN_FDS": "1"}
    assert systemd_listeners(environ, (os.getpid(),)) == []
    assert systemd_listeners({}, (os.getpid(),)) == []
    assert descriptors(environ, os.getpid()) == ()
    assert descriptors({"LISTEN_PID": "7", "LISTEN_FDS": "2"}, 7) == (3, 4)


def test_a_socket_that_does_not_listen_is_refused() -> None:
    with socket.socket() as idle, high(idle) as given:
        done = hand_over([given], "smtp")
    assert "OSError: socket 3 (smtp) handed over by systemd does not listen; use ListenStream=" in done.stderr
