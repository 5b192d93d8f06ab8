"""The link by which a vendor reads its part of a case and answers, on a served site."""

import re
from datetime import timedelta
from pathlib import Path

import httpx

from canary.cases.statements import statements_of
from canary.cases.vendor_link import ANSWERS, LONGEST
from canary.model.case import CaseState
from canary.store import tables
from canary.store.queries.audit import audited
from canary.web.middleware import masked
from canary.web.pages.vendor_links import TRIES
from tests.ways import ready
from tests.website import EVIL, NOW, Site, serve


def made(site: Site) -> str:
    with site.logged_in("analyst") as analyst:
        page = analyst.post("/cases/1/link", data={"vendor": "play", "days": "7"})
        [path] = re.findall(r"<code>http://[^/]+(/answer/[\w.]+)</code>", page.text)
        assert "Revoke link 1" in analyst.get("/cases/1").text
    return str(path)


def stranger(site: Site) -> httpx.Client:
    return site.client()


def test_a_vendor_reads_its_own_part_answers_in_bounds_and_no_longer_once_it_is_revoked(tmp_path: Path) -> None:
    with serve(tmp_path) as site:
        ready(site)
        with site.database.writing() as session:
            session.get_one(tables.MailRow, 1).subject = "for t@example.net too"
        path = made(site)
        with stranger(site) as vendor:
            shown = vendor.get(path)
            assert (shown.status_code, "a@example.net" in shown.text) == (200, True)
            assert ("t@example.net" in shown.text, "Tea" in shown.text, "<nav" in shown.text) == (False, False, False)
            assert "<script>alert" not in shown.text
            assert "noindex" in shown.headers["x-robots-tag"]
            assert shown.headers["referrer-policy"] == "no-referrer"
            assert vendor.post(path, data={"text": "x"}, headers={"Origin": "http://b.example"}).status_code == 403
            assert [vendor.post(path, data={"text": text}).status_code for text in ("", "x" * (LONGEST + 1))] == [
                400
            ] * 2
            answers = [vendor.post(path, data={"text": EVIL}).status_code for _ in range(ANSWERS + 1)]
            assert answers == [200] * ANSWERS + [400]
            assert vendor.get("/cases/1").status_code == 303
        with site.database.reading() as session:
            said = statements_of(session, 1)
            assert [(each.text, each.by) for each in said] == [(EVIL, "link 1")] * ANSWERS
            lines = [f"{row.who} {row.action} {row.subject} {row.text}" for row in audited(session)]
        assert sum("case-link-opened" in line for line in lines) == 1
        assert not any(path.rpartition(".")[2] in line for line in lines)
        with site.logged_in("analyst") as analyst:
            assert analyst.post("/cases/1/link/revoke", data={"link": "1"}).status_code == 303
        with stranger(site) as vendor:
            assert [vendor.get(path).status_code, vendor.post(path, data={"text": "x"}).status_code] == [404, 404]


def test_a_link_that_is_changed_or_expired_opens_nothing_and_tries_are_bounded(tmp_path: Path) -> None:
    with serve(tmp_path) as site, stranger(site) as vendor:
        ready(site)
        path = made(site)
        wrong = path[:-1] + ("0" if path[-1] != "0" else "1")
        assert [vendor.get(each).status_code for each in (wrong, f"/answer/2.{path[-32:]}", path)] == [404, 404, 200]
        with site.database.writing() as session:
            session.get_one(tables.CaseLinkRow, 1).ends += timedelta(days=1)
        assert vendor.get(path).status_code == 404
        with site.database.writing() as session:
            session.get_one(tables.CaseLinkRow, 1).ends -= timedelta(days=1)
        site.now = NOW + timedelta(days=7)
        assert [vendor.get(path).status_code for _ in range(TRIES + 1)] == [404] * TRIES + [429]


def test_the_program_s_log_has_no_secret_of_a_link() -> None:
    secret = "12.0123456789abcdef0123456789abcdef"
    assert [masked(f"{at}{secret}") for at in ("/answer/", "/login/once/")] == ["/answer/***", "/login/once/***"]
    assert masked("/cases/1") == "/cases/1"


def test_nobody_is_asked_to_answer_for_what_probably_is_no_leak(tmp_path: Path) -> None:
    with serve(tmp_path) as site, stranger(site) as vendor:
        ready(site)
        path = made(site)
        with site.database.writing() as session:
            session.get_one(tables.CaseRow, 1).state = CaseState.FALSE_POSITIVE
        assert vendor.get(path).status_code == 404
        with site.logged_in("analyst") as analyst:
            refused = analyst.post("/cases/1/link", data={"vendor": "play", "days": "7"})
        assert (refused.status_code, "there is no link to make" in refused.text) == (400, True)
