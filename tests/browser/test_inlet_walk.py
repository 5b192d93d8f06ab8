"""Somebody with a mailbox and no port 25, in the browser alone: from the form to the self-test that is seen arriving."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import PASSWORD, Look
from tests.browser.test_newcomer import SHOTS, Shooter, add_vendor, free_port, set_up, up
from tests.dovecot import PASSWORD as MAIL_PASSWORD
from tests.dovecot import USER, Dovecot, dovecot

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def server() -> Iterator[Dovecot]:
    with dovecot() as found:
        yield found


def enter(page: Page, port: int, password: str) -> None:
    form = page.locator("#form form").first
    if form.get_by_label("Name", exact=True).count():
        form.get_by_label("Name", exact=True).fill("home")
    form.get_by_label("IMAP server").fill("127.0.0.1")
    form.get_by_label(re.compile("^User")).fill(USER)
    form.get_by_label(re.compile("^Password")).fill(password)
    form.get_by_label("Port").fill(str(port))
    form.get_by_label("Secured by").select_option("none")
    form.get_by_role("button", name="Save and test").click()


def shoot_all(page: Page) -> None:
    """Take the page light and dark, wide and narrow, and see that it fits."""
    for scheme in ("light", "dark"):
        for width in (1440, 390):
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": 900})
            page.screenshot(path=SHOTS / f"inlets-{scheme}-{width}.png", full_page=True)
            assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def test_a_mailbox_is_entered_corrected_and_a_self_test_is_seen_arriving(
    context: BrowserContext, tmp_path: Path, server: Dovecot
) -> None:
    web = free_port()
    with up(tmp_path, CANARY_SMTP__PORT=str(free_port()), CANARY_WEB__PORT=str(web)) as terminal:
        look = Look(context.new_page())
        page = look.page
        shoot = Shooter(page)
        set_up(page, terminal.shows(r"http://\S+/first-run/\S+"), shoot)
        add_vendor(page, shoot)
        page.goto(f"http://127.0.0.1:{web}/setup/inlets")
        enter(page, server.port, "wrong")
        expect(page.locator("#tested")).to_contain_text(f"does not let {USER} log in")
        page.get_by_role("link", name="Correct it").click()
        enter(page, server.port, MAIL_PASSWORD)
        expect(page.locator("#tested")).to_contain_text("A self-test was read and judged after", timeout=60_000)
        page.reload()
        expect(page.get_by_text("watching", exact=True)).to_be_visible()
        shoot_all(page)
        assert (PASSWORD in page.content(), MAIL_PASSWORD in page.content()) == (False, False)
        assert look.strangers(f"http://127.0.0.1:{web}") == []
