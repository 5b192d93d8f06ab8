"""Every page that is read is looked at in a browser, in some world."""

import re

from canary.store.database import Database
from canary.web.config import WebConfig
from canary.web.pages import PAGES
from canary.web.rendering import PageContext
from tests.browser.worlds import WORLDS
from tests.website import NOW

PARTS = {
    "/feed", "/live", "/login", "/login/once/{token}", "/login/reset/{token}", "/canaries/{canary_id}/feed", "/cases/{case_id}/export",
    "/mail/{mail_id}/raw", "/mail/{mail_id}/html", "/manifest.webmanifest", "/setup/alerts/sent/{delivery_id}", "/setup/import/state",
    "/setup/start/arrived", "/plan/state", "/setup/inlets/tested", "/answer/{token}",
}  # fmt: skip
"""What is read and is no page of its own: parts of pages, files, and what is seen before one is logged in."""


def test_every_page_is_looked_at_in_some_world(sqlite_store: Database) -> None:
    frame = PageContext(WebConfig(sqlite_store, lambda: NOW))
    routes = {route.path for page in PAGES for route in page(frame).routes() if getattr(route, "method", "") == "GET"}
    seen = {path.partition("?")[0] for world in WORLDS.values() for path in world.pages.values()}
    unseen = {
        route
        for route in routes - PARTS
        if not route.endswith(".csv")
        and not any(re.fullmatch(re.sub(r"{[^}]*}", "[^/]+", route), path) for path in seen)
    }
    assert unseen == set()
