"""Vendors renamed, merged and removed: counts, cases, senders and links follow, and what hangs on them is said first."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, col, select

from canary.cases import vendor_changes
from canary.cases.past_mail import OwnerWord
from canary.model.sender import SenderState
from canary.store import tables
from canary.store.counters import recount
from canary.store.database import Database
from canary.store.queries import vendors
from canary.store.queries.vendors import Duplicate, Unknown
from canary.store.queries.world import world_of
from tests.recounting import counted, kept
from tests.ways import ready
from tests.website import NOW, Site, serve

WORD = OwnerWord("ada", NOW + timedelta(days=1))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Two vendors with a case in common: Play, and Tea."""
    with serve(tmp_path) as site:
        ready(site)
        with site.database.writing() as session:
            recount(session)
        yield site


def tell(session: Session, vendor: str, key: str, state: SenderState, count: int) -> None:
    number = vendors.vendor_row(session, vendor).id or 0
    row = session.exec(
        select(tables.SenderRow).where(tables.SenderRow.vendor_id == number, tables.SenderRow.key == key)
    ).first()
    row = row or tables.SenderRow(vendor_id=number, key=key, state=state.value)
    row.state, row.count = state.value, count
    session.add(row)


def test_a_merged_vendor_leaves_all_it_had_to_the_other(site: Site) -> None:
    with site.database.writing() as session:
        vendors.add_domains(session, "tea", ["tea.example"], NOW)
        before = vendor_changes.holdings(session, "play").addresses + vendor_changes.holdings(session, "tea").addresses
        vendor_changes.merge(session, "tea", "play", WORD)
    with site.database.reading() as session:
        play = vendors.get_vendor(session, "play")
        assert ("tea.example" in play.domains, "Tea" in play.brands) == (True, True)
        assert vendor_changes.holdings(session, "play").addresses == before
        assert {c.vendor for c in world_of(session, NOW + timedelta(days=2)).canaries} == {"play"}
        assert [row.vendor_id for row in session.exec(select(tables.CaseVendorRow))] == [1]
        assert session.exec(
            select(tables.VendorEventRow.kind).where(col(tables.VendorEventRow.kind) == "vendor-merged")
        ).one()


def test_counts_after_a_merger_are_as_if_they_had_been_one_vendor_always(site: Site) -> None:
    with site.database.writing() as session:
        vendor_changes.merge(session, "tea", "play", WORD)
    with site.database.reading() as session:
        found, again = kept(session), counted(session)
    assert {name: found[name] for name in again} == again


def test_a_sender_that_both_know_is_one_and_a_decision_outlasts_a_question(site: Site) -> None:
    with site.database.writing() as session:
        tell(session, "play", "a.example", SenderState.PENDING, 3)
        tell(session, "tea", "a.example", SenderState.DENIED, 4)
        tell(session, "play", "b.example", SenderState.LEARNED, 1)
        tell(session, "tea", "b.example", SenderState.DENIED, 1)
        session.flush()
        vendor_changes.merge(session, "tea", "play", WORD)
        rows = session.exec(
            select(tables.SenderRow).where(col(tables.SenderRow.key).in_(("a.example", "b.example")))
        ).all()
        assert {(row.key, row.state, row.count) for row in rows} == {
            ("a.example", "denied", 7),
            ("b.example", "learned", 2),
        }


def test_a_merged_vendor_is_found_under_its_short_name(site: Site) -> None:
    with site.database.writing() as session:
        vendor_changes.merge(session, "tea", "play", WORD)
        assert vendors.get_vendor(session, "tea").slug == "play"
    with site.logged_in() as client:
        answer = client.get("/vendors/tea")
    assert (answer.status_code, answer.headers["location"]) == (303, "/vendors/play")


def test_a_split_case_can_be_put_together_after_its_vendors_were_merged(site: Site) -> None:
    with site.database.writing() as session:
        session.add(
            tables.MoveRow(
                kind="split",
                from_id=1,
                to_id=1,
                at=NOW,
                who="ada",
                moved={"hits": [], "from": {"vendor_id": 2}, "to": {"vendor_id": 1}},
            )
        )
        session.flush()
        vendor_changes.merge(session, "tea", "play", WORD)
        assert session.exec(select(tables.MoveRow)).one().moved["from"] == {"vendor_id": 1}


@pytest.mark.parametrize(("vendor", "into"), [("play", "play"), ("play", "nobody"), ("nobody", "play")])
def test_a_merger_that_makes_no_sense_changes_nothing(site: Site, vendor: str, into: str) -> None:
    with pytest.raises((Unknown, ValueError)), site.database.writing() as session:
        vendor_changes.merge(session, vendor, into, WORD)
    with site.database.reading() as session:
        assert len(vendors.list_vendors(session)) == 2


def test_a_renamed_vendor_keeps_its_short_name_and_is_found_by_the_new_one(site: Site) -> None:
    with site.database.writing() as session:
        vendor_changes.rename(session, "play", "Playful  Ltd", WORD)
        assert [vendors.get_vendor(session, name).name for name in ("play", "playful-ltd", "Playful Ltd")] == [
            "Playful Ltd"
        ] * 3


def test_no_two_vendors_have_one_name(site: Site) -> None:
    with pytest.raises(Duplicate, match="vendor 'tea' has it: merge the two"), site.database.writing() as session:
        vendor_changes.rename(session, "play", "TEA", WORD)


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\x00b"])
def test_a_name_that_is_none_is_refused(site: Site, name: str) -> None:
    with pytest.raises(ValueError, match="give one of 1 to 100 characters"), site.database.writing() as session:
        vendor_changes.rename(session, "play", name, WORD)


def test_a_vendor_with_addresses_is_not_removed_and_what_hangs_on_it_is_said(site: Site) -> None:
    with (
        pytest.raises(ValueError, match="vendor 'tea' has 1 address, 1 mail, 1 case: "),
        site.database.writing() as session,
    ):
        vendor_changes.remove(session, "tea", WORD)


def test_a_vendor_without_addresses_goes_with_all_that_was_said_of_it(store: Database) -> None:
    with store.writing() as session:
        vendors.add_vendor(session, "Coffee", ["coffee.example"], NOW)
        vendors.add_brands(session, "coffee", ["Roast"], NOW)
        vendor_changes.remove(session, "coffee", WORD)
    with store.reading() as session:
        assert vendors.list_vendors(session) == []
        assert session.exec(select(tables.AuditRow.action)).all()[-1] == "vendor-removed"


def test_vendors_are_merged_in_any_store(store: Database) -> None:
    with store.writing() as session:
        for name in ("Coffee", "Cofee"):
            vendors.add_vendor(session, name, [f"{name.lower()}.example"], NOW)
        vendor_changes.merge(session, "cofee", "coffee", WORD)
    with store.reading() as session:
        [coffee] = vendors.list_vendors(session)
    assert (set(coffee.domains), coffee.brands) == ({"coffee.example", "cofee.example"}, ("Cofee",))


def test_a_name_that_is_nearly_one_is_asked_about(store: Database) -> None:
    with store.writing() as session:
        vendors.add_vendor(session, "Bike Parts", ["bike.example"], NOW)
        with pytest.raises(Unknown, match="vendor 'bike-prats' is not known: did you mean 'bike-parts'?"):
            vendors.get_vendor(session, "bike-prats")


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"name": "", "tags": "a"}, "give one of 1 to 100 characters"),
        ({"name": "Tea", "tags": "kept"}, "vendor &#39;tea&#39; has it"),
        ({"name": "Play", "erasure": "soon"}, "give a day such as 2026-05-01"),
        ({"name": "Play", "grace": "-3"}, "give a number of days"),
        ({"name": "Play", "tags": "no!tag"}, "not a tag"),
    ],
)
def test_a_form_that_is_refused_changes_nothing_and_keeps_what_was_typed(
    site: Site, form: dict[str, str], said: str
) -> None:
    with site.logged_in("analyst") as client:
        answer = client.post("/vendors/play/edit", data=form)
    assert (answer.status_code, said in answer.text) == (400, True)
    assert all(f'value="{typed}"' in answer.text for typed in form.values() if typed)
    with site.database.reading() as session:
        assert vendors.get_vendor(session, "play").endings.erasure is None


def test_a_vendor_is_edited_on_its_page(site: Site) -> None:
    with site.logged_in("analyst") as client:
        form = {"name": "Playful", "tags": "games, toys", "erasure": "2011-03-01", "grace": "5"}
        went = client.post("/vendors/play/edit", data=form).headers["location"]
        page = client.get("/vendors/play/edit").text
    assert went == "/vendors/play"
    assert all(f'value="{value}"' in page for value in ("Playful", "games toys", "2011-03-01", "5"))


def test_what_a_merger_will_do_is_shown_before_it_is_done(site: Site) -> None:
    with site.logged_in("analyst") as client:
        page = client.get("/vendors/tea/merge", params={"into": "play"}).text
        with site.database.reading() as session:
            assert len(vendors.list_vendors(session)) == 2
        assert "1 address, 1 mail, 1 case" in page
        assert client.get("/vendors/tea/merge", params={"into": "pley"}).status_code == 400
        went = client.post("/vendors/tea/merge", data={"into": "play"}).headers["location"]
    assert went == "/vendors/play"
