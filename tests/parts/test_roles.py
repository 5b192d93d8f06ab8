"""Who may do what: every route of the real router, asked by everybody."""

import re
from collections.abc import Iterator

import httpx
import pytest

from canary.web.routes import COMPAT, Role, WebRoute
from tests.patience import PATIENCE
from tests.website import USERS, Site, serve

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One site: what is refused changes nothing, and what is let through is empty."""
    with serve(tmp_path_factory.mktemp("roles")) as site:
        yield site


def concrete(path: str) -> str:
    return re.sub(r"\{[^}]+\}", "999", path)


def closed(site: Site) -> list[WebRoute]:
    return [way for way in site.app.state.ways if isinstance(way, WebRoute) and way.role is not Role.PUBLIC]


def for_sign_ups(way: WebRoute) -> bool:
    return way.path.startswith(f"{COMPAT}/")


def refused(answer: httpx.Response) -> bool:
    to_login = answer.headers.get("location", "").startswith("/login")
    return answer.status_code in (401, 403) or (answer.status_code == 303 and to_login)


@pytest.mark.parametrize("role", [None, *USERS])
def test_every_route_is_open_to_its_least_role_and_above_and_to_nobody_else(site: Site, role: str | None) -> None:
    have, wrong = Role(role or "public"), {}
    with site.logged_in(role) if role else site.client() as client:
        client.headers["X-Forwarded-For"] = "192.0.2.7"
        for way in closed(site):
            if way.path == "/logout" and role:
                continue
            # News have no end: what is asked is answered by the head already.
            with client.stream(way.method, concrete(way.path)) as answer:
                pass
            if refused(answer) is (have.allows(way.role) and not for_sign_ups(way)):
                wrong[way.method, way.path] = answer.status_code
    assert wrong == {}


@pytest.mark.parametrize("role", USERS)
@pytest.mark.parametrize(("scope", "most"), [("read", "viewer"), ("write", "analyst"), ("admin", "admin")])
def test_a_token_allows_what_both_its_scope_and_its_user_may(site: Site, role: str, scope: str, most: str) -> None:
    have = min(Role(role), Role(most), key=list(Role).index)
    headers, wrong = {"Authorization": f"Bearer {site.secret('api', role, scope)}"}, {}
    with httpx.Client(base_url=site.url, trust_env=False, verify=False, timeout=PATIENCE) as client:
        for way in closed(site):
            with client.stream(way.method, concrete(way.path), headers=headers) as answer:
                pass
            if refused(answer) is (way.token and have.allows(way.role) and not for_sign_ups(way)):
                wrong[way.method, way.path] = answer.status_code
    assert wrong == {}


@pytest.mark.parametrize("role", USERS)
def test_a_token_for_sign_ups_opens_what_is_for_them_and_nothing_else(site: Site, role: str) -> None:
    headers, wrong = {"Authorization": f"Bearer {site.secret('api', role, 'sign-up')}"}, {}
    with httpx.Client(base_url=site.url, trust_env=False, verify=False, timeout=PATIENCE) as client:
        for way in closed(site):
            with client.stream(way.method, concrete(way.path), headers=headers) as answer:
                pass
            if refused(answer) is (for_sign_ups(way) and role != "viewer"):
                wrong[way.method, way.path] = answer.status_code
    assert wrong == {}
