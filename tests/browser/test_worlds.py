"""Pages on awkward data: they fit, can be read by all and ask nobody else, whatever the names and however much there is."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.awkward_world import CHINESE, HEBREW, MIXED, NAMES
from tests.browser.conftest import Look, Shown, served
from tests.browser.sights import AXE, Sight, hindrances, overflow, page_at, seen_at
from tests.browser.worlds import WORLDS, addresses

pytestmark = pytest.mark.browser

NEW = ("awkward", "alone", "empty")
"""The worlds besides that of the demo, which `test_pages` looks at."""

CUT = """() => [...document.querySelectorAll("main *")].filter((e) => {
  const style = getComputedStyle(e);
  if (style.overflowX !== "visible" || e.closest(".scroll, .only, svg, pre, .chart, select, summary")) return false;
  return e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0 && style.display !== "inline";
}).map((e) => e.outerHTML.slice(0, 120))"""
"""What is wider than its place, and would be written over what stands beside it."""

SIDEWAYS = """() => [...document.querySelectorAll("main .scroll:not(.right)")].filter((e) =>
  e.scrollWidth > e.clientWidth + 1 && !e.querySelector(".grid, :scope > svg")).map((e) => e.getAttribute("aria-label"))"""
"""Tables of which one has to scroll sideways; the matrix of a case may, as its columns are its point."""

ALIKE = ("-1", "-2", "-3")
"""The ends of names of pages that are as the first of their kind to a program that reads."""


@pytest.fixture(scope="module")
def worlds(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Shown]]:
    """Each world served once for all tests."""
    with ExitStack() as serving:
        yield {
            name: serving.enter_context(served(WORLDS[name].make(demo, tmp_path_factory.mktemp(name)))) for name in NEW
        }


def visits(shown: Shown, name: str, page: Page, besides: tuple[str, ...] = ()) -> Iterator[str]:
    """Show each page of a world but those with such names, and yield its name."""
    shown.enter(page)
    for each, path in addresses(shown.database, WORLDS[name].pages).items():
        if besides and each.endswith(besides):
            continue
        answer = page.goto(shown.url + path)
        assert answer is not None
        assert answer.status == (404 if each == "lost" else 200), path
        yield each


@pytest.mark.parametrize("name", NEW)
def test_pages_fit_whatever_they_show(worlds: dict[str, Shown], chrome: Browser, name: str) -> None:
    sights: tuple[Sight, ...] = ("light", 390), ("dark", 1440)
    look = Look(page_at(chrome, sights[0]))
    over, cut, sideways = {}, {}, {}
    for each in visits(worlds[name], name, look.page):
        for sight in seen_at(look.page, sights):
            over[each, sight] = overflow(look.page)
            cut[each, sight], sideways[each, sight] = look.page.evaluate(CUT), look.page.evaluate(SIDEWAYS)
    look.page.context.close()
    assert {each: by for each, by in over.items() if by > 0} == {}
    assert {each: what for each, what in cut.items() if what} == {}
    assert {each: what for each, what in sideways.items() if what} == {}
    missing = "Failed to load resource: the server responded with a status of 404 (Not Found)"
    assert ([fault for fault in look.faults if fault != missing], look.strangers(worlds[name].url)) == ([], [])


@pytest.mark.skipif(not AXE.exists(), reason="no axe-core: .ci/install test-tools")
@pytest.mark.parametrize("name", ["awkward", "empty"])
def test_nobody_is_kept_from_reading_what_is_awkward(worlds: dict[str, Shown], chrome: Browser, name: str) -> None:
    page = page_at(chrome, ("light", 390))
    found = {each: hindrances(page) for each in visits(worlds[name], name, page, ALIKE)}
    page.context.close()
    assert {each: some for each, some in found.items() if some} == {}


@pytest.mark.everyday
def test_names_are_whole_and_turn_nothing_around(worlds: dict[str, Shown], chrome: Browser) -> None:
    context = chrome.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    shown = worlds["awkward"]
    shown.enter(page)
    for number, name in enumerate(NAMES):
        page.goto(f"{shown.url}/vendors/awkward-{number}")
        assert page.locator("h1").inner_text().startswith(name)
    for number, name in ((0, HEBREW), (2, CHINESE[:60]), (3, MIXED)):
        page.goto(f"{shown.url}/mail?vendor=awkward-{number}")
        link = page.get_by_role("link", name=name, exact=True).first
        assert link.evaluate("e => getComputedStyle(e.querySelector('bdi')).unicodeBidi") == "isolate"
    context.close()
