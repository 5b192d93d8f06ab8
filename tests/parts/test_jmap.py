"""A mailbox by JMAP: every mail once, as the server answers it by RFC 8620 and 8621."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from canary.inlets.faults import InletFault
from canary.inlets.jmap import JmapReader
from canary.inlets.ledger import Phase
from canary.inlets.patience import InletThread
from canary.inlets.stored_mail import recovered_envelope
from canary.model.mail import Trust
from canary.processes.remote_mailboxes import remote_readers
from canary.settings import Arranged
from tests.api_server import Said, said
from tests.jmap_server import TOKEN, JmapServer, jmap_server
from tests.landing import DOMAIN, MX, Landing, landing, mail, mailbox_side, now
from tests.patience import PATIENCE
from tests.processes import eventually


@pytest.fixture
def land(tmp_path: Path) -> Iterator[Landing]:
    with landing(tmp_path, max_size=20_000) as found:
        yield found


@pytest.fixture
def server() -> Iterator[JmapServer]:
    with jmap_server() as found:
        yield found


def reader(land: Landing, server: JmapServer, *receivers: str, **values: Any) -> JmapReader:
    chosen = {"url": f"{server.url}/session", "password": TOKEN, "poll": 0.1, **values}
    known = Arranged(domains=(DOMAIN,), data=land.folder, inlet={"jmap": {"home": chosen}})
    [found] = remote_readers(
        known, land.desk, lambda _: lambda _done, _all: None, (), lambda _: mailbox_side(*receivers)
    )
    assert isinstance(found, JmapReader)
    return found


def test_mail_is_read_octet_for_octet_and_once(land: Landing, server: JmapServer) -> None:
    content = mail(text="Caf\u00e9") + bytes(range(128, 256))
    server.deliver("m1", content)
    server.deliver("m2", mail(to="friend@elsewhere.example"))
    for _ in range(2):
        reader(land, server, MX).run_once()
    [found] = land.mails
    assert (found.content, found.envelope.trust, found.envelope.inlet) == (content, Trust.RECEIVER, "home")
    assert server.fetched == ["m1", "m2"]


def test_a_mail_is_looked_at_as_in_any_other_mailbox(land: Landing, server: JmapServer) -> None:
    top = f"Received: from a.example (a.example [192.0.2.7]) by {MX} with ESMTPS; Sun, 1 Mar 2026 12:00:00 +0000\r\n"
    content = mail(top=f"Delivered-To: shop.k7q2@in.example\r\nReturn-Path: <news@shop.example>\r\n{top}")
    server.deliver("m1", content)
    reader(land, server, MX).run_once()
    expected = recovered_envelope(content, "home", datetime(2026, 3, 1, 12, tzinfo=UTC), mailbox_side(MX), now)
    assert expected
    assert [each.envelope for each in land.mails] == [expected.envelope]


def test_only_the_folders_that_are_named_are_read_by_role_or_name(land: Landing, server: JmapServer) -> None:
    server.deliver("m1", mail(subject="1"), "f1")
    server.deliver("m2", mail(subject="2"), "f2")
    server.deliver("m3", mail(subject="3"), "f3")
    reader(land, server, folders=["INBOX", "Shops"]).run_once()
    assert server.fetched == ["m1", "m3"]
    with pytest.raises(InletFault, match="there is no folder 'Bills'; there are 'Inbox', 'Sent', 'Shops'") as caught:
        reader(land, server, folders=["Bills"]).run_once()
    assert caught.value.by_settings


def test_new_mail_is_found_while_it_is_watched_and_what_was_looked_at_is_not_fetched_again(
    land: Landing, server: JmapServer
) -> None:
    server.deliver("m1", mail(subject="1"))
    with land.reading("home", reader(land, server)):
        eventually(lambda: land.desk.ledger.state("home").phase is Phase.WATCHING)
        server.touch("m1")
        server.deliver("m2", mail(subject="2"), "f2")
        server.mails["m2"] = (server.mails["m2"][0], {"f1"})
        server.touch("m2")
        eventually(lambda: len(land.mails) == 2)
    assert server.fetched == ["m1", "m2"]


@pytest.mark.parametrize("at_once", [7])
def test_more_than_one_page_is_read_whole_at_first_and_later(land: Landing, server: JmapServer, at_once: int) -> None:
    server.at_once = at_once
    for number in range(15):
        server.deliver(f"m{number}", mail(subject=str(number)))
    reader(land, server).run_once()
    for number in range(15, 30):
        server.deliver(f"m{number}", mail(subject=str(number)))
    reader(land, server).run_once()
    assert server.fetched == [f"m{number}" for number in range(30)]
    assert len(land.mails) == 30


def test_where_the_state_is_too_old_all_is_looked_at_and_only_what_is_new_is_fetched(
    land: Landing, server: JmapServer
) -> None:
    server.deliver("m1", mail(subject="1"))
    reader(land, server).run_once()
    server.deliver("m2", mail(subject="2"))
    server.oldest = 2
    reader(land, server).run_once()
    assert server.fetched == ["m1", "m2"]


def test_a_mail_that_is_gone_or_too_big_stops_nothing(land: Landing, server: JmapServer) -> None:
    server.deliver("big", mail(text="x" * 30_000))
    server.deliver("m1", mail(subject="1"))
    reader(land, server).run_once()
    server.deliver("m2", mail(subject="2"))
    server.remove("m2")
    server.touch("m1")
    reader(land, server).run_once()
    assert (server.fetched, len(land.mails)) == (["m1"], 1)


@pytest.mark.parametrize(
    ("fault", "line", "by_settings", "wait"),
    [
        (said({}, 401), "check user and password", True, 0),
        (said({}, 404), "name the session resource of JMAP as url", True, 0),
        (Said(302, b"", {"Location": "https://elsewhere.example/"}), "leads elsewhere", True, 0),
        (said({}, 429, Retry_After="7"), "answered 429: it is tried again", False, 7),
        (said({}, 503, Retry_After="9"), "answered 503: it is tried again", False, 9),
        (said([1]), "names '' as its apiUrl|no mailbox is open", True, 0),
        (Said(200, b"[" * 100_000), "names '' as its apiUrl|no mailbox is open", True, 0),
        (Said(200, b" " * (5 << 20)), "more than 4,194,304 octets", False, 0),
        (Said(200, b"x", {"Content-Encoding": "gzip"}), "an encoding that was not asked for", False, 0),
    ],
)
def test_an_answer_that_is_none_is_one_line_with_the_cure_and_nothing_is_lost(
    land: Landing, server: JmapServer, fault: Said, line: str, by_settings: bool, wait: float
) -> None:
    server.deliver("m1", mail())
    server.faults = [fault]
    with pytest.raises(InletFault, match=line) as caught:
        reader(land, server).run_once()
    assert (caught.value.by_settings, caught.value.wait) == (by_settings, wait)
    assert TOKEN not in str(caught.value)
    reader(land, server).run_once()
    assert len(land.mails) == 1


class Waits(threading.Event):
    """Writes down how long is waited, and ends it at once."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = list[float | None]()

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout)
        self.set()
        return True


@pytest.mark.parametrize(("asked_for", "waited"), [("7", 7), ("999999", 3600), ("0", 1)])
def test_a_server_is_left_alone_for_as_long_as_it_asks_for_within_reason(
    land: Landing, server: JmapServer, asked_for: str, waited: float
) -> None:
    server.faults = [said({}, 429, Retry_After=asked_for)]
    land.desk.stopping = waits = Waits()
    thread = InletThread("home", reader(land, server), land.desk)
    thread.start()
    thread.stop(PATIENCE)
    assert waits.seconds == [waited]


def test_a_foreign_host_that_the_server_names_is_not_asked(land: Landing, server: JmapServer) -> None:
    server.download = ".elsewhere.example/{blobId}"
    server.deliver("m1", mail())
    with pytest.raises(InletFault, match="downloadUrl: add its host to hosts") as caught:
        reader(land, server).run_once()
    assert caught.value.by_settings
    assert server.fetched == []


def test_a_token_is_sent_over_no_open_line_and_is_in_no_log() -> None:
    with pytest.raises(ValidationError, match="must begin with https://"):
        Arranged(inlet={"jmap": {"home": {"url": "http://mail.example/session", "password": "x"}}})
    chosen = {"url": "https://mail.example/session", "password": SecretStr("hidden")}
    assert Arranged(inlet={"jmap": {"home": chosen}}).inlet.secrets == ("hidden",)
