"""A new address for a site that was typed in, shared or sent by a bookmark."""

from collections.abc import Iterator

import httpx
import pytest

from canary.model.canary import Canary
from canary.store.queries import canaries, vendors
from canary.store.queries.vendors import vendor_row
from tests.website import Site, serve


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serve(tmp_path_factory.mktemp("new")) as site:
        yield site


def post(served: Site, role: str = "analyst", accept: str = "text/html", **form: str) -> httpx.Response:
    with served.logged_in(role) as client:
        return client.post("/new", data=form, headers={"Accept": accept})


def held(site: Site, vendor: str) -> list[Canary]:
    with site.database.reading() as session:
        return canaries.list_canaries(session, vendor)


SHARED = {
    "a bookmark": {"site": "www.shop.example"},
    "a shared page": {"title": "Tea at 5.30", "text": "", "url": "https://www.shop.example/tea?id=5#top"},
    "a shared text": {"title": "Tea", "text": "Look at https://www.shop.example/tea, it is cheap"},
    "a page typed in": {"site": "https://www.shop.example/"},
}


@pytest.mark.parametrize("how", SHARED)
def test_the_site_of_what_was_shared_stands_in_the_form(site: Site, how: str) -> None:
    with site.logged_in("analyst") as client:
        text = client.get("/new", params=SHARED[how]).text
    assert 'value="shop.example"' in text


def test_a_page_is_taken_as_its_site_and_a_new_vendor_has_its_domain(site: Site) -> None:
    went = post(site, site="https://www.shop.example/")
    [made] = held(site, "shop-example")
    with site.database.reading() as session:
        assert vendors.get_vendor(session, "shop-example").domains == ("shop.example",)
        assert vendor_row(session, "shop-example").unconfirmed is False
    assert (went.status_code, went.headers["location"]) == (303, f"/canaries/{made.id}")
    assert (made.tentative, made.channel, made.address.startswith("shop-")) == (False, "signup", True)


def test_a_vendor_is_found_by_its_name_or_any_of_its_sites(site: Site) -> None:
    post(site, site="tea.example")
    post(site, site="http://login.tea.example:8080/x", channel="news")
    post(site, site="Tea-Example")
    assert sorted(made.channel for made in held(site, "tea-example")) == ["news", "signup", "signup"]


@pytest.mark.parametrize("text", ["No such vendor", "example.net", "127.0.0.1", "http://localhost/", "<b>x</b>"])
def test_what_is_no_site_is_refused_in_one_line_and_stands_in_the_form(site: Site, text: str) -> None:
    answer = post(site, site=text)
    assert (answer.status_code, "Site &#39;" in answer.text, "<b>x</b>" in answer.text) == (400, True, False)


def test_a_script_gets_the_address_to_copy_it(site: Site) -> None:
    answer = post(site, accept="application/json", site="books.example")
    [made] = held(site, "books-example")
    assert answer.json() == {"address": made.address, "page": f"/canaries/{made.id}"}


def test_a_viewer_makes_none(site: Site) -> None:
    assert post(site, "viewer", site="books.example").status_code == 403
    with site.logged_in("viewer") as client:
        assert client.get("/new").status_code == 403


def test_another_site_cannot_make_any(site: Site) -> None:
    with site.logged_in() as client:
        assert (
            client.post("/new", data={"site": "a.example"}, headers={"Origin": "https://evil.example"}).status_code
            == 403
        )


def test_what_was_shared_outlives_the_login(site: Site) -> None:
    with site.client() as client:
        to = client.get("/new?url=https%3A%2F%2Fshop.example%2Ftea").headers["location"]
        assert to == "/login?next=%2Fnew%3Furl%3Dhttps%253A%252F%252Fshop.example%252Ftea"
        assert 'value="/new?url=https%3A%2F%2Fshop.example%2Ftea"' in client.get(to).text


def test_the_manifest_is_read_without_a_session(site: Site) -> None:
    with site.client() as client:
        answer = client.get("/manifest.webmanifest")
        told = answer.json()
        icons = [client.get(icon["src"]) for icon in told["icons"]]
    assert answer.headers["content-type"] == "application/manifest+json"
    assert (told["share_target"]["action"], told["share_target"]["method"]) == ("/new", "GET")
    assert [(icon.status_code, icon.headers["content-type"]) for icon in icons] == [(200, "image/png")] * 3
