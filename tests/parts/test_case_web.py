"""What is done about a case through the site, and the case taken away as files; served for real."""

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from canary.cases import records
from canary.cases.letter_sandbox import fill
from canary.evidence.verify import verify_pack
from canary.store.log_key import CARRIED_AS, LogKey
from canary.store.queries import audit
from tests.website import EVIL, Site, serve

FORMS: dict[str, dict[str, str | list[str]]] = {
    "state": {"state": "investigating", "note": "why"},
    "owner": {"owner": "analyst"},
    "note": {"note": EVIL},
    "aware": {"aware": "2011-03-23T09:00"},
    "statement": {"party": EVIL, "text": EVIL, "claim": ["only-addresses", "guessed"], "supplier": EVIL, "stopped": "2011-03-22"},
    "task": {"code": "watch", "done": "1"},
    "rotate": {"vendor": "play"},
}  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One site: what one test does about the case is in no other's way."""
    with serve(tmp_path_factory.mktemp("case")) as site:
        yield site


@pytest.fixture
def analyst(site: Site) -> Iterator[httpx.Client]:
    with site.logged_in("analyst") as client:
        yield client


@pytest.mark.parametrize("name", FORMS)
def test_each_form_changes_the_case_and_is_written_down_with_who(site: Site, analyst: httpx.Client, name: str) -> None:
    done = analyst.post(f"/cases/1/{name}", data=FORMS[name])
    assert (done.status_code, done.headers["location"].partition("#")[0]) == (303, "/cases/1")
    with site.database.reading() as session:
        assert records.timeline(session, 1)[-1].who == "analyst"
        assert [line.who for line in audit.audited(session, 1)] == ["analyst"]
    assert analyst.get("/cases/1").status_code == 200


def test_whatever_is_written_into_a_case_is_shown_as_text(analyst: httpx.Client) -> None:
    for name, form in FORMS.items():
        analyst.post(f"/cases/1/{name}", data=form)
    for path in ("/cases/1", "/cases/1/letter", "/cases/1?before=9"):
        shown = analyst.get(path)
        assert (shown.status_code, "<script>alert" in shown.text) == (200, False)
        assert "<img" not in shown.text.replace('<img src="/static', "")


@pytest.mark.parametrize(
    ("name", "form", "line"),
    [
        ("state", {"state": "new"}, "case 1: investigating cannot become new"),
        ("owner", {"owner": "nobody-known"}, "user &#39;nobody-known&#39; is not known"),
        ("aware", {"aware": "soon"}, "aware at &#39;soon&#39;: not a time; write it as 2011-12-31"),
        ("statement", {"party": "Play"}, "the statement is empty"),
        ("statement", {"party": "Play", "since": "x"}, "&#39;x&#39; is not a day"),
        ("task", {"code": "dance"}, "task &#39;dance&#39;: not on the checklist"),
        ("rotate", {"vendor": "x"}, "vendor &#39;x&#39; is not known"),
        ("merge", {"other": "1"}, "a case cannot be merged with itself"),
        ("split", {"what": "half"}, "split &#39;half&#39;: choose a vendor or a campaign of this case"),
        ("undo", {}, "nothing was merged or split here"),
    ],
)
def test_what_cannot_be_done_is_said_on_the_page_and_changes_nothing(
    site: Site, analyst: httpx.Client, name: str, form: dict[str, str], line: str
) -> None:
    with site.database.reading() as session:
        before = audit.audited(session, 1)
    done = analyst.post(f"/cases/1/{name}", data=form)
    assert (done.status_code, line in done.text) == (400, True)
    with site.database.reading() as session:
        assert audit.audited(session, 1) == before


def test_a_user_who_may_only_look_sees_no_forms(site: Site) -> None:
    with site.logged_in("viewer") as client:
        shown = client.get("/cases/1").text
    assert "Suspects" in shown
    assert 'action="/cases/' not in shown


def test_the_evidence_is_one_document_with_every_mail(analyst: httpx.Client) -> None:
    analyst.post("/cases/1/statement", data=FORMS["statement"])
    answer = analyst.get("/cases/1/export")
    found = answer.json()
    assert answer.headers["content-disposition"] == 'attachment; filename="case-1.json"'
    assert (found["id"], len(found["hits"]), found["hits"][0]["subject"]) == (1, 1, EVIL)
    assert [claim["code"] for claim in found["statements"][-1]["claims"]] == [
        "only-addresses",
        "guessed",
        "supplier",
        "stopped",
    ]


def test_no_cell_of_the_mails_as_a_table_is_a_formula(site: Site, analyst: httpx.Client) -> None:
    from sqlalchemy import update

    from canary.store.tables import MailRow

    with site.database.writing() as session:
        session.execute(update(MailRow).values(subject="=1+1", sender="@SUM(A1)"))
    answer = analyst.get("/cases/1/export?format=csv")
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert answer.headers["content-disposition"] == 'attachment; filename="case-1.csv"'
    assert (row["subject"], row["claims_to_be"], row["address"]) == ("'=1+1", "'@SUM(A1)", "a@example.net")


def test_a_case_without_a_log_of_evidence_has_no_pack_and_says_why(analyst: httpx.Client) -> None:
    answer = analyst.get("/cases/1/export?format=pack")
    assert (answer.status_code, "there is no log of evidence yet" in answer.text) == (409, True)


def test_the_evidence_pack_of_a_case_is_downloaded_with_what_was_logged_just_before(
    site: Site, analyst: httpx.Client, tmp_path: Path
) -> None:
    site.database._info[CARRIED_AS] = LogKey(tmp_path / "log.key")
    analyst.post("/cases/1/statement", data=FORMS["statement"])
    answer = analyst.get("/cases/1/export?format=pack")
    assert answer.headers["content-disposition"] == 'attachment; filename="evidence-case-1.zip"'
    assert analyst.get("/api/v1/cases/1/evidence").content == answer.content
    report = verify_pack(answer.content)
    assert "2 decisions, lines of the timeline and statements are in the log" in "\n".join(report.lines())


@pytest.mark.parametrize(
    "path",
    [
        "/cases/9/export",
        "/cases/9/export?format=pack",
        "/cases/1/export?format=exe",
        "/cases/9/letter",
        "/cases/1/letter?to=x:y",
    ],
)
def test_what_is_not_there_is_not_found(analyst: httpx.Client, path: str) -> None:
    assert analyst.get(path).status_code == 404


def test_an_admin_changes_the_text_of_a_letter_and_a_bad_text_is_refused(site: Site, analyst: httpx.Client) -> None:
    form = {"to": "vendor:play", "lang": "fr", "text": "Dossier {{ case }}"}
    assert analyst.post("/cases/1/letter", data=form).status_code == 403
    with site.logged_in() as admin:
        bad = admin.post("/cases/1/letter", data=form | {"text": "{{ whom }}"})
        assert (bad.status_code, "letter: &#39;whom&#39; is undefined" in bad.text) == (400, True)
        assert admin.post("/cases/1/letter", data=form).status_code == 303
    assert "Dossier 1</pre>" in analyst.get("/cases/1/letter?to=vendor:play&lang=fr").text


def test_a_letter_is_tried_and_written_while_no_transaction_is_open(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections: list[int] = []

    def noted(template: str, facts: Mapping[str, Any]) -> str:
        connections.append(site.database.engine.pool.checkedout())  # type: ignore[attr-defined]
        return fill(template, facts)

    monkeypatch.setattr("canary.cases.letter_text.fill", noted)
    with site.logged_in() as admin:
        assert admin.get("/cases/1/letter?to=vendor:play").status_code == 200
        form = {"to": "vendor:play", "lang": "de", "text": "Fall {{ case }}"}
        assert admin.post("/cases/1/letter", data=form).status_code == 303
    assert connections == [0, 0]
