"""The first-run page: one link opens one form, and all else is closed until an installation was made."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from canary.processes.first_run import is_first_run
from canary.processes.first_run_server import FirstRunPlace
from canary.settings import Arranged, load_settings
from canary.store.database import Database
from canary.web.first_run import LIFETIME, FirstRunLink, FirstRunSite, create_first_run_app, new_link
from tests.website import EVIL, NOW, PASSWORD, Site, serve_app

FILLED = {"name": "ada", "password": PASSWORD, "again": PASSWORD, "domain": "inbox.example"}
SECURE = ("content-security-policy", "x-content-type-options", "referrer-policy")


@dataclass
class FirstRunHouse:
    """A folder in which there is nothing, and the page that sets it up."""

    folder: Path
    site: Site
    link: FirstRunLink
    done: list[str] = field(default_factory=list)

    @property
    def config(self) -> Path:
        return self.folder / "canary.toml"

    def post(self, token: str = "", **given: str) -> httpx.Response:
        with self.site.client() as client:
            return client.post(f"/first-run/{token or self.link.token}", data={**FILLED, **given})

    def get(self, path: str, **headers: str) -> httpx.Response:
        with self.site.client() as client:
            return client.get(path, headers=headers)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[FirstRunHouse]:
    nothing = Database("sqlite://")
    site, link = Site("", None, nothing, NOW), new_link(NOW)  # type: ignore[arg-type]
    found = FirstRunHouse(tmp_path, site, link)
    place = FirstRunPlace(Arranged(data=tmp_path / "data"), found.config, {}, lambda: site.now)
    site.app = create_first_run_app(FirstRunSite(
        link, "http://127.0.0.1:8025", (), lambda: site.now, place.make, str, lambda: found.done.append("done")
    ))  # fmt: skip
    with serve_app(site):
        yield found


def test_the_form_makes_an_installation_whose_first_user_is_logged_in(house: FirstRunHouse) -> None:
    answer = house.post()
    assert (answer.status_code, house.done) == (200, ["done"])
    assert "HttpOnly" in answer.headers["set-cookie"]
    found = load_settings(house.config, {})
    assert (found.domains, found.smtp.hostname) == (("inbox.example",), "mail.inbox.example")
    assert not is_first_run(found, house.config)


def test_the_link_works_once(house: FirstRunHouse) -> None:
    assert [house.post().status_code, house.post().status_code] == [200, 410]
    assert house.get(f"/first-run/{house.link.token}").status_code == 410


def test_looking_at_the_form_spends_nothing(house: FirstRunHouse) -> None:
    assert [house.get(f"/first-run/{house.link.token}").status_code for _ in range(3)] == [200] * 3
    assert house.post().status_code == 200


def test_the_link_ends_after_an_hour(house: FirstRunHouse) -> None:
    house.site.now += LIFETIME - timedelta(seconds=1)
    assert house.get(f"/first-run/{house.link.token}").status_code == 200
    house.site.now += timedelta(seconds=1)
    assert (house.get(f"/first-run/{house.link.token}").status_code, house.post().status_code) == (410, 410)


@pytest.mark.parametrize("token", ["x", "x" * 43, "%00", "\u00e4"])
def test_another_token_opens_nothing(house: FirstRunHouse, token: str) -> None:
    assert house.post(token).status_code == 410
    assert not house.config.exists()


@pytest.mark.parametrize("path", ["/", "/login", "/setup", "/api/v1/cases", "/metrics", "/first-run/", "/healthz"])
def test_all_else_is_closed_and_says_where_the_link_is(house: FirstRunHouse, path: str) -> None:
    answer = house.get(path)
    assert (answer.status_code, "that `canary up` shows" in answer.text) == (503, True)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"again": "other"}, "The two passwords differ"),
        ({"password": "short", "again": "short"}, "choose one with at least 10"),
        ({"domain": "nodots"}, "domain &#39;nodots&#39;: not a domain"),
        ({"domain": EVIL}, "not a domain"),
        ({"domain": "a" * 300 + ".example"}, "not a domain"),
        ({"hostname": "x y"}, "name of this machine"),
        ({"name": ""}, "name"),
    ],
)
def test_what_cannot_be_is_said_in_the_form_which_can_be_sent_again(
    house: FirstRunHouse, given: dict[str, str], line: str
) -> None:
    answer = house.post(**given)
    assert (answer.status_code, line in answer.text, "<script>alert" in answer.text) == (422, True, False)
    assert not house.config.exists()
    assert house.post().status_code == 200


def test_a_page_of_another_site_sets_up_nothing(house: FirstRunHouse) -> None:
    with house.site.client() as client:
        client.headers["Origin"] = "http://evil.example"
        assert client.post(f"/first-run/{house.link.token}", data=FILLED).status_code == 503
    assert not house.config.exists()


def test_a_name_that_is_not_ours_reaches_nothing(house: FirstRunHouse) -> None:
    assert house.get(f"/first-run/{house.link.token}", Host="evil.example").status_code >= 400


def test_the_page_is_kept_from_frames_and_from_telling_its_address(house: FirstRunHouse) -> None:
    answer = house.get(f"/first-run/{house.link.token}")
    assert [name for name in SECURE if name not in answer.headers] == []
