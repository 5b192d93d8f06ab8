"""Whatever a stranger or a user sends, and whatever came by mail: no page breaks, and nothing of it acts."""

import re
from collections.abc import Iterator

import httpx
import pytest

from canary.web.app import create_app
from canary.web.config import WebConfig
from tests.oddities import ODD, QUICK, broken_addresses, broken_forms, pages
from tests.ways import ready
from tests.website import PASSWORD, Site, serve, serve_app

pytestmark = pytest.mark.slow

ACTS = re.compile(r"<script>alert|<img src=x|href=[\"']?(?:javascript|data):", re.IGNORECASE)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One site, which nothing here changes."""
    with serve(tmp_path_factory.mktemp("odd")) as site:
        ready(site)
        yield site


@pytest.mark.parametrize("odd", [*QUICK, *(pytest.param(odd, marks=pytest.mark.slow) for odd in ODD)])
def test_no_odd_value_in_an_address_breaks_a_page(site: Site, odd: str) -> None:
    assert broken_addresses(site, odd) == []


@pytest.mark.parametrize(
    "odd",
    [
        "x%00x",
        *(
            pytest.param(odd, marks=pytest.mark.slow)
            for odd in ("-1", "1" + "0" * 30, "%ed%a0%80", "x" * 5_000, "%0d%0a")
        ),
    ],
)
def test_no_odd_value_in_a_form_breaks_a_page(site: Site, odd: str) -> None:
    assert broken_forms(site, odd) == []


def test_nothing_that_came_by_mail_or_was_typed_acts_on_any_page(site: Site) -> None:
    acting, looked = [], 0
    names = {"slug": "play", "token": "x", "supplier": "silverline"}
    with site.logged_in() as client:
        for way in pages(site):
            path = re.sub(r"\{(\w+)[^}]*\}", lambda found: names.get(found[1], "1"), way.path)
            answer = client.get(path)
            if answer.headers.get("content-type", "").startswith("text/html"):
                looked += 1
                acting += [path] if ACTS.search(answer.text) else []
    assert acting == []
    assert looked > 15


def test_a_password_is_never_shown_again(site: Site) -> None:
    with site.client() as client:
        shown = client.post("/login", data={"name": '"><script>alert(1)</script>', "password": PASSWORD})
    assert PASSWORD not in shown.text
    assert not ACTS.search(shown.text)


@pytest.mark.parametrize(
    "path",
    ["/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static/....//app.py", "/static//etc/passwd", "/static/%5c..%5capp.py"],
)  # fmt: skip
def test_no_path_leads_out_of_the_files_of_the_site(site: Site, path: str) -> None:
    with site.client() as client:
        request = client.build_request("GET", path)
        request.url = httpx.URL(f"{site.url}").copy_with(raw_path=path.encode())
        answer = client.send(request)
    assert answer.status_code in (303, 400, 404)
    assert "create_app" not in answer.text


def test_what_only_users_see_is_kept_by_no_cache(site: Site) -> None:
    with site.logged_in() as client:
        kept = [
            way.path
            for way in pages(site)
            if "no-store" not in client.get(re.sub(r"\{[^}]+\}", "1", way.path)).headers["cache-control"]
        ]
    assert kept == []


def test_over_https_the_cookie_is_bound_to_the_host_and_plain_http_is_left_for_good(site: Site) -> None:
    app = create_app(WebConfig(site.database, lambda: site.now, url="https://canary.example"))
    with serve_app(Site("", app, site.database, site.now)) as secure, secure.client() as client:
        answer = client.post("/login", data={"name": "ada", "password": PASSWORD})
        cookie, browser = answer.headers.get_list("set-cookie")
        strict = {"HttpOnly", "Path=/", "SameSite=lax", "Secure"}
        assert set(cookie.split("; ")[1:]) == {*strict, "Max-Age=1209600"}
        assert set(browser.split("; ")[1:]) == {*strict, "Max-Age=34560000"}
        assert cookie.startswith("__Host-canary=")
        assert browser.startswith("__Host-canary-browser-")
        assert "max-age=" in answer.headers["strict-transport-security"]
        plain = cookie.partition(";")[0].replace("__Host-canary", "canary")
        assert client.get("/", headers={"Cookie": plain}).status_code == 303


def test_every_fault_bears_the_headers_of_every_page(site: Site) -> None:
    wanted = (
        "content-security-policy",
        "x-content-type-options",
        "x-frame-options",
        "referrer-policy",
        "cache-control",
    )
    with site.logged_in() as client:
        answers = [
            client.get("/nothing"), client.post("/login", headers={"Origin": "https://evil.example"}), client.get("/a%00b"),
            client.put("/login"), client.get("/api/v1/nothing"), client.post("/login", content=b"x" * 100_000),
        ]  # fmt: skip
    assert [(a.status_code, [h for h in wanted if h not in a.headers]) for a in answers] == [
        (404, []), (403, []), (400, []), (405, []), (404, []), (413, []),
    ]  # fmt: skip
