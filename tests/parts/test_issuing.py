"""Addresses issued on the pages: by form and by list, all or nothing, and each on a page of its own."""

from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest

from canary.model.canary import Canary
from canary.senders.declared_suppliers import declare
from canary.store.database import Database
from canary.store.queries import audit, canaries, vendors
from canary.web.issue_forms import IssueRefused, wish
from canary.web.issue_list import IssueListRefused, read_lines, read_wishes
from tests.conftest import START
from tests.website import NOW, Site, serve


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serve(tmp_path_factory.mktemp("issuing")) as site:
        with site.database.writing() as session:
            declare(session, "Letter Works", ["lw.example"], "ada", NOW)
        yield site


def post(site: Site, path: str, role: str = "analyst", **form: str) -> httpx.Response:
    with site.logged_in(role) as client:
        return client.post(path, data=form)


def held(site: Site, vendor: str) -> list[Canary]:
    with site.database.reading() as session:
        return canaries.list_canaries(session, vendor)


def test_a_new_vendor_gets_its_first_address_by_one_form(site: Site) -> None:
    went = post(site, "/canaries", vendor="Bike Parts", domain="bikeparts.example").headers["location"]
    [made] = held(site, "bike-parts")
    assert went == f"/canaries/{made.id}"
    with site.logged_in() as client:
        assert f'data-copy="{made.address}"' in client.get(went).text


def test_what_is_issued_is_written_down_with_who_asked(site: Site) -> None:
    post(site, "/canaries", vendor="Tea House", domain="tea.example", channel="order")
    with site.database.reading() as session:
        newest = audit.audited(session, 1)[0]
    assert (newest.who, newest.action, newest.subject) == ("analyst", "canary-issued", "Tea House")


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"vendor": "Unknown Shop"}, "say which domain it writes from"),
        ({"vendor": "Unknown Shop", "domain": "no domain"}, "say which domain it writes from"),
        ({"vendor": ""}, "give a name"),
        ({"vendor": "New Shop", "domain": "lw.example"}, "is declared for supplier letter-works"),
        ({"vendor": "play", "count": "0"}, "give a number from 1 to 10000"),
        ({"vendor": "play", "count": "1e4"}, "give a number from 1 to 10000"),
        ({"vendor": "play", "style": "plus"}, "choose one of tagged, plausible"),
        ({"vendor": "play", "published": "maybe"}, "choose one of yes, no, vendor"),
        ({"vendor": "play", "channel": "a\u202eb"}, "give a word such as signup"),
    ],
)
def test_a_request_that_cannot_be_met_is_answered_in_one_line(site: Site, form: dict[str, str], said: str) -> None:
    answer = post(site, "/canaries", **form)
    assert (answer.status_code, said in answer.text) == (400, True)


def test_a_list_with_one_bad_line_issues_nothing(site: Site) -> None:
    before = len(held(site, "play"))
    answer = post(site, "/canaries/bulk", rows="play,signup,2\nnobody,signup,1\n")
    assert (answer.status_code, len(held(site, "play"))) == (400, before)


def test_a_list_issues_all_it_asks_for(site: Site) -> None:
    before = len(held(site, "play"))
    answer = post(
        site, "/canaries/bulk", rows="vendor,channel,count,style\nplay,export:2011-03,3\nplay,order,,plausible\n"
    )
    assert (answer.status_code, len(held(site, "play"))) == (303, before + 4)


def test_addresses_that_were_issued_together_are_shown_from_the_first_on(site: Site) -> None:
    post(site, "/canaries", vendor="Early Shop", domain="early.example")
    site.now += timedelta(hours=1)
    went = post(site, "/canaries", vendor="Late Shop", domain="late.example", count="3").headers["location"]
    with site.logged_in() as client:
        page = client.get(went).text
    assert [one.address in page for one in held(site, "late-shop")] == [True] * 3
    assert [one.address in page for one in held(site, "early-shop")] == [False]


def test_rotating_shows_the_next_generation_and_the_old_one_keeps_listening(site: Site) -> None:
    went = post(site, "/canaries/1/rotate").headers["location"]
    old, new = (next(c for c in held(site, "play") if c.id == n) for n in (1, int(went.rpartition("/")[2])))
    assert (old.state.value, new.generation, new.channel) == ("rotated", old.generation + 1, old.channel)


def test_burning_marks_an_address(site: Site) -> None:
    post(site, "/canaries", vendor="Burnt Shop", domain="burnt.example")
    [made] = held(site, "burnt-shop")
    post(site, f"/canaries/{made.id}/burn")
    assert held(site, "burnt-shop")[0].state.value == "burned"


@pytest.mark.parametrize("path", ["/canaries/999999", "/canaries/999999/feed"])
def test_an_address_nobody_issued_has_no_page(site: Site, path: str) -> None:
    with site.logged_in() as client:
        assert client.get(path).status_code == 404


def test_all_addresses_leave_as_a_table(site: Site) -> None:
    with site.logged_in("viewer") as client:
        answer = client.get("/canaries.csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="canaries.csv"'
    assert answer.text.startswith("address,vendor,channel,generation,style,bits,state,issued,")


def lines_of(store: Database, text: str) -> list[str]:
    with store.reading() as session, pytest.raises(IssueListRefused) as found:
        read_wishes(session, text)
    return found.value.lines


def test_all_bad_lines_of_a_list_are_named_and_misspelt_vendors_are_asked_about(store: Database) -> None:
    with store.writing() as session:
        vendors.add_vendor(session, "Bike Parts", ["bike.example"], START)
    text = 'Bike Parts\tnews\nBike Prats\tnews\nbike-parts\tnews\tmany\n"Tea\nBike Parts\ta\t1\tneat\nBike Parts\ta\t1\ttagged\tx\n'
    assert [line[:47] for line in lines_of(store, text)] == [
        "line 2: Vendor 'Bike Prats' is not known: did y", "line 3: Count 'many': give a number from 1 to 1",
        "line 4: unexpected end of data: look for a quot", "line 5: Style 'neat': choose one of tagged, pla",
        "line 6: more than 4 cells: write vendor, channe",
    ]  # fmt: skip


def test_one_mistake_in_two_hundred_lines_is_one_line_and_many_mistakes_are_bounded(store: Database) -> None:
    [line] = lines_of(store, "Tea,news\n" * 200)
    assert line.startswith("line 1: Vendor 'Tea' is not known: add it above with its domain")
    assert line.endswith("(the same in 2, 3, 4, 5, 6 and 194 more)")
    assert len(lines_of(store, "".join(f"Shop {n},news\n" for n in range(20)))) == 20
    assert len(lines_of(store, "".join(f"Shop {n},news\n" for n in range(200)))) == 1


def test_two_hundred_pasted_lines_with_a_bad_one_stay_as_they_were(site: Site) -> None:
    pasted = "\n".join(["", *["play,signup"] * 150, "plaay,signup", *["play,signup"] * 49])
    answer = post(site, "/canaries/bulk", rows=pasted)
    assert (answer.status_code, "line 152: Vendor &#39;plaay&#39; is not known: did you mean" in answer.text) == (
        400,
        True,
    )
    assert f">\n{pasted}</textarea>" in answer.text


def test_a_list_asks_for_no_more_than_ten_thousand_addresses(store: Database) -> None:
    with store.reading() as session:
        for text in ("a,b,6000\nc,d,6000\n", "a\n" * 10_001):
            with pytest.raises(IssueRefused, match="more than 10,000"):
                read_wishes(session, text)


def test_an_order_without_count_and_style_is_for_one_tagged_address() -> None:
    assert read_lines("\nBike Parts").wishes == {2: wish("Bike Parts", "signup", "1", "tagged")}


def test_addresses_are_issued_as_ones_that_will_be_shown_in_public(site: Site) -> None:
    post(site, "/canaries", vendor="Town Hall", domain="town.example", published="yes")
    post(site, "/canaries", vendor="Town Hall", channel="order")
    post(site, "/canaries", vendor="Town Hall", channel="support", published="no")
    said = {c.channel: c.published_set for c in held(site, "town-hall")}
    assert said == {"signup": True, "order": None, "support": False}


def test_the_page_of_an_address_says_what_being_shown_in_public_means_and_is_where_it_is_said(site: Site) -> None:
    post(site, "/canaries", vendor="Book Shelf", domain="bookshelf.example")
    [made] = held(site, "book-shelf")
    meanings: list[bool | None] = []
    for said in ("yes", "no", "vendor"):
        went = post(site, f"/canaries/{made.id}/published", published=said).headers["location"]
        with site.logged_in() as client:
            meanings.append("This address is shown in public: strangers may collect it there" in client.get(went).text)
        meanings.append(held(site, "book-shelf")[0].published_set)
    assert meanings == [True, True, False, False, False, None]


def test_the_page_of_a_vendor_is_where_it_is_said_that_it_shows_its_addresses(site: Site) -> None:
    post(site, "/canaries", vendor="Market Place", domain="market.example")
    went = post(site, "/vendors/market-place/publishes", publishes="yes").headers["location"]
    with site.logged_in() as client:
        assert "It shows its addresses in public" in client.get(went).text
        assert (
            "Market Place shows its addresses in public"
            in client.get(f"/canaries/{held(site, 'market-place')[0].id}").text
        )
    assert held(site, "market-place")[0].published
    post(site, "/vendors/market-place/publishes", publishes="no")
    assert not held(site, "market-place")[0].published


@pytest.mark.parametrize(
    ("path", "form", "status"),
    [
        ("/canaries/1/published", {"published": "maybe"}, 400),
        ("/canaries/1/published", {}, 400),
        ("/canaries/999999/published", {"published": "yes"}, 404),
        ("/vendors/play/publishes", {"publishes": "vendor"}, 400),
        ("/vendors/nobody/publishes", {"publishes": "yes"}, 404),
    ],
)
def test_what_cannot_be_said_of_being_shown_in_public_is_refused(
    site: Site, path: str, form: dict[str, str], status: int
) -> None:
    assert post(site, path, **form).status_code == status


@pytest.mark.parametrize("path", ["/canaries/1/published", "/vendors/play/publishes"])
def test_a_viewer_says_of_nothing_that_it_is_shown_in_public(site: Site, path: str) -> None:
    assert post(site, path, "viewer", published="yes", publishes="yes").status_code == 403
