"""The page of things to set up, over the real server."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from canary.authenticate.dns_records import Arrangement, check_records, wanted_records
from canary.authenticate.lookup import ZoneLookup
from canary.model.alert import DestinationView
from canary.store.queries.outbox import deliveries
from canary.web.app import create_app
from canary.web.config import WebConfig
from tests.website import EVIL, Site, serve, serve_app


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site whose domain has its MX record and something hostile for SPF."""
    records = wanted_records("in.example", "mail.in.example")
    zone = ZoneLookup({"in.example": {"MX": [[10, "mail.in.example"]], "TXT": [EVIL]}})
    with serve(tmp_path) as first:
        app = create_app(WebConfig(
            first.database, lambda: first.now, destinations=[DestinationView("ops", "slack")],
            arranged=Arrangement(records, lambda: check_records(zone, records)),
        ))  # fmt: skip
        with serve_app(Site("", app, first.database, first.now)) as site:
            yield site


def test_the_records_to_set_are_shown_and_checked_when_asked(site: Site) -> None:
    with site.logged_in("viewer") as client:
        shown, checked = client.get("/setup").text, client.get("/setup?check=1").text
    assert "v=DMARC1; p=reject; np=reject" in shown
    assert ">correct<" not in shown
    found = re.findall(r">(correct|different|missing)<", checked)
    assert found == ["correct", "missing", "different", "missing", "missing"]
    assert "<script>alert" not in checked


def test_an_admin_sends_a_test_to_a_destination_that_there_is(site: Site) -> None:
    with site.logged_in() as admin:
        assert admin.post("/setup/alerts/test", data={"destination": "ops"}).headers["location"] == "/setup?sent=ops"
        assert admin.post("/setup/alerts/test", data={"destination": "nowhere"}).status_code == 404
    with site.database.reading() as session:
        assert [d.fact.kind for d in deliveries(session, state="waiting")] == ["test"]
