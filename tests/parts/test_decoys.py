"""Decoys, on SQLite and on PostgreSQL alike: made, hidden, distinguished by the key, and never a vendor's."""

import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import text
from sqlmodel import select

from canary.canaries import decoys, lifecycle
from canary.canaries.decoy_key import key_problem, prepare_key
from canary.canaries.decoys import DecoyRequest
from canary.canaries.lifecycle import IssueOrder
from canary.cases import publication
from canary.cases.past_mail import OwnerWord
from canary.importing import import_store
from canary.judge.adoption import AdoptionProposal
from canary.judge.decoy_names import DecoyKind, kind_of
from canary.model.address import Locale
from canary.model.attempt import Attempt, AttemptKind
from canary.model.canary import Canary
from canary.model.verdict import Judgement, Reason, StatedReason, Verdict
from canary.pipeline.attempts import process_probe
from canary.store.codec import reasons_of
from canary.store.database import Database
from canary.store.decoy_mac import NO_DECOYS, DecoyMac
from canary.store.issued_addresses import IssuedAddresses
from canary.store.queries import canaries, mails, vendors
from canary.store.queries.mails import Hit
from canary.store.queries.recipients import read_recipients
from canary.store.queries.world import world_of
from canary.store.tables import CanaryRow, HitRow
from canary.views import canary_pages, overview, vendor_pages, vendor_summary
from tests.installation import BEGIN, DOMAIN, Installation
from tests.weighed import open_case

NOW = BEGIN + timedelta(days=400)
Opened = Callable[..., Database]


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return tmp_path / "elsewhere" / "decoy.key"


@pytest.fixture
def opened(store: Database) -> Iterator[Opened]:
    """Opens the store once more, with another key."""
    made: list[Database] = []

    def again(decoy_mac: DecoyMac = NO_DECOYS) -> Database:
        made.append(Database(store.url.render_as_string(hide_password=False), decoy_mac=decoy_mac))
        return made[-1]

    yield again
    for database in made:
        database.close()


@pytest.fixture
def hiding(opened: Opened, key: Path) -> Database:
    """A store whose decoys can be told; none is made beside issued addresses unless asked for."""
    found = opened(DecoyMac(key))
    with found.writing() as session:
        assert prepare_key(session) == ""
        vendors.add_vendor(session, "Shop", ["shop.example"], BEGIN)
        for day in range(5):
            lifecycle.issue(session, IssueOrder("shop", DOMAIN), secrets.randbelow, BEGIN + timedelta(days=day))
    return found


def keep(store: Database, count: int = 20) -> int:
    with store.writing() as session:
        return decoys.maintain_decoys(session, DecoyRequest(count), secrets.randbelow, NOW)


def the_decoys(store: Database) -> list[Canary]:
    with store.reading() as session:
        return [canary for canary in canaries.issued_and_decoys(session) if canary.vendor is None]


def random_one(store: Database) -> Canary:
    return next(decoy for decoy in the_decoys(store) if kind_of(decoy.bits) is DecoyKind.RANDOM)


def guess_at(store: Database, decoy: Canary) -> None:
    with store.writing() as session:
        found = Judgement(Verdict.GUESS, 0.9, (StatedReason(Reason.NEVER_ISSUED),))
        mails.keep_hits(session, [Hit(None, decoy.id, NOW, found)])


def test_twenty_are_kept_half_of_each_kind_and_not_one_more(hiding: Database) -> None:
    assert keep(hiding) == 20
    assert Counter(kind_of(decoy.bits) for decoy in the_decoys(hiding)) == {
        DecoyKind.RANDOM: 10,
        DecoyKind.GUESSABLE: 10,
    }
    assert keep(hiding) == 0


def test_none_is_made_where_none_was_issued(opened: Opened, key: Path) -> None:
    empty = opened(DecoyMac(key))
    with empty.writing() as session:
        prepare_key(session)
    assert keep(empty) == 0


def test_none_is_made_where_too_few_were_issued_to_hide_among(hiding: Database) -> None:
    with hiding.writing() as session:
        assert decoys.maintain_decoys(session, DecoyRequest(20, least=6), secrets.randbelow, NOW) == 0


def test_making_decoys_leaves_every_issued_address_as_it_was(hiding: Database) -> None:
    with hiding.reading() as session:
        before = canaries.list_canaries(session)
    keep(hiding, 60)
    with hiding.reading() as session:
        assert canaries.list_canaries(session) == before


def test_a_decoy_is_dated_among_the_addresses_of_its_domain(hiding: Database) -> None:
    keep(hiding)
    drawn = [decoy.issued for decoy in the_decoys(hiding) if decoy.persona]
    assert len(drawn) == 10
    assert all(BEGIN <= at <= BEGIN + timedelta(days=4) for at in drawn)
    assert len(set(drawn)) == 10


def test_the_address_cache_learns_of_decoys_that_are_dated_back(hiding: Database) -> None:
    source = IssuedAddresses(hiding.url.render_as_string(hide_password=False))
    *_, before = source.fetch("")
    keep(hiding)
    addresses = {address for news in source.fetch(before.mark) for address in news.addresses}
    assert addresses >= {decoy.address for decoy in the_decoys(hiding)}
    source.close()


def test_the_full_text_index_of_sqlite_does_not_show_which_addresses_were_added_together(
    sqlite_store: Database, key: Path
) -> None:
    store = Database(sqlite_store.url.render_as_string(), decoy_mac=DecoyMac(key))
    with store.writing() as session:
        prepare_key(session)
        vendors.add_vendor(session, "Shop", ["shop.example"], BEGIN)
    for day in range(3):
        with store.writing() as session:
            lifecycle.issue(session, IssueOrder("shop", DOMAIN), secrets.randbelow, BEGIN + timedelta(days=day))
    segments = text("SELECT count(DISTINCT id >> 37) FROM words_canary_data WHERE id > 10")
    with store.reading() as session:
        assert session.execute(segments).scalar_one() == 3
    keep(store)
    with store.reading() as session:
        assert session.execute(segments).scalar_one() == 1
    store.close()


def test_without_the_key_they_are_ordinary_canaries(hiding: Database, opened: Opened) -> None:
    keep(hiding)
    blind = opened()
    with blind.reading() as session:
        assert len(canaries.list_canaries(session, "shop")) == 25
    with hiding.reading() as session:
        assert len(canaries.list_canaries(session, "shop")) == 5


def test_the_count_of_decoys_by_vendor_follows_those_that_are_made_and_the_key(
    hiding: Database, opened: Opened, key: Path
) -> None:
    other = opened(DecoyMac(key))
    for made in (0, 20, 26):
        keep(hiding, made)
        with hiding.writing() as session:
            lifecycle.issue(session, IssueOrder("shop", DOMAIN), secrets.randbelow, NOW)
        for store in (hiding, other):
            with store.reading() as session:
                assert decoys.count_by_vendor(session).total() == made
    with opened().reading() as session:
        assert decoys.count_by_vendor(session) == Counter()


def test_a_missing_key_is_reported_in_a_line_and_never_made_again_by_itself(
    hiding: Database, opened: Opened, key: Path
) -> None:
    keep(hiding)
    key.unlink()
    late = opened(DecoyMac(key))
    with late.writing() as session:
        told = prepare_key(session)
    assert ("missing" in told, str(key) in told, "\n" in told, key.exists()) == (True, True, False, False)


def test_another_key_is_recognised_as_such(hiding: Database, opened: Opened, key: Path) -> None:
    key.write_text(secrets.token_hex(32))
    late = opened(DecoyMac(key))
    with late.reading() as session:
        assert "not the one" in key_problem(session)


def test_a_lost_key_is_given_up_only_when_asked(hiding: Database, opened: Opened, key: Path) -> None:
    key.unlink()
    late = opened(DecoyMac(key))
    with late.writing() as session:
        assert prepare_key(session, replace=True) == ""
        assert key_problem(session) == ""


def test_only_its_owner_may_read_the_key(hiding: Database, key: Path) -> None:
    assert key.stat().st_mode & 0o777 == 0o600


def test_a_decoy_is_nobodys_on_every_list(hiding: Database) -> None:
    keep(hiding)
    for decoy in the_decoys(hiding)[:3]:
        guess_at(hiding, decoy)
    with hiding.reading() as session:
        page, first = vendor_pages.vendor_page(session, "shop", NOW), overview.overview(session, NOW)
        listed, further = canary_pages.canary_list(session)
        assert page is not None
        assert (len(page.canaries), len(listed), further) == (5, 5, None)
        assert (page.hits, page.weeks, first.canaries, first.vendors[0].canaries) == ((), None, 5, 5)
        assert {hit.vendor for hit in first.hits} == {None}
        assert [line.verdicts for line in vendor_summary.standings(session)] == [Counter()]


@pytest.mark.slow
def test_pages_of_canaries_step_over_decoys(hiding: Database) -> None:
    with hiding.writing() as session:
        for _ in range(80):
            lifecycle.issue(session, IssueOrder("shop", DOMAIN), secrets.randbelow, NOW)
    keep(hiding, 60)
    with hiding.reading() as session:
        first, further = canary_pages.canary_list(session)
        second, end = canary_pages.canary_list(session, further or 0)
    assert (len(first), len(second), end) == (50, 35, None)


def test_attribution_weighs_decoys_as_held_by_the_owner_alone(hiding: Database) -> None:
    keep(hiding)
    with hiding.writing() as session:
        mine = canaries.list_canaries(session, "shop")[0]
        case = open_case(session, vendors.vendor_row(session, "shop").id or 0, NOW)
        found = Judgement(Verdict.SPAM, 0.9, (StatedReason(Reason.NOTHING_PROVEN),))
        mails.keep_hits(session, [Hit(None, mine.id, NOW, found, case.id)])
        session.flush()
        held = Counter[str | None]()
        for each in world_of(session, NOW, [case.id or 0]).canaries:
            held[each.vendor] += each.count
    assert held == {"shop": 5, None: 20}


def test_the_register_gives_a_decoy_to_nobody(hiding: Database) -> None:
    keep(hiding)
    decoy = random_one(hiding)
    with hiding.reading() as session:
        recipients = read_recipients(session, [decoy.address])
        [found] = recipients.reached([decoy.address])
        assert (found.vendor, recipients.vendors) == (None, {})


def test_a_probe_at_a_random_decoy_speaks_of_the_owners_side(hiding: Database) -> None:
    keep(hiding)
    decoy = random_one(hiding)
    probe = Attempt(AttemptKind.PROBE, DOMAIN, "203.0.113.0/24", NOW, decoy.address)
    with hiding.writing() as session:
        process_probe(session, probe)
        hit = session.exec(select(HitRow)).one()
    assert (hit.verdict, [reason.code for reason in reasons_of(hit.reasons)]) == (
        "guess",
        ["never-issued", "random-decoy"],
    )


def test_a_decoy_that_was_hit_is_shown_and_replaced(hiding: Database) -> None:
    keep(hiding)
    decoy = random_one(hiding)
    guess_at(hiding, decoy)
    assert keep(hiding) == 1
    with hiding.reading() as session:
        [found] = decoys.decoy_summaries(session)
    assert (found.issued, found.random, found.guessable) == (5, 11, 10)
    assert [(hit.address, hit.hits, "your own side" in hit.meaning) for hit in found.hit] == [(decoy.address, 1, True)]


def test_a_decoy_cannot_be_rotated_and_is_never_tested(hiding: Database) -> None:
    keep(hiding)
    with hiding.writing() as session, pytest.raises(vendors.Unknown, match="decoy"):
        lifecycle.rotate(session, random_one(hiding).address, secrets.randbelow, NOW)
    with hiding.reading() as session:
        newest = canaries.newest_active(session)
        assert newest in {canary.address for canary in canaries.list_canaries(session)}


def test_rotating_the_only_address_beside_a_decoy_rotates_both(hiding: Database) -> None:
    keep(hiding, 2)
    with hiding.writing() as session:
        lone = vendors.add_vendor(session, "Lone", ["lone.example"], BEGIN).slug
        old = lifecycle.issue(session, IssueOrder(lone, DOMAIN, "order"), secrets.randbelow, NOW - timedelta(days=9))
        decoy = session.get_one(CanaryRow, random_one(hiding).id)
        decoy.vendor_id, decoy.channel, decoy.generation = vendors.vendor_row(session, lone).id or 0, "order", 1
        session.flush()
        lifecycle.rotate(session, old.address, secrets.randbelow, NOW + timedelta(days=1))
        beside = session.exec(select(CanaryRow).where(CanaryRow.vendor_id == decoy.vendor_id)).all()
    assert Counter((row.generation, row.state) for row in beside) == {(1, "rotated"): 2, (2, "active"): 2}


def flags(store: Database, which: Callable[[Canary], bool] = lambda _: True) -> Counter[bool | None]:
    with store.reading() as session:
        return Counter(c.published_set for c in canaries.issued_and_decoys(session) if which(c))


def test_what_is_said_of_all_addresses_beside_decoys_holds_for_these_too_and_is_taken_back_from_them(
    hiding: Database,
) -> None:
    keep(hiding)

    def drawn(canary: Canary) -> bool:
        return canary.persona is not None

    for said in (True, False, None):
        with hiding.writing() as session:
            for mine in canaries.list_canaries(session, "shop"):
                lifecycle.set_published(session, mine.address, said, secrets.randbelow)
        assert flags(hiding, drawn) == {said: 15}


def test_a_decoy_made_among_addresses_that_are_shown_in_public_is_one_of_them(hiding: Database) -> None:
    with hiding.writing() as session:
        for mine in canaries.list_canaries(session, "shop"):
            lifecycle.set_published(session, mine.address, True, secrets.randbelow)
    keep(hiding)
    assert flags(hiding) == {True: 25}


def test_the_next_generation_of_a_decoy_keeps_what_was_said(hiding: Database) -> None:
    keep(hiding)
    with hiding.writing() as session:
        for mine in canaries.list_canaries(session, "shop"):
            lifecycle.set_published(session, mine.address, True, secrets.randbelow)
            lifecycle.rotate(session, mine.address, secrets.randbelow, NOW + timedelta(days=1))
    with hiding.reading() as session:
        heirs = [c for c in canaries.issued_and_decoys(session) if c.vendor is None and c.generation > 1]
    assert {heir.published_set for heir in heirs} == {True}


def test_what_is_said_of_a_vendor_is_written_into_no_address(hiding: Database) -> None:
    keep(hiding)
    with hiding.writing() as session:
        publication.set_publishes(session, "shop", True, OwnerWord("ada", NOW))
    assert flags(hiding) == {None: 25}


def test_nothing_is_said_of_a_decoy(hiding: Database) -> None:
    keep(hiding)
    with hiding.writing() as session, pytest.raises(vendors.Unknown, match="decoy"):
        lifecycle.set_published(session, random_one(hiding).address, True, secrets.randbelow)


@pytest.mark.slow
def test_about_one_is_made_for_every_ten_addresses_issued(opened: Opened, key: Path) -> None:
    grown = Installation(opened(DecoyMac(key, 10)), Random(3))
    grown.begin()
    grown.issue(300)
    assert 12 <= len(the_decoys(grown.store)) <= 60


def test_a_decoy_that_was_given_away_after_all_can_be_adopted(hiding: Database) -> None:
    keep(hiding)
    decoy = next(d for d in the_decoys(hiding) if kind_of(d.bits) is DecoyKind.GUESSABLE)
    with hiding.writing() as session:
        told = AdoptionProposal(decoy.address, "shop", "Shop", (), "order", "told", decoy.style, decoy.bits, BEGIN, 3)
        assert import_store.adopt(session, [told], NOW) == 1
        assert canaries.find_canaries(session, [decoy.address])[decoy.address].vendor == "shop"
    assert len(the_decoys(hiding)) == 19


def test_a_decoy_has_a_persona_of_the_locale_of_those_around_it(opened: Opened, key: Path) -> None:
    found = opened(DecoyMac(key))
    with found.writing() as session:
        prepare_key(session)
        vendors.add_vendor(session, "Laden", ["laden.example"], BEGIN)
        for day in range(5):
            order = IssueOrder("laden", DOMAIN, locale=Locale.DE)
            lifecycle.issue(session, order, secrets.randbelow, BEGIN + timedelta(days=day))
    keep(found, 6)
    personas = [decoy.persona for decoy in the_decoys(found) if decoy.persona]
    assert {persona.phone[:3] for persona in personas} == {"+49"}
