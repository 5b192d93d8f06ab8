"""A real rspamd on loopback, in a folder of its own, with the few modules that ask nobody."""

import os
import pwd
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.patience import PATIENCE

PASSWORD = "only for this run"
_CONFIG = """
options {{
  filters = ["chartable", "dkim", "regexp"];
  pidfile = "{folder}/rspamd.pid";
  dns {{ nameserver = ["127.0.0.1:{nobody}"]; timeout = 0.1s; retransmits = 1; }}
}}
logging {{ type = "file"; filename = "{folder}/rspamd.log"; level = "error"; }}
metric {{ name = "default"; actions {{ reject = 15; "add header" = 6; }}
  symbol {{ name = "CANARY_TEST_LURE"; weight = 7.5; }} }}
regexp {{ CANARY_TEST_LURE {{ re = "/airdrop/i{{sa_body}}"; score = 7.5; }} }}
worker "normal" {{ bind_socket = "127.0.0.1:{port}"; count = 1; }}
"""


def installed() -> bool:
    return shutil.which("rspamd") is not None


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """Run it until the block ends and tell its address."""
    port, nobody = free_port(), free_port()
    home = folder / "rspamd"
    home.mkdir()
    (home / "rspamd.conf").write_text(_CONFIG.format(folder=home, port=port, nobody=nobody))
    user: list[str] = []
    if os.geteuid() == 0:
        account = pwd.getpwnam("nobody")
        os.chown(home, account.pw_uid, account.pw_gid)
        for above in (folder, *folder.parents[:3]):
            above.chmod(above.stat().st_mode | 0o055)
        user = ["-u", "nobody", "-g", "nogroup"]
    folders = [f"--var={name}={home}" for name in ("DBDIR", "RUNDIR", "LOGDIR")]
    process = subprocess.Popen(
        ["rspamd", "-f", "-c", str(home / "rspamd.conf"), *user, *folders],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        _await(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


def _await(port: int, process: subprocess.Popen[str]) -> None:
    end, pause = time.monotonic() + PATIENCE, threading.Event()
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
        except OSError:
            pause.wait(0.1)
        else:
            return
    process.kill()
    raise AssertionError(f"rspamd does not listen: {process.communicate()[1][-2000:]}")
