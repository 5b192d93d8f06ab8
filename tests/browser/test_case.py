"""A case walked through its states in a browser: a statement is contradicted, the address rotated."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.conftest import copied, served
from tests.browser.sights import AXE, hindrances

pytestmark = pytest.mark.browser

SHOTS = Path(__file__).parent / "shots"


@pytest.fixture
def case(demo: Path, tmp_path: Path, context: BrowserContext) -> Iterator[Page]:
    """The first case of the story, open before an analyst."""
    with served(copied(demo, tmp_path)) as shown:
        page = context.new_page()
        shown.enter(page)
        page.goto(f"{shown.url}/cases/1")
        yield page


@pytest.mark.everyday
def test_a_case_is_walked_through_its_states(case: Page) -> None:
    case.get_by_label("Assigned to").select_option("ada")
    case.locator("form", has=case.get_by_label("Assigned to")).get_by_role("button").click()
    for way in ("Investigating", "Vendor notified", "Confirmed", "Closed"):
        case.get_by_label("Why change it").fill(f"as {way.lower()}")
        case.get_by_role("button", name=way, exact=True).click()
    assert case.locator(".head .state").first.inner_text() == "closed"
    assert "Assigned to ada" in case.locator(".head").inner_text()
    told = case.locator(".events").inner_text()
    assert "vendor notified → confirmed: as confirmed" in told


def test_a_statement_that_the_mail_contradicts_is_shown_so_with_the_mails(case: Page) -> None:
    case.get_by_text("Record a statement").click()
    case.get_by_label("Who said it").fill("Playbox")
    case.get_by_label("On", exact=True).fill("2011-03-22")
    case.get_by_label("In their words").fill("Only e-mail addresses were taken.")
    case.get_by_label("only e-mail addresses leaked").check()
    case.get_by_label("the address was guessed").check()
    case.get_by_role("button", name="Record it").click()
    answers = case.locator("#claims .answers li")
    assert [line.split("\n")[0] for line in answers.all_inner_texts()] == ["✗ contradicted"] * 2
    assert "What only the vendor was told appears in the mail" in answers.nth(1).inner_text()
    case.screenshot(path=SHOTS / "claims.png", full_page=True)
    assert not AXE.exists() or hindrances(case) == []
    answers.nth(1).get_by_role("link").first.click()
    assert "/mail/" in case.url


def test_one_click_gives_a_vendor_a_new_address(case: Page) -> None:
    button = case.get_by_role("button", name="Do it: Give Hearthline").first
    button.click()
    assert case.get_by_role("button", name="Do it: Give Hearthline").count() == 0
    assert "is followed by" in case.locator(".events").inner_text()
    assert "(generation 3)" in case.locator(".events").inner_text()


def test_a_tick_starts_no_clock_and_the_time_of_awareness_does(case: Page) -> None:
    case.get_by_role("button", name="Done: Change the password at Playbox").click()
    assert case.get_by_role("button", name="Not done: Change the password at Playbox").count() == 1
    case.get_by_label("Aware since").fill("2011-04-01T09:30")
    case.locator("form", has=case.get_by_label("Aware since")).get_by_role("button").click()
    assert case.locator("#todo .state").inner_text() == "72 h: 48 h left"


def test_a_fault_is_said_on_the_page_of_the_case(case: Page) -> None:
    case.get_by_text("Merge or split").click()
    case.get_by_label("Merge another case into this one").fill("1")
    case.get_by_role("button", name="Merge", exact=True).click()
    assert "case 1: a case cannot be merged with itself" in case.get_by_role("alert").inner_text()


def test_a_letter_is_there_to_copy_in_three_languages(case: Page) -> None:
    case.get_by_role("link", name="Text: Write to Playbox").first.click()
    case.get_by_role("link", name="Deutsch").click()
    assert case.locator("pre").inner_text().startswith("An: Playbox\n")
