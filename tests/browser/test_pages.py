"""A browser looks at the pages: light and dark, wide and narrow, with nothing asked of anybody else."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright

from canary.store import tables
from canary.store.counting import recount
from canary.store.database import Database
from canary.store.users import add_user, new_token
from canary.web.app import create_app

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

NOW = datetime(2011, 4, 2, 9, 30, tzinfo=UTC)
SHOTS = Path(__file__).parent / "shots"
PAGES = {
    "overview": "/",
    "vendor": "/vendors/play",
    "case": "/cases/1",
    "mail": "/mail/1",
    "canaries": "/canaries",
    "tray": "/tray",
}
FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
VENDORS = (
    "Play.com",
    "Trendy Shoes",
    "Garden World",
    "City Books",
    "Bike Parts",
    "Tea House",
    "Nine Lamps",
    "Old Maps",
)
LEAKING = (0, 1, 2, 3)
SUBJECT = "Upgrade your Adobe Reader now <img src=http://tracker.example/x.png>"


def fill(database: Database) -> None:
    """Two years of newsletters for eight vendors, then a campaign at four of the five that share a supplier."""
    with database.writing() as session:
        session.add(tables.SupplierRow(slug="silverline", name="Silverline", created_at=NOW))
        for number, name in enumerate(VENDORS, 1):
            slug = name.lower().replace(".com", "").replace(" ", "-")
            session.add(tables.VendorRow(slug=slug, name=name, created_at=NOW))
            session.flush()
            if number <= 5:
                session.add(tables.SupplyRow(vendor_id=number, supplier_id=1, channel="newsletter"))
            for channel in ("signup", "newsletter"):
                session.add(_canary(number, slug, channel))
        session.add(tables.CampaignRow(subject=SUBJECT, first_at=NOW, last_at=NOW, mails=12))
        session.add(tables.AttemptRow(domain="in.example", source="192.0.2.0/24", kind="guess", hour=NOW, count=40_211))
        session.add(tables.GuessRow(domain="in.example", shape="name", count=40_211))
        session.flush()
        session.add(tables.CaseRow(vendor_id=1, opened_at=NOW - timedelta(days=13), last_hit_at=NOW, suspects=SUSPECTS))
        session.flush()
        session.add(tables.CaseEventRow(case_id=1, at=NOW - timedelta(days=13), kind="opened", text="First mail."))
        session.add_all(tables.CaseVendorRow(case_id=1, vendor_id=n + 1) for n in LEAKING)
        for number in range(24):
            _hit(session, 1 + number % 4, NOW - timedelta(hours=13 * number), "spam")
        for week in range(96):
            for number in range(1, 9):
                if (week + number) % (1 + number % 3) == 0:
                    _hit(session, number, NOW - timedelta(weeks=week, hours=number), "expected")
        recount(session)
        add_user(session, "ada", "correct horse battery", "admin", NOW)


SUSPECTS = [
    {"kind": "supplier", "id": "silverline", "name": "Silverline", "p": 0.87, "hit": 4, "held": 5},
    {"kind": "vendor", "id": "play", "name": "Play.com", "p": 0.09, "hit": 1, "held": 2},
    {"kind": "none", "id": "none", "name": "No leak", "p": 0.004, "hit": 0, "held": 0},
]


def _canary(vendor: int, slug: str, channel: str) -> tables.CanaryRow:
    burned = vendor - 1 in LEAKING and channel == "newsletter"
    return tables.CanaryRow(
        address=f"{slug.partition('-')[0]}-x7k2m9qf4t{vendor}{channel[0]}@in.example", domain="in.example", vendor_id=vendor,
        channel=channel, style="tagged", bits=65, issued_at=NOW - timedelta(weeks=97 - vendor),
        state="burned" if burned else "active",
    )  # fmt: skip


def _hit(session: object, vendor: int, at: datetime, verdict: str) -> None:
    spam = verdict == "spam"
    mail = tables.MailRow(
        key=f"{vendor}{at}{verdict}", sha256="ab" * 32, size=4_211, received_at=at, sender="news@mkt77.example",
        sender_name="Adobe", subject=SUBJECT if spam else "This week's offers", identity_domain="" if spam else "play.example",
        text="A new version is ready.\nGet it at http://adobe-upgrade.example/reader?id=77 today.\n",
        envelope={"mail_from": "bounce@mkt77.example", "rcpt_to": ["play-x7k2m9qf4t1n@in.example"],
                  "client": {"ip": "192.0.2.77", "port": 4711, "helo": "mkt77.example", "tls": None}},
        identity={"claim": "adobe.example", "proof": "none", "domain": ""},
        proofs={"spf": {"result": "softfail", "domain": "mkt77.example", "reason": "matched ~all"}, "dkim": [],
                "dmarc": {"result": "fail", "domain": "adobe.example", "policy": "reject"}},
        parts={"links": ["http://adobe-upgrade.example/reader?id=77"], "oddities": [],
               "headers": [["From", "Adobe <news@mkt77.example>"], ["Subject", SUBJECT]] * 8,
               "attachments": [{"name": "Reader.pdf.exe", "type": "application/pdf", "size": 88_000, "sha256": "cd" * 32}]},
        campaign_id=1 if spam else None,
    )  # fmt: skip
    session.add(mail)  # type: ignore[attr-defined]
    session.flush()  # type: ignore[attr-defined]
    reasons = [{"code": "nothing-proven", "text": "The sender proved nothing about itself."}]
    session.add(  # type: ignore[attr-defined]
        tables.HitRow(mail_id=mail.id or 0, canary_id=vendor * 2, at=at, verdict=verdict, confidence=0.98,
                      reasons=reasons, case_id=1 if spam else None)
    )  # fmt: skip


@pytest.fixture(scope="module")
def link(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Database]]:
    """Serve a filled store on a free port."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('web')}/canary.db")
    database.migrate()
    fill(database)
    app = create_app(database, lambda: NOW, health=lambda: {"listener": "listening", "worker": "idle"})
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False, lifespan="off"))
    listening = server.config.bind_socket()
    listening.listen(64)  # a client that comes before the server does waits in the queue
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}", database
    server.should_exit = True
    thread.join(10)
    listening.close()
    database.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield browser
        browser.close()


def log_in(page: Page, url: str, database: Database) -> None:
    with database.writing() as session:
        secret = new_token(session, 1, "login", timedelta(minutes=5), NOW)
    page.goto(f"{url}/login/once/{secret}")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{url}/")


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_and_ask_nobody_else_for_anything(
    link: tuple[str, Database], browser: Browser, scheme: str, width: int
) -> None:
    url, database = link
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})  # type: ignore[arg-type]
    page = context.new_page()
    asked: list[str] = []
    faults: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda line: faults.append(line.text))
    page.on("pageerror", lambda fault: faults.append(str(fault)))
    log_in(page, url, database)
    wide = {name: _look(page, f"{url}{path}", f"{name}-{scheme}-{width}") for name, path in PAGES.items()}
    context.close()
    assert {name: over for name, over in wide.items() if over > 0} == {}
    assert (faults, [address for address in asked if not address.startswith(url)]) == ([], [])


def test_a_password_lets_in_through_the_form(link: tuple[str, Database], browser: Browser) -> None:
    page = browser.new_page()
    page.goto(f"{link[0]}/cases/1")
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill("correct horse battery")
    page.screenshot(path=SHOTS / "login.png")
    page.get_by_role("button", name="Log in").click()
    assert "Silverline, 87 %" in page.get_by_role("heading", level=1).inner_text()
    page.locator("summary", has_text="ada").click()
    page.get_by_role("button", name="Log out").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Log in"
    page.close()


def _look(page: Page, address: str, name: str) -> int:
    page.goto(address)
    page.screenshot(path=SHOTS / f"{name}.png", full_page=True)
    over: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return over
