"""Sixty questions about the senders of two hundred vendors, on a phone: in groups, each answered by one press."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from sqlmodel import func, select

from canary.store.database import Database
from canary.store.tables import SenderRow, VendorRow
from tests.browser.conftest import NOW, Shown, copied, served

pytestmark = pytest.mark.browser

SHOTS = Path(__file__).parent / "shots"
SHARED = 14
"""So many vendors have an account at one platform."""


@pytest.fixture
def crowded(demo: Path, tmp_path: Path) -> Iterator[Shown]:
    """The story among two hundred vendors, with sixty questions: a platform, a family, and one a sender."""
    if os.environ.get("CANARY_WORLD"):
        pytest.skip("brings its own two hundred vendors")
    with served(copied(demo, tmp_path)) as shown:
        _crowd(shown.database)
        yield shown


def _crowd(store: Database) -> None:
    with store.writing() as session:
        present = session.exec(select(func.count()).select_from(VendorRow)).one()
        vendors = [VendorRow(slug=f"shop-{n}", name=f"Shop {n}", created_at=NOW) for n in range(200 - present)]
        session.add_all(vendors)
        session.flush()
        ids = [vendor.id or 0 for vendor in vendors]
        session.add_all(_pending(at, f"zendesk/{at}", "platform:zendesk", 0.9) for at in ids[:SHARED])
        session.add_all(_pending(ids[20], f"shop20-{n}.example", "family:shop-20", 0.8) for n in range(5))
        session.add_all(_pending(ids[30 + n], f"service{n}.example", "", n / 100) for n in range(58))


def _pending(vendor: int, key: str, question: str, plausibility: float) -> SenderRow:
    return SenderRow(
        vendor_id=vendor, key=key, state="pending", proof="dkim", count=3, first_at=NOW - timedelta(days=9), last_at=NOW,
        asked_at=NOW, question=question or f"sender:{key}", plausibility=plausibility,
    )  # fmt: skip


@pytest.mark.everyday
@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 390), ("light", 1440), ("dark", 1440)])
def test_sixty_questions_fit_on_a_phone_and_one_press_answers_a_group(
    crowded: Shown, chrome: Browser, scheme: str, width: int
) -> None:
    context = chrome.new_context(color_scheme=scheme, viewport={"width": width, "height": 844})  # type: ignore[arg-type]
    page = context.new_page()
    crowded.enter(page)
    page.goto(f"{crowded.url}/senders")
    assert page.locator("main .card h2").first.inner_text().startswith("zendesk carries mail for 14 of your vendors")
    assert (_cards(page), _overflow(page)) == (60, 0)
    page.screenshot(path=SHOTS / f"questions-{scheme}-{width}.png")
    page.get_by_text("14 senders").click()
    page.get_by_label("zendesk/").first.uncheck()
    assert _overflow(page) == 0
    page.screenshot(path=SHOTS / f"questions-open-{scheme}-{width}.png")
    page.get_by_role("button", name="all of platform:zendesk").click()
    page.wait_for_load_state()
    assert (_cards(page), _states(crowded.database)) == (60, {"learned": SHARED - 1, "pending": 1})
    context.close()


def _cards(page: Page) -> int:
    return page.locator("main form.card, main section.card").count() - 1


def _overflow(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def _states(store: Database) -> dict[str, int]:
    query = select(SenderRow.state, func.count()).where(SenderRow.question == "platform:zendesk")
    with store.reading() as session:
        return dict(session.exec(query.group_by(SenderRow.state)).all())
