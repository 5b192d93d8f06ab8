"""Somebody new to it, from an empty folder to the first alert, in a terminal and a browser, with no word but those shown."""

import json
import os
import pty
import re
import smtplib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import PASSWORD, Look
from tests.browser.sights import AXE, EVERY, READ, overflow, seen_at
from tests.patience import PATIENCE
from tests.slack import Slack, slack

pytestmark = pytest.mark.browser

SHOTS = Path(__file__).parent / "shots"
MINUTES = 5
ZONE = {"inbox.example": {"MX": [[10, "mail.inbox.example"]], "TXT": ["v=spf1 -all"]}}
SPAM = "From: Pills <a@pills.example>\r\nSubject: Cheap pills\r\nList-Unsubscribe: <https://pills.example/u>\r\n\r\nBuy now.\r\n"


class Terminal:
    """A terminal in which a command runs, and all that it shows."""

    def __init__(self, command: list[str], folder: Path, environ: dict[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            command, cwd=folder, env=environ, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        os.close(theirs)
        self.text, self._news = "", threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                more = os.read(self._ours, 4096)
            except OSError:  # the terminal is closed
                return
            with self._news:
                self.text += more.decode()
                self._news.notify_all()

    def shows(self, pattern: str) -> str:
        with self._news:
            found = self._news.wait_for(lambda: re.search(pattern, self.text), PATIENCE)
        assert found, f"never showed {pattern!r}: {self.text}"
        return str(found[0])

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        os.close(self._ours)


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


@contextmanager
def up(folder: Path, **environ: str) -> Iterator[Terminal]:
    """Run `canary up` in a folder in which there is nothing."""
    (folder / "zone.json").write_text(json.dumps(ZONE))
    there = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    ours = {
        "CANARY_DNS__ZONE": str(folder / "zone.json"),
        "CANARY_SMTP__SPOOL_RESERVE": "0",
        "CANARY_ALERT__ALLOW_PRIVATE": "true",
    }
    terminal = Terminal([sys.executable, "-m", "canary", "up"], folder, {**there, **ours, **environ})
    try:
        yield terminal
    finally:
        terminal.close()


def set_up(page: Page, link: str, shoot: "Shooter") -> None:
    page.goto(link)
    shoot("welcome")
    page.get_by_label("Name", exact=True).fill("ada")
    page.get_by_label("Password, at least").fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)
    page.get_by_label(re.compile("^Domain")).fill("inbox.example")
    page.get_by_role("button", name="Set up").click()
    shoot("starting")
    # While the roles start, the page asks whether they have; the browser says of each such try that nobody answers.
    expect(page.get_by_role("heading", name="First steps")).to_be_visible()


def look_at_dns(page: Page, shoot: "Shooter") -> None:
    shoot("first-steps")
    page.get_by_role("link", name="Check DNS now").click()
    assert page.get_by_text("correct", exact=True).count() == 2
    assert page.get_by_text("missing", exact=True).count() == 3
    shoot("dns-checked")


def add_vendor(page: Page, shoot: "Shooter") -> str:
    page.get_by_label("Vendor", exact=True).fill("Bike Parts")
    page.get_by_label("It writes from").fill("bikeparts.example")
    page.get_by_label("Its supplier").fill("Letterworks")
    page.get_by_role("button", name="Issue its address").click()
    shoot("address")
    return str(page.locator("#address [data-copy]").get_attribute("data-copy"))


def set_destination(page: Page, where: Slack, shoot: "Shooter") -> None:
    page.get_by_label("Name", exact=True).fill("ops")
    page.get_by_label(re.compile("^Address")).fill(where.url)
    page.get_by_role("button", name="Save and test").click()
    expect(page.locator("#sent").get_by_text("arrived", exact=True)).to_be_visible()
    shoot("test-arrived")


def let_a_mail_arrive(page: Page, shoot: "Shooter") -> None:
    page.get_by_role("button", name="Send the mail").click()
    expect(page.locator("#arrived").get_by_text("self test", exact=True)).to_be_visible()
    shoot("self-test-arrived")


class Shooter:
    """Takes a picture of each step, under its number."""

    def __init__(self, page: Page) -> None:
        self.page, self.number = page, 0

    def __call__(self, name: str) -> None:
        self.number += 1
        self.page.screenshot(path=SHOTS / f"newcomer-{self.number}-{name}.png", full_page=True)


PAGES = (
    "setup/start",
    "setup/alerts",
    "setup/alerts?edit=ops",
    "setup/keeping",
    "setup/import",
    "vendors/bike-parts",
    "plan",
    "setup",
)


def look_at_all(page: Page, web: int) -> dict[str, object]:
    """Look at the pages of setting up, light and dark, wide and narrow; return what is wrong with each."""
    wrong: dict[str, object] = {}
    for path in PAGES:
        page.goto(f"http://127.0.0.1:{web}/{path}")
        name = re.sub(r"\W+", "-", path)
        for scheme, width in seen_at(page, EVERY):
            page.screenshot(path=SHOTS / f"{name}-{scheme}-{width}.png", full_page=True)
            over = overflow(page)
            found = _kept_from_reading(page) if (scheme, width) in READ else []
            if over > 0 or found:
                wrong[f"{path} {scheme} {width}"] = over or found
    return wrong


def _kept_from_reading(page: Page) -> object:
    """What axe finds on a page, where it is installed."""
    if not AXE.exists():
        return []
    page.evaluate(AXE.read_text())
    return page.evaluate("axe.run().then(r => r.violations.map(v => v.id + ': ' + v.nodes[0].html.slice(0, 200)))")


def test_somebody_new_comes_from_an_empty_folder_to_the_first_alert_in_minutes(
    context: BrowserContext, tmp_path: Path
) -> None:
    begun, smtp, web = time.monotonic(), free_port(), free_port()
    environ = {"CANARY_SMTP__PORT": str(smtp), "CANARY_WEB__PORT": str(web)}
    with slack(paced=False) as where, up(tmp_path, **environ) as terminal:
        look = Look(context.new_page())
        shoot = Shooter(look.page)
        set_up(look.page, terminal.shows(r"http://\S+/first-run/\S+"), shoot)
        look_at_dns(look.page, shoot)
        address = add_vendor(look.page, shoot)
        set_destination(look.page, where, shoot)
        let_a_mail_arrive(look.page, shoot)
        with smtplib.SMTP("127.0.0.1", smtp, timeout=PATIENCE) as client:
            client.sendmail("a@pills.example", [address], SPAM)
        look.page.goto(f"http://127.0.0.1:{web}/alerts")
        for _ in range(200):
            if len(where.messages) > 1:
                break
            look.page.wait_for_timeout(100)
        assert "Bike Parts" in json.dumps(where.messages[1])
        look.page.reload()
        shoot("first-alert")
        look.page.goto(f"http://127.0.0.1:{web}/")
        shoot("overview")
        faults = [fault for fault in look.faults if "ERR_CONNECTION_REFUSED" not in fault]
        assert (faults, look.strangers(f"http://127.0.0.1:{web}"), where.faults) == ([], [], [])
        assert time.monotonic() - begun < 60 * MINUTES
        assert look_at_all(look.page, web) == {}
