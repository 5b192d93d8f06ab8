"""Lists: what each is narrowed by stands in its address, and the same list is downloaded as a table."""

import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from canary.model.alert import HAPPENED, SEVERITY, Alert
from canary.store.queries import outbox
from canary.store.queries.audit import audit
from canary.store.tables import (
    CanaryRow,
    CaseRow,
    CaseVendorRow,
    DeliveryRow,
    HitRow,
    SenderRow,
    SupplierLinkRow,
    SupplierRow,
    UnreadMailRow,
)
from canary.web.csv_file import csv_lines
from tests.website import NOW, Site, serve, stray

LISTS = {
    "/": "/vendors.csv", "/mail": "/mail.csv", "/cases": "/cases.csv", "/watching": "/watching.csv", "/canaries": "/canaries.csv",
    "/senders": "/senders.csv", "/campaigns": "/campaigns.csv", "/suppliers": "/suppliers.csv", "/alerts": "/alerts.csv",
    "/tray": "/tray.csv", "/set-aside": "/set-aside.csv", "/audit": "/audit.csv", "/nodes": "/nodes.csv",
}  # fmt: skip
"""Every list, and the same as a table."""

OF_BOTH = ("/mail", "/cases", "/watching", "/campaigns", "/alerts", "/set-aside", "/canaries", "/senders")
OF_VENDORS, OF_DAYS = (*OF_BOTH, "/suppliers"), (*OF_BOTH, "/tray", "/audit")
"""A supplier is of no time, and what reached no canary of no vendor; nodes are few, and are what they are now."""

TODAY, YESTERDAY, TOMORROW = (str((NOW + timedelta(days=n)).date()) for n in (0, -1, 1))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with a test that did not arrive, an alert about a case that waits, and something that is watched."""
    with serve(tmp_path_factory.mktemp("lists")) as site:
        with site.database.writing() as session:
            alert = Alert(id="a", kind="case-opened", at=NOW, case=1, vendor="Play", vendors=("play",))
            outbox.put(session, alert, quiet=True)
            session.flush()
            session.add(DeliveryRow(outbox_id="a", destination="ops", due_at=NOW))
            session.add(CaseRow(id=9, vendor_id=1, state="watched", opened_at=NOW, last_hit_at=NOW, leak=0.2))
            session.flush()
            session.add(CaseVendorRow(case_id=9, vendor_id=1))
            session.get_one(CanaryRow, 1).issued_at = NOW
            session.add(UnreadMailRow(mail_id=1, at=NOW, why="too-costly"))
            session.add(
                SenderRow(
                    vendor_id=1, key="play.example", state="learned", count=2, first_at=NOW, last_at=NOW, mail_id=1
                )
            )
            session.add(SupplierRow(id=7, slug="letter-works", name="Letter Works", created_at=NOW))
            session.flush()
            session.add(SupplierLinkRow(vendor_id=1, supplier_id=7, channel="signup", origin="declared"))
            audit(session, NOW, "ada", "canary-issued", "a@example.net", "one")
        yield site


@pytest.fixture
def client(site: Site) -> Iterator[httpx.Client]:
    with site.logged_in() as client:
        yield client


def rows(client: httpx.Client, address: str) -> list[dict[str, str]]:
    answer = client.get(address)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    return list(csv.DictReader(io.StringIO(answer.text)))


@pytest.mark.parametrize("path", LISTS)
def test_every_list_is_there_and_can_be_downloaded(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 200
    found = client.get(LISTS[path])
    assert (found.status_code, found.headers["content-disposition"].endswith('.csv"')) == (200, True)
    assert len(found.text.splitlines()[0].split(",")) > 3


BY_VENDOR = [({}, True), ({"vendor": "play"}, True), ({"vendor": ""}, True), ({"vendor": "nobody"}, False)]
BY_DAYS = [
    ({"since": "", "until": ""}, True),
    ({"since": TODAY, "until": TODAY}, True),
    ({"until": YESTERDAY}, False),
    ({"since": TOMORROW, "until": "9999-12-31"}, False),
]


@pytest.mark.parametrize(
    ("path", "asked", "many"),
    [
        *((path, *case) for path in OF_VENDORS for case in BY_VENDOR),
        *((path, *case) for path in OF_DAYS for case in BY_DAYS),
    ],
)
def test_a_list_is_narrowed_by_vendor_and_days(
    client: httpx.Client, path: str, asked: dict[str, str], many: bool
) -> None:
    found = rows(client, str(httpx.URL(f"{path}.csv", params=asked)))
    assert bool(found) is many
    page = client.get(path, params=asked).text
    assert f"{path}.csv" in page if many else f"{path}.csv" not in page


def test_where_none_is_among_the_newest_it_is_said_that_there_is_older_mail(tmp_path: Path) -> None:
    with serve(tmp_path) as site:
        with site.database.writing() as session:
            session.add(mail := stray("new", ["a@example.net"]))
            mail.id = 100_000
            session.flush()
            session.add(HitRow(mail_id=100_000, canary_id=1, at=NOW, verdict="spam", confidence=0.9, reasons=[]))
        with site.logged_in() as client:
            page = client.get("/tray").text
            assert "None among the newest; there is older mail." in page
            assert [row["mail"] for row in rows(client, "/tray.csv")] == ["2"]


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({"verdict": "spam"}, 1),
        ({"verdict": "expected"}, 0),
        ({"sender": "IMG src"}, 1),
        ({"sender": "nobody.example"}, 0),
        ({"sender": "%"}, 0),
    ],
)
def test_mail_is_narrowed_by_verdict_and_sender(client: httpx.Client, asked: dict[str, str], count: int) -> None:
    assert len(rows(client, str(httpx.URL("/mail.csv", params=asked)))) == count


def test_alerts_are_narrowed_by_what_happened_and_where_they_went(client: httpx.Client) -> None:
    assert [row["kind"] for row in rows(client, "/alerts.csv?kind=test&to=ops&state=dead")] == ["test"]
    assert rows(client, "/alerts.csv?kind=reminder") == rows(client, "/alerts.csv?to=elsewhere") == []
    assert ">a test</option>" in client.get("/alerts?kind=test").text


def test_every_kind_of_alert_has_words() -> None:
    assert set(HAPPENED) == set(SEVERITY)


@pytest.mark.parametrize("path", OF_DAYS)
@pytest.mark.parametrize("day", ["yesterday", "2011-02-30", "1"])
def test_what_is_no_day_is_said_in_one_line(client: httpx.Client, path: str, day: str) -> None:
    answer = client.get(path, params={"since": day})
    assert (answer.status_code, "write one as 2011-03-24" in answer.text) == (422, True)


def test_filters_stay_when_one_goes_on_to_another_page(client: httpx.Client) -> None:
    page = client.get(f"/mail?vendor=play&since={TODAY}&sender=img").text
    assert f"/mail?verdict=spam&amp;sender=img&amp;vendor=play&amp;since={TODAY}" in page


def test_a_formula_in_a_table_is_text() -> None:
    assert list(csv_lines(("a",), [("=1+1",)])) == ["a\r\n", "'=1+1\r\n"]
