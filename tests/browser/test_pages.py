"""A browser looks at every page: light and dark, wide and narrow, readable by all, with nothing asked of anybody else."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext

from canary.store.database import Database
from canary.store.queries.users import add_user
from tests.browser.conftest import NOW, PASSWORD, Look, Shown, served
from tests.browser.sights import AXE, EVERY, READ, Sight, hindrances, overflow, page_at, seen_at
from tests.browser.worlds import STORY, addresses

pytestmark = pytest.mark.browser

SHOTS = Path(__file__).parent / "shots"
HEAVIEST = 80 * 1024


@pytest.fixture(scope="module")
def pages(shown: Shown) -> dict[str, str]:
    """Where each page is."""
    return {name: shown.url + path for name, path in addresses(shown.database, STORY).items()}


@pytest.mark.parametrize(
    "sights",
    [pytest.param(EVERY[-1:], marks=pytest.mark.everyday), EVERY[:-1]],
)
def test_pages_fit_and_ask_nobody_else_for_anything(
    shown: Shown, chrome: Browser, pages: dict[str, str], sights: Sequence[Sight]
) -> None:
    look = Look(page_at(chrome, sights[0]))
    shown.enter(look.page)
    over: dict[tuple[str, str, int], int] = {}
    for name, url in pages.items():
        if name != "lost":
            look.page.goto(url)
            over |= {(name, *sight): overflow(look.page) for sight in seen_at(look.page, sights)}
    look.page.context.close()
    assert {name: by for name, by in over.items() if by > 0} == {}
    assert (look.faults, look.strangers(shown.url)) == ([], [])


@pytest.mark.skipif(not AXE.exists(), reason="no axe-core: .ci/install test-tools")
def test_nobody_is_kept_from_reading_a_page(shown: Shown, chrome: Browser, pages: dict[str, str]) -> None:
    page = page_at(chrome, READ[0])
    page.goto(f"{shown.url}/login")
    found = {("login", *sight): hindrances(page) for sight in seen_at(page, READ)}
    shown.enter(page)
    for name, url in pages.items():
        page.goto(url)
        found |= {(name, *sight): hindrances(page) for sight in seen_at(page, READ)}
    page.context.close()
    assert {name: some for name, some in found.items() if some} == {}


@pytest.mark.parametrize("name", ["overview", "vendor", "case", "mail", "canaries"])
def test_a_page_with_all_that_it_loads_is_light(
    shown: Shown, context: BrowserContext, pages: dict[str, str], name: str
) -> None:
    shown.enter(context.new_page())
    cookies = context.cookies()
    fresh = context.browser.new_context() if context.browser else context
    fresh.add_cookies(cookies)  # type: ignore[arg-type]
    page, sizes = fresh.new_page(), []
    page.on("requestfinished", lambda request: sizes.append(request.sizes()["responseBodySize"]))
    page.goto(pages[name], wait_until="load")
    fresh.close()
    assert (0 < sum(sizes) <= HEAVIEST, len(sizes) > 3) == (True, True)


def test_nothing_moves_when_scripts_have_run(shown: Shown, context: BrowserContext, pages: dict[str, str]) -> None:
    page = context.new_page()
    shown.enter(page)
    page.add_init_script(
        "window.moved = 0; new PerformanceObserver((seen) => seen.getEntries().forEach((entry) => { window.moved += entry.value; }))"
        ".observe({ type: 'layout-shift', buffered: true });"
    )
    page.goto(pages["vendor"])
    page.wait_for_selector("canvas")
    assert page.evaluate("window.moved") < 0.01


def test_a_chart_is_read_week_by_week(shown: Shown, context: BrowserContext, pages: dict[str, str]) -> None:
    page = context.new_page()
    shown.enter(page)
    page.goto(pages["vendor"])
    box = page.locator("[data-chart]").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] - 14, box["y"] + 120)
    assert page.locator(".read").inner_text().startswith("Week of 21 Mar 2011: ")


def test_the_first_canary_is_issued_on_the_spot(tmp_path: Path, context: BrowserContext) -> None:
    database = Database(f"sqlite:///{tmp_path}/canary.db")
    database.migrate()
    with database.writing() as session:
        add_user(session, "ada", PASSWORD, "admin", NOW)
    database.close()
    with served(tmp_path) as empty:
        page = context.new_page()
        empty.enter(page)
        page.screenshot(path=SHOTS / "empty.png")
        page.get_by_label("Vendor", exact=True).fill("Bike Parts")
        page.get_by_label("It writes from").fill("bikeparts.example")
        page.get_by_role("button", name="Issue it").click()
        assert "Send it a mail and watch it arrive" in page.locator("#main").inner_text()
        page.screenshot(path=SHOTS / "first.png")


def test_results_change_as_one_types(shown: Shown, context: BrowserContext) -> None:
    page = context.new_page()
    shown.enter(page)
    page.keyboard.press("/")
    page.keyboard.type("reader")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{shown.url}/search?q=reader")
    page.get_by_label("Words to search for").fill("quillwick")
    page.get_by_role("heading", name="Vendors and suppliers").wait_for()
    assert page.locator("#found a", has_text="Quillwick").first.get_attribute("href") == "/vendors/quillwick"


def test_an_address_is_copied(shown: Shown, chrome: Browser, pages: dict[str, str]) -> None:
    context = chrome.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    shown.enter(page)
    page.goto(pages["canary"])
    button = page.locator("[data-copy]").first
    button.click()
    page.get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == button.get_attribute("data-copy")
    context.close()


def test_without_scripts_the_chart_is_there_too(shown: Shown, chrome: Browser, pages: dict[str, str]) -> None:
    context = chrome.new_context(java_script_enabled=False)
    page = context.new_page()
    shown.enter(page)
    page.goto(pages["vendor"])
    assert page.locator("svg.timeline rect.spam").count() > 0
    context.close()


@pytest.mark.everyday
def test_a_password_lets_in_through_the_form(shown: Shown, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(f"{shown.url}/cases/1")
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.screenshot(path=SHOTS / "login.png")
    page.get_by_role("button", name="Log in").click()
    assert "Silverline" in page.get_by_role("heading", level=1).inner_text()
    page.locator("summary", has_text="ada").click()
    page.get_by_role("button", name="Log out").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Log in"
