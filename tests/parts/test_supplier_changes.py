"""Suppliers renamed, merged and removed: links, accounts, cases and past mail follow, and what hangs on them is said first."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, select

from canary.cases import answers, supplier_changes
from canary.cases.past_mail import OwnerWord
from canary.model.identity import Identity
from canary.model.party import SupplierLink
from canary.senders.declared_suppliers import declare
from canary.senders.supplier_links import learn, uses
from canary.store import tables
from canary.store.database import Database
from canary.store.queries import suppliers, vendors
from canary.store.queries.vendors import Duplicate, Unknown
from canary.store.queries.world import world_of
from tests.website import NOW, Site, serve

WORD = OwnerWord("ada", NOW + timedelta(days=1))


@pytest.fixture
def here(store: Database) -> Database:
    """Two suppliers that are one: Shop declared one of them, with its account, and its mail showed the other."""
    with store.writing() as session:
        vendors.add_vendor(session, "Shop", ["shop.example"], NOW)
        declare(session, "Letterworks", ["lw.example"], "ada", NOW)
        declare(session, "Letter Works", ["letterworks.example"], "ada", NOW)
        told = SupplierLink("shop", "letterworks", "news", account="48")
        answers.declare_supply(session, told, "Letterworks", "ada", NOW)
        show(session, "letter-works")
    return store


def show(session: Session, slug: str, days: int = 0) -> None:
    """Let mail show that Shop's news comes through a supplier."""
    owner, shop = vendors.vendor_row(session, "shop"), vendors.get_vendor(session, "shop")
    seen = uses(owner.id or 0, shop, "news", NOW + timedelta(days=days), Identity(carriers=((slug, slug.title()),)))
    learn(session, seen)


def links(session: Session) -> list[tuple[str, str | None, str, bool]]:
    return [(link.supplier, link.channel, link.account, link.learned) for link in vendors.supplies(session)]


def test_a_merged_supplier_leaves_its_domains_and_what_vendors_pass_to_it_to_the_other(here: Database) -> None:
    with here.writing() as session:
        supplier_changes.merge(session, "letterworks", "letter-works", WORD)
    with here.reading() as session:
        [left] = suppliers.list_suppliers(session)
        assert (left.slug, left.domains) == ("letter-works", ("letterworks.example", "lw.example"))
        assert links(session) == [("letter-works", "news", "48", False)]
        [shop] = world_of(session, NOW + timedelta(days=2)).vendors
        assert [supply.supplier for supply in shop.suppliers] == ["letter-works"]
        assert session.exec(select(tables.AuditRow.action)).all()[-1] == "supplier-merged"


def test_past_mail_that_shows_a_merged_supplier_shows_the_other(here: Database) -> None:
    with here.writing() as session:
        supplier_changes.merge(session, "letter-works", "letterworks", WORD)
        show(session, "letter-works", 3)
        shop = vendors.get_vendor(session, "shop")
        assert len(suppliers.list_suppliers(session)) == len(shop.supplies) == 1
        assert (shop.supplies_through("letter-works"), shop.supplies_through("letterworks")) == (True, True)
        assert shop.declared_accounts == shop.senders == {"letter-works/48", "letterworks/48"}


def test_a_merged_supplier_is_found_under_both_names_and_none_is_added_again(here: Database) -> None:
    with here.writing() as session:
        supplier_changes.merge(session, "letterworks", "letter-works", WORD)
        supplier_changes.rename(session, "letter-works", "Letter Works  Ltd", WORD)
        declare(session, "Letterworks", ["third.example"], "ada", NOW)
        names = ("letterworks", "letter-works", "Letter Works Ltd")
        assert {suppliers.get_supplier(session, name).slug for name in names} == {"letter-works"}
        assert len(suppliers.list_suppliers(session)) == 1


def test_what_was_believed_of_both_is_added_up(here: Database) -> None:
    with here.writing() as session:
        case = tables.CaseRow(vendor_id=1, opened_at=NOW, state="new", last_hit_at=NOW)
        session.add(case)
        session.flush()
        for slug, at, p in (("letterworks", 0, 0.25), ("letter-works", 0, 0.5), ("letterworks", 1, 0.75)):
            then = NOW + timedelta(days=at)
            session.add(tables.SuspectHistoryRow(case_id=case.id or 0, at=then, kind="supplier", suspect=slug, p=p))
        session.flush()
        assert str(supplier_changes.holdings(session, "letterworks")) == "1 vendor, 1 case, 1 domain"
        supplier_changes.merge(session, "letterworks", "letter-works", WORD)
        query = select(tables.SuspectHistoryRow.suspect, tables.SuspectHistoryRow.p)
        assert sorted(session.exec(query)) == [("letter-works", 0.75), ("letter-works", 0.75)]


def test_an_account_is_not_lost_by_a_merger(here: Database) -> None:
    with here.writing() as session:
        told = SupplierLink("shop", "letter-works", "news", account="99")
        answers.declare_supply(session, told, "Letter Works", "ada", NOW)
    with pytest.raises(ValueError, match="account '48' there and '99' at 'letter-works'"), here.writing() as session:
        supplier_changes.merge(session, "letterworks", "letter-works", WORD)
    with here.reading() as session:
        assert len(links(session)) == 2


def test_a_supplier_goes_with_what_was_declared_of_it_unless_mail_shows_it(here: Database) -> None:
    with pytest.raises(ValueError, match="'letter-works' has 1 vendor, 1 domain: mail"), here.writing() as session:
        supplier_changes.remove(session, "letter-works", WORD)
    with here.writing() as session:
        supplier_changes.remove(session, "letterworks", WORD)
    with here.reading() as session:
        assert [each.slug for each in suppliers.list_suppliers(session)] == ["letter-works"]
        assert vendors.get_vendor(session, "shop").senders == frozenset()
        last = session.exec(select(tables.AuditRow).order_by(tables.AuditRow.id.desc())).first()  # type: ignore[union-attr]
        assert last is not None
        assert (last.action, last.text) == (
            "supplier-removed",
            "Letterworks was removed by ada, with 1 vendor, 1 domain.",
        )


def test_a_merger_that_makes_no_sense_is_refused(here: Database) -> None:
    for supplier, into in (("letterworks", "letterworks"), ("letterworks", "nobody"), ("nobody", "letterworks")):
        with pytest.raises((Unknown, ValueError)), here.writing() as session:
            supplier_changes.merge(session, supplier, into, WORD)


def test_names_are_of_one_supplier_and_nearly_right_ones_are_asked_about(here: Database) -> None:
    with here.writing() as session:
        with pytest.raises(Duplicate, match="supplier 'letter-works' has it: merge the two"):
            supplier_changes.rename(session, "letterworks", "LETTER WORKS", WORD)
        with pytest.raises(ValueError, match="give one of 1 to 100 characters"):
            supplier_changes.rename(session, "letterworks", " ", WORD)
        with pytest.raises(Unknown, match="did you mean 'letterworks'"):
            suppliers.get_supplier(session, "leterworks")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with serve(tmp_path) as site:
        with site.database.writing() as session:
            declare(session, "Letterworks", ["lw.example"], "ada", NOW)
            declare(session, "Letter Works", ["letterworks.example"], "ada", NOW)
        yield site


def test_a_supplier_is_edited_merged_and_removed_on_its_page(site: Site) -> None:
    with site.logged_in("analyst") as client:
        form = {"name": "Letters", "domains": "https://www.letters.example/, l.example"}
        went = client.post("/suppliers/letterworks/edit", data=form).headers["location"]
        page = client.get(went).text
        assert ("letters.example" in page, "l.example" in page, "Letters" in page) == (True, True, True)
        shown = client.get("/suppliers/letterworks/merge", params={"into": "letter-works"}).text
        assert "has 3 domains, which become" in shown
        went = client.post("/suppliers/letterworks/merge", data={"into": "letter-works"}).headers["location"]
        assert went == client.get("/suppliers/letterworks").headers["location"] == "/suppliers/letter-works"
        assert "what goes with it: 4 domains" in client.get("/suppliers/letter-works/edit").text
        assert client.post("/suppliers/letter-works/remove").headers["location"] == "/suppliers"
        assert client.get("/suppliers/letter-works").status_code == 404


REFUSED = (
    ("/suppliers/letterworks/edit", {"name": "Letter works", "domains": "x.example"}, "merge the two"),
    ("/suppliers/letterworks/edit", {"name": "Letters", "domains": "gmail.com"}, "anybody can have a mailbox"),
    ("/suppliers", {"name": "Third", "domains": "lw.example"}, "declared for supplier letterworks"),
    ("/suppliers", {"name": "Third", "domains": ""}, "at least one domain"),
)


def test_a_form_that_is_refused_changes_nothing_and_keeps_what_was_typed(site: Site) -> None:
    with site.logged_in("analyst") as client:
        for path, form, said in REFUSED:
            answer = client.post(path, data=form)
            assert (answer.status_code in (400, 422), said in answer.text) == (True, True)
            assert all(f'value="{typed}"' in answer.text for typed in form.values() if typed)
        assert client.get("/suppliers/letterworks/merge", params={"into": "nobody"}).status_code == 400
    with site.database.reading() as session:
        assert [each.name for each in suppliers.list_suppliers(session)] == ["Letter Works", "Letterworks"]
