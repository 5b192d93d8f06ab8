"""What to do next, and how much of the 72 hours is left."""

from datetime import UTC, datetime, timedelta

from canary.cases.next_steps import Concern, clock, tasks

AWARE = datetime(2011, 3, 20, 9, tzinfo=UTC)
PLAY = Concern("play", "Play.com", 4, 4)


def test_the_clock_runs_72_hours_from_when_one_became_aware() -> None:
    found = clock(AWARE, AWARE + timedelta(hours=31, minutes=10))
    assert found is not None
    assert (found.until, found.text) == (AWARE + timedelta(hours=72), "40 h left")


def test_the_clock_says_by_how_much_it_is_overdue() -> None:
    found = clock(AWARE, AWARE + timedelta(hours=75))
    assert found is not None
    assert found.text == "overdue by 3 h"


def test_no_clock_runs_before_anybody_says_since_when() -> None:
    assert clock(None, AWARE) is None


def test_a_person_rotates_changes_passwords_and_watches_for_what_leaked() -> None:
    mine = {t.code: t.text for t in tasks([PLAY], {"phone": 0.99, "given name": 0.2}, [], None) if t.whose == "you"}
    assert list(mine) == ["rotate:play", "password:play", "watch"]
    assert (
        mine["rotate:play"] == "Give Play.com new addresses for the 4 that were hit; the old addresses keep listening"
    )
    assert "calls and text messages" in mine["watch"]
    assert "greets you by name" not in mine["watch"]


def test_a_company_writes_to_vendor_and_supplier_and_keeps_the_record() -> None:
    theirs = {t.code: t for t in tasks([PLAY], {}, [("silverpop", "Silverpop")], AWARE) if t.whose == "company"}
    assert list(theirs) == ["aware", "write:play", "ask:silverpop", "assess", "record"]
    assert (theirs["aware"].done, theirs["ask:silverpop"].about) == (True, "supplier:silverpop")


def test_addresses_that_all_have_a_successor_are_done() -> None:
    first = tasks([Concern("play", "Play.com", 1, 0)], {}, [], None)[0]
    assert first.done
    assert first.text == "Give Play.com a new address; the old address keeps listening"


def test_no_password_is_changed_where_addresses_were_passed_on_on_purpose() -> None:
    found = tasks([PLAY], {}, [], None, passed_on=True)
    assert [t.code for t in found] == ["rotate:play", "object:play", "watch", "aware", "write:play", "assess", "record"]
    assert found[1].text.startswith("Ask Play.com who was given your address, and object to that")


def test_where_the_own_side_probably_lost_them_it_is_looked_at_first() -> None:
    codes = [t.code for t in tasks([PLAY], {}, [], None, own_side=True)]
    assert codes == ["own-side", "rotate:play", "password:play", "watch", "aware", "write:play", "assess", "record"]
