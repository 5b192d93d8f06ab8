"""Users, their sessions and tokens over the real server: who is let in, for how long, and what is written down."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from argon2 import PasswordHasher

from canary.store.database import Database
from canary.store.queries.audit import audit, audited
from canary.store.queries.users import LONGEST, ROLES
from canary.store.tables import UserRow
from canary.web.app import create_app
from canary.web.config import WebConfig
from canary.web.routes import Role, WebRoute
from tests.patience import PATIENCE
from tests.ways import FRESH, WAYS, add_spares, ready
from tests.website import EVIL, NOW, PASSWORD, Site, serve, serve_app


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site of its own for each test."""
    with serve(tmp_path) as site:
        yield site


@contextmanager
def log_in(site: Site, name: str = "ada", password: str = PASSWORD) -> Iterator[httpx.Client]:
    with site.client() as client:
        assert client.post("/login", data={"name": name, "password": password}).status_code == 303
        yield client


def inside(client: httpx.Client) -> bool:
    return client.get("/").status_code == 200


def link_in(page: httpx.Response) -> str:
    [link] = re.findall(r"<code>http://[^/]+(/login/reset/[\w-]+)</code>", page.text)
    return str(link)


def choose(client: httpx.Client, link: str, password: str = FRESH, again: str = FRESH) -> int:
    return client.post(link, data={"password": password, "again": again}).status_code


def test_a_new_user_chooses_a_password_by_a_link_that_works_once(site: Site) -> None:
    with site.logged_in() as admin, site.client() as bob:
        link = link_in(admin.post("/setup/users", data={"name": "Bob", "role": "analyst"}))
        assert bob.get(link).status_code == 200
        assert [choose(bob, link, again="other"), choose(bob, link, "short", "short")] == [400, 400]
        assert [choose(bob, link), inside(bob), choose(bob, link)] == [303, True, 410]
    with log_in(site, "bob", FRESH) as bob:
        assert inside(bob)


def test_a_link_to_choose_a_password_ends_after_a_day_and_with_the_next_one(site: Site) -> None:
    with site.logged_in() as admin, site.client() as bob:
        first = link_in(admin.post("/setup/users", data={"name": "bob"}))
        second = link_in(admin.post("/setup/users/4/reset"))
        assert choose(bob, first) == 410
        site.now += timedelta(days=1)
        assert choose(bob, second) == 410


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"name": "ada"}, 422),
        ({"name": " "}, 422),
        ({"name": "x" * 65}, 422),
        ({"name": "b\x00b"}, 422),
        ({"name": "bob", "role": "king"}, 422),
    ],
)
def test_a_user_that_cannot_be_is_refused_in_one_line(site: Site, fields: dict[str, str], status: int) -> None:
    with site.logged_in() as admin:
        answer = admin.post("/setup/users", data=fields)
    assert answer.status_code in (status, 400)
    assert "Traceback" not in answer.text


@pytest.mark.slow
def test_a_changed_role_ends_every_session_of_its_user(site: Site) -> None:
    with site.logged_in() as admin, site.logged_in("analyst") as analyst:
        assert inside(analyst)
        assert admin.post("/setup/users/2/role", data={"role": "viewer"}).status_code == 303
        assert not inside(analyst)


def test_the_last_admin_stays_one_and_stays(site: Site) -> None:
    with site.logged_in() as admin:
        assert admin.post("/setup/users/1/role", data={"role": "viewer"}).status_code == 422
        refused = admin.post("/setup/users/1/remove")
        assert (refused.status_code, "is the last admin: make somebody else an admin first" in refused.text) == (
            422,
            True,
        )
        admin.post("/setup/users/2/role", data={"role": "admin"})
        assert admin.post("/setup/users/1/remove").status_code == 303
        assert not inside(admin)


def test_a_removed_user_is_out_with_its_sessions_and_tokens(site: Site) -> None:
    token = site.secret("api", "viewer")
    with site.logged_in() as admin, site.logged_in("viewer") as viewer:
        assert admin.post("/setup/users/3/remove").status_code == 303
        assert not inside(viewer)
        assert metrics(site, token) == 401


def metrics(site: Site, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": "192.0.2.1"}
    return httpx.get(f"{site.url}/metrics", headers=headers, trust_env=False, timeout=PATIENCE).status_code


@pytest.mark.slow
def test_a_changed_password_ends_every_other_session(site: Site) -> None:
    with log_in(site) as here, log_in(site) as there:
        wrong = {"present": "wrong", "password": FRESH, "again": FRESH}
        assert here.post("/account/password", data=wrong).status_code == 422
        assert here.post("/account/password", data={**wrong, "present": PASSWORD}).status_code == 303
        assert (inside(here), inside(there)) == (True, False)


@pytest.mark.slow
def test_the_present_password_cannot_be_tried_without_end(site: Site) -> None:
    with site.logged_in() as client:
        wrong = {"present": "wrong", "password": FRESH, "again": FRESH}
        assert [client.post("/account/password", data=wrong).status_code for _ in range(11)] == [422] * 10 + [429]


def test_a_session_is_ended_from_another_one(site: Site) -> None:
    with log_in(site) as here, log_in(site) as there:
        [other] = re.findall(r'name="token" value="(\w+)"', here.get("/account").text)
        assert here.post("/account/sessions/end", data={"token": other}).status_code == 303
        assert (inside(here), inside(there)) == (True, False)
        assert here.post("/account/sessions/end", data={"token": other}).status_code == 404


def test_nobody_ends_sessions_of_others_but_an_admin(site: Site) -> None:
    with site.logged_in("viewer") as viewer, site.logged_in("analyst") as analyst, site.logged_in() as admin:
        [*_, theirs] = re.findall(r'name="token" value="(\w+)"', admin.get("/setup/users/2").text)
        assert viewer.post("/account/sessions/end", data={"token": theirs}).status_code == 404
        assert inside(analyst)
        assert admin.post("/setup/users/2/end", data={"token": theirs}).status_code == 303
        assert not inside(analyst)


def test_a_token_is_shown_once_works_until_it_ends_and_begins_no_session(site: Site) -> None:
    with site.logged_in() as admin:
        made = admin.post("/setup/tokens", data={"name": "scraper", "scope": "read", "days": "1"})
        [secret] = re.findall(r"<code>([\w-]{43})</code>", made.text)
        listed = admin.get("/setup/tokens").text
        assert secret not in listed
        assert metrics(site, secret) == 200
        with site.client() as stranger:
            for headers in ({"Authorization": f"Bearer {secret}"}, {"Cookie": f"canary={secret}"}):
                assert stranger.get("/", headers=headers).status_code == 303
            assert stranger.get("/metrics", params={"token": secret, "access_token": secret}, headers={"X-Forwarded-For": "192.0.2.1"}).status_code == 401  # fmt: skip
            assert "set-cookie" not in stranger.get("/metrics", headers={"Authorization": f"Bearer {secret}"}).headers
        [token] = re.findall(r'name="token" value="(\w+)"', listed)
        assert admin.post("/setup/tokens/end", data={"token": token}).status_code == 303
        assert metrics(site, secret) == 401


def test_a_token_ends_by_itself(site: Site) -> None:
    secret = site.secret("api")
    assert metrics(site, secret) == 200
    site.now += timedelta(days=1)
    assert metrics(site, secret) == 401


def test_a_wrong_token_is_not_made_good_by_a_session_or_by_being_local(site: Site) -> None:
    with site.logged_in() as admin:
        assert admin.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 401


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "", "days": "1"},
        {"name": "x", "scope": "king"},
        {"name": "x", "days": "0"},
        {"name": "x", "days": "9" * 30},
    ],
)
def test_a_token_that_cannot_be_is_refused(site: Site, fields: dict[str, str]) -> None:
    with site.logged_in() as admin:
        assert admin.post("/setup/tokens", data=fields).status_code in (400, 422)


@pytest.mark.slow
def test_processes_that_serve_one_store_count_tries_together(site: Site, tmp_path: Path) -> None:
    with serve_again(site) as other, site.client() as here, other.client() as there:
        answers = [client.post("/login", data={"name": "ada", "password": "wrong"}) for client in [here, there] * 6]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 2


def serve_again(site: Site) -> AbstractContextManager[Site]:
    database = Database(str(site.database.url))
    return serve_app(Site("", create_app(WebConfig(database, lambda: site.now)), database, site.now))


def test_an_old_hash_is_renewed_when_its_password_is_proven(site: Site) -> None:
    with site.database.writing() as session:
        session.get_one(UserRow, 1).password = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    with log_in(site) as client:
        assert inside(client)
    with site.database.reading() as session:
        assert "$m=19456,t=2,p=1$" in session.get_one(UserRow, 1).password


def test_a_password_of_any_letters_is_taken_and_one_without_end_is_not(site: Site) -> None:
    with site.client() as client:
        assert client.post("/login", data={"name": "ada", "password": "x" * (LONGEST + 1)}).status_code in (400, 401)
        assert client.post("/login", content=b"name=ada&password=%ff%00%ed%a0%80", headers={"Content-Type": "application/x-www-form-urlencoded"}).status_code in (400, 401)  # fmt: skip


def audit_lines(site: Site) -> int:
    with site.database.reading() as session:
        return len(audited(session, 1000))


@pytest.mark.slow
def test_every_change_is_written_down_with_who_and_from_where(site: Site) -> None:
    changing = {(w.method, w.path) for w in site.app.state.ways if isinstance(w, WebRoute) and w.method != "GET"}
    assert {key for key in changing if not key[1].startswith(("/api/", "/compat/"))} == set(WAYS)
    ready(site)
    add_spares(site)
    with site.logged_in() as client:
        silent = [key for key, (path, data) in WAYS.items() if not tells(site, client, path, data)]
    assert silent == []
    with site.database.reading() as session:
        assert {(row.who, row.client) for row in audited(session)} == {("ada", "127.0.0.1"), ("link 2", "127.0.0.1")}


def tells(site: Site, client: httpx.Client, path: str, data: dict[str, str]) -> bool:
    if path in ("ONCE", "RESET"):
        path = f"/login/{path.lower()}/{site.secret({'ONCE': 'login', 'RESET': 'reset'}[path])}"
    if data.get("token") == "TOKEN":
        data = {"token": re.findall(r'name="token" value="(\w+)"', client.get("/setup/tokens").text)[0]}
    if path == "LINK":
        [path] = re.findall(
            r"<code>http://[^/]+(/answer/[\w.]+)</code>", client.post("/cases/1/link", data={"vendor": "play"}).text
        )
    before = audit_lines(site)
    answer = client.post(path, data=data)
    assert (path, answer.status_code) in ((path, 303), (path, 200)), answer.text
    return audit_lines(site) > before


def test_the_audit_log_is_paged_filtered_and_handed_out_as_a_table(site: Site) -> None:
    with site.database.writing() as session:
        for n in range(120):
            audit(session, NOW, "=ada" if n % 2 else EVIL, "case" if n % 3 else "vendor", EVIL, f"line {n}")
    with site.logged_in() as admin:
        first = admin.get("/audit").text
        [older] = re.findall(r'href="(/audit\?before=[^"]+)"', first)
        assert ("line 119" in first, "line 5<" in admin.get(older.replace("&amp;", "&")).text) == (True, True)
        assert "<script>alert" not in first
        assert admin.get("/audit", params={"who": "=ada", "action": "case"}).text.count(">case</a>") == 40
        assert "'=ada" in admin.get("/audit.csv", params={"who": "=ada"}).text


def test_roles_are_those_of_the_store() -> None:
    assert ("public", *ROLES) == tuple(Role)
