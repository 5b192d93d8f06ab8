"""What is decided by forms on the pages: campaigns made one or two, addresses rotated together, alerts sent again."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from canary.store import tables
from canary.store.queries import audit, canaries, outbox
from tests.website import NOW, Site, serve


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with serve(tmp_path) as site:
        yield site


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One site for all tests that change nothing."""
    with serve(tmp_path_factory.mktemp("still")) as site:
        yield site


def post(site: Site, path: str, role: str = "analyst", **form: object) -> httpx.Response:
    with site.logged_in(role) as client:
        return client.post(path, data=form)


def audited(site: Site) -> tuple[str, str]:
    with site.database.reading() as session:
        newest = audit.audited(session, 1)[0]
    return newest.who, newest.action


def second_mail(site: Site) -> None:
    """The campaign gets a second mail, and there is another campaign."""
    with site.database.writing() as session:
        session.add(
            tables.MailRow(
                key="second", sha256="1" * 64, size=9, received_at=NOW, campaign_id=1, subject="Second", envelope={},
                identity={"claim": "", "proof": "none", "domain": ""}, proofs={}, parts={},
            )
        )  # fmt: skip
        session.get_one(tables.CampaignRow, 1).mails = 2
        session.add(tables.CampaignRow(subject="Other", first_at=NOW, last_at=NOW, mails=1))
        session.flush()


def test_marked_mails_become_a_separate_campaign(site: Site) -> None:
    second_mail(site)
    went = post(site, "/campaigns/1/split", mails=[3]).headers["location"]
    assert (went, audited(site)) == ("/campaigns/3", ("analyst", "campaign-split"))


def test_marking_all_mails_of_a_campaign_splits_nothing_and_says_so(still: Site) -> None:
    answer = post(still, "/campaigns/1/split", mails=[1])
    assert (answer.status_code, "name some of them, not all" in answer.text) == (400, True)


def test_two_campaigns_are_made_one(site: Site) -> None:
    second_mail(site)
    went = post(site, "/campaigns/2/merge", other=1).headers["location"]
    assert (went, audited(site)) == ("/campaigns/1", ("analyst", "campaign-merged"))


@pytest.mark.parametrize("other", ["99", "1", "", "x", "-1", "9" * 30])
def test_a_campaign_that_is_not_there_cannot_be_merged(still: Site, other: str) -> None:
    assert post(still, "/campaigns/1/merge", other=other).status_code == 400


def test_all_addresses_of_a_vendor_are_rotated_at_once(site: Site) -> None:
    post(site, "/vendors/play/rotate")
    with site.database.reading() as session:
        found = [(c.generation, c.state.value) for c in canaries.list_canaries(session, "play")]
    assert (found, audited(site)) == ([(1, "rotated"), (2, "active")], ("analyst", "vendor-rotated"))


@pytest.mark.parametrize("path", ["/vendors/nobody/rotate", "/alerts/99/retry", "/canaries/99/rotate"])
def test_what_is_not_there_is_not_changed(still: Site, path: str) -> None:
    assert post(still, path).status_code == 404


def test_what_did_not_arrive_is_sent_again(site: Site) -> None:
    with site.database.writing() as session:
        number = outbox.put_test(session, "ops", NOW)
        outbox.mark_failed(session, number, "410 Gone", None)
    with site.logged_in() as client:
        assert "410 Gone" in client.get("/alerts?state=dead").text
    post(site, f"/alerts/{number}/retry")
    with site.database.reading() as session:
        [waiting] = outbox.deliveries(session, state="waiting")
    assert (waiting.tries, audited(site)) == (0, ("analyst", "alert-retried"))


@pytest.mark.parametrize("show", ["all", "leaking", "asking", "quiet", "' OR 1=1"])
@pytest.mark.parametrize("sort", ["outside", "name", "<script>"])
def test_the_overview_is_shown_for_any_filter_and_order(still: Site, show: str, sort: str) -> None:
    with still.logged_in("viewer") as client:
        assert client.get("/", params={"show": show, "sort": sort, "after": "x"}).status_code == 200


@pytest.mark.parametrize(
    "page", ["/suppliers", "/alerts", "/feed", "/canaries/1", "/canaries/1/feed", "/mail/1?html=1"]
)
def test_these_pages_show_as_text_what_came_by_mail(still: Site, page: str) -> None:
    with still.logged_in("viewer") as client:
        answer = client.get(page)
    assert (answer.status_code, "<img src=x" in answer.text, " style=" in answer.text) == (200, False, False)


def test_a_viewer_is_shown_no_forms_but_to_search_to_narrow_and_to_leave(still: Site) -> None:
    with still.logged_in("viewer") as client:
        for page in ("/canaries", "/canaries/1", "/vendors/play", "/senders", "/campaigns/1", "/"):
            forms = re.findall("<form[^>]*>", client.get(page).text)
            changing = [form for form in forms if 'method="post"' in form]
            assert changing == [form for form in changing if 'action="/logout"' in form], page
            assert len(changing) == 1
            harmless = ('action="/search"', 'class="narrow"')
            assert all(any(mark in form for mark in harmless) for form in forms if form not in changing), page


@pytest.mark.parametrize("said", ["script", '"NEAR(', "a", "' OR 1=1 --", "%", "\u202e", "*" * 200])
def test_anything_typed_into_the_search_is_just_words(still: Site, said: str) -> None:
    with still.logged_in("viewer") as client:
        for headers in ({}, {"HX-Request": "true"}):
            answer = client.get("/search", params={"q": said}, headers=headers)
            assert (answer.status_code, "<img src=x" in answer.text) == (200, False)


def test_a_supplier_is_added_with_its_domains_and_one_of_them_taken_back(site: Site) -> None:
    went = post(site, "/suppliers", name="Letter Works", domains="letterworks.example, LW.example").headers["location"]
    assert (went, audited(site)) == ("/suppliers/letter-works", ("analyst", "supplier-domains-added"))
    with site.logged_in() as client:
        shown = client.get(went).text
        assert ("letterworks.example" in shown, "lw.example" in shown) == (True, True)
    post(site, f"{went}/withdraw", domain="lw.example")
    with site.logged_in() as client:
        assert "lw.example" not in client.get(went).text


@pytest.mark.parametrize(
    ("form", "status", "line"),
    [
        ({"name": "Letter Works", "domains": ""}, 422, "at least one domain"),
        ({"name": " ", "domains": "letterworks.example"}, 422, "needs a name"),
        ({"name": "Letter Works", "domains": "nonsense"}, 422, "not a domain"),
        ({"name": "Letter Works", "domains": "gmail.com"}, 422, "anybody can have a mailbox there"),
    ],
)
def test_what_is_no_supplier_is_refused_in_words(still: Site, form: dict[str, str], status: int, line: str) -> None:
    answer = post(still, "/suppliers", **form)
    assert (answer.status_code, line in answer.text) == (status, True)


def test_a_viewer_sees_no_form_for_suppliers_and_may_not_use_it(still: Site) -> None:
    with still.logged_in("viewer") as client:
        assert "Add a supplier" not in client.get("/suppliers").text
    assert post(still, "/suppliers", "viewer", name="X", domains="x.example").status_code == 403
