"""`canary case ...` as people type it: the commands are called in this process, as there are many."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from canary.cases.charge import assess_and_record
from canary.cli import app
from canary.cli.context import explain
from canary.store.counters import recount
from canary.store.queries.users import add_user
from canary.store.tables import (
    CampaignRow,
    CanaryRow,
    CaseEventRow,
    CaseRow,
    CaseVendorRow,
    HitRow,
    MailRow,
    VendorRow,
)
from tests.conftest import START
from tests.processes import House

pytestmark = pytest.mark.slow  # every test migrates a store of its own
Say = Callable[..., str]
NAMED = [{"code": "persona-named", "text": "It repeats what only this vendor was told: given name."}]


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Say]:
    """Two cases that one campaign spans, five mails, three of which say the name."""
    with House(tmp_path).open() as house:
        (tmp_path / "data").mkdir()
        house.store.migrate()
        with house.store.writing() as session:
            add_user(session, "ada", "correct horse battery", "analyst", START)
            session.add(CampaignRow(subject="lure", first_at=START, last_at=START, mails=5))
            for number, slug in enumerate(("play", "bikes"), 1):
                session.add(VendorRow(slug=slug, name=slug.title(), created_at=START))
                session.flush()
                session.add(CanaryRow(id=number, address=f"{slug}@in.example", domain="in.example", vendor_id=number, style="tagged",
                                      bits=65, issued_at=START, persona={"given_name": "Ada", "family_name": "Balaberg"}))  # fmt: skip
                session.add(CaseRow(vendor_id=number, opened_at=START, last_hit_at=START))
                session.flush()
                session.add(CaseVendorRow(case_id=number, vendor_id=number))
                session.add(CaseEventRow(case_id=number, at=START, kind="opened"))
            for number in range(5):
                mail = MailRow(key=str(number), sha256="", size=1, received_at=START, subject="s", envelope={}, identity={},
                               proofs={}, parts={}, campaign_id=1)  # fmt: skip
                session.add(mail)
                session.flush()
                owner = 1 if number < 4 else 2
                session.add(HitRow(mail_id=mail.id, canary_id=owner, at=START, verdict="spam", confidence=0.9, case_id=owner,
                                   reasons=NAMED if number < 3 else []))  # fmt: skip
            recount(session)
            for number in (1, 2):
                assess_and_record(session, session.get_one(CaseRow, number))
        monkeypatch.chdir(house.folder)
        for name, value in house.environment.items():
            monkeypatch.setenv(name, value)

        def run(*arguments: str, text: str | None = None) -> str:
            done = CliRunner().invoke(app, list(arguments), input=text)
            if isinstance(done.exception, Exception):
                return explain(done.exception)[0]
            return done.stdout if done.exit_code == 0 else done.output

        yield run


def test_a_case_is_walked_through_its_states_by_its_owner(say: Say) -> None:
    say("case", "1", "--state", "investigating", "--owner", "ada", "--note", "looks real")
    say("case", "1", "--state", "vendor-notified")
    found = json.loads(say("case", "1", "--aware", "2026-03-01T13:00", "--json"))
    assert (found["state"], found["owner"]) == ("vendor-notified", "ada")
    assert found["notify_until"].startswith("2026-03-04T13:00")
    assert [e["text"] for e in found["timeline"] if e["kind"] == "state"] == [
        "new → investigating: looks real", "investigating → vendor-notified",
    ]  # fmt: skip


def test_a_note_alone_is_a_line_of_the_timeline(say: Say) -> None:
    found = json.loads(say("case", "1", "--note", "rang them", "--json"))
    assert [(e["kind"], e["text"]) for e in found["timeline"]][-1] == ("note", "rang them")


def test_a_statement_is_held_against_the_mails(say: Say) -> None:
    arguments = ("--by", "Play.com", "--on", "2026-03-02", "--claim", "only-addresses", "--claim", "stopped:2026-03-01")
    found = json.loads(say("case", "1", "--statement", "Only addresses.", *arguments, "--json"))
    only, stopped = found["statements"][0]["claims"]
    assert (only["outcome"], only["mails"]) == ("contradicted", [1, 2, 3])
    assert stopped["outcome"] == "cannot be told"
    assert "only e-mail addresses leaked - contradicted: What only the vendor was told" in say("case", "1")


def test_cases_are_merged_split_and_both_taken_back(say: Say) -> None:
    assert json.loads(say("case", "1", "--json"))["merge_proposed"] == [2]
    assert json.loads(say("case", "1", "--merge", "2", "--json"))["merge_proposed"] == []
    assert json.loads(say("case", "2", "--json"))["merged_into"] == 1
    say("case", "1", "--split", "vendor:bikes")
    say("case", "1", "--undo")
    found = json.loads(say("case", "1", "--undo", "--json"))
    assert [(m["kind"], m["hits"], bool(m["undone_at"])) for m in found["moves"]] == [
        ("merge", 1, True),
        ("split", 1, True),
    ]


def test_points_are_ticked_and_addresses_given_anew(say: Say) -> None:
    found = json.loads(say("case", "1", "--tick", "password:play", "--rotate", "play", "--json"))
    done = {point["code"]: point["done"] for point in found["checklist"]}
    assert (done["password:play"], done["rotate:play"], done["watch"]) == (True, True, False)


def test_a_letter_is_printed_and_its_text_can_be_the_owners(say: Say) -> None:
    assert say("case", "1", "--letter", "vendor", "--lang", "fr").startswith("À : Play\n")
    say("letter", "set", "vendor", "fr", "-", text="Dossier {{ case }}")
    assert say("case", "1", "--letter", "vendor:play", "--lang", "fr") == "Dossier 1\n"
    assert [row["language"] for row in json.loads(say("letter", "list", "--json")) if row["changed"]] == ["fr"]
    say("letter", "reset", "vendor", "fr")
    assert say("letter", "show", "vendor", "fr").startswith("À : {{ to }}")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("9",), "case 9: there is none; see `canary cases`"),
        (("1", "--state", "closed"), "case 1: new cannot become closed"),
        (("1", "--owner", "ben"), "user 'ben' is not known"),
        (("1", "--claim", "guessed"), "--by: nobody named"),
        (("1", "--by", "Play", "--claim", "lies"), "claim 'lies' is not known: choose from no-leak"),
        (("1", "--by", "Play", "--claim", "stopped:soon"), "'soon' is no day; write it as 2011-12-31"),
        (("1", "--split", "bikes"), "name what to split off, as vendor:SLUG or campaign:NUMBER"),
        (("1", "--letter", "supplier"), "say to whom; this case concerns vendor:play"),
        (("1", "--merge", "1"), "it is one with itself already"),
    ],
)
def test_what_cannot_be_done_is_one_line_with_the_cure(say: Say, arguments: tuple[str, ...], line: str) -> None:
    said = say("case", *arguments)
    assert line in said
    assert len(said.strip().splitlines()) == 1
