"""Access to a mailbox by tokens: renewed in time, refused and renewed again, a replaced refresh token remembered."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import httpx
import pytest

from canary.inlets.faults import InletFault
from canary.inlets.imap_session import ImapAccount, ImapSession
from canary.inlets.ledger import InletLedger
from canary.inlets.oauth import AccessToken, TokenGrant
from tests.conftest import Clock
from tests.dovecot import USER, dovecot

pytestmark = pytest.mark.slow


class Provider(ThreadingHTTPServer):
    """Renews tokens as RFC 6749 6 has it, and says which are valid as RFC 7662 does."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.refresh, self.valid, self.renewals = "refresh-1", set[str](), 0
        self.answer: tuple[int, bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def token(self, form: dict[str, list[str]]) -> tuple[int, dict[str, object]]:
        if form["refresh_token"] != [self.refresh] or form["client_id"] != ["me"]:
            return 400, {"error": "invalid_grant"}
        self.renewals += 1
        self.refresh = f"refresh-{self.renewals + 1}"
        self.valid.add(fresh := f"access-{self.renewals}")
        return 200, {"access_token": fresh, "expires_in": 3600, "refresh_token": self.refresh}


class _Answers(BaseHTTPRequestHandler):
    server: Provider

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        if self.path == "/token":
            status, found = self.server.token(form)
        else:
            status, found = 200, {"active": form["token"][0] in self.server.valid, "username": USER}
        body = json.dumps(found).encode()
        if self.path == "/token" and self.server.answer:
            status, body = self.server.answer
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@contextmanager
def providing() -> Iterator[Provider]:
    provider = Provider()
    thread = threading.Thread(target=provider.serve_forever)
    thread.start()
    try:
        yield provider
    finally:
        provider.shutdown()
        thread.join()
        provider.server_close()


@pytest.fixture
def provider() -> Iterator[Provider]:
    with providing() as found:
        yield found


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[InletLedger]:
    found = InletLedger(tmp_path / "ledger.db")
    yield found
    found.close()


def access(provider: Provider, ledger: InletLedger, clock: Clock) -> AccessToken:
    grant = TokenGrant(f"{provider.url}/token", "me", "", "refresh-1")
    return AccessToken("home", grant, ledger, httpx.Client(), clock)


def test_a_mailbox_lets_in_who_has_a_token_and_a_refused_one_is_renewed(ledger: InletLedger, clock: Clock) -> None:
    with providing() as provider, dovecot(f"{provider.url}/introspect") as server:
        token = access(provider, ledger, clock)
        account = ImapAccount("127.0.0.1", server.port, "none", None, USER, "", token)
        ImapSession(account).close()
        provider.valid.clear()
        with pytest.raises(InletFault, match="correct user and oauth"):
            ImapSession(account)
        ImapSession(account).close()
        assert provider.renewals == 2


def test_a_token_is_renewed_before_it_ends_and_not_sooner(
    provider: Provider, ledger: InletLedger, clock: Clock
) -> None:
    token = access(provider, ledger, clock)
    assert [token.current(), token.current()] == ["access-1"] * 2
    clock.move(timedelta(minutes=56).total_seconds())
    assert token.current() == "access-2"


def test_a_replaced_refresh_token_is_remembered(provider: Provider, ledger: InletLedger, clock: Clock) -> None:
    assert access(provider, ledger, clock).current() == "access-1"
    assert access(provider, ledger, clock).current() == "access-2"


def test_a_grant_that_ended_is_one_line_with_the_cure(provider: Provider, ledger: InletLedger, clock: Clock) -> None:
    provider.refresh = "another"
    with pytest.raises(InletFault, match="invalid_grant: log in again and set a fresh refresh_token") as caught:
        access(provider, ledger, clock).current()
    assert caught.value.by_settings


@pytest.mark.parametrize(
    "answer", [(503, b"busy"), (200, b"[]"), (200, b"{}"), (200, b"x" * 100_000), (500, b'{"error": "server_error"}')]
)
def test_an_answer_that_is_no_token_is_one_line(
    provider: Provider, ledger: InletLedger, clock: Clock, answer: tuple[int, bytes]
) -> None:
    provider.answer = answer
    with pytest.raises(InletFault) as caught:
        access(provider, ledger, clock).current()
    assert not caught.value.by_settings
    assert "\n" not in str(caught.value)
