"""What is set up in the browser: where alerts go, what is muted, what is kept, and the first steps."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from canary.processes.entered import EnteredSettings
from canary.settings import Arranged
from canary.store.database import Database
from canary.store.decoy_mac import DecoyMac
from canary.store.queries import mutes, outbox, suppliers, vendors
from canary.store.tables import CanaryRow
from canary.web.app import create_app
from canary.web.config import WebConfig
from canary.web.issue_forms import IssueSettings
from tests.website import EVIL, NOW, KeptPlan, Site, filled, serve_app

HOOK = "https://hooks.slack.example/services/T0/B0/verysecret"
OPS = {"name": "me", "kind": "slack", "url": HOOK, "severity": "low"}
WRITTEN = {"alert": {"destinations": {"ops": {"kind": "slack", "url": HOOK}}}, "retention": {"days": 30}}


class Mailbox:
    """Takes the self-tests that the page sends, or is closed."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.open = True

    def send(self, address: str) -> None:
        if not self.open:
            raise ValueError("The listener on port 2525 did not take the mail")
        self.got.append(address)


@contextmanager
def served(folder: Path, **written: object) -> Iterator[tuple[Site, EnteredSettings, Mailbox]]:
    """A site whose settings file has some things written."""
    (folder / "canary.db").write_bytes(filled())
    database = Database(f"sqlite:///{folder}/canary.db", decoy_mac=DecoyMac(folder / "decoy.key"))
    settings = Arranged(data=folder, domains=("example.net",), **written)  # type: ignore[arg-type]
    desk, mailbox = EnteredSettings(settings, lambda: NOW), Mailbox()
    app = create_app(WebConfig(
        database, lambda: NOW, desk=desk, self_test=mailbox.send, issuing=IssueSettings(("example.net",), key=b"k" * 32),
        plan=KeptPlan(),
    ))  # fmt: skip
    with serve_app(Site("", app, database, NOW)) as site:
        yield site, desk, mailbox


@pytest.fixture
def place(tmp_path: Path) -> Iterator[tuple[Site, EnteredSettings, Mailbox]]:
    with served(tmp_path) as found:
        yield found


@pytest.fixture
def site(place: tuple[Site, EnteredSettings, Mailbox]) -> Site:
    return place[0]


@pytest.fixture
def desk(place: tuple[Site, EnteredSettings, Mailbox]) -> EnteredSettings:
    return place[1]


@pytest.fixture
def mailbox(place: tuple[Site, EnteredSettings, Mailbox]) -> Mailbox:
    return place[2]


def post(site: Site, path: str, role: str = "admin", **form: str) -> httpx.Response:
    with site.logged_in(role) as client:
        return client.post(path, data=form)


def get(site: Site, path: str) -> str:
    with site.logged_in() as client:
        return client.get(path).text


def names(site: Site, desk: EnteredSettings) -> list[str]:
    with site.database.reading() as session:
        return [each.name for each in desk.destinations(session)]


# Where alerts go


def test_a_destination_is_in_force_at_once_and_gets_a_test(site: Site, desk: EnteredSettings) -> None:
    answer = post(site, "/setup/alerts", **OPS)
    assert names(site, desk) == ["me"]
    page = get(site, answer.headers["location"])
    assert ("A test is on its way" in page, "verysecret" in page) == (True, False)
    with site.database.reading() as session:
        [waiting] = outbox.deliveries(session, state="waiting")
    assert (waiting.destination, waiting.fact.kind) == ("me", "test")


@pytest.mark.parametrize(
    ("fault", "again", "word"), [("404 no_service", None, "did not arrive"), ("", None, "arrived")]
)
def test_what_became_of_the_test_is_shown(site: Site, fault: str, again: None, word: str) -> None:
    number = int(post(site, "/setup/alerts", **OPS).headers["location"].partition("delivery=")[2].partition("#")[0])
    with site.database.writing() as session:
        outbox.mark_failed(session, number, fault, again) if fault else outbox.mark_sent(session, number, NOW)
    page = get(site, f"/setup/alerts/sent/{number}")
    assert (f">{word}<" in page, fault in page, "hx-get" in page) == (True, True, False)


def test_a_destination_is_changed_without_its_secret_being_shown_or_typed_again(
    site: Site, desk: EnteredSettings
) -> None:
    post(site, "/setup/alerts", **OPS)
    assert "verysecret" not in get(site, "/setup/alerts?edit=me")
    post(site, "/setup/alerts", **{**OPS, "url": "", "severity": "high", "vendors": "play, tea"})
    with site.database.reading() as session:
        found = desk.current(session).settings.alert.destinations["me"]
    assert (found.url.get_secret_value(), found.severity, found.vendors) == (HOOK, "high", ("play", "tea"))


def test_a_destination_is_removed(site: Site, desk: EnteredSettings) -> None:
    post(site, "/setup/alerts", **OPS)
    assert post(site, "/setup/alerts/remove", name="me").status_code == 303
    assert names(site, desk) == []
    assert post(site, "/setup/alerts/remove", name="me").status_code == 404


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"name": "A B"}, "use a to z, 0 to 9 and hyphens"),
        ({"kind": "pigeon"}, "destination me: kind"),
        ({"url": "ftp://verysecret"}, "must begin with https://"),
        ({"url": ""}, "url: Field required"),
        ({"verdicts": "nonsense"}, "destination me: verdicts"),
        ({"name": EVIL}, "use a to z"),
    ],
)
def test_a_destination_that_cannot_be_is_one_line_without_its_secret(
    site: Site, desk: EnteredSettings, given: dict[str, str], line: str
) -> None:
    answer = post(site, "/setup/alerts", **{**OPS, **given})
    assert (answer.status_code, line in answer.text, "verysecret" in answer.text) == (422, True, False)
    assert names(site, desk) == []
    with site.database.reading() as session:
        assert outbox.deliveries(session, state="waiting") == []


def test_what_is_written_in_the_settings_file_is_shown_and_not_changed(tmp_path: Path) -> None:
    with served(tmp_path, **WRITTEN) as (site, desk, _):
        page = get(site, "/setup/alerts")
        assert ("written in canary.toml" in page, 'name="name" value="ops"' in page) == (True, False)
        answer = post(site, "/setup/alerts", **{**OPS, "name": "ops"})
        assert "alert.destinations.ops: is written in canary.toml" in answer.text
        assert 'value="30" inputmode="numeric" maxlength="6" disabled="disabled"' in get(site, "/setup/keeping")
        assert post(site, "/setup/keeping/retention", days="1").status_code == 303
        with site.database.reading() as session:
            assert desk.retention(session) == timedelta(days=30)


# Muted


@pytest.mark.parametrize(
    ("form", "until"),
    [
        ({"subject": "play", "number": "3", "unit": "days"}, NOW + timedelta(days=3)),
        ({"subject": "case 1", "number": "2", "unit": "hours"}, NOW + timedelta(hours=2)),
        ({"subject": "1", "number": "", "unit": "good"}, None),
    ],
)
def test_a_case_or_vendor_is_muted_for_a_time_or_for_good_and_sent_about_again(
    site: Site, form: dict[str, str], until: object
) -> None:
    assert post(site, "/setup/alerts/mute", **form).status_code == 303
    with site.database.reading() as session:
        [row] = mutes.list_mutes(session, NOW)
    assert (row.until, row.who) == (until, "ada")
    assert "Send again" in get(site, "/setup/alerts")
    assert post(site, "/setup/alerts/unmute", subject=row.subject).status_code == 303
    with site.database.reading() as session:
        assert mutes.list_mutes(session, NOW) == []


@pytest.mark.parametrize(
    ("form", "line"),
    [
        ({"subject": "nobody", "number": "3", "unit": "days"}, "nobody"),
        ({"subject": "99", "number": "3", "unit": "days"}, "no such case"),
        ({"subject": "play", "number": "0", "unit": "days"}, "give a number of hours"),
        ({"subject": "play", "number": "9" * 30, "unit": "weeks"}, "give a number of hours"),
        ({"subject": "play", "number": "1", "unit": "years"}, "give a number of hours"),
    ],
)
def test_what_cannot_be_muted_is_said(site: Site, form: dict[str, str], line: str) -> None:
    answer = post(site, "/setup/alerts/mute", **form)
    assert (answer.status_code, line in answer.text) == (422, True)


# What is kept


def test_retention_and_decoys_are_in_force_at_once(site: Site, desk: EnteredSettings) -> None:
    assert post(site, "/setup/keeping/retention", days="90").status_code == 303
    assert post(site, "/setup/keeping/decoys", count="4", every="0").status_code == 303
    with site.database.reading() as session:
        found = desk.current(session).settings
    assert (found.retention.after, found.decoys.count, found.decoys.every) == (timedelta(days=90), 4, 0)


@pytest.mark.parametrize(
    ("path", "form", "line"),
    [
        ("retention", {"days": "-1"}, "give a whole number"),
        ("retention", {"days": "99999"}, "retention: days"),
        ("decoys", {"count": "5000", "every": "1"}, "decoys: count"),
        ("decoys", {"count": "", "every": "1"}, "give a whole number"),
    ],
)
def test_numbers_that_cannot_be_are_said(site: Site, path: str, form: dict[str, str], line: str) -> None:
    answer = post(site, f"/setup/keeping/{path}", **form)
    assert (answer.status_code, line in answer.text) == (422, True)


# The first steps


def test_the_first_vendor_gets_its_supplier_and_an_address(site: Site) -> None:
    form = {"name": "Bike Parts", "domain": "bikeparts.example", "supplier": "Letterworks", "channel": "signup"}
    assert post(site, "/setup/start/vendor", **form).status_code == 303
    [address] = re.findall(r'data-copy="(bike-\w+@example.net)"', get(site, "/setup/start"))
    assert address
    with site.database.reading() as session:
        assert "letterworks" in {each.slug for each in suppliers.list_suppliers(session)}


@pytest.mark.parametrize(
    "given", [{"name": ""}, {"domain": "nodots"}, {"domain": EVIL}, {"supplier": "x" * 101}, {"channel": "x" * 70}]
)
def test_a_vendor_that_cannot_be_is_said_and_nothing_is_added(site: Site, given: dict[str, str]) -> None:
    form = {"name": "Bike Parts", "domain": "bikeparts.example", "supplier": "", "channel": "signup", **given}
    with site.database.writing() as session:
        session.get_one(CanaryRow, 1).state = "burned"  # there is none to give away yet
    answer = post(site, "/setup/start/vendor", **form)
    assert (answer.status_code, "<script>alert" in answer.text) == (422, False)
    assert all(f'value="{typed}"' in answer.text for typed in form.values() if typed and typed != EVIL)
    assert "bike-" not in get(site, "/canaries")


def test_a_mail_of_ours_goes_to_the_newest_address(site: Site, mailbox: Mailbox) -> None:
    assert post(site, "/setup/start/self-test").headers["location"] == "/setup/start?sent=1#arrived"
    assert mailbox.got == ["a@example.net"]


def test_a_listener_that_is_closed_is_said(site: Site, mailbox: Mailbox) -> None:
    mailbox.open = False
    answer = post(site, "/setup/start/self-test")
    assert (answer.status_code, "did not take the mail" in answer.text) == (422, True)


def test_the_plan_names_what_cannot_be_told_apart(site: Site) -> None:
    page = get(site, "/plan")
    assert ("What to add" in page, "Issue an address to" in page, "<script>alert" in page) == (True, True, False)


# Suppliers of a vendor


def supplies(site: Site) -> list[tuple[str, str | None, str]]:
    with site.database.reading() as session:
        return [(link.supplier, link.channel, link.account) for link in vendors.supplies(session)]


def test_the_suppliers_of_a_vendor_are_declared_by_channel_and_taken_back(site: Site) -> None:
    form = {"supplier": "Letter Works", "channel": "newsletter"}
    assert post(site, "/vendors/play/suppliers", "analyst", **form).status_code == 303
    assert post(site, "/vendors/play/suppliers", "analyst", supplier="Till Roll").status_code == 303
    assert supplies(site) == [("letter-works", "newsletter", ""), ("till-roll", None, "")]
    page = get(site, "/vendors/play")
    assert ("Letter Works" in page, "Till Roll" in page) == (True, True)
    page = get(site, "/vendors/play/edit")
    assert ("Remove letter-works for newsletter" in page, "Remove till-roll for every channel" in page) == (True, True)
    gone = {"supplier": "letter-works", "channel": "newsletter"}
    assert post(site, "/vendors/play/suppliers/remove", "analyst", **gone).status_code == 303
    assert supplies(site) == [("till-roll", None, "")]
    assert post(site, "/vendors/play/suppliers/remove", "analyst", **gone).status_code == 404


@pytest.mark.parametrize(
    ("slug", "given", "status"),
    [
        ("nobody", {}, 404),
        ("play", {"supplier": ""}, 400),
        ("play", {"supplier": "x" * 101}, 400),
        ("play", {"channel": "a\nb"}, 400),
        ("play", {"supplier": "!!!"}, 400),
    ],
)
def test_a_supplier_that_cannot_be_is_refused(site: Site, slug: str, given: dict[str, str], status: int) -> None:
    answer = post(site, f"/vendors/{slug}/suppliers", **{"supplier": "Letter Works", **given})
    assert (answer.status_code, supplies(site)) == (status, [])
