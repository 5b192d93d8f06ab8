"""Campaigns in the store: mails find each other in any order, and what a person said of them holds."""

from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, select

from canary.attribute.campaigns import minhash
from canary.attribute.campaigns.features import addressee, sending
from canary.campaigns import membership
from canary.cases import campaign_decisions, records
from canary.mail.parse import parse
from canary.model.campaign import CampaignSending, Feature, FeatureKind, Sketch
from canary.model.decision import Decision
from canary.model.identity import Identity
from canary.model.mail import Client
from canary.model.proof import Proofs
from canary.processes.judging import supplier_book
from canary.store.database import Database
from canary.store.queries import vendors
from canary.store.queries.vendors import Unknown
from canary.store.tables import (
    CampaignBandRow,
    CampaignKeyRow,
    CampaignMailRow,
    CampaignRow,
    CampaignTextRow,
    CanaryRow,
    CaseRow,
    HitRow,
    MailRow,
)
from tests import sendings
from tests.conftest import START
from tests.sendings import ANNA, BEN, CLIENT, LURE, letter, named
from tests.weighed import open_case

BOOK = supplier_book()
WORD = Decision("ada", START, "seen by eye")
SUBJECT, LINK = Feature(FeatureKind.SUBJECT, "your parcel is waiting"), Feature(FeatureKind.LINK, "bad.example")
HOST, FILE = Feature(FeatureKind.HOST, "mx.example"), Feature(FeatureKind.ATTACHMENT, "f" * 64)
_keys = count(1)


def keep(session: Session, sending: CampaignSending, hours: float = 0, subject: str = "s") -> MailRow:
    at = START + timedelta(hours=hours)
    mail = MailRow(
        key=f"k{next(_keys)}", sha256="0", size=1, received_at=at, subject=subject,
        envelope={}, identity={}, proofs={}, parts={},
    )  # fmt: skip
    session.add(mail)
    session.flush()
    sendings.join(session, mail, sending)
    return mail


def of(*features: Feature, sketch: Sketch | None = None) -> CampaignSending:
    return CampaignSending(sketch, features)


def text(*changed: int, of: int = 150) -> CampaignSending:
    """A text of so many words, some of them its own."""
    words = [f"{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(of)]
    for at in changed:
        words[at % of] = f"changed{chr(97 + at % 26)}{chr(97 + at // 26 % 26)}{chr(97 + at // 676)}"
    return CampaignSending(minhash.sketch(words))


def shown(content: bytes, client: Client = CLIENT) -> CampaignSending:
    mail = parse(content)
    return sending(mail, Proofs(), Identity(), client, addressee(mail, ()), BOOK)


def partition(mails: Iterable[MailRow]) -> set[frozenset[str]]:
    found: dict[int | None, set[str]] = {}
    for mail in mails:
        found.setdefault(mail.campaign_id, set()).add(mail.subject)
    return {frozenset(names) for names in found.values()}


def parted(session: Session, sendings: Sequence[CampaignSending], order: Iterable[int]) -> set[frozenset[str]]:
    mails = [keep(session, sendings[at], at, subject=str(at)) for at in order]
    for mail in mails:
        session.refresh(mail)
    return partition(mails)


def test_mails_of_alike_texts_are_one_campaign(store: Database) -> None:
    with store.writing() as session:
        one, two, other = keep(session, text()), keep(session, text(1, 40, 90)), keep(session, text(*range(150)))
    assert one.campaign_id == two.campaign_id != other.campaign_id


def test_mails_that_share_two_independent_features_are_one_campaign(store: Database) -> None:
    with store.writing() as session:
        one, two = keep(session, of(SUBJECT, LINK)), keep(session, of(LINK, SUBJECT, HOST))
        other = keep(session, of(LINK))
    assert one.campaign_id == two.campaign_id != other.campaign_id


def test_mails_that_show_nothing_are_separate_campaigns(store: Database) -> None:
    with store.writing() as session:
        assert keep(session, of()).campaign_id != keep(session, of()).campaign_id


def test_a_mail_that_bridges_two_campaigns_makes_them_one_under_the_older_number(store: Database) -> None:
    with store.writing() as session:
        old, new = keep(session, of(SUBJECT, LINK), 2, "old"), keep(session, of(HOST, FILE), 1, "new")
        bridge = keep(session, of(SUBJECT, LINK, HOST, FILE), 3, "bridge")
        session.refresh(new)
        campaign = session.get_one(CampaignRow, old.campaign_id)
    assert new.campaign_id == bridge.campaign_id == old.campaign_id
    assert (campaign.mails, campaign.subject) == (3, "new")
    assert (campaign.first_at, campaign.last_at) == (new.received_at, bridge.received_at)


def test_the_number_of_a_merged_campaign_leads_to_what_it_became(store: Database) -> None:
    with store.writing() as session:
        one, two, three = (keep(session, of(*pair)) for pair in ((SUBJECT, LINK), (HOST, FILE), (SUBJECT, FILE)))
        numbers = [mail.campaign_id or 0 for mail in (one, two, three)]
        keep(session, of(HOST, FILE, SUBJECT))
        keep(session, of(SUBJECT, LINK, FILE))
        roots = {row.id for number in numbers if (row := membership.campaign_row(session, number))}
        later = keep(session, of(HOST, FILE))
    assert roots == {numbers[0]} == {later.campaign_id}


def test_why_a_mail_joined_is_kept_with_the_values(store: Database) -> None:
    with store.writing() as session:
        first = keep(session, CampaignSending(text().sketch, (SUBJECT, LINK, FILE)))
        mail = keep(session, CampaignSending(text(3, 77).sketch, (SUBJECT, LINK, HOST)))
        kept = session.get_one(CampaignMailRow, mail.id)
        (link,) = kept.links
    assert link["campaign"] == first.campaign_id
    assert [by["kind"] for by in link["by"]] == ["text", "link", "subject"]
    assert 0.6 <= float(link["by"][0]["value"]) < 1
    assert link["by"][1]["value"] == "bad.example"


def test_a_mail_that_came_again_is_one_of_its_campaign_and_costs_no_new_keys(store: Database) -> None:
    with store.writing() as session:
        again = [keep(session, CampaignSending(text().sketch, (SUBJECT, LINK))) for _ in range(3)]
        rows = [len(session.exec(select(table)).all()) for table in (CampaignKeyRow, CampaignTextRow, CampaignBandRow)]
    assert (len({mail.campaign_id for mail in again}), rows) == (1, [1, 1, minhash.BANDS])


def test_a_band_that_many_texts_share_takes_no_more_of_them(store: Database) -> None:
    with store.writing() as session:
        sketches = [text(n, n + 20).sketch for n in range(membership.FULL * 2)]
        mails = [keep(session, CampaignSending(sketch)) for sketch in sketches]
        kept: Sequence[int] = session.exec(select(CampaignBandRow.band)).all()
    assert len({mail.campaign_id for mail in mails}) == 1
    assert max(kept.count(band) for band in set(kept)) <= membership.FULL


def test_copies_for_different_people_are_one_campaign(store: Database) -> None:
    with store.writing() as session:
        mails = []
        for canary, vendor in (ANNA, BEN):
            body = LURE.format(name=named(canary), vendor=vendor.name, to=canary.address)
            mail = parse(letter("Hello there", body, f"<a@{vendor.slug}.example>"))
            to = addressee(mail, [(canary, vendor)])
            mails.append(keep(session, sending(mail, Proofs(), Identity(), Client(""), to, BOOK)))
    assert mails[0].campaign_id == mails[1].campaign_id


WORLD = (
    text(), text(3, 77), text(9, 60, 120), text(*range(0, 150, 3)), text(*range(75)), text(*range(75, 150)),
    of(SUBJECT, LINK), of(SUBJECT, LINK, HOST), of(HOST, FILE), of(FILE, LINK), of(SUBJECT), of(),
    CampaignSending(text(5).sketch, (HOST, FILE)), CampaignSending(text(*range(1, 150, 2)).sketch, (SUBJECT, HOST)),
)  # fmt: skip


@pytest.mark.slow
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data())
def test_the_order_of_arrival_changes_nothing(store: Database, data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.integers(0, len(WORLD) - 1), min_size=2, max_size=9, unique=True))
    one, two = data.draw(st.permutations(chosen)), data.draw(st.permutations(chosen))
    with store.reading() as session:
        first = parted(session, WORLD, one)
    with store.reading() as session:
        assert parted(session, WORLD, two) == first


def test_every_order_of_mails_that_hang_together_by_a_chain_is_one_campaign(store: Database) -> None:
    chain = [of(SUBJECT, LINK), of(SUBJECT, LINK, HOST), of(HOST, SUBJECT), of(HOST, SUBJECT, FILE), of(FILE, SUBJECT)]
    for order in ((0, 1, 2, 3, 4), (4, 3, 2, 1, 0), (0, 2, 4, 1, 3), (0, 4, 2, 3, 1)):
        with store.reading() as session:
            assert len(parted(session, chain, order)) == 1


def test_a_merge_by_hand_holds_for_later_mails(store: Database) -> None:
    with store.writing() as session:
        one, two = keep(session, of(SUBJECT, LINK)), keep(session, of(HOST, FILE))
        campaign_decisions.merge(session, [two.campaign_id or 0, one.campaign_id or 0], WORD)
        later = [keep(session, of(HOST, FILE)), keep(session, of(SUBJECT, LINK))]
        campaign = session.get_one(CampaignRow, one.campaign_id)
    assert {mail.campaign_id for mail in later} == {one.campaign_id}
    assert campaign.mails == 4


def split_in_two(session: Session) -> tuple[MailRow, MailRow]:
    """Two mails that two features link, with texts of their own; a person sets the second apart."""
    one = keep(session, CampaignSending(text().sketch, (SUBJECT, LINK)), 1, "one")
    two = keep(session, CampaignSending(text(*range(150)).sketch, (SUBJECT, LINK, HOST)), 2, "two")
    campaign_decisions.split(session, one.campaign_id or 0, [two.id or 0], WORD)
    return one, two


def test_a_split_by_hand_holds_for_later_mails(store: Database) -> None:
    with store.writing() as session:
        one, two = split_in_two(session)
        assert one.campaign_id != two.campaign_id
        like_one, like_two = (
            keep(session, text(7)),
            keep(session, CampaignSending(text(*range(150)).sketch, (SUBJECT, LINK))),
        )
        by_host = keep(session, of(HOST, SUBJECT))
    assert like_one.campaign_id == one.campaign_id
    assert {like_two.campaign_id, by_host.campaign_id} == {two.campaign_id}


def test_what_both_sides_of_a_split_share_leads_to_neither(store: Database) -> None:
    with store.writing() as session:
        one, two = split_in_two(session)
        later = keep(session, of(SUBJECT, LINK))
    assert later.campaign_id not in (one.campaign_id, two.campaign_id)


def test_a_mail_that_belongs_to_both_sides_of_a_split_joins_the_nearer(store: Database) -> None:
    with store.writing() as session:
        one, two = split_in_two(session)
        between = keep(session, CampaignSending(text(8, 9).sketch, (HOST, SUBJECT)))
        sides = [session.get_one(CampaignRow, mail.campaign_id) for mail in (one, two)]
    assert between.campaign_id == one.campaign_id
    assert [(side.mails, side.merged_into) for side in sides] == [(2, None), (1, None)]


def test_a_split_holds_after_a_side_became_part_of_an_older_campaign(store: Database) -> None:
    with store.writing() as session:
        older = keep(session, of(FILE, LINK))
        one, two = split_in_two(session)
        keep(session, CampaignSending(text().sketch, (FILE, LINK)))
        session.refresh(one)
        bridge = keep(session, CampaignSending(text(3).sketch, (HOST, SUBJECT)))
        session.refresh(two)
    assert one.campaign_id == older.campaign_id == bridge.campaign_id != two.campaign_id


def test_a_later_merge_by_hand_lifts_the_split(store: Database) -> None:
    with store.writing() as session:
        one, two = split_in_two(session)
        campaign_decisions.merge(session, [one.campaign_id or 0, two.campaign_id or 0], Decision("ben", START))
        session.refresh(two)
        assert one.campaign_id == two.campaign_id
        assert membership.set_apart(session, [1, 2]) == set()
        told = campaign_decisions.verdicts(session, one.campaign_id or 0)
    assert [(row.who, row.one, row.lifted_at) for row in told] == [("ada", False, START), ("ben", True, None)]
    assert told[0].mails == [two.id]


def test_a_split_counts_both_sides_again(store: Database) -> None:
    with store.writing() as session:
        one, two = split_in_two(session)
        rows = [session.get_one(CampaignRow, mail.campaign_id) for mail in (one, two)]
    assert [(row.subject, row.mails, row.first_at == row.last_at) for row in rows] == [
        ("one", 1, True),
        ("two", 1, True),
    ]


def test_a_decision_on_a_campaign_is_in_the_timelines_of_its_cases(store: Database) -> None:
    with store.writing() as session:
        one, two = keep(session, of(SUBJECT, LINK)), keep(session, of(HOST, FILE))
        vendors.add_vendor(session, "Shop", ["shop.example"], START)
        case = open_case(session, 1, START)
        session.add(canary_of(session, two, case.id or 0))
        campaign_decisions.merge(session, numbers([one, two]), WORD)
        lines = [(line.kind, line.who) for line in records.timeline(session, case.id or 0)]
    assert ("campaign", "ada") in lines


@pytest.mark.parametrize(
    ("number", "mails", "fault", "told"),
    [
        (7, [1], Unknown, "campaign 7: there is none; see `canary campaign list`"),
        (1, [9], Unknown, "mail 9: not in campaign 1"),
        (1, [1, 2], ValueError, "2 of 2 mails; name some"),
        (1, [], ValueError, "0 of 2 mails; name some"),
    ],
)
def test_a_split_that_cannot_be_names_the_cure(
    store: Database, number: int, mails: list[int], fault: type[Exception], told: str
) -> None:
    with store.writing() as session:
        keep(session, of(SUBJECT, LINK))
        keep(session, of(SUBJECT, LINK))
        with pytest.raises(fault, match=told):
            campaign_decisions.split(session, number, mails, WORD)


def test_a_campaign_is_not_merged_with_itself(store: Database) -> None:
    with store.writing() as session:
        keep(session, of())
        with pytest.raises(ValueError, match="name another campaign"):
            campaign_decisions.merge(session, [1, 1], WORD)


def numbers(mails: Collection[MailRow]) -> list[int]:
    return [mail.campaign_id or 0 for mail in mails]


def canary_of(session: Session, mail: MailRow, case: int) -> HitRow:
    vendor = session.get_one(CaseRow, case).vendor_id
    canary = CanaryRow(
        address="a@x.example", domain="x.example", vendor_id=vendor, style="tagged", bits=60, issued_at=START
    )
    session.add(canary)
    session.flush()
    return HitRow(
        mail_id=mail.id or 0, canary_id=canary.id or 0, at=START, verdict="spam", confidence=1, reasons=[], case_id=case
    )
