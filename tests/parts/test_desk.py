"""What is done about a case: tasks ticked, new addresses issued, letters written; on a real store of each kind."""

import secrets
from datetime import timedelta

import pytest

from canary.cases import checklist, letters, records, workflow
from canary.cases.letter_text import OwnText
from canary.model.decision import Decision
from canary.store.database import Database
from canary.store.queries import canaries
from canary.store.queries.vendors import Unknown
from tests.conftest import START
from tests.parts.test_pipeline import LURE, World, world  # noqa: F401 - a fixture

ADA = Decision("ada", START + timedelta(days=190))


@pytest.fixture
def hit(world: World) -> World:  # noqa: F811
    """A thief writes to an address that was given to its vendor half a year ago."""
    world.clock.move(180 * 86_400)
    world.send(LURE.replace(b"Reader update", b"Reader\thttp://bad.example/x"), "shop")
    world.run()
    return world


def points(store: Database) -> dict[str, bool]:
    with store.reading() as session:
        return {p.task.code: p.done for p in checklist.checklist(session, workflow.get_case(session, 1))}


def test_a_tick_is_kept_in_the_timeline_and_can_be_taken_back(hit: World) -> None:
    with hit.store.writing() as session:
        checklist.tick(session, 1, "password:shop", ADA)
        checklist.tick(session, 1, "password:shop", ADA)
    assert points(hit.store)["password:shop"]
    with hit.store.writing() as session:
        checklist.tick(session, 1, "password:shop", ADA, done=False)
        kinds = [e.kind for e in records.timeline(session, 1)]
    assert kinds == ["watched", "opened", "done", "not-done"]
    assert not points(hit.store)["password:shop"]


def test_a_point_that_is_not_on_the_list_is_refused_with_those_that_are(hit: World) -> None:
    with hit.store.writing() as session, pytest.raises(Unknown, match="task 'dance': not on the checklist of case 1"):
        checklist.tick(session, 1, "dance", ADA)


def test_one_command_gives_every_hit_address_a_successor_once(hit: World) -> None:
    with hit.store.writing() as session:
        (made,) = checklist.rotate_hit_addresses(session, 1, "shop", secrets.randbelow, ADA)
        assert checklist.rotate_hit_addresses(session, 1, "shop", secrets.randbelow, ADA) == []
        assert (made.generation, made.vendor) == (2, "shop")
        assert set(canaries.find_canaries(session, [hit.addresses["shop"]])) == {hit.addresses["shop"]}
        assert [e.text for e in records.timeline(session, 1) if e.kind == "rotated"] == [
            f"{hit.addresses['shop']} is followed by {made.address} (generation 2)."
        ]
    assert points(hit.store)["rotate:shop"]


def test_a_letter_to_the_vendor_cites_the_mail_and_breaks_what_is_hostile(hit: World) -> None:
    with hit.store.reading() as session:
        assert letters.addressees(session, 1) == (("vendor:shop", "Shop"),)
        text = letters.draft_letter(session, 1, "vendor:shop", "en", ADA.at).write()
    assert f"  {hit.addresses['shop']}  (given on 2026-03-01, signup; first such mail 2026-08-28 12:00 UTC)" in text
    assert "Subject: Reader hxxp://bad.example/x" in text
    assert "Host: 203.0.113.5" in text


def test_a_letter_speaks_of_the_mail_and_the_bounds_of_its_addressee_alone(hit: World) -> None:
    with hit.store.writing() as session:
        persona = canaries.find_canaries(session, [hit.addresses["bikes"]])[hit.addresses["bikes"]].persona
        assert persona is not None
    for _ in range(3):
        hit.send(LURE.replace(b"Download", f"Dear {persona.given_name}, download".encode()), "bikes")
    hit.clock.move(86_400)
    hit.run()
    with hit.store.writing() as session:
        assert records.list_cases(session)[0].id == 1
        mine = letters.draft_letter(session, 1, "vendor:shop", "en", ADA.at).write()
        theirs = letters.draft_letter(session, 1, "vendor:bikes", "en", ADA.at).write()
    assert "We received 1 mail." in mine
    assert "given name" not in mine
    assert "3 of the mails repeat what we gave only to you together with the address: given name." in theirs
    assert "The same mail reached addresses that we gave to 1 other company." in theirs


@pytest.mark.parametrize(("to", "language", "why"), [
    ("vendor:bikes", "en", "nothing in it concerns vendor 'bikes'"), ("vendor:nobody", "en", "vendor 'nobody' is not known"),
    ("mayor:shop", "en", "letter 'mayor' is not known"), ("vendor:shop", "../..", "language '../..' is not known"),
    ("supplier:nobody", "de", "supplier 'nobody' is not known"),
])  # fmt: skip
def test_a_letter_to_whom_it_does_not_concern_is_refused(hit: World, to: str, language: str, why: str) -> None:
    with hit.store.reading() as session, pytest.raises(Unknown, match=why):
        letters.draft_letter(session, 1, to, language, ADA.at)


def test_the_owners_text_wins_until_it_is_taken_back(hit: World) -> None:
    with hit.store.writing() as session:
        letters.change(session, "vendor", "de", OwnText("Fall {{ case }}\r\n"), ADA)
        assert letters.draft_letter(session, 1, "vendor:shop", "de", ADA.at).write() == "Fall 1\n"
        letters.change(session, "vendor", "de", OwnText(" "), ADA)
        assert letters.draft_letter(session, 1, "vendor:shop", "de", ADA.at).write().startswith("An: Shop\n")


def test_a_bad_text_is_refused_and_the_old_one_stays(hit: World) -> None:
    with hit.store.writing() as session:
        with pytest.raises(ValueError, match="letter: 'whom' is undefined"):
            letters.change(session, "vendor", "de", OwnText("{{ whom }}"), ADA)
        assert letters.changed(session) == {}
