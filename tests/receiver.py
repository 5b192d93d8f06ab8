"""A real HTTP receiver on loopback that keeps what it gets and answers as it is set."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Receiver:
    """What arrived; `answers` are (status, text, headers) used up in order, then what `answer` says, or 200 ok."""

    url: str = ""
    answers: list[tuple[int, str, dict[str, str]]] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answer: Callable[[dict[str, str], bytes], tuple[int, str, dict[str, str]]] = lambda _headers, _body: (200, "ok", {})
    lock: threading.Lock = field(default_factory=threading.Lock)

    def documents(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]

    def ids(self, header: str = "x-canary-alert") -> list[str]:
        return [headers[header] for headers, _ in self.got]


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            told = {k.lower(): v for k, v in self.headers.items()} | {":path": self.path}
            with receiver.lock:
                receiver.got.append((told, body))
                status, text, headers = receiver.answers.pop(0) if receiver.answers else receiver.answer(told, body)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(text))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
