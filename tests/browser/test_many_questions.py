"""Two hundred vendors and sixty questions on a phone: nothing is cut off, nothing is slow, and each answer says what it will do."""

import asyncio
import secrets
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlmodel import col, select

from canary.authenticate.lookup import ZoneLookup
from canary.canaries import lifecycle
from canary.canaries.lifecycle import IssueOrder
from canary.model.mail import Client, Envelope, RawMail
from canary.pipeline.story import Context, parse_and_authenticate, process_batch
from canary.processes.judging import supplier_book
from canary.store.database import Database
from canary.store.queries import vendors
from canary.store.queries.users import add_user
from canary.store.tables import HitRow
from tests.browser.conftest import NOW, PASSWORD, Look, Shown, served

pytestmark = pytest.mark.browser

SHOTS = Path(__file__).parent / "shots"
VENDORS, QUESTIONS, OUTSIDERS = 200, 60, 12
LONG = "a-rather-long-name-of-a-sender-as-some-shops-have-for-letters"
STEMS = "harlow kinmere foxdale oakham riverton ashby corwin dunmore elmstead glenrow".split()


def name_of(number: int) -> str:
    return f"{STEMS[number % len(STEMS)].title()} {number} & Daughters"


def filled(folder: Path) -> Database:
    """Every vendor has an address; payment services wrote to sixty of them, and strangers to twelve others."""
    store = Database(f"sqlite:///{folder}/canary.db")
    store.migrate()
    issued = NOW - timedelta(days=200)
    with store.writing() as session:
        add_user(session, "ada", PASSWORD, "admin", NOW)
        addresses = []
        for number in range(VENDORS):
            slug = vendors.add_vendor(session, name_of(number), [f"vendor{number}.example"], issued).slug
            order = IssueOrder(slug, "inbox.example")
            addresses.append(lifecycle.issue(session, order, secrets.randbelow, issued).address)
    domains = [f"{LONG if number == 3 else 'till'}{number}.example" for number in range(QUESTIONS + OUTSIDERS)]
    zone = ZoneLookup({domain: {"TXT": ["v=spf1 ip4:198.51.100.0/24 -all"]} for domain in domains})
    parts = Context(store, lambda: zone, supplier_book(), lambda: NOW)
    for number, domain in enumerate(domains):
        asked = number < QUESTIONS
        word = f"You paid 41.90 to {name_of(number)}." if asked else "Forty percent off everything at our pier."
        label = domain.partition(".")[0].title()
        head = f"From: {label} <r@{domain}>\r\nSubject: {'Your receipt' if asked else 'Forty percent off'}"
        bulk = "" if asked else f"\r\nList-Unsubscribe: <https://{domain}/u>"
        at = NOW - timedelta(days=30, minutes=-number)
        envelope = Envelope(f"b@{domain}", (addresses[number],), Client("198.51.100.7", 25, "mx"), at)
        mail = RawMail(str(number), envelope, f"{head}{bulk}\r\n\r\n{word}\r\n".encode())
        process_batch(parts, [asyncio.run(parse_and_authenticate(parts, mail))])
    return store


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    folder = tmp_path_factory.mktemp("many")
    filled(folder).close()
    with served(folder) as shown:
        yield shown


@pytest.fixture(scope="module")
def paths(many: Shown) -> dict[str, str]:
    """The pages on which something is asked."""
    with many.database.reading() as session:
        charged = session.exec(select(HitRow).where(col(HitRow.case_id).is_not(None)).order_by(col(HitRow.id))).first()
        asked = session.exec(
            select(HitRow).where(HitRow.verdict == "new-sender").order_by(col(HitRow.id)).offset(3)
        ).first()
        assert charged is not None
        assert asked is not None
        slug = vendors.slug(name_of(QUESTIONS))
    return {
        "many-senders": "/senders", "many-overview": "/", "many-vendor": f"/vendors/{slug}", "many-canary": f"/canaries/{charged.canary_id}",
        "many-mail": f"/mail/{charged.mail_id}", "many-long": f"/mail/{asked.mail_id}", "many-case": f"/cases/{charged.case_id}",
        "many-effect": f"/senders/effect?vendor={vendors.slug(name_of(3))}&sender={LONG}3.example",
        "many-family": f"/vendors/{slug}/family?do=add-domain&what={LONG}.example",
    }  # fmt: skip


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 390), ("light", 1440), ("dark", 1440)])
def test_pages_with_questions_fit(many: Shown, chrome: Browser, paths: dict[str, str], scheme: str, width: int) -> None:
    context = chrome.new_context(color_scheme=scheme, viewport={"width": width, "height": 844})  # type: ignore[arg-type]
    look = Look(context.new_page())
    many.enter(look.page)
    over = {name: _shoot(look.page, f"{many.url}{path}", f"{name}-{scheme}-{width}") for name, path in paths.items()}
    context.close()
    assert {name: by for name, by in over.items() if by > 0} == {}
    assert (look.faults, look.strangers(many.url)) == ([], [])


def test_what_answers_will_do_is_read_for_those_questions_only_that_are_seen(many: Shown, chrome: Browser) -> None:
    context = chrome.new_context(viewport={"width": 390, "height": 844})
    look = Look(context.new_page())
    many.enter(look.page)
    look.page.goto(f"{many.url}/senders")
    expect(look.page.locator(".effects").first).to_contain_text("1 past mail is judged again")
    asked = [url for url in look.asked if "/senders/effect" in url]
    context.close()
    assert 0 < len(asked) < QUESTIONS / 2


def _shoot(page: Page, url: str, name: str) -> int:
    """Open a page, wait for what its first answers will do, photograph it, and return how much wider it is than the screen."""
    page.goto(url)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=SHOTS / f"{name}.png", full_page=True)
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))
