"""`canary case ...` as people type it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from canary.cases.weigh import weigh_now
from canary.model.case import Suspect, SuspectKind
from canary.store.codec import suspects_json
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
from tests.commands import installation
from tests.conftest import START

pytestmark = [pytest.mark.slow, pytest.mark.everyday]  # every test migrates a store of its own
Say = Callable[..., str]
NAMED = [{"code": "persona-named", "facts": {"fields": ["given name"]}}]


@pytest.fixture
def say(tmp_path: Path) -> Iterator[Say]:
    """Two cases that one campaign spans, five mails, three of which say the name."""
    with installation(tmp_path) as house:
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
                session.add(CaseRow(vendor_id=number, touched=True, opened_at=START, last_hit_at=START))
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
                weigh_now(session, [number], START)

        def run(*arguments: str, text: str | None = None) -> str:
            done = house(*arguments, text=text)
            return done.out if done.code == 0 else done.err

        yield run


def test_a_case_is_walked_through_its_states_by_its_owner(say: Say) -> None:
    assert say("case", "state", "1", "investigating", "--note", "looks real") == "case 1: investigating\n"
    assert say("case", "assign", "1", "ada") == "case 1: assigned to ada\n"
    say("case", "state", "1", "vendor-notified")
    found = json.loads(say("case", "aware", "1", "2026-03-01T13:00", "--json"))
    assert (found["state"], found["owner"]) == ("vendor-notified", "ada")
    assert found["notify_until"].startswith("2026-03-04T13:00")
    assert [e["text"] for e in found["timeline"] if e["kind"] == "state"] == [
        "new → investigating: looks real", "investigating → vendor notified",
    ]  # fmt: skip
    assert say("case", "assign", "1", "--nobody") == "case 1: unassigned\n"


def test_a_note_is_a_line_of_the_timeline(say: Say) -> None:
    found = json.loads(say("case", "note", "1", "rang them", "--json"))
    assert [(e["kind"], e["text"]) for e in found["timeline"]][-1] == ("note", "rang them")


def test_cases_are_listed_under_both_names(say: Say) -> None:
    listed = json.loads(say("cases", "--json"))
    assert listed == json.loads(say("case", "list", "--json"))
    assert [(row["id"], row["state"], row["hits"]) for row in listed] == [(2, "new", 1), (1, "new", 4)]


def test_an_export_is_the_case_with_every_hit(say: Say) -> None:
    shown, exported = json.loads(say("case", "show", "1", "--json")), json.loads(say("case", "export", "1"))
    assert [(hit["address"], hit["verdict"]) for hit in exported.pop("hits")] == [("play@in.example", "spam")] * 4
    assert exported == shown


def test_a_statement_is_held_against_the_mails(say: Say) -> None:
    claims = ("--claim", "only-addresses", "--claim", "stopped:2026-03-01")
    said = ("Only addresses.", "--by", "Play.com", "--on", "2026-03-02", *claims)
    found = json.loads(say("case", "statement", "1", *said, "--json"))
    only, stopped = found["statements"][0]["claims"]
    assert (only["outcome"], only["mails"]) == ("contradicted", [1, 2, 3])
    assert stopped["outcome"] == "cannot be told"
    assert "only e-mail addresses leaked - contradicted: What only the vendor was told" in say("case", "show", "1")


def test_cases_are_merged_split_and_both_taken_back(say: Say) -> None:
    assert json.loads(say("case", "show", "1", "--json"))["merge_proposed"] == [2]
    assert json.loads(say("case", "merge", "1", "2", "--json"))["merge_proposed"] == []
    assert json.loads(say("case", "show", "2", "--json"))["merged_into"] == 1
    assert say("case", "split", "1", "vendor:bikes") == "case 1: vendor:bikes is case 3 now\n"
    assert say("case", "undo", "1") == "case 1: the split of cases 1 and 3 was taken back\n"
    found = json.loads(say("case", "undo", "1", "--json"))
    assert [(m["kind"], m["hits"], bool(m["undone_at"])) for m in found["moves"]] == [
        ("merge", 1, True),
        ("split", 1, True),
    ]


def test_points_are_ticked_and_new_addresses_given(say: Say) -> None:
    assert "@in.example" in say("case", "rotate", "1", "play")
    assert say("case", "rotate", "1", "play") == "case 1: play needs no new address\n"
    found = json.loads(say("case", "tick", "1", "password:play", "watch", "--json"))
    done = {point["code"]: point["done"] for point in found["checklist"]}
    assert (done["password:play"], done["rotate:play"], done["watch"]) == (True, True, True)
    found = json.loads(say("case", "tick", "1", "watch", "--undo", "--json"))
    assert not next(point["done"] for point in found["checklist"] if point["code"] == "watch")


def test_a_letter_is_printed_and_its_text_can_be_the_owners(say: Say) -> None:
    assert say("case", "letter", "1", "vendor", "--lang", "fr").startswith("À : Play\n")
    say("letter", "set", "vendor", "fr", "-", text="Dossier {{ case }}")
    assert say("case", "letter", "1", "vendor:play", "--lang", "fr") == "Dossier 1\n"
    assert json.loads(say("case", "letter", "1", "vendor", "--lang", "fr", "--json")) == {
        "case": 1, "to": "vendor:play", "language": "fr", "text": "Dossier 1",
    }  # fmt: skip
    assert [row["language"] for row in json.loads(say("letter", "list", "--json")) if row["changed"]] == ["fr"]
    say("letter", "reset", "vendor", "fr")
    assert say("letter", "show", "vendor", "fr").startswith("À : {{ to }}")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("show", "9"), "case 9: there is none; see `canary cases`"),
        (("show", "nine"), "See `canary case show --help`."),
        (("state", "1", "closed"), "case 1: new cannot become closed"),
        (("state", "1", "shut"), "See `canary case state --help`."),
        (("assign", "1", "ben"), "user 'ben' is not known"),
        (("assign", "1"), "case 1: name the user to assign it to, or give --nobody"),
        (("statement", "1", "--claim", "guessed"), "Missing option '--by'"),
        (("statement", "1", "--by", "Play"), "case 1: the statement is empty"),
        (("statement", "1", "--by", "Play", "--claim", "lies"), "claim 'lies' is not known: choose from no-leak"),
        (("statement", "1", "--by", "Play", "--claim", "stopped:soon"), "'soon' is not a day; write it as 2011-12-31"),
        (("aware", "1", "2026"), "TIME '2026': not a time; write it like 2026-05-01"),
        (("aware", "1", "2999-01-01"), "that is in the future"),
        (("tick", "1", "juggle"), "task 'juggle': not on the checklist of case 1"),
        (("split", "1", "bikes"), "name what to split off, as vendor:SLUG or campaign:NUMBER"),
        (("letter", "1", "supplier"), "'supplier': not an addressee of case 1; choose from vendor:play"),
        (("merge", "1", "1"), "a case cannot be merged with itself"),
    ],
)
def test_what_cannot_be_done_is_one_line_with_the_cure(say: Say, arguments: tuple[str, ...], line: str) -> None:
    said = say("case", *arguments)
    assert line in said
    assert len(said.strip().splitlines()) == 1


def test_what_is_watched_is_listed_apart_with_what_would_settle_it(tmp_path: Path) -> None:
    with installation(tmp_path) as house:
        (tmp_path / "data").mkdir()
        house.store.migrate()
        assert house("watching").out == "Nothing is watched.\n"
        with house.store.writing() as session:
            session.add(VendorRow(slug="bikes", name="Bike Parts", created_at=START))
            session.flush()
            suspects = suspects_json([Suspect(SuspectKind.NOBODY, "no leak", 0.8, name="No leak")])
            session.add(
                CaseRow(vendor_id=1, state="watched", opened_at=START, last_hit_at=START, suspects=suspects, leak=0.2)
            )
        assert (house("cases").out, json.loads(house("cases", "--json").out)) == ("No cases.\n", [])
        [line] = json.loads(house("watching", "--json").out)
        assert (line["id"], line["state"], line["summary"]) == (1, "watched", "Probably no leak (80%).")
        assert (line["speaks_for"], len(line["settling"])) == ([], 3)
        assert house("watching").out.startswith("1  Bike Parts: Probably no leak (80%). 0 mails since")
        shown = house("case", "show", "1").out
        assert shown.startswith("Number 1: watched, unassigned.\nProbably no leak (80%).\n")
        assert "What would settle it: Your word on whose mail it is" in shown
        refused = house("case", "letter", "1", "vendor:bikes")
        assert (refused.code, refused.err.count("\n")) == (1, 1)
        assert "there is no letter to write: Probably no leak (80%)." in refused.err
