"""The pages over a store, as a process: says where it is once it listens, and ends when nobody holds its input any more.

python -m bench._site STORE_FILE
"""

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from time import perf_counter

import uvicorn

from bench._wide import END
from canary.store.database import Database
from canary.store.queries.users import add_user, new_token
from canary.web.app import create_app
from canary.web.config import WebConfig


@dataclass
class Site:
    """The process as seen by somebody who is logged in; one connection, kept open."""

    pid: int
    port: int
    cookie: str

    def __post_init__(self) -> None:
        self._connection = HTTPConnection("127.0.0.1", self.port, timeout=120)

    def get(self, path: str) -> float:
        """Ask for a page as a browser does; return the seconds until all of it was there."""
        began = perf_counter()
        self._connection.request("GET", path, headers={"Cookie": self.cookie, "Accept-Encoding": "gzip"})
        response = self._connection.getresponse()
        response.read()
        if response.status != 200:
            raise RuntimeError(f"{path}: {response.status}")
        return perf_counter() - began

    def memory(self) -> float:
        """Return what it holds in memory now, in MB."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024


@contextmanager
def site(store: Path) -> Iterator[Site]:
    """Serve a store."""
    command = [sys.executable, "-m", "bench._site", str(store)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            port, cookie = process.stdout.readline().split()
            yield Site(process.pid, int(port), cookie)
        finally:
            process.stdin.close()
            process.wait(30)


def _serve(store: Path) -> None:
    database = Database(f"sqlite:///{store}")
    with database.writing() as session:
        user = add_user(session, f"bench{END.timestamp()}{id(session)}", "correct horse battery", "admin", END)
        secret = new_token(session, user.id or 0, "session", timedelta(days=1), END)
    config = uvicorn.Config(
        create_app(WebConfig(database, lambda: END)),
        port=0,
        lifespan="off",
        log_config=None,
        timeout_graceful_shutdown=1,
    )
    server, listening = uvicorn.Server(config), config.bind_socket()
    listening.listen(512)
    print(listening.getsockname()[1], f"canary={secret}", flush=True)
    threading.Thread(target=_wait_for_the_end, args=[server], daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listening])
    database.close()


def _wait_for_the_end(server: uvicorn.Server) -> None:
    sys.stdin.read()
    server.should_exit = True


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
