"""Screenshots of every page: `python -m tests.browser.shots [WORLD ...]`, on demo, empty and awkward data, in light and dark.

They are written to `tests/browser/shots/WORLD`, wide (1440) and narrow (390), with a contact sheet of each kind.
"""

import shutil
import sys
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, sync_playwright

from tests.browser.conftest import FLAGS, Shown, replayed, served
from tests.browser.worlds import WORLDS, PageWorld, addresses

SHOTS = Path(__file__).parent / "shots"
KINDS = [(scheme, width) for scheme in ("light", "dark") for width in (1440, 390)]


def main(wanted: list[str]) -> None:
    with TemporaryDirectory() as place, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        demo = Path(place) / "demo"
        demo.mkdir()
        replayed(demo)
        for name in wanted or WORLDS:
            folder = Path(place) / f"world-{name}"
            folder.mkdir()
            with served(WORLDS[name].make(demo, folder)) as shown:
                for kind in KINDS:
                    _shoot(browser, shown, WORLDS[name], SHOTS / name, *kind)
        browser.close()


def _shoot(browser: Browser, shown: Shown, world: PageWorld, into: Path, scheme: str, width: int) -> None:
    into.mkdir(parents=True, exist_ok=True)
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})  # type: ignore[arg-type]
    page = context.new_page()
    shown.enter(page)
    files = {}
    for name, path in addresses(shown.database, world.pages).items():
        page.goto(shown.url + path)
        files[name] = into / f"{name}-{scheme}-{width}.png"
        page.screenshot(path=files[name], full_page=True)
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if over > 0:
            print(f"{into.name} {name} {scheme} {width}: {over} px too wide")
    _sheets(browser, files, into / f"sheet-{scheme}-{width}", 4 if width > 1000 else 8)
    context.close()


def _sheets(browser: Browser, files: dict[str, Path], into: Path, columns: int) -> None:
    """Put the tops of screenshots side by side, three rows to a sheet."""
    page = browser.new_page(viewport={"width": 1900, "height": 100})
    names = list(files)
    for at in range(0, len(names), columns * 2):
        cells = "".join(
            f"<figure><figcaption>{escape(name)}</figcaption><img src='{files[name].as_uri()}'></figure>"
            for name in names[at : at + columns * 2]
        )
        sheet = into.with_name(f"{into.name}-{at // (columns * 2) + 1}.html")
        sheet.write_text(
            f"<style>body {{ display: grid; grid-template-columns: repeat({columns}, 1fr); gap: 10px; margin: 10px; font: 15px sans-serif }}"
            " figure { margin: 0; height: 640px; overflow: hidden; border: 1px solid #888 } img { width: 100% }</style>"
            + cells,
            encoding="utf-8",
        )
        page.goto(sheet.as_uri())
        page.screenshot(path=sheet.with_suffix(".png"), full_page=True)
        sheet.unlink()
    page.close()


if __name__ == "__main__":
    main(sys.argv[1:])
