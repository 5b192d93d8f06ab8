"""The dashboard as an app: it can be installed, pages are shared to it, and the address is on the clipboard."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from canary.store.queries.canaries import list_canaries
from canary.store.queries.users import Label, new_token
from tests.browser.conftest import FLAGS, Look, Shown, copied, served
from tests.patience import PATIENCE

pytestmark = pytest.mark.browser

SHOTS = Path(__file__).parent / "shots"


@pytest.fixture(scope="module")
def site(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    with served(copied(demo, tmp_path_factory.mktemp("app"))) as site:
        yield site


@pytest.fixture
def look(site: Shown, context: BrowserContext) -> Look:
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site.url)
    look = Look(context.new_page())
    site.enter(look.page)
    return look


@pytest.fixture
def lasting(chrome: Browser, tmp_path: Path) -> Iterator[Page]:
    """A page of a browser with a profile, as nothing is installed in a private window."""
    program = shutil.which("chromium")
    context = chrome.browser_type.launch_persistent_context(tmp_path, executable_path=program, args=FLAGS)
    context.set_default_timeout(1000 * PATIENCE)
    yield context.pages[0]
    context.close()


def test_the_dashboard_can_be_installed(site: Shown, lasting: Page) -> None:
    site.enter(lasting)
    session = lasting.context.new_cdp_session(lasting)
    assert session.send("Page.getInstallabilityErrors")["installabilityErrors"] == []
    manifest = session.send("Page.getAppManifest")
    assert (manifest["errors"], manifest["url"]) == ([], f"{site.url}/manifest.webmanifest")


def test_a_page_that_is_shared_becomes_an_address_on_the_clipboard(site: Shown, look: Look) -> None:
    target = httpx.get(f"{site.url}/manifest.webmanifest", trust_env=False).json()["share_target"]
    names = target["params"]
    shared = {names["title"]: "Parts", names["text"]: "", names["url"]: "https://www.shop.example/basket?id=5"}
    look.page.goto(f"{site.url}{target['action']}?{urlencode(shared)}")
    assert look.page.get_by_label("Site", exact=True).input_value() == "shop.example"
    look.page.keyboard.press("Enter")
    look.page.wait_for_url("**/canaries/*copied=yes")
    with site.database.reading() as session:
        [made] = list_canaries(session, "shop-example")
    assert look.page.evaluate("navigator.clipboard.readText()") == made.address
    assert look.page.get_by_text("It is on the clipboard.").is_visible()
    assert (look.faults, look.strangers(site.url)) == ([], [])


def test_a_whole_address_of_a_page_is_taken_as_its_site(site: Shown, look: Look) -> None:
    look.page.goto(f"{site.url}/canaries")
    look.page.get_by_label("Vendor", exact=True).first.fill("Kite Shop")
    look.page.get_by_label("It writes from").fill("https://www.kites.example/")
    look.page.get_by_role("button", name="Issue").first.click()
    look.page.wait_for_url("**/canaries/*")
    look.page.goto(f"{site.url}/vendors/kite-shop")
    assert "kites.example" in look.page.locator("#main").inner_text()
    look.page.goto(f"{site.url}/new")
    look.page.get_by_label("Site", exact=True).fill("https://www.kites.example/")
    look.page.get_by_role("button", name="Make an address").click()
    look.page.wait_for_url("**/canaries/*")
    with site.database.reading() as session:
        assert len(list_canaries(session, "kite-shop")) == 2


def test_what_is_refused_keeps_what_was_typed(site: Shown, look: Look) -> None:
    look.page.goto(f"{site.url}/new")
    look.page.get_by_label("Site", exact=True).fill("no such vendor")
    look.page.get_by_role("button", name="Make an address").click()
    assert "no vendor has this name" in look.page.get_by_role("alert").inner_text()
    assert look.page.get_by_label("Site", exact=True).input_value() == "no such vendor"


def test_the_bookmark_names_the_site_and_nothing_else(site: Shown, look: Look) -> None:
    look.page.goto(f"{site.url}/new")
    code = str(look.page.get_by_role("link", name="Canary address").get_attribute("href"))
    shop = look.page.context.new_page()
    shop.route("**/*", lambda route: route.fulfill(body="<title>Shop</title>", content_type="text/html"))
    shop.goto("http://www.shop.example/secret?id=5")
    asked = shop.evaluate(
        f"() => {{ let asked; window.open = (to) => {{ asked = to }}; {code.removeprefix('javascript:')}; return asked }}"
    )
    assert asked.endswith("/new?site=www.shop.example")


def test_an_open_page_shows_an_address_that_a_program_made(site: Shown, look: Look) -> None:
    look.page.goto(f"{site.url}/canaries")
    look.page.wait_for_selector("body.live")
    with site.database.writing() as session:
        key = new_token(session, 1, "api", timedelta(days=1), site.now(), Label("vault", "sign-up"))
    answer = httpx.post(
        f"{site.url}/compat/simplelogin/api/alias/random/new?hostname=lamps.example", headers={"Authentication": key},
        json={"note": "Generated by Bitwarden."}, trust_env=False,
    )  # fmt: skip
    expect(look.page.locator("#tentative")).to_contain_text(answer.json()["alias"])
    look.page.screenshot(path=SHOTS / "tentative.png", full_page=True)
    look.page.get_by_role("button", name=f"Confirm {answer.json()['alias']}").click()
    expect(look.page.locator("#tentative")).to_have_count(0)
    assert (look.faults, look.strangers(site.url)) == ([], [])
