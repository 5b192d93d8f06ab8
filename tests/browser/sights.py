"""Ways to look at a page, and what may be wrong with what is seen."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page

AXE = Path(__file__).parents[2] / ".peers/test/node_modules/axe-core/axe.min.js"
Sight = tuple[Literal["light", "dark"], int]
"""The colours that somebody prefers, and the width of the window."""

EVERY: tuple[Sight, ...] = ("light", 390), ("dark", 390), ("dark", 1440), ("light", 1440)
READ: tuple[Sight, ...] = ("dark", 390), ("light", 1440)
"""The two in which a page is read by axe, which takes a while."""


def page_at(chrome: Browser, sight: Sight) -> Page:
    """Open a page in a browser that knows nothing yet, to be seen so."""
    scheme, width = sight
    return chrome.new_context(color_scheme=scheme, viewport={"width": width, "height": 900}).new_page()


def seen_at(page: Page, sights: Sequence[Sight]) -> Iterator[Sight]:
    """Show a page in one way after the other without loading it again, the narrow ones first: what grows has its place."""
    for scheme, width in sights:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        yield scheme, width
    page.set_viewport_size({"width": sights[0][1], "height": 900})


def overflow(page: Page) -> int:
    """Return by how many pixels a page is wider than its window."""
    over: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return over


def hindrances(page: Page) -> list[str]:
    """Return what keeps somebody from reading or using a page, as axe finds it."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{fault['id']}: {fault['nodes'][0]['html'][:160]}"
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
    ]
