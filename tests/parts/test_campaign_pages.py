"""What people see of campaigns: lists in pages, what mails share, and what was said."""

from datetime import timedelta
from typing import Any

import pytest

from canary.cases import campaign_decisions
from canary.model.campaign import CampaignSending, Feature, FeatureKind
from canary.model.decision import Decision
from canary.store.counters import recount
from canary.store.database import Database
from canary.store.tables import CanaryRow, HitRow, MailRow, VendorRow
from canary.views.campaign_pages import PAGE, campaign_list, campaign_page
from tests import sendings
from tests.conftest import START

LURE = (Feature(FeatureKind.SUBJECT, "your parcel is waiting"), Feature(FeatureKind.LINK, "bad.example"))


def keep(store: Database, *features: Feature, vendor: int | None = None) -> MailRow:
    with store.writing() as session:
        mail = MailRow(
            key=f"{START}{features}{vendor}{campaign_list(session)}", sha256="0", size=1, received_at=START, subject="s",
            envelope={}, identity={}, proofs={}, parts={},
        )  # fmt: skip
        session.add(mail)
        session.flush()
        sendings.join(session, mail, CampaignSending(None, features))
        if vendor is not None:
            reasons: list[dict[str, Any]] = []
            hit = HitRow(
                mail_id=mail.id or 0, canary_id=vendor, at=START, verdict="spam", confidence=1, reasons=reasons
            )
            session.add(hit)
            recount(session)
    return mail


@pytest.fixture
def lured(store: Database) -> Database:
    """Three mails of one campaign at the addresses of two vendors, and one mail of another."""
    with store.writing() as session:
        for number, name in ((1, "Bikes"), (2, "Arts")):
            session.add(VendorRow(id=number, slug=name.lower(), name=name, created_at=START))
            session.flush()
            session.add(CanaryRow(id=number, address=f"{number}@x.example", domain="x.example", vendor_id=number,
                                  style="tagged", bits=60, issued_at=START))  # fmt: skip
    for vendor in (1, 2):
        keep(store, *LURE, vendor=vendor)
    keep(store, *LURE)
    keep(store)
    return store


def test_the_list_shows_whom_each_campaign_hit(lured: Database) -> None:
    with lured.reading() as session:
        (other, lure), further = campaign_list(session)
    assert (lure.mails, lure.canaries, lure.vendors) == (3, 2, (("arts", "Arts"), ("bikes", "Bikes")))
    assert (other.mails, other.vendors, further) == (1, (), None)


def test_the_list_goes_on_where_a_page_ends(lured: Database) -> None:
    with lured.reading() as session:
        (newest,), further = campaign_list(session, most=1)
        (oldest,), end = campaign_list(session, further, most=1)
    assert (newest.id, further, oldest.id, end) == (2, 2, 1, None)


def test_a_campaign_shows_what_its_mails_share_and_what_linked_each(lured: Database) -> None:
    with lured.reading() as session:
        page = campaign_page(session, 1)
    assert page is not None
    assert page.shared == (("link", "bad.example", 3), ("subject", "your parcel is waiting", 3))
    assert [len(mail.by) for mail in page.mails] == [2, 2, 0]
    assert page.mails[0].by[0] == ("link", "bad.example")


def test_a_campaign_shows_what_was_said_of_it(lured: Database) -> None:
    with lured.writing() as session:
        campaign_decisions.merge(session, [1, 2], Decision("ada", START + timedelta(hours=1), "same wording"))
    with lured.reading() as session:
        page, merged = campaign_page(session, 1), campaign_page(session, 2)
    assert page is not None
    assert merged == page
    assert [(word.who, word.one, word.other, word.note) for word in page.words] == [("ada", True, 2, "same wording")]


def test_a_campaign_of_many_mails_comes_in_pages(store: Database) -> None:
    with store.writing() as session:
        for number in range(PAGE + 2):
            mail = MailRow(
                key=str(number), sha256="", size=1, received_at=START, envelope={}, identity={}, proofs={}, parts={}
            )
            session.add(mail)
            session.flush()
            sendings.join(session, mail, CampaignSending(None, LURE))
    with store.reading() as session:
        first = campaign_page(session, 1)
        assert first is not None
        second = campaign_page(session, 1, first.older)
    assert second is not None
    assert (len(first.mails), len(second.mails), second.older) == (PAGE, 2, None)


def test_an_unknown_campaign_has_no_page(store: Database) -> None:
    with store.reading() as session:
        assert campaign_page(session, 1) is None
