"""The dashboard at its own door: whom it believes, whom it serves, and what no stranger can use up."""

import re
import resource
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlmodel import select

from canary.net.bounded_http import RequestLimits
from canary.store.database import Database
from canary.store.queries import users
from canary.store.tables import AuditRow
from canary.web.app import create_app
from canary.web.config import WebConfig
from canary.web.host_names import HostNames
from canary.web.issue_forms import IssueSettings
from canary.web.pages.login import BY_ANYBODY
from tests.patience import PATIENCE
from tests.processes import eventually
from tests.website import NOW, PASSWORD, Site, filled, serve_app

PROXY = "127.0.0.1"
LOOPBACK = ("127.0.0.1", "::1")


@contextmanager
def guarded(
    folder: Path,
    limits: RequestLimits | None = None,
    *,
    proxies: Sequence[str] = LOOPBACK,
    url: str = "http://127.0.0.1:8025",
) -> Iterator[Site]:
    """A site whose proxies, address and limits are chosen."""
    (folder / "canary.db").write_bytes(filled())
    site = Site("", None, Database(f"sqlite:///{folder}/canary.db"), NOW)  # type: ignore[arg-type]
    config = WebConfig(site.database, lambda: site.now, url=url, proxies=proxies, issuing=IssueSettings(key=b"k" * 32))
    site.app = create_app(config)
    with serve_app(site, limits) as served:
        yield served


def try_login(client: httpx.Client, password: str, source: str = "", name: str = "ada") -> int:
    headers = {"X-Forwarded-For": source} if source else {}
    return client.post("/login", data={"name": name, "password": password}, headers=headers).status_code


# Whom it believes.


@pytest.mark.parametrize(
    ("proxies", "forwarded", "seen"),
    [
        (LOOPBACK, "203.0.113.9", "203.0.113.9"),
        (LOOPBACK, "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ((*LOOPBACK, "172.16.0.0/12"), "198.51.100.1, 203.0.113.9, 172.18.0.1", "203.0.113.9"),
        ((*LOOPBACK, "172.16.0.0/12"), "203.0.113.9:4711", "203.0.113.9"),
        ((), "203.0.113.9", PROXY),
        (("172.16.0.0/12",), "203.0.113.9", PROXY),
    ],
)
def test_the_client_is_the_last_address_that_no_proxy_of_ours_has(
    tmp_path: Path, proxies: tuple[str, ...], forwarded: str, seen: str
) -> None:
    with guarded(tmp_path, proxies=proxies) as site, site.client() as client:
        assert try_login(client, PASSWORD, forwarded) == 303
        with site.database.reading() as session:
            assert session.exec(select(AuditRow.client).where(AuditRow.action == "login")).all() == [seen]


# Who can be locked out.


def test_guesses_from_the_same_address_do_not_lock_out_a_browser_that_logged_in_before(tmp_path: Path) -> None:
    with guarded(tmp_path) as site, site.client() as admin, site.client() as stranger:
        assert try_login(admin, PASSWORD) == 303
        admin.post("/logout")
        assert [try_login(stranger, "wrong") for _ in range(11)] == [401] * 10 + [429]
        assert try_login(stranger, PASSWORD) == 429
        assert try_login(admin, PASSWORD) == 303


@pytest.mark.slow
def test_guesses_from_everywhere_lock_out_strangers_but_no_browser_that_logged_in_before(tmp_path: Path) -> None:
    with guarded(tmp_path) as site, site.client() as admin, site.client() as strangers:
        assert try_login(admin, PASSWORD) == 303
        tries = [try_login(strangers, "wrong", f"203.0.113.{n}") for n in range(BY_ANYBODY + 1)]
        assert tries == [401] * BY_ANYBODY + [429]
        assert try_login(admin, PASSWORD) == 303
        site.now += timedelta(minutes=15)
        assert try_login(strangers, PASSWORD, "203.0.113.99") == 303


def test_a_browser_that_logged_in_before_gets_ten_guesses_too(tmp_path: Path) -> None:
    with guarded(tmp_path) as site, site.client() as browser:
        assert try_login(browser, PASSWORD) == 303
        assert [try_login(browser, "wrong") for _ in range(11)] == [401] * 10 + [429]


def test_the_cookie_of_a_browser_is_of_one_user_cannot_be_made_up_and_ends(tmp_path: Path) -> None:
    with guarded(tmp_path) as site, site.client() as browser, site.client() as other:
        try_login(browser, PASSWORD)
        [(name, value)] = [(n, v) for n, v in browser.cookies.items() if n.startswith("canary-browser-")]
        assert re.fullmatch(r"v1\.\d{10}\.[0-9a-f]{16}\.[0-9a-f]{64}", value)
        recognise = site.app.state.door.browsers.recognise

        def of(text: str, user: str = "ada") -> object:
            request = httpx.Request("GET", site.url)
            request.cookies = {name: text}  # type: ignore[attr-defined]
            return recognise(request, user, site.now)

        assert of(value)
        assert of(value, " ADA ")
        assert not of(value, "viewer")
        assert not of(value[:-1] + ("0" if value[-1] != "0" else "1"))
        assert not of(value.replace("v1.1", "v1.9", 1))
        site.now += timedelta(days=400)
        assert not of(value)
        assert other.get("/", headers={"Cookie": f"{name}={value}"}).status_code == 303


# What nobody can use up.


def test_no_more_than_four_passwords_are_hashed_at_once_however_many_log_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted, lock, at_once, most = users._HASHER, threading.Lock(), 0, 0

    class Counting:
        """The real hasher, with a count of those inside."""

        def __getattr__(self, name: str) -> object:
            return getattr(counted, name)

        def verify(self, *arguments: str) -> bool:
            nonlocal at_once, most
            with lock:
                at_once += 1
                most = max(most, at_once)
            try:
                return counted.verify(*arguments)
            finally:
                with lock:
                    at_once -= 1

    monkeypatch.setattr(users, "_HASHER", Counting())
    with guarded(tmp_path) as site:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

        def guess(number: int) -> int:
            with site.client() as client:
                return try_login(client, "wrong", f"203.0.113.{number}", f"user{number}")

        with ThreadPoolExecutor(60) as crowd:
            assert set(crowd.map(guess, range(60))) == {401}
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert 1 <= most <= 4
    assert grown < 300, f"{grown:.0f} MB more"


def connect(site: Site, sent: bytes = b"") -> socket.socket:
    port = int(site.url.rpartition(":")[2])
    client = socket.create_connection(("127.0.0.1", port), PATIENCE)
    client.sendall(sent)
    return client


def ended(client: socket.socket) -> bool:
    """Whether the other side closes the connection, without an answer or after one."""
    try:
        while client.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return True


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ",
        b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\nna",
    ],
    ids=["nothing", "half of the headers", "half of the body"],
)
def test_a_request_that_does_not_become_whole_is_cut_off(tmp_path: Path, sent: bytes) -> None:
    limits = RequestLimits(header_seconds=0.2, body_seconds=0.2)
    with guarded(tmp_path, limits) as site, closing(connect(site, sent)) as client:
        assert ended(client)


def test_a_header_now_and_then_buys_no_time_on_a_connection_that_was_served_before(tmp_path: Path) -> None:
    whole = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    limits = RequestLimits(header_seconds=0.5)
    with guarded(tmp_path, limits) as site, closing(connect(site, whole)) as client:
        assert client.recv(65536).startswith(b"HTTP/1.1 200")
        begun, ticks = time.monotonic(), threading.Event()
        client.sendall(b"GET /healthz HTTP/1.1\r\n")
        with pytest.raises(OSError):  # noqa: PT011 - reset or broken pipe, whichever comes first
            while time.monotonic() - begun < PATIENCE:
                client.sendall(b"X-A: b\r\n")
                ticks.wait(0.05)


def test_idle_connections_take_no_place_from_a_browser(tmp_path: Path) -> None:
    with guarded(tmp_path, RequestLimits(connections=20, header_seconds=PATIENCE)) as site:
        crowd = [connect(site, b"GET / HTTP/1.1\r\n") for _ in range(60)]
        with site.client() as client:
            assert client.get("/healthz").status_code == 200
        assert ended(crowd[0])
        for each in crowd:
            each.close()


def test_a_client_that_does_not_read_its_answers_is_cut_off(tmp_path: Path) -> None:
    limits = RequestLimits(stall_seconds=0.2)
    asked = b"GET /static/canary.css HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with guarded(tmp_path, limits) as site, closing(connect(site, asked * 2000)):
        eventually(lambda: limits.open == 1)
        eventually(lambda: limits.open == 0)


# Which names it answers to.


@pytest.mark.parametrize(
    ("url", "host", "status"),
    [
        ("http://127.0.0.1:8025", "127.0.0.1:8025", 200),
        ("http://127.0.0.1:8025", "localhost", 200),
        ("http://127.0.0.1:8025", "[::1]:8025", 200),
        ("http://127.0.0.1:8025", "192.168.1.20:8025", 200),
        ("http://0.0.0.0:8025", "192.168.1.20:8025", 200),
        ("http://127.0.0.1:8025", "rebound.evil.example", 421),
        ("https://canary.example", "canary.example", 200),
        ("https://canary.example", "CANARY.example.:443", 200),
        ("https://canary.example", "inside:8025", 200),
        ("https://canary.example", "127.0.0.1:8025", 200),
        ("https://canary.example", "evil.example", 421),
        ("https://canary.example", "canary.example.evil.example", 421),
        ("https://canary.example", "canary.example@evil.example", 421),
        ("https://canary.example", "192.168.1.20", 421),
        ("https://canary.example", "", 421),
        ("https://canary.example", "[::1", 421),
        ("canary.example", "", 421),
        ("canary.example", "evil.example", 421),
    ],
)
def test_the_site_answers_to_its_own_names_only(url: str, host: str, status: int) -> None:
    assert HostNames(url, ("inside",)).include(host, "10.0.0.7") == (status == 200)


def test_a_probe_may_use_the_address_that_it_connected_to() -> None:
    assert HostNames("https://canary.example").include("10.0.0.7:8025", "10.0.0.7")


def test_another_name_is_refused_in_one_line_that_says_what_to_set(tmp_path: Path) -> None:
    with guarded(tmp_path, url="https://canary.example") as site, site.client() as client:
        answer = client.get("/login", headers={"Host": "evil.example"})
        assert (answer.status_code, answer.text.count("\n")) == (421, 1)
        assert (
            answer.text == "Host 'evil.example' is not served here: name it in web.url or web.hosts of canary.toml.\n"
        )
