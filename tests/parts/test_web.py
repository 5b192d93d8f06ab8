"""The pages over a real server: closed by default, and safe against the mail they show."""

import json
import logging
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from fastapi.routing import APIRoute
from starlette.routing import Mount

from canary.model.mail import SET_ASIDE, TOO_COSTLY
from canary.senders.profile import list_senders
from canary.store import tables
from canary.store.tables import UnreadMailRow
from canary.web.app import create_app
from canary.web.config import WebConfig
from canary.web.routes import Role, RouteTable, WebRoute
from tests.website import EVIL, HOSTILE, NOW, PASSWORD, Site, serve, stray

PAGES = ("/", "/vendors/play", "/cases/1", "/mail/1", "/canaries", "/senders", "/campaigns", "/campaigns/1")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site of its own, for a test that changes it."""
    with serve(tmp_path) as site:
        yield site


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One site for all tests that only look."""
    with serve(tmp_path_factory.mktemp("still")) as site:
        yield site


def test_mail_that_reached_no_canary_is_listed_under_postmaster(site: Site) -> None:
    with site.database.writing() as session:
        session.add_all(
            [stray(f"t{n}", [f"{word}@example.net" for word in ("postmaster", *"abcd")]) for n in range(50)]
        )
    with site.logged_in() as client:
        first = client.get("/tray").text
        assert first.count("and 2 more") == 50
        [older] = re.findall(r'href="(/tray\?before=\d+)"', first)
        second = client.get(older).text
        assert re.findall(r'href="(/mail/\d+)"', second) == ["/mail/2"]
        assert "It reached no canary" in client.get("/mail/2").text
        assert "It reached no canary" not in client.get("/mail/1").text


def test_mail_that_nobody_read_is_listed_by_its_envelope(site: Site) -> None:
    with site.database.writing() as session:
        session.add_all(UnreadMailRow(mail_id=number, at=NOW, why=SET_ASIDE) for number in (1, 2))
        session.add_all(stray(f"t{n}", []) for n in range(50))
        session.flush()
        session.add_all(UnreadMailRow(mail_id=number, at=NOW, why=TOO_COSTLY) for number in range(3, 53))
    with site.logged_in() as client:
        first = client.get("/set-aside").text
        assert (first.count("too costly to read"), "<script>alert" in first) == (50, False)
        [older] = re.findall(r'href="(/set-aside\?before=\d+)"', first)
        second = client.get(older).text
    assert (second.count("brought the worker down</td>"), re.findall(r'href="(/mail/\d+)"', second)) == (
        2,
        ["/mail/2", "/mail/1"],
    )


def log_in(client: httpx.Client, password: str = PASSWORD, **more: str) -> httpx.Response:
    return client.post("/login", data={"name": "ada", "password": password, **more})


def concrete(path: str) -> str:
    return re.sub(r"\{[^}]+\}", "1", path)


def test_every_route_is_closed_but_the_named_ones(still: Site) -> None:
    open_to_all = {way.path for way in still.app.state.ways if way.role is Role.PUBLIC}
    entrances = {"/login", "/login/once/{token}", "/login/reset/{token}", "/answer/{token}"}
    assert open_to_all == entrances | {"/healthz", "/readyz", "/static", "/manifest.webmanifest"}
    with still.client() as client:
        client.headers["X-Forwarded-For"] = "192.0.2.7"
        for way in still.app.state.ways:
            if way.role is not Role.PUBLIC and isinstance(way, WebRoute):
                answer = client.request(way.method, concrete(way.path))
                assert (way.path, answer.status_code in (303, 401)) == (way.path, True)
                assert answer.headers.get("location", "/login").startswith("/login")


def test_a_route_without_a_declared_role_is_not_served(still: Site) -> None:
    stray = APIRoute("/stray", lambda: None, methods=["GET"])
    with pytest.raises(ValueError, match="route /stray: no role was declared"):
        RouteTable([*still.app.routes, stray], still.app.state.ways)
    with pytest.raises(ValueError, match="route /more: no role was declared"):
        RouteTable([Mount("/more", still.app)], still.app.state.ways)


def test_a_login_opens_the_pages_and_a_logout_closes_them_for_good(still: Site) -> None:
    with still.client() as client:
        assert log_in(client).headers["location"] == "/"
        assert [client.get(page).status_code for page in PAGES] == [200] * len(PAGES)
        stolen = dict(client.cookies)
        assert client.post("/logout").headers["location"] == "/login"
        client.cookies.update(stolen)
        assert client.get("/").status_code == 303


def test_a_session_ends_after_two_weeks(site: Site) -> None:
    with site.client() as client:
        log_in(client)
        site.now += timedelta(days=14)
        assert client.get("/").status_code == 303


def test_a_login_replaces_the_token_the_browser_came_with(still: Site) -> None:
    with still.logged_in() as client:
        before = client.cookies["canary"]
        fresh = log_in(client).cookies["canary"]
        client.cookies.clear()
        assert fresh != before
        assert client.get("/", headers={"Cookie": f"canary={before}"}).status_code == 303
        assert client.get("/", headers={"Cookie": f"canary={fresh}"}).status_code == 200


def test_a_made_up_token_is_not_taken_on_at_login(still: Site) -> None:
    with still.client() as client:
        fresh = client.post("/login", data={"name": "ada", "password": PASSWORD}, headers={"Cookie": "canary=mine"})
        assert fresh.cookies["canary"] != "mine"


def test_the_cookie_is_out_of_reach_of_scripts_and_bound_to_the_host_over_https(tmp_path: Path, site: Site) -> None:
    with site.client() as client:
        assert {"HttpOnly", "Path=/", "SameSite=lax"} <= set(log_in(client).headers["set-cookie"].split("; "))
    app = create_app(WebConfig(site.database, lambda: NOW, url="https://canary.example"))
    assert (app.state.door.cookie, app.state.door.secure) == ("__Host-canary", True)


@pytest.mark.slow
def test_the_eleventh_wrong_password_is_refused_whether_the_user_exists_or_not(site: Site) -> None:
    with site.client() as client:
        for name in ("ada", "nobody"):
            tries = [client.post("/login", data={"name": name, "password": "wrong"}) for _ in range(11)]
            assert [answer.status_code for answer in tries] == [401] * 10 + [429]
            assert "Name or password is wrong." in tries[0].text
        assert log_in(client).status_code == 429
        site.now += timedelta(minutes=15)
        assert log_in(client).status_code == 303


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, 303),
    ],
)
def test_a_form_of_another_site_is_refused(still: Site, headers: dict[str, str], status: int) -> None:
    with still.client() as client:
        assert client.post("/login", data={"name": "ada", "password": PASSWORD}, headers=headers).status_code == status


def test_a_form_that_is_too_large_is_refused(still: Site) -> None:
    with still.client() as client:
        assert log_in(client, "x" * 100_000).status_code == 413


def test_a_login_link_is_spent_by_its_button_and_by_nothing_else(still: Site) -> None:
    link = still.link()
    with still.client() as client, still.client() as other:
        assert [client.get(link).status_code for _ in range(2)] == [200, 200]
        assert client.post(link).headers["location"] == "/"
        assert client.get("/").status_code == 200
        assert other.post(link).status_code == 410
        assert other.get("/").status_code == 303


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        ("/cases/1", "/cases/1"),
        ("/new?site=shop.example%2Fa", "/new?site=shop.example%2Fa"),
        ("/x?a\r\nb", "/"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil.example", "/"),
    ],
)
def test_a_login_leads_to_our_own_pages_only(still: Site, wanted: str, got: str) -> None:
    with still.client() as client:
        assert log_in(client, next=wanted).headers["location"] == got


@pytest.mark.parametrize("page", PAGES)
def test_what_came_by_mail_is_shown_as_text(still: Site, page: str) -> None:
    with still.logged_in() as client:
        shown = re.sub(r'<script defer src="/static/[\w./?=-]+"></script>', "", client.get(page).text)
    assert "<script" not in shown
    assert "<img src=x" not in shown
    assert " style=" not in shown
    assert page == "/mail/1" or "&lt;script&gt;" in shown


def test_links_of_a_mail_are_broken_and_lead_nowhere(still: Site) -> None:
    with still.logged_in() as client:
        shown = client.get("/mail/1").text
    assert "hxxps://bad[.]example/" in shown
    assert "hxxp://bad[.]example/x" in shown
    assert all(link.startswith("/") for link in re.findall(r'(?:href|src)="([^"]*)"', shown.replace("#main", "/")))


def test_the_html_of_a_mail_is_shown_inert_under_a_policy_of_its_own(still: Site) -> None:
    with still.logged_in("viewer") as client:
        answer = client.get("/mail/1/html")
        assert client.get("/mail/2/html").status_code == 404
    assert "<p>Dear <b>Ada</b><a>b</a></p>" in answer.text
    assert not re.search(r"alert|http:|<img|<form", answer.text)
    policy = answer.headers["content-security-policy"]
    assert {"default-src 'none'", "form-action 'none'", "sandbox"} <= set(policy.split("; "))
    assert "script" not in policy


def test_a_mail_is_handed_out_octet_for_octet_as_a_file(still: Site) -> None:
    with still.logged_in("viewer") as client:
        answer = client.get("/mail/1/raw")
    assert answer.content == HOSTILE
    assert answer.headers["content-disposition"] == 'attachment; filename="mail-1.eml"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/vendors/nobody", "/cases/99", "/cases/x", "/mail/0", "/mail/9" + "9" * 30, "/static/../app.py"],
)
def test_what_is_not_there_is_not_found(still: Site, path: str) -> None:
    with still.logged_in() as client:
        answer = client.get(path)
    assert answer.status_code == 404
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("path", [*PAGES, "/login", "/nothing", "/healthz", "/static/canary.css"])
def test_every_answer_forbids_what_pages_do_not_need(still: Site, path: str) -> None:
    with still.logged_in() as client:
        headers = client.get(path).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")


def test_a_store_that_is_down_is_reported_in_one_line(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    with site.logged_in() as client:
        site.database.close()
        path = Path(site.database.url.database or "")
        for file in path.parent.glob("canary.db*"):
            file.unlink()
        path.mkdir()
        assert (client.get("/readyz").status_code, client.get("/healthz").status_code) == (503, 200)
        answer = client.get("/")
    assert answer.status_code == 503
    assert "The store cannot be reached right now" in answer.text


def decide(client: httpx.Client, answer: str, sender: str = EVIL, **headers: str) -> httpx.Response:
    return client.post("/senders", data={"vendor": "play", "sender": sender, "answer": answer}, headers=headers)


def states(site: Site) -> list[tuple[str, str]]:
    with site.database.reading() as session:
        return [(sender.state.value, sender.by) for sender in list_senders(session)]


def test_a_sender_is_approved_and_refused_by_a_form(site: Site) -> None:
    with site.logged_in() as client:
        assert (decide(client, "approve").status_code, states(site)) == (303, [("learned", "ada")])
        assert (decide(client, "deny").status_code, states(site)) == (303, [("denied", "ada")])


def test_a_decision_is_taken_back(site: Site) -> None:
    with site.logged_in() as client:
        assert [decide(client, answer).status_code for answer in ("deny", "undo")] == [303, 303]
    assert states(site) == [("pending", "")]


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_what_an_answer_will_do_is_shown_and_changes_nothing(site: Site, headers: dict[str, str]) -> None:
    asked = {"vendor": "play", "sender": EVIL, "next": "//bad.example"}
    with site.logged_in() as client:
        shown = client.get("/senders/effect", params=asked, headers=headers)
        assert (shown.status_code, shown.text.count("later mail is"), "<html" in shown.text) == (200, 2, not headers)
        assert client.get("/senders/effect", params=asked | {"sender": "nobody.example"}).status_code == 404
        assert client.get("/senders/effect", params=asked | {"vendor": "nobody"}).status_code == 404
    assert ("<script>alert" in shown.text, 'bad.example"' in shown.text, states(site)) == (
        False,
        False,
        [("pending", "")],
    )


def test_who_may_only_look_learns_nothing_of_answers(site: Site) -> None:
    with site.logged_in("viewer") as client:
        assert client.get("/senders/effect", params={"vendor": "play", "sender": EVIL}).status_code == 403
        assert client.get("/vendors/play/family", params={"do": "add-domain", "what": "a.example"}).status_code == 403
        assert "/senders/effect" not in client.get("/mail/1").text


@pytest.mark.parametrize(
    ("do", "what", "status", "said"),
    [
        ("add-domain", "play-mail.example", 200, "Do it"),
        ("add-domain", "gmail.com", 400, "a platform that many senders share"),
        ("add-domain", EVIL, 400, "not a domain"),
        ("add-name", EVIL, 200, "Do it"),
        ("add-name", "x", 400, "give a name of 2 to 100 characters"),
        ("remove-domain", "nobody.example", 404, ""),
        ("burn", "x", 400, ""),
        ("add-name", "", 400, ""),
    ],
)
def test_a_change_of_a_family_is_shown_before_it_is_made(
    site: Site, do: str, what: str, status: int, said: str
) -> None:
    with site.logged_in() as client:
        shown = client.get("/vendors/play/family", params={"do": do, "what": what})
        assert (shown.status_code, said in shown.text, "<script>alert" in shown.text) == (status, True, False)
        assert (client.post("/vendors/play/family", data={"do": do, "what": what}).status_code == 303) == (
            status == 200
        )


def test_past_mail_that_is_being_judged_again_is_said_on_every_page(site: Site) -> None:
    with site.database.writing() as session:
        session.add(tables.RejudgeJobRow(vendor_id=1, key=EVIL, text="x", who="ada", at=NOW, done=300, count=1240))
    with site.logged_in() as client:
        assert "300 of 1,240 mails done" in client.get("/").text


def test_a_decision_from_another_site_is_refused(site: Site) -> None:
    with site.logged_in() as client:
        assert decide(client, "approve", Origin="https://bad.example").status_code == 403
        assert decide(client, "approve", **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert states(site) == [("pending", "")]


def test_who_may_only_look_decides_nothing(site: Site) -> None:
    with site.database.writing() as session:
        session.get_one(tables.UserRow, 1).role = "viewer"
    with site.logged_in() as client:
        assert decide(client, "approve").status_code == 403
        assert '<form method="post" action="/senders"' not in client.get("/senders").text
    assert states(site) == [("pending", "")]


@pytest.mark.parametrize(("answer", "sender", "status"), [("maybe", EVIL, 400), ("deny", "nobody.example", 404)])
def test_a_decision_that_makes_no_sense_changes_nothing(site: Site, answer: str, sender: str, status: int) -> None:
    with site.logged_in() as client:
        assert decide(client, answer, sender).status_code == status
    assert states(site) == [("pending", "")]


def test_readiness_shows_this_machine_the_state_of_the_parts(still: Site) -> None:
    with still.client() as client:
        told = {"ready": True, "store": "ok", "listener": "listening"}
        assert json.loads(client.get("/readyz").text) == told


def test_metrics_are_for_this_machine_and_for_users(still: Site) -> None:
    with still.client() as client, still.logged_in() as user:
        assert 'canary_hits{verdict="spam"} 1.0' in client.get("/metrics").text
        assert client.get("/metrics", headers={"X-Forwarded-For": "192.0.2.1"}).status_code == 401
        assert user.get("/metrics", headers={"X-Forwarded-For": "192.0.2.1"}).status_code == 200
