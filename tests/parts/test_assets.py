"""What pages are made of: vendored files that are what they claim to be, kept for long, and light."""

import asyncio
import gzip
import re
from hashlib import sha256

import httpx
import pytest
from fastapi import FastAPI

from canary.web.assets import FOLDER, FOR_EVER, Assets

HEAVIEST = 80 * 1024


def get(path: str, **headers: str) -> httpx.Response:
    """Ask for a file as a browser does."""
    app = FastAPI()
    app.mount("/static", Assets())

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://canary.example") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(ask())


def test_every_vendored_file_is_listed_with_its_hash() -> None:
    folder = FOLDER / "vendor"
    listed = {name: mark for mark, name in (line.split("  ") for line in (folder / "HASHES").read_text().splitlines())}
    found = {file.name: sha256(file.read_bytes()).hexdigest() for file in folder.iterdir() if file.name != "HASHES"}
    assert found == listed


def test_every_vendored_script_keeps_its_licence() -> None:
    scripts = {file.name.partition("-")[0] for file in (FOLDER / "vendor").glob("*.js")}
    assert scripts == {file.stem for file in (FOLDER / "vendor").glob("*.LICENSE")}


def test_a_file_requested_by_its_hash_may_be_cached_for_a_year() -> None:
    assert _kept(get(Assets().address("canary.css"))) == FOR_EVER


@pytest.mark.parametrize("query", ["", "?v=000000000000", "?v="])
def test_a_file_requested_by_another_hash_is_revalidated(query: str) -> None:
    assert _kept(get(f"/static/canary.css{query}")) == "no-cache"


def test_a_file_that_did_not_change_is_not_sent_again() -> None:
    first = get("/static/canary.css")
    assert get("/static/canary.css", **{"If-None-Match": first.headers["etag"]}).status_code == 304


@pytest.mark.parametrize("path", ["../app.py", "%2e%2e/app.py", "vendor/../../app.py", "//etc/passwd"])
def test_nothing_outside_the_folder_is_served(path: str) -> None:
    assert get(f"/static/{path}").status_code == 404


def test_all_that_a_page_can_load_leaves_room_for_the_page_itself() -> None:
    files = [file for file in FOLDER.rglob("*") if file.suffix in (".js", ".css", ".svg")]
    assert sum(len(gzip.compress(file.read_bytes(), 6)) for file in files) < HEAVIEST - 25 * 1024


def test_our_own_script_makes_no_markup_of_texts() -> None:
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(", (FOLDER / "canary.js").read_text()
    )


def _kept(response: httpx.Response) -> str:
    assert response.status_code == 200
    return response.headers["cache-control"]
