"""A mailbox at Microsoft 365: every mail once, as Graph answers by its documentation."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from canary.inlets.faults import InletFault
from canary.inlets.graph import GraphReader
from canary.inlets.ledger import Phase
from canary.inlets.stored_mail import recovered_envelope
from canary.processes.remote_mailboxes import remote_readers
from canary.settings import Arranged
from tests.api_server import Said, said
from tests.graph_server import SECRET, USER, GraphServer, graph_server
from tests.landing import DOMAIN, MX, Landing, landing, mail, mailbox_side, now
from tests.processes import eventually


@pytest.fixture
def land(tmp_path: Path) -> Iterator[Landing]:
    with landing(tmp_path, max_size=20_000) as found:
        yield found


@pytest.fixture
def graph() -> Iterator[GraphServer]:
    with graph_server() as found:
        yield found


def reader(land: Landing, graph: GraphServer, **values: Any) -> GraphReader:
    chosen = {
        "url": f"{graph.url}/v1.0", "token_url": f"{graph.url}/token", "user": USER, "tenant": "t", "client_id": "me",
        "client_secret": SECRET, "poll": 0.1, "receivers": [MX], **values,
    }  # fmt: skip
    known = Arranged(domains=(DOMAIN,), data=land.folder, inlet={"graph": {"work": chosen}})
    [found] = remote_readers(known, land.desk, lambda _: lambda _done, _all: None, (), lambda to: mailbox_side(*to))
    assert isinstance(found, GraphReader)
    return found


def test_a_mail_is_read_once_and_looked_at_as_in_any_other_mailbox(land: Landing, graph: GraphServer) -> None:
    top = f"Received: from a.example (a.example [192.0.2.7]) by {MX} with ESMTPS; Sun, 1 Mar 2026 12:00:00 +0000\r\n"
    content = mail(top=f"Return-Path: <news@shop.example>\r\n{top}") + bytes(range(128, 256))
    graph.deliver("AAk=", content)
    graph.mails["AAk%3D"] = content
    for _ in range(2):
        reader(land, graph).run_once()
    [found] = land.mails
    expected = recovered_envelope(content, "work", datetime(2026, 3, 1, 12, tzinfo=UTC), mailbox_side(MX), now)
    assert expected
    assert (found.envelope, found.content) == (expected.envelope, content)
    assert graph.fetched == ["AAk%3D"]


def test_the_application_logs_in_by_itself_or_by_a_refresh_token_and_a_refused_token_is_renewed(
    land: Landing, graph: GraphServer
) -> None:
    used = reader(land, graph)
    used.run_once()
    graph.valid = "none"
    used.run_once()
    reader(land, graph, refresh_token="r1").run_once()
    assert [form["grant_type"] for form in graph.forms] == [["client_credentials"]] * 2 + [["refresh_token"]]
    assert graph.forms[0]["client_secret"] == [SECRET]
    assert graph.forms[0]["scope"] == [f"{graph.url}/.default"]


def test_pages_and_what_comes_later_are_read_and_what_is_listed_again_is_not_fetched_again(
    land: Landing, graph: GraphServer
) -> None:
    graph.page = 3
    for number in range(8):
        graph.deliver(f"m{number}", mail(subject=str(number)))
    with land.reading("work", reader(land, graph)):
        eventually(lambda: land.desk.ledger.state("work").phase is Phase.WATCHING)
        graph.log.append("m1")
        graph.deliver("m8", mail(subject="8"))
        del graph.mails["m2"]
        graph.log.append("m2")
        eventually(lambda: len(land.mails) == 9)
    assert graph.fetched == [f"m{number}" for number in range(9)]


@pytest.mark.parametrize("status", [410, 400, 404])
def test_where_the_link_is_too_old_all_is_listed_and_only_what_is_new_is_fetched(
    land: Landing, graph: GraphServer, status: int
) -> None:
    graph.too_old = status
    graph.deliver("m1", mail(subject="1"))
    reader(land, graph).run_once()
    graph.deliver("m2", mail(subject="2"))
    graph.oldest = 2
    reader(land, graph).run_once()
    assert graph.fetched == ["m1", "m2"]


def test_a_mail_that_is_gone_or_too_big_stops_nothing(land: Landing, graph: GraphServer) -> None:
    graph.deliver("big", mail(text="x" * 30_000))
    graph.deliver("m1", mail(subject="1"))
    reader(land, graph).run_once()
    assert len(land.mails) == 1


@pytest.mark.parametrize(
    ("fault", "line", "by_settings", "wait"),
    [
        (said({"error": {"code": "ErrorAccessDenied"}}, 403), "'ErrorAccessDenied'.*permission Mail.Read", True, 0),
        (said({}, 404), "check user and folders", True, 0),
        (Said(302), "leads elsewhere", True, 0),
        (said({}, 429, Retry_After="7"), "answered 429: it is tried again", False, 7),
        (said({}, 503, Retry_After="9"), "answered 503: it is tried again", False, 9),
        (said({}, 410), "answered 410", False, 0),
        (said({"value": []}), "names no further page", False, 0),
        (said({"value": [], "@odata.nextLink": "https://elsewhere.example/x"}), "names no further page", False, 0),
        (Said(200, b" " * (5 << 20)), "more than 4,194,304 octets", False, 0),
    ],
)
def test_an_answer_that_is_none_is_one_line_with_the_cure_and_nothing_is_lost(
    land: Landing, graph: GraphServer, fault: Said, line: str, by_settings: bool, wait: float
) -> None:
    graph.deliver("m1", mail())
    graph.faults = [fault]
    with pytest.raises(InletFault, match=line) as caught:
        reader(land, graph).run_once()
    assert (caught.value.by_settings, caught.value.wait) == (by_settings, wait)
    reader(land, graph).run_once()
    assert len(land.mails) == 1


def test_a_tenant_is_no_path_and_secrets_are_in_no_log() -> None:
    chosen = {"user": USER, "tenant": "t", "client_id": "me", "client_secret": SECRET, "refresh_token": "r1"}
    assert Arranged(inlet={"graph": {"work": chosen}}).inlet.secrets == (SECRET, "r1")
    with pytest.raises(ValidationError, match="tenant"):
        Arranged(inlet={"graph": {"work": {**chosen, "tenant": "../x"}}})
