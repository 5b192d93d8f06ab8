"""Whatever is found about a case: where no leak is likelier than one, no page, letter or command says that one happened."""

import html
import io
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings

from canary.attribute.summary import conclude
from canary.cases import export, letters
from canary.cases.conclusions import calls_for_action
from canary.cli.case_words import in_words, print_case, watched_lines
from canary.model.case import CaseState, Findings, Suspect, SuspectKind, leak_probability
from canary.store.codec import findings_json, suspects_json
from canary.store.database import Database
from canary.store.queries.users import add_user
from canary.store.tables import CaseRow
from canary.views.case_lists import every_watched
from canary.web.app import create_app
from canary.web.config import WebConfig
from tests.case_states import accuses, case_findings, case_states, suspect_lists
from tests.case_world import CaseMade, make, nobody
from tests.case_world import findings as found
from tests.website import PASSWORD, Site, serve_app

NOW = datetime(2011, 4, 2, 9, 30, tzinfo=UTC)
PAGES = (
    "/", "/feed", "/cases", "/watching", "/cases/1", "/vendors/shop-1", "/suppliers/silverline", "/suppliers", "/search?q=shop",
    "/canaries", "/mail/1", "/campaigns/1",
)  # fmt: skip
_TAG = re.compile(r"<(script|style)[^>]*>.*?</\1>|<[^>]+>", re.DOTALL)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with one case, which each example changes."""
    database = Database(f"sqlite:///{Path(tmp_path_factory.mktemp('words')) / 'canary.db'}")
    database.migrate()
    with database.writing() as session:
        add_user(session, "ada", PASSWORD, "admin", NOW)
        make(session, [CaseMade("shop-1", CaseState.NEW, (nobody(0.5),), Findings())], NOW)
    site = Site("", FastAPI(), database, NOW)
    site.app = create_app(WebConfig(database, lambda: NOW, health=lambda: {"listener": "listening"}))
    with serve_app(site):
        yield site


@pytest.fixture(scope="module")
def client(site: Site) -> Iterator[httpx.Client]:
    with site.logged_in() as client:
        yield client


def set_case(site: Site, suspects: tuple[Suspect, ...], findings: Findings, state: CaseState) -> bool:
    """Let the case be so; whether a leak leads in it or a person confirmed it."""
    with site.database.writing() as session:
        case = session.get_one(CaseRow, 1)
        case.suspects, case.findings = suspects_json(suspects), findings_json(findings)
        case.state, case.leak = state, leak_probability(suspects)
        session.add(case)
        return conclude(suspects, findings, state).leads or state == CaseState.CONFIRMED


shared = settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@given(suspects=suspect_lists(), findings=case_findings(), state=case_states())
@shared
def test_no_page_accuses_anybody_where_no_leak_leads(
    site: Site, client: httpx.Client, suspects: tuple[Suspect, ...], findings: Findings, state: CaseState
) -> None:
    leads = set_case(site, suspects, findings, state)
    for path in PAGES:
        answer = client.get(path)
        assert answer.status_code == 200, path
        words = html.unescape(_TAG.sub("\n", answer.text))
        assert leads or not accuses(words, suspects), path


@given(suspects=suspect_lists(), findings=case_findings(), state=case_states())
@shared
def test_no_command_or_letter_accuses_anybody_where_no_leak_leads(
    site: Site, suspects: tuple[Suspect, ...], findings: Findings, state: CaseState
) -> None:
    leads = set_case(site, suspects, findings, state)
    with site.database.reading() as session:
        case = session.get_one(CaseRow, 1)
        document = export.case_document(session, case, NOW)
        watched = [text for _, line in every_watched(session) for text in watched_lines(line)]
        try:
            letter = letters.draft_letter(session, 1, "vendor:shop-1", "en", NOW).write()
        except ValueError as refused:
            letter = str(refused)
        assert letter.startswith("To:") == calls_for_action(case)
    told = io.StringIO()
    with redirect_stdout(told):
        print_case(document)
    words = "\n".join((told.getvalue(), letter, document["summary"], *in_words(findings, leads=leads), *watched))
    assert leads or not accuses(words, suspects)


def test_a_letter_about_what_is_probably_no_leak_is_refused_with_the_reason(site: Site, client: httpx.Client) -> None:
    set_case(site, (nobody(0.8),), Findings(), CaseState.INVESTIGATING)
    answer = client.get("/cases/1/letter")
    assert answer.status_code == 404
    assert "case 1: there is no letter to write: Probably no leak (80%)." in answer.text


def test_a_case_that_a_person_confirmed_has_its_tasks_and_letters(site: Site, client: httpx.Client) -> None:
    set_case(site, (nobody(0.8),), Findings(), CaseState.CONFIRMED)
    page = client.get("/cases/1").text
    letter = client.get("/cases/1/letter").text.partition('<pre class="paper"')[2].partition("</pre>")[0]
    assert "Settled as confirmed. By the mail alone: probably no leak (80%)." in page
    assert "Change the password at Shop 1" in page
    assert "We ask you to answer" in letter
    assert "By our calculation" not in letter


def test_what_is_watched_is_listed_by_the_api_only_where_it_is_asked_for(site: Site, client: httpx.Client) -> None:
    set_case(site, (nobody(0.8),), Findings(), CaseState.WATCHED)
    secret = site.secret("api")
    api = {"Authorization": f"Bearer {secret}"}
    every, asked, watching = (
        client.get(f"/api/v1/{path}", headers=api).json()["items"]
        for path in ("cases", "cases?state=watched", "watching")
    )
    assert (every, [case["id"] for case in asked]) == ([], [1])
    assert (watching[0]["summary"], watching[0]["leak"]) == ("Probably no leak (80%).", pytest.approx(0.2))
    assert watching[0]["settling"]


@pytest.mark.parametrize(("share", "told"), [(0.7, False), (0.9, True)])
def test_how_it_happened_is_absent_from_the_api_until_it_is_likely(
    site: Site, client: httpx.Client, share: float, told: bool
) -> None:
    vendor = Suspect(SuspectKind.VENDOR, "shop-1", 0.9, 1, 2, "Shop 1", passed_on=0.9 * share)
    set_case(site, (vendor, nobody(0.05)), Findings(), CaseState.NEW)
    first = client.get("/api/v1/cases/1", headers={"Authorization": f"Bearer {site.secret('api')}"}).json()["suspects"][
        0
    ]
    assert ("how" in first) is told
    assert not told or first["how"] == pytest.approx({"lost": 0.09, "passed-on": 0.81})


def test_a_window_within_one_day_is_given_to_the_minute(site: Site, client: httpx.Client) -> None:
    vendor = Suspect(SuspectKind.VENDOR, "shop-1", 0.9, 1, 2, "Shop 1")
    set_case(site, (vendor, nobody(0.05)), found(NOW, hours=5), CaseState.NEW)
    assert "90%: 01:30 to 06:30 UTC on 2 Apr 2011" in client.get("/cases/1").text
