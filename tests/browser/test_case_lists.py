"""Cases in every state in a browser: they fit, whatever the names, and nothing is red where no leak is likelier than one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from canary.model.case import CaseState
from canary.store.database import Database
from canary.store.queries.users import add_user
from tests.browser.conftest import NOW, PASSWORD, Look, Shown, served
from tests.browser.sights import AXE, EVERY, READ, hindrances, overflow, page_at, seen_at
from tests.case_world import LONG, CaseMade, every_kind, make

pytestmark = pytest.mark.browser

SHOTS = Path(__file__).parent / "shots"
PAGES = {
    "overview": "/", "cases": "/cases", "settled": "/cases?show=settled", "watching": "/watching", "account": "/cases/1",
    "proposed": "/cases/2", "watched": "/cases/4", "explained": "/cases/8", "calm": "/cases/9", "vendor-leaking": "/vendors/long",
    "vendor-watched": "/vendors/bikes", "vendor-burned": "/vendors/shop-3", "supplier": "/suppliers/silverline",
    "found": "/search?q=shop", "mail": "/mail/8", "campaign": "/campaigns/4",
}  # fmt: skip
RED = """() => {
  const probe = document.createElement("i");
  probe.style.color = "var(--red)";
  document.body.append(probe);
  const red = getComputedStyle(probe).color;
  probe.remove();
  return [...document.querySelectorAll("main *")].filter((e) => getComputedStyle(e).color === red).map((e) => e.textContent);
}"""


def site(folder: Path, cases: tuple[CaseMade, ...], vendors: int = 8) -> None:
    database = Database(f"sqlite:///{folder}/canary.db")
    database.migrate()
    with database.writing() as session:
        add_user(session, "ada", PASSWORD, "admin", NOW)
        make(session, cases, NOW, vendors)
    database.close()


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """Cases in every state among two hundred vendors."""
    folder = tmp_path_factory.mktemp("every")
    site(folder, every_kind(NOW), 200)
    with served(folder) as shown:
        yield shown


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """Nothing but what is watched, and settled cases."""
    folder = tmp_path_factory.mktemp("calm")
    site(folder, tuple(case for case in every_kind(NOW) if case.state in (CaseState.WATCHED, CaseState.CLOSED)))
    with served(folder) as shown:
        yield shown


def test_cases_fit_whatever_the_names(every: Shown, chrome: Browser) -> None:
    look, over = Look(page_at(chrome, EVERY[0])), {}
    every.enter(look.page)
    for name, path in PAGES.items():
        look.page.goto(every.url + path)
        for scheme, width in seen_at(look.page, EVERY):
            over[name, scheme, width] = overflow(look.page)
            look.page.screenshot(path=SHOTS / f"cases-{name}-{scheme}-{width}.png", full_page=True)
    look.page.context.close()
    assert {name: by for name, by in over.items() if by > 0} == {}
    assert look.faults == []


@pytest.mark.skipif(not AXE.exists(), reason="no axe-core: .ci/install test-tools")
def test_nobody_is_kept_from_reading_about_cases(every: Shown, chrome: Browser) -> None:
    page = page_at(chrome, READ[0])
    found: dict[tuple[str, str, int], list[str]] = {}
    every.enter(page)
    for name, path in PAGES.items():
        page.goto(every.url + path)
        found |= {(name, *sight): hindrances(page) for sight in seen_at(page, READ)}
    page.context.close()
    assert {name: some for name, some in found.items() if some} == {}


@pytest.fixture
def page(every: Shown, context: BrowserContext) -> Page:
    page = context.new_page()
    every.enter(page)
    return page


@pytest.mark.everyday
def test_a_case_says_who_most_likely_lost_the_addresses_and_how(every: Shown, page: Page) -> None:
    page.goto(f"{every.url}/cases/1")
    account = f"{LONG}'s account at Silverline Marketing Cloud"
    assert page.locator("h1").inner_text() == f"Most likely taken from {account} (91%)."
    page.goto(f"{every.url}/cases/2")
    answer = "Most likely Silverline's list was stolen (87%): one campaign hit 4 of its 5 clients within 40 minutes."
    assert page.locator("h1").inner_text() == answer


def test_a_window_of_hours_is_given_to_the_minute(every: Shown, page: Page) -> None:
    page.goto(f"{every.url}/cases/1")
    assert "It leaked between 01:10 and 06:50 UTC on 2 Apr 2011 (90%: 01:30 to 06:30 UTC on 2 Apr 2011)." in (
        page.locator(".answer").inner_text()
    )


@pytest.mark.parametrize("path", ["/watching", "/cases/4", "/cases/9", "/vendors/bikes"])
def test_where_no_leak_leads_nothing_is_red_and_nothing_is_to_be_done(every: Shown, page: Page, path: str) -> None:
    page.goto(every.url + path)
    red = [text.strip() for text in page.evaluate(RED)]
    assert [text for text in red if text != "spam"] == []
    words = page.locator("main").inner_text()
    assert "Change the password" not in words
    assert "burned" not in words.replace("burns no address", "")


def test_what_is_watched_is_no_case_in_lists_and_search(every: Shown, page: Page) -> None:
    for path in ("/cases", "/search?q=bike", "/search?q=4", "/vendors/bikes"):
        page.goto(every.url + path)
        assert page.locator(".cases a[href='/cases/4']").count() == 0
    page.goto(f"{every.url}/watching")
    assert page.get_by_role("link", name="Details of number 4, Bike Parts").count() == 1


def test_a_mail_that_is_watched_names_no_case(every: Shown, page: Page) -> None:
    page.goto(f"{every.url}/mail/8")
    assert page.locator(".judged a[href='/cases/4']").all_inner_texts() == ["watched"]
    page.goto(f"{every.url}/campaigns/4")
    assert page.locator("a[href='/cases/4']").count() == 0


def test_a_number_finds_its_case(every: Shown, page: Page) -> None:
    for words in ("2", "case 2"):
        page.goto(f"{every.url}/search?q={words}")
        assert page.locator(".cases a").all_inner_texts() == ["Silverline 87%, stolen\ncase 2, Shop 1"]


def test_cases_are_filtered_by_their_address(every: Shown, page: Page) -> None:
    page.goto(f"{every.url}/cases")
    page.get_by_role("link", name="settled 2").click()
    assert page.url == f"{every.url}/cases?show=settled"
    assert page.locator(".cases .state").all_inner_texts() == ["false positive", "closed: confirmed"]
    page.goto(f"{every.url}/cases?vendor=shop-5")
    assert page.locator(".cases strong").all_inner_texts() == [
        "Explained: Mailer Co. sends for Shop 5 (you said so on 3 May)"
    ]


def test_a_leak_on_the_own_side_makes_no_vendor_a_leaking_one(every: Shown, page: Page) -> None:
    page.goto(f"{every.url}/vendors/shop-7")
    assert page.locator(".answer .state").inner_text() == "watching"
    assert "Most likely from your own side (92%)" in page.locator(".answer").inner_text()
    page.goto(f"{every.url}/?show=leaking")
    assert "Shop 7" not in page.locator("#vendors").inner_text()
    page.goto(f"{every.url}/cases/10")
    assert "Look at your own side first" in page.locator("#todo").inner_text()


def test_an_explained_case_says_why(every: Shown, page: Page) -> None:
    page.goto(f"{every.url}/cases/8")
    assert page.locator("h1").inner_text().startswith("Explained: Mailer Co. sends for Shop 5 (you said so on 3 May).")


def test_the_overview_says_what_became_of_earlier_cases(calm: Shown, context: BrowserContext) -> None:
    page = context.new_page()
    calm.enter(page)
    assert page.locator("h1").inner_text() == "1 case settled as confirmed, 2 addresses burned"
    page.get_by_role("link", name="2 watched").click()
    assert page.url == f"{calm.url}/watching"
    page.screenshot(path=SHOTS / "watching.png", full_page=True)


def test_a_proposal_to_explain_a_case_is_followed_by_one_button(tmp_path: Path, context: BrowserContext) -> None:
    site(tmp_path, every_kind(NOW)[1:2])
    with served(tmp_path) as shown:
        page = context.new_page()
        shown.enter(page)
        page.goto(f"{shown.url}/cases/1")
        page.get_by_role("button", name="Close it as explained").click()
        assert (
            page.locator("h1")
            .inner_text()
            .startswith("Explained: Mailer Co. sends for Shop 1. By the mail alone: most likely")
        )
        assert page.get_by_role("button", name="Close it as explained").count() == 0
