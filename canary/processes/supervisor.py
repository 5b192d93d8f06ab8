"""The roles as child processes: started, watched, started again, ended.

    python -m canary.processes.supervisor [--config FILE] [--log-level LEVEL] [--log-json] [--sockets N] ROLE[=FILE]...

A role with a file is started once that is there: until it has something to do it costs nothing.

`canary up` becomes this program once it has read the settings, under the same process id and with nothing loaded that
watching does not need. Each role is a program of its own as well. Forking them from one parent that has loaded
everything would share a few more pages, and was left aside: a parent that starts roles again for weeks would have to be
clean of threads, locks and open databases for ever, where a new program is clean by itself; and what a role writes
into an object, if only its count of references, ends the sharing.
"""

import argparse
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

from canary.private_files import keep_files_private
from canary.processes.logs import log_to_stderr

log = logging.getLogger("canary.processes.supervisor")

_END_SECONDS = 40.0
_STEADY_SECONDS = 60.0
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0
_LOOK_SECONDS = 2.0
"""So often is looked whether a role that waits for a file may start."""


class ManagedProcess:
    """One role in a process of its own, started again when it ends, ever more patiently."""

    def __init__(self, role: str, command: Sequence[str], descriptors: Sequence[int] = (), needs: str = "") -> None:
        """Remember how the role is started, which open files it gets beside the standard ones, and the file it waits for."""
        self.role, self.command, self.descriptors, self.needs = role, command, descriptors, needs
        self.process: subprocess.Popen[bytes] | None = None
        self.patience = _FIRST_WAIT
        self.due = 0.0

    def watch(self, now: float) -> float | None:
        """Start the process if it is not running and its time has come; return when to look again at the latest."""
        if self.process is not None:
            if self.process.poll() is None:
                return None
            if now > self.due + _STEADY_SECONDS:
                self.patience = _FIRST_WAIT
            ended = self.process.returncode
            log.error("%s ended with %s; starting it again in %.1f s", self.role, ended, self.patience)
            self.due, self.patience = now + self.patience, min(_LONGEST_WAIT, self.patience * 2)
            self._forget()
        if now < self.due:
            return self.due
        if self.needs and not os.path.exists(self.needs):  # noqa: PTH110 - pathlib is not loaded for it
            return now + _LOOK_SECONDS
        self.process, self.due = self._start(), now
        return None

    def send_signal(self, number: int) -> None:
        """Send a signal, if it is running."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def _start(self) -> subprocess.Popen[bytes]:
        # A process begins as deaf to hang-ups as we are now, so that one that comes early does not end it.
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            return subprocess.Popen(self.command, stdin=subprocess.PIPE, pass_fds=self.descriptors)  # noqa: S603 - ourselves
        finally:
            signal.signal(signal.SIGHUP, before)

    def stop(self) -> None:
        """End the process: politely first, with time for mails that are on their way."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._forget()

    def _forget(self) -> None:
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()
        self.process = None


class _Signals:
    """Signals that came, and a wait that every signal ends, also one that came just before."""

    def __init__(self, *, hangups: bool) -> None:
        self._woken, wake = socket.socketpair()
        for end in (self._woken, wake):
            end.setblocking(False)
        self._wake = wake
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        self.stop = self.hung_up = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        if hangups:
            signal.signal(signal.SIGHUP, self._on_hangup)
        # The end of a child is no more than a reason to look.
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def _on_stop(self, *_: object) -> None:
        self.stop = True

    def _on_hangup(self, *_: object) -> None:
        self.hung_up = True

    def wait(self, seconds: float | None) -> None:
        if select.select([self._woken], [], [], seconds)[0]:
            self._woken.recv(4096)


def supervise(children: Sequence[ManagedProcess]) -> None:
    """Watch processes until stopped; a hang-up that is no terminal's makes the receivers read the settings again."""
    signals = _Signals(hangups=not os.isatty(0))
    try:
        while not signals.stop:
            if signals.hung_up:
                signals.hung_up = False
                _hang_up(children)
            times = [due for child in children if (due := child.watch(time.monotonic())) is not None]
            signals.wait(max(0.0, min(times) - time.monotonic()) if times else None)
    finally:
        for child in children:
            child.send_signal(signal.SIGTERM)
        for child in children:
            child.stop()


def _hang_up(children: Sequence[ManagedProcess]) -> None:
    for child in children:
        if is_receiver(child.role):
            child.send_signal(signal.SIGHUP)


def is_receiver(role: str) -> bool:
    """Whether a role receives mail: `smtp`, `smtp-2`, ..."""
    return role.partition("-")[0] == "smtp"


def main() -> None:
    """Read what is to be run, and run it."""
    keep_files_private()
    parser = argparse.ArgumentParser(prog="canary.processes.supervisor")
    parser.add_argument("roles", nargs="+")
    parser.add_argument("--config")
    parser.add_argument("--log-level", default="INFO")
    parser.add_argument("--log-json", action="store_true")
    parser.add_argument("--sockets", type=int, default=0, help="so many sockets of systemd are handed to the receivers")
    wanted = parser.parse_args()
    log_to_stderr(wanted.log_level, json_lines=wanted.log_json)
    config = ["--config", wanted.config] if wanted.config else []
    sockets = range(3, 3 + wanted.sockets)
    command = [sys.executable, "-m", "canary.processes", "--watched", *config]
    roles = [(role, needs) for role, _, needs in (each.partition("=") for each in wanted.roles)]
    supervise(
        [ManagedProcess(role, [*command, role], sockets if is_receiver(role) else (), needs) for role, needs in roles]
    )


if __name__ == "__main__":
    main()
