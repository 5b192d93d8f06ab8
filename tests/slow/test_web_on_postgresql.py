"""What the pages do on SQLite they do on PostgreSQL, which takes less of odd values."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI

from canary.model.alert import DestinationView
from canary.store.database import Database
from canary.store.queries.audit import audited
from canary.web.app import create_app
from canary.web.config import WebConfig
from canary.web.routes import API
from tests.oddities import ODD, QUICK, broken_addresses, broken_forms
from tests.ways import CALLS, add_spares, ready
from tests.website import NOW, Site, fill, serve_app

pytestmark = pytest.mark.slow


@pytest.fixture
def site(postgres_store: Database) -> Iterator[Site]:
    fill(postgres_store)
    site = Site("", FastAPI(), postgres_store, NOW)
    site.app = create_app(WebConfig(postgres_store, lambda: site.now, destinations=[DestinationView("ops", "slack")]))
    with serve_app(site):
        ready(site)
        add_spares(site)
        yield site


def test_no_odd_value_breaks_a_page(site: Site) -> None:
    odds = [QUICK[0], *(odd for odd in ODD if "%" in odd or len(odd) > 100)]  # what SQLite would take
    assert [found for odd in odds for found in (*broken_addresses(site, odd), *broken_forms(site, odd))] == []


def test_every_call_that_changes_something_succeeds_and_is_written_down(site: Site) -> None:
    with site.client() as client:
        client.headers["Authorization"] = f"Bearer {site.secret('api')}"
        for (method, _), (path, body) in CALLS.items():
            answer = client.request(method, f"{API}{path}", json=body)
            assert (path, answer.is_success) == (path, True), answer.text
    with site.database.reading() as session:
        assert len(audited(session, 1000)) >= len(CALLS)
