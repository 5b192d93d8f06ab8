"""The JSON API over the real server: pages, filters, changes, and one form of fault."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from canary.store import tables
from canary.store.decoy_mac import decoy_mac_of
from canary.store.queries.audit import audited
from canary.web.routes import API, WebRoute
from tests.patience import PATIENCE
from tests.ways import CALLS, add_spares, tentative
from tests.website import EVIL, HOSTILE, NOW, Site, serve

LISTS = ("vendors", "suppliers", "canaries", "mails", "hits", "cases", "campaigns", "senders", "alerts")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site of its own, for a test that changes it."""
    with serve(tmp_path) as site:
        yield site


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One site for all tests that only look."""
    with serve(tmp_path_factory.mktemp("api")) as site:
        yield site


def program(site: Site, scope: str = "admin") -> httpx.Client:
    headers = {"Authorization": f"Bearer {site.secret('api', scope=scope)}"}
    return httpx.Client(base_url=f"{site.url}{API}", headers=headers, trust_env=False, verify=False, timeout=PATIENCE)


def walk(client: httpx.Client, path: str, **wanted: Any) -> list[dict[str, Any]]:
    items, cursor = [], None
    while True:
        page = client.get(path, params={**wanted, **({"cursor": cursor} if cursor else {})}).json()
        items += page["items"]
        cursor = page["next"]
        if cursor is None:
            return items


@pytest.mark.parametrize("noun", LISTS)
def test_every_noun_is_listed_and_hostile_words_stay_words(still: Site, noun: str) -> None:
    with program(still, "read") as client:
        answer = client.get(f"/{noun}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.headers["cache-control"] == "no-store"
    assert isinstance(answer.json()["items"], list)


def test_a_list_is_walked_to_its_end_by_cursors(site: Site) -> None:
    with site.database.writing() as session:
        for n in range(25):
            session.add(tables.VendorRow(slug=f"v{n:02}", name=f"V {n}", created_at=NOW))
            session.add(tables.CanaryRow(address=f"c{n}@example.net", domain="example.net", vendor_id=1, style="tagged", bits=65, issued_at=NOW))  # fmt: skip
            session.add(tables.SenderRow(vendor_id=1, key=f"s{n}.example", state="learned", first_at=NOW))
            session.add(tables.CampaignRow(subject=str(n), first_at=NOW, last_at=NOW, mails=1))
            session.add(tables.CaseRow(vendor_id=1, opened_at=NOW, last_hit_at=NOW))
    with program(site) as client:
        for noun, key, total in (("vendors", "slug", 26), ("canaries", "id", 26), ("senders", "id", 26), ("campaigns", "id", 26), ("cases", "id", 26)):  # fmt: skip
            found = [item[key] for item in walk(client, f"/{noun}", limit=7)]
            assert (noun, len(found), len(set(found))) == (noun, total, total)


def test_a_list_by_time_is_walked_through_equal_times(site: Site) -> None:
    with site.database.writing() as session:
        for n in range(20):
            session.add(
                tables.HitRow(canary_id=1, at=NOW - timedelta(hours=n // 6), verdict="probe", confidence=1, reasons=[])
            )
    with program(site) as client:
        found = walk(client, "/hits", limit=3)
        assert client.get("/hits", params={"cursor": client.get("/cases", params={"limit": 1}).json()["next"] or "MTE"}).status_code == 422  # fmt: skip
    assert [hit["id"] for hit in found] == [
        hit["id"] for hit in sorted(found, key=lambda h: (h["at"], h["id"]), reverse=True)
    ]
    assert len(found) == len({hit["id"] for hit in found}) == 21


def test_filters_narrow_a_list(still: Site) -> None:
    wanted: dict[str, list[tuple[dict[str, Any], int]]] = {
        "/hits": [({"verdict": "spam"}, 1), ({"verdict": "probe"}, 0), ({"case": 1}, 1), ({"case": 2}, 0), ({"vendor": "play"}, 1),
                  ({"vendor": "x"}, 0), ({"canary": "A@example.net"}, 1), ({"since": "2011-03-24T12:00:00Z"}, 1),
                  ({"until": "2011-03-24T12:00:00Z"}, 0), ({"since": "2011-03-24T13:30:00+01:00"}, 0)],
        "/mails": [({"campaign": 1}, 1), ({"domain": "x.example"}, 0), ({"since": "2011-03-24T12:00:00Z"}, 2)],
        "/cases": [({"state": "new"}, 1), ({"state": "closed"}, 0), ({"open": "true"}, 1), ({"open": "false"}, 0), ({"vendor": "play"}, 1)],
        "/canaries": [({"vendor": "play"}, 1), ({"vendor": "x"}, 0), ({"channel": "signup", "state": "active"}, 1), ({"state": "burned"}, 0)],
        "/senders": [({"state": "pending"}, 1), ({"state": "denied"}, 0), ({"vendor": "play"}, 1)],
        "/alerts": [({"state": "dead"}, 1), ({"state": "sent"}, 0)],
        "/vendors": [({"tag": "x"}, 0)],
    }  # fmt: skip
    with program(still, "read") as client:
        wrong = [
            (path, params) for path, cases in wanted.items() for params, count in cases
            if len(client.get(path, params=params).json()["items"]) != count
        ]  # fmt: skip
    assert wrong == []


def test_a_question_is_listed_with_its_senders(still: Site) -> None:
    with program(still, "read") as client:
        [question] = client.get("/questions").json()["items"]
        [sender] = client.get("/senders").json()["items"]
    assert (question["group"], sender["group"]) == (f"sender:{EVIL}",) * 2
    assert [(it["vendor"], it["sender"]) for it in question["senders"]] == [("play", EVIL)]


FAULTS: list[tuple[str, str, dict[str, Any], int]] = [
    ("GET", "/cases/99", {}, 404),
    ("GET", "/nothing", {}, 404),
    ("GET", "/vendors/nobody", {}, 404),
    ("GET", "/mails/0", {}, 422),
    ("GET", "/mails/9" + "9" * 30, {}, 422),
    ("GET", "/mails/-1", {}, 422),
    ("GET", "/hits", {"params": {"limit": "1000"}}, 422),
    ("GET", "/hits", {"params": {"limit": "1" + "0" * 30}}, 422),
    ("GET", "/hits", {"params": {"verdicts": "spam"}}, 422),
    ("GET", "/hits", {"params": {"verdict": "lies"}}, 422),
    ("GET", "/hits", {"params": {"since": "yesterday"}}, 422),
    ("GET", "/hits", {"params": {"since": "2011-01-01T00:00:00"}}, 422),
    ("GET", "/hits", {"params": {"since": "0001-01-01T00:00:00+14:00"}}, 422),
    ("GET", "/hits", {"params": {"vendor": "a\0b"}}, 400),
    ("GET", "/hits", {"params": {"cursor": "MQ=="}}, 422),
    ("GET", "/hits", {"params": {"cursor": "MXg"}}, 422),
    ("GET", "/hits", {"params": {"cursor": "Mi0x"}}, 422),
    ("PUT", "/hits", {}, 405),
    ("POST", "/vendors", {"json": {"name": "Play", "domains": ["play.example"]}}, 409),
    ("POST", "/vendors", {"json": {"name": "X", "domains": ["no domain"]}}, 422),
    ("POST", "/vendors", {"json": {"name": "X", "domains": []}}, 422),
    ("POST", "/vendors", {"json": {"name": "X\0", "domains": ["x.example"]}}, 422),
    ("POST", "/vendors", {"json": {"name": "X", "domains": ["x.example"], "role": "admin"}}, 422),
    ("POST", "/vendors", {"content": b'{"name": "\\ud800", "domains": ["x.example"]}', "headers": {"Content-Type": "application/json"}}, 422),
    ("POST", "/vendors", {"content": b"{", "headers": {"Content-Type": "application/json"}}, 422),
    ("POST", "/vendors", {"content": b"[" * 100_000, "headers": {"Content-Type": "application/json"}}, 400),
    ("POST", "/vendors", {"content": b"x" * 2_000_000}, 413),
    ("POST", "/canaries", {"json": {"vendor": "nobody"}}, 404),
    ("POST", "/canaries", {"json": {"vendor": "play", "count": 10001}}, 422),
    ("POST", "/cases/1/state", {"json": {"state": "denied"}}, 422),
    ("POST", "/cases/1/owner", {"json": {"owner": "nobody"}}, 404),
    ("POST", "/senders/approve", {"json": {"vendor": "play", "sender": "nobody.example"}}, 404),
    ("POST", "/questions/answer", {"json": {"group": "sender:nobody.example", "vendors_own": True}}, 404),
    ("POST", "/questions/answer", {"json": {"group": "unlikely", "vendors_own": True, "only": []}}, 422),
    ("POST", "/alerts/test", {"json": {"destination": "nowhere"}}, 404),
    ("POST", "/alerts/99/retry", {}, 404),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "more", "status"), FAULTS)
def test_a_fault_is_one_line_in_one_form(
    still: Site, method: str, path: str, more: dict[str, Any], status: int
) -> None:
    with program(still) as client:
        answer = client.request(method, path, **more)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    problem = answer.json()
    assert (problem["status"], sorted(problem)) == (status, ["detail", "status", "title", "type"])
    assert 0 < len(problem["detail"]) <= 600
    assert "\n" not in problem["detail"]


def test_without_a_token_or_session_the_answer_is_401_and_says_how(still: Site) -> None:
    answer = httpx.get(f"{still.url}{API}/vendors", trust_env=False, timeout=PATIENCE)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="Canary"')
    assert answer.json()["title"] == "Unauthorized"


def test_a_session_may_ask_too_but_changes_nothing_from_another_site(site: Site) -> None:
    with site.logged_in() as client:
        assert client.get(f"{API}/vendors").status_code == 200
        wanted = {"vendor": "play"}
        assert (
            client.post(f"{API}/canaries", json=wanted, headers={"Origin": "https://evil.example"}).status_code == 403
        )
        assert client.post(f"{API}/canaries", json=wanted).status_code == 201


def test_every_change_succeeds_and_is_written_down(site: Site) -> None:
    changing = {(w.method, w.path.removeprefix(API)) for w in site.app.state.ways if isinstance(w, WebRoute) and w.method != "GET" and w.path.startswith(API)}  # fmt: skip
    assert changing == set(CALLS)
    tentative(site)
    add_spares(site)
    with program(site) as client:
        silent = [key for key, (path, body) in CALLS.items() if not tells(site, client, key[0], path, body)]
    assert silent == []


def tells(site: Site, client: httpx.Client, method: str, path: str, body: dict[str, object] | None) -> bool:
    before = lines(site)
    answer = client.request(method, path, json=body)
    assert (path, answer.is_success) == (path, True), answer.text
    return lines(site) > before


def lines(site: Site) -> int:
    with site.database.reading() as session:
        return len(audited(session, 1000))


def test_what_was_changed_is_what_is_shown(site: Site) -> None:
    with program(site, "write") as client:
        made = client.post("/vendors", json={"name": "Tea House", "domains": ["tea.example"], "tags": ["food"]}).json()
        assert (made["slug"], made["domains"], made["tags"]) == ("tea-house", ["tea.example"], ["food"])
        changed = client.patch(
            "/vendors/tea-house", json={"erasure_requested": "2011-01-02T00:00:00Z", "grace_days": 3}
        )
        assert (changed.json()["erasure_requested"], changed.json()["grace_days"]) == ("2011-01-02T00:00:00Z", 3)
        assert client.patch("/vendors/tea-house", json={"erasure_requested": None}).json()["erasure_requested"] is None
        issued = client.post("/canaries", json={"vendor": "tea-house", "count": 2, "channel": "news"}).json()["items"]
        assert [c["channel"] for c in issued] == ["news", "news"]
        rotated = client.post(f"/canaries/{issued[0]['id']}/rotate").json()
        assert (rotated["generation"], client.get(f"/canaries/{issued[0]['id']}").json()["state"]) == (2, "rotated")
        case = client.post("/cases/1/state", json={"state": "investigating"}).json()
        assert (case["state"], case["timeline"][-1]["kind"], case["timeline"][-1]["who"]) == (
            "investigating",
            "state",
            "ada",
        )


def test_a_mail_is_shown_whole_and_handed_out_as_a_file(still: Site) -> None:
    with program(still, "read") as client:
        mail = client.get("/mails/1").json()
        raw = client.get("/mails/1/raw")
    assert (mail["subject"], mail["attachments"][0]["name"], mail["hits"][0]["vendor"]) == (EVIL, EVIL, "play")
    assert (raw.content, raw.headers["content-disposition"]) == (HOSTILE, 'attachment; filename="mail-1.eml"')
    assert raw.headers["x-content-type-options"] == "nosniff"


def test_the_table_of_addresses_holds_no_formulas(site: Site) -> None:
    with site.database.writing() as session:
        session.add(tables.CanaryRow(address="=cmd@example.net", domain="example.net", vendor_id=1, style="tagged", bits=1, channel="@SUM(1)", issued_at=NOW))  # fmt: skip
    with program(site, "read") as client:
        answer = client.get("/canaries.csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="canaries.csv"'
    assert "'=cmd@example.net,play,'@SUM(1)," in answer.text


def test_a_decoy_is_listed_nowhere_and_its_hits_have_no_vendor(site: Site) -> None:
    with site.database.writing() as session:
        mac = decoy_mac_of(session)
        mac.make_key()
        session.add(tables.CanaryRow(id=2, address="d@example.net", domain="example.net", vendor_id=1, style="tagged", bits=65, issued_at=NOW, mac=mac.mac("d@example.net")))  # fmt: skip
        session.flush()
        session.add(
            tables.HitRow(
                mail_id=2, canary_id=2, at=NOW + timedelta(hours=1), verdict="guess", confidence=1, reasons=[]
            )
        )
    with program(site, "read") as client:
        assert [c["address"] for c in client.get("/canaries").json()["items"]] == ["a@example.net"]
        assert client.get("/canaries/2").status_code == 404
        assert [hit["vendor"] for hit in client.get("/hits").json()["items"]] == [None, "play"]


def test_what_is_shown_in_public_is_set_and_followed(site: Site) -> None:
    with program(site) as client:
        made = client.post("/canaries", json={"vendor": "play", "published": False}).json()["items"][0]
        client.patch("/vendors/play", json={"publishes": True})
        found = [client.get(f"/canaries/{number}").json() for number in (1, made["id"])]
        assert client.get("/vendors/play").json()["publishes"] is True
        kept = client.patch("/canaries/1", json={"published": False}).json()
        back = client.patch("/canaries/1", json={"published": None}).json()
    assert [(one["published"], one["published_set"]) for one in (*found, kept, back)] == [
        (True, None), (False, False), (False, False), (True, None),
    ]  # fmt: skip
    with site.database.reading() as session:
        actions = [line.action for line in audited(session, 10)]
    assert (actions.count("canary-published"), actions.count("vendor-published")) == (2, 1)


def test_a_new_vendor_may_be_one_that_shows_its_addresses(site: Site) -> None:
    with program(site) as client:
        new = {"name": "Town Hall", "domains": ["town.example"], "publishes": True}
        assert client.post("/vendors", json=new).json()["publishes"] is True


@pytest.mark.parametrize("body", [{}, {"published": "maybe"}, {"published": True, "state": "burned"}])
def test_what_is_shown_in_public_is_said_in_one_way(still: Site, body: dict[str, object]) -> None:
    with program(still) as client:
        assert client.patch("/canaries/1", json=body).status_code == 422


def test_who_may_only_read_says_of_nothing_that_it_is_shown_in_public(still: Site) -> None:
    with program(still, "read") as client:
        answers = [client.patch("/canaries/1", json={"published": True}), client.patch("/vendors/play", json={"publishes": True})]  # fmt: skip
    assert [answer.status_code for answer in answers] == [403, 403]


def test_the_document_says_what_being_shown_in_public_means(still: Site) -> None:
    with program(still) as client:
        document = client.get("/openapi.json").json()
    change = document["components"]["schemas"]["CanaryChange"]["properties"]["published"]
    assert ("patch" in document["paths"]["/api/v1/canaries/{canary_id}"], "no leak" in change["description"]) == (
        True,
        True,
    )
