"""Values that nobody means, put wherever a page takes one."""

import re

import httpx

from canary.web.routes import WebRoute
from tests.website import Site

QUICK = ("1" + "0" * 30, "%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
ODD = ("-1", "0", "1e9", "\u0661", "x" * 2_000, "%00", "%ff%fe", "%ed%a0%80", "..%2f..%2fetc%2fpasswd",
       "%2e%2e/%2e%2e/app.py", "'%20OR%201=1--", "%0d%0aSet-Cookie:%20x=1", "%u0000",
       "NaN", "1;2", "%E2%80%AE", "//evil.example", "%5Cevil.example")  # fmt: skip
NAMES = "before after q who action next sort state check cursor limit vendor since open tag".split()
FIELDS = [
    *NAMES,
    *"name password again role token note rows mails other count channel style domain answer sender".split(),
]
ENDLESS = ("/live",)
"""Answers that never end; they are asked elsewhere."""


def pages(site: Site) -> list[WebRoute]:
    ways = [way for way in site.app.state.ways if isinstance(way, WebRoute) and way.method == "GET"]
    return [way for way in ways if not way.path.startswith(ENDLESS)]


def sound(answer: httpx.Response) -> bool:
    return (
        answer.status_code < 500
        and "Traceback" not in answer.text
        and "x=1" not in answer.headers.get("set-cookie", "")
    )


def broken_addresses(site: Site, odd: str) -> list[str]:
    """Ask every page with a value in its path and in its parameters; return what failed."""
    broken = []
    with site.logged_in() as client:
        for way in pages(site):
            plain, named = re.sub(r"\{[^}]+\}", "1", way.path), re.sub(r"\{[^}]+\}", odd, way.path)
            asked = {f"{plain}?{'&'.join(f'{name}={odd}' for name in NAMES)}"} | ({named} if "{" in way.path else set())
            broken += [path[:100] for path in asked if not sound(client.get(path))]
    return broken


def broken_forms(site: Site, odd: str) -> list[tuple[str, str]]:
    """Send a value in every field of every form; return what failed."""
    body, broken = "&".join(f"{name}={odd}" for name in FIELDS), []
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    with site.logged_in() as client:
        for way in site.app.state.ways:
            if isinstance(way, WebRoute) and way.method != "GET" and way.path != "/logout":
                path = re.sub(r"\{[^}]+\}", "999", way.path)
                answer = client.request(way.method, path, content=body, headers=headers)
                broken += [] if sound(answer) else [(way.method, way.path)]
    return broken
