"""What pages say is so: no advice that no longer holds, no time that has not come, no code where words belong."""

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta

import httpx
import pytest
from sqlmodel import Session, select

from canary.store import tables
from canary.store.counters import recount
from canary.views.time_series import vendor_timeline
from canary.web import charts
from tests.website import NOW, Site, serve

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Five vendors: one that is hit, one with a question, one with an old one, a quiet one, and one without an address."""
    with serve(tmp_path_factory.mktemp("words")) as site:
        with site.database.writing() as session:
            _fill(session)
        yield site


def _fill(session: Session) -> None:
    for number, slug in enumerate(("asking", "asked-once", "quiet", "unused"), start=2):
        session.add(tables.VendorRow(id=number, slug=slug, name=slug.title(), created_at=NOW))
        session.flush()
        if slug != "unused":
            session.add(_canary(10 * number, number, "signup", 1))
    for vendor, ago in ((2, DAY), (3, 400 * DAY)):
        session.add(_mail(vendor, NOW - ago))
        session.flush()
        session.add(
            tables.SenderRow(vendor_id=vendor, key="till.example", state="pending", count=1, first_at=NOW - ago, last_at=NOW - ago,
                             asked_at=NOW - ago, proof="dkim")
        )  # fmt: skip
        session.add(
            tables.HitRow(
                mail_id=vendor + 100,
                canary_id=10 * vendor,
                at=NOW - ago,
                verdict="new-sender",
                confidence=0.6,
                reasons=[],
            )
        )
    for number, generation, state in ((50, 1, "burned"), (51, 2, "rotated"), (52, 3, "active")):
        session.add(_canary(number, 1, "newsletter", generation, state))
    session.add(_canary(60, 1, "order", 1, "burned"))
    session.add(tables.SupplierRow(id=1, slug="silverline", name="Silverline", created_at=NOW))
    session.flush()
    session.add(tables.SuspectHistoryRow(case_id=1, at=NOW, kind="supplier", suspect="silverline", p=0.4))
    session.add(
        tables.SuspectHistoryRow(case_id=1, at=NOW + timedelta(hours=2), kind="supplier", suspect="silverline", p=0.87)
    )
    recount(session)


def _canary(number: int, vendor: int, channel: str, generation: int, state: str = "active") -> tables.CanaryRow:
    return tables.CanaryRow(
        id=number, address=f"c{number}@example.net", domain="example.net", vendor_id=vendor, channel=channel, state=state,
        generation=generation, style="tagged", bits=65, issued_at=NOW - 90 * DAY + generation * DAY,
    )  # fmt: skip


def _mail(vendor: int, at: datetime) -> tables.MailRow:
    return tables.MailRow(
        id=vendor + 100, key=f"m{vendor}", sha256="1" * 64, size=9, received_at=at, subject="Receipt", envelope={},
        identity={"claim": "", "proof": "dkim", "domain": "till.example"}, proofs={}, parts={},
    )  # fmt: skip


@pytest.fixture(scope="module")
def page(site: Site) -> Iterator[Callable[[str], str]]:
    """Return the words of the main part of a page."""
    with site.logged_in() as client:

        def words(path: str) -> str:
            return _words(client.get(path))

        yield words


def _words(answer: httpx.Response) -> str:
    assert answer.status_code == 200
    main = answer.text.partition("<main")[2]
    return " ".join(re.sub(r"<[^>]+>", " ", re.sub(r"<(script|option).*?</\1>", " ", main, flags=re.DOTALL)).split())


def test_an_address_in_use_is_to_be_given_away(page: Callable[[str], str]) -> None:
    words = page("/canaries/52")
    assert ("and to nobody else" in words, "QR code" in words, "successor" in words) == (True, True, False)


@pytest.mark.parametrize(
    ("number", "why"), [(50, "Burned: others write to it"), (51, "Replaced: another address took its place")]
)
def test_an_address_out_of_use_names_its_successor_and_is_not_to_be_given_away(
    page: Callable[[str], str], number: int, why: str
) -> None:
    words = page(f"/canaries/{number}")
    assert why in words
    assert "its successor instead: c52@example.net" in words
    assert [each for each in ("to nobody else", "QR code", "Rotate") if each in words] == []


def test_a_burned_address_without_a_successor_says_how_one_is_made(page: Callable[[str], str]) -> None:
    words = page("/canaries/60")
    assert ("Give it to nobody any more; Rotate issues a new one" in words, "QR code" in words) == (True, False)


def test_vendors_are_asking_only_where_a_question_can_be_answered(page: Callable[[str], str]) -> None:
    words = page("/?show=asking").partition("Outside mail by day")[0]
    assert "asking 2" in words  # the one with a hostile name is asked about as well
    assert ("Asking" in words, "Asked-Once" in words) == (True, False)


def test_a_vendor_without_an_address_is_not_quiet(page: Callable[[str], str]) -> None:
    assert "quiet 1" in page("/")
    assert "no address 1" in page("/")
    assert "no address" in page("/vendors/unused")
    assert "it was given no address yet" in page("/vendors/unused")


def test_states_are_explained_where_they_are_shown(page: Callable[[str], str]) -> None:
    words = page("/")
    for state in (
        "leaking most likely, addresses",
        "watching others wrote",
        "asking somebody wrote",
        "quiet nobody else has",
    ):
        assert state in words
    assert "burned others have it; it keeps listening" in page("/canaries")


def test_a_supplier_weighed_on_one_day_only_has_no_curve(site: Site, page: Callable[[str], str]) -> None:
    assert f"87% in case 1 weighed on {NOW.day} Mar 2011" in page("/suppliers/silverline")
    with site.logged_in() as client:
        assert 'class="step"' not in client.get("/suppliers/silverline").text


def test_a_suppliers_curve_is_drawn_from_two_days_on(site: Site) -> None:
    later = tables.SuspectHistoryRow(case_id=1, at=NOW + 9 * DAY, kind="supplier", suspect="silverline", p=0.9)
    with site.database.writing() as session:
        session.add(later)
    with site.logged_in() as client:
        assert 'class="step"' in client.get("/suppliers/silverline").text
    with site.database.writing() as session:
        session.delete(session.exec(select(tables.SuspectHistoryRow).where(tables.SuspectHistoryRow.p == 0.9)).one())


@pytest.mark.parametrize("ago", [0, 20, 90, 1200])
def test_the_chart_of_a_vendor_ends_with_the_present_week(site: Site, ago: int) -> None:
    end = NOW.date() + timedelta(days=ago)
    with site.database.reading() as session:
        weeks = vendor_timeline(session, 1, end)
    if weeks is not None:
        last = weeks.first + (len(weeks.counts["spam"]) - 1) * timedelta(weeks=1)
        assert (last <= end < last + timedelta(weeks=1), len(weeks.counts["spam"]) >= 12) == (True, True)
    assert (weeks is None) is (ago == 1200)


def test_the_year_of_days_names_its_months() -> None:
    first = date(2010, 3, 29)
    drawn = str(charts.heat([(first + n * DAY, n % 3) for n in range(53 * 7)]))
    names = re.findall(r"<text[^>]*>([^<]+)</text>", drawn)
    assert names == ["Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "2011", "Feb", "Mar"]
    assert "29 Mar 2010: 0 outside" in drawn


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/cases/1",
        "/alerts",
        "/audit",
        "/senders",
        "/canaries",
        "/vendors/play",
        "/mail/1",
        "/suppliers",
        "/campaigns/1",
    ],
)
def test_no_code_stands_where_words_belong(page: Callable[[str], str], path: str) -> None:
    codes = r"\b(case-opened|sender-asked|new-sender-asked|dkim-aligned|spf-aligned|dkim|canary-issued|vendor-notified|text-alike|new-sender|third-party)\b"
    assert re.findall(codes, page(path)) == []
