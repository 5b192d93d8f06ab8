"""The store, on SQLite and on PostgreSQL alike."""

import secrets
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy.exc import IntegrityError, StatementError
from sqlmodel import select

from canary.alerts.routing import route
from canary.canaries import lifecycle
from canary.canaries.lifecycle import IssueOrder
from canary.cases import records
from canary.model.alert import Alert, DestinationView
from canary.model.attempt import Attempt, AttemptKind
from canary.model.canary import CanaryState, Style
from canary.model.party import SupplierLink
from canary.store import leases
from canary.store.database import Database
from canary.store.issued_addresses import every_address, read_mark
from canary.store.queries import attempts, canaries, outbox, vendors
from canary.store.tables import CanaryRow, CaseVendorRow, DeliveryRow, VendorRow
from tests.weighed import open_case

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ALERT = Alert(
    id="a-1", kind="case-opened", at=NOW, case=1, vendor="Play", verdict="spam", confidence=0.97, canary="c@x.example",
    sender="bad.example", subject="Hello", reasons=("why",), suspects=(("Play", 1.0),),
)  # fmt: skip


@pytest.fixture
def play(store: Database) -> str:
    with store.writing() as session:
        return vendors.add_vendor(session, "Play Box", ["play.example"], NOW).slug


def order(vendor: str, **more: object) -> IssueOrder:
    return IssueOrder(vendor, "Inbox.example", **more)  # type: ignore[arg-type]


def test_a_vendor_is_found_by_its_slug_with_its_domains(store: Database, play: str) -> None:
    with store.reading() as session:
        assert vendors.get_vendor(session, "play-box").domains == ("play.example",)


def test_a_vendor_of_the_same_name_is_refused(store: Database, play: str) -> None:
    with pytest.raises(vendors.Duplicate, match="play-box"), store.writing() as session:
        vendors.add_vendor(session, "play box", [], NOW)


def test_an_unknown_vendor_is_named_with_the_cure(store: Database) -> None:
    with pytest.raises(vendors.Unknown, match="'nobody'.*canary vendor list"), store.reading() as session:
        vendors.get_vendor(session, "nobody")


def test_a_supplier_account_is_a_sender_of_its_vendor_only(store: Database, play: str) -> None:
    with store.writing() as session:
        vendors.add_vendor(session, "Other", ["other.example"], NOW)
        supplier = vendors.add_supplier(session, "Silver", NOW)
        vendors.add_supply(session, SupplierLink(play, supplier.slug, "newsletter"), account="4711")
        assert vendors.get_vendor(session, play).senders == {"silver/4711"}
        assert vendors.get_vendor(session, "other").senders == frozenset()


@pytest.mark.parametrize(("style", "bits"), [(Style.TAGGED, 60), (Style.PLAUSIBLE, 40), (Style.PLUS, 60)])
def test_an_issued_address_is_found_whatever_its_case(store: Database, play: str, style: Style, bits: float) -> None:
    with store.writing() as session:
        made = lifecycle.issue(session, order(play, style=style), secrets.randbelow, NOW)
    with store.reading() as session:
        found = canaries.find_canaries(session, [made.address.upper(), "nobody@inbox.example"])
    assert found == {made.address: made}
    assert made.bits >= bits


def test_rotation_issues_the_next_generation_and_the_old_one_keeps_listening(store: Database, play: str) -> None:
    with store.writing() as session:
        old = lifecycle.issue(session, order(play, channel="newsletter"), secrets.randbelow, NOW)
        new = lifecycle.rotate(session, old.address, secrets.randbelow, NOW)
        known = every_address(session)
    assert (new.generation, new.channel, new.vendor) == (2, "newsletter", play)
    assert known == {old.address, new.address}


def test_addresses_issued_side_by_side_are_one_generation(store: Database, play: str) -> None:
    with store.writing() as session:
        made = [lifecycle.issue(session, order(play), secrets.randbelow, NOW) for _ in range(3)]
    assert {canary.generation for canary in made} == {1}


def test_a_burned_address_is_still_known(store: Database, play: str) -> None:
    with store.writing() as session:
        made = lifecycle.issue(session, order(play), secrets.randbelow, NOW)
        assert lifecycle.burn(session, made.address, NOW).state is CanaryState.BURNED
        assert made.address in canaries.find_canaries(session, [made.address])


def test_the_mark_of_the_issued_addresses_changes_when_one_is_issued(store: Database, play: str) -> None:
    with store.writing() as session:
        lifecycle.issue(session, order(play), secrets.randbelow, NOW)
        first = read_mark(session)
        assert read_mark(session) == first
        lifecycle.issue(session, order(play), secrets.randbelow, NOW)
        assert read_mark(session) != first


def test_numbers_of_canaries_are_random_and_the_list_is_in_order_of_issue(store: Database, play: str) -> None:
    with store.writing() as session:
        made = [lifecycle.issue(session, order(play), secrets.randbelow, NOW + n * MINUTE) for n in range(20)]
        listed = canaries.list_canaries(session)
    numbers = [canary.id for canary in made]
    assert listed == made
    assert numbers != sorted(numbers)
    assert all(0 < number < 2**53 for number in numbers)
    assert max(numbers) > 2**48


def test_no_two_canaries_have_the_same_address(store: Database, play: str) -> None:
    def row() -> CanaryRow:
        return CanaryRow(address="a@x.example", domain="x.example", vendor_id=1, style="tagged", bits=60, issued_at=NOW)

    with pytest.raises(IntegrityError, match=r"(?i)canary.address|uq_canary_address"), store.writing() as session:
        session.add_all([row(), row()])


def test_times_come_back_aware_and_in_utc(store: Database) -> None:
    there = datetime(2026, 3, 1, 14, tzinfo=timezone(timedelta(hours=2)))
    with store.writing() as session:
        session.add(VendorRow(slug="v", name="V", created_at=there))
    with store.reading() as session:
        assert session.exec(select(VendorRow.created_at)).one().isoformat() == "2026-03-01T12:00:00+00:00"


def test_a_time_without_zone_is_refused(store: Database) -> None:
    with pytest.raises((ValueError, StatementError)), store.writing() as session:
        session.add(VendorRow(slug="v", name="V", created_at=datetime(2026, 3, 1)))  # noqa: DTZ001 - the point


def test_a_failed_transaction_leaves_nothing(store: Database) -> None:
    with pytest.raises(RuntimeError), store.writing() as session:
        vendors.add_vendor(session, "Ghost", ["ghost.example"], NOW)
        raise RuntimeError
    with store.reading() as session:
        assert vendors.list_vendors(session) == []


def test_attempts_of_a_spool_are_counted_once_however_often_they_are_taken(store: Database) -> None:
    tried = [(n, Attempt(AttemptKind.GUESS, "inbox.example", "192.0.2.0/24", NOW)) for n in range(1, 6)]
    for batch in (tried[:3], tried):
        with store.writing() as session:
            attempts.take_attempts(session, "spool", batch)
    with store.reading() as session:
        assert attempts.guesses(session, "inbox.example").total() == 5


def test_a_closed_case_takes_no_more_hits(store: Database, play: str) -> None:
    with store.writing() as session:
        vendor = vendors.vendor_row(session, play).id or 0
        case = open_case(session, vendor, NOW)
        session.add(CaseVendorRow(case_id=case.id or 0, vendor_id=vendor))
        assert records.open_case_of(session, vendor) is case
        case.state = "closed"
        session.flush()
        assert records.open_case_of(session, vendor) is None


def test_a_fact_is_put_once_and_goes_to_every_destination(store: Database) -> None:
    with store.writing() as session:
        outbox.put(session, ALERT)
        outbox.put(session, ALERT)
        route(session, [DestinationView("slack", "slack"), DestinationView("hook", "webhook")], NOW)
        route(session, [DestinationView("slack", "slack"), DestinationView("hook", "webhook")], NOW)
        claimed = [d for name in ("slack", "hook") for d in outbox.claim(session, NOW, timedelta(seconds=60), name)]
    assert [(due.destination, due.alert) for due in claimed] == [("slack", ALERT), ("hook", ALERT)]


def test_a_claimed_delivery_is_nobody_elses_until_its_lease_ends(store: Database) -> None:
    with store.writing() as session:
        outbox.put(session, ALERT)
        route(session, [DestinationView("slack", "slack")], NOW)
        assert len(outbox.claim(session, NOW, timedelta(seconds=60), "slack")) == 1
    with store.writing() as session:
        assert outbox.claim(session, NOW + timedelta(seconds=59), timedelta(seconds=60), "slack") == []
        assert outbox.claim(session, NOW + timedelta(seconds=60), timedelta(seconds=60), "slack")[0].tries == 2


def test_a_dead_letter_stays_and_can_be_sent_again(store: Database) -> None:
    with store.writing() as session:
        outbox.put(session, ALERT)
        route(session, [DestinationView("slack", "slack")], NOW)
        due = outbox.claim(session, NOW, timedelta(seconds=60), "slack")[0]
        outbox.mark_failed(session, due.id, "gone", None)
        assert outbox.claim(session, NOW + timedelta(days=2), timedelta(seconds=60), "slack") == []
        assert outbox.revive(session, NOW) == 1
    with store.reading() as session:
        assert session.exec(select(DeliveryRow.state)).one() == "waiting"


def test_a_lease_is_held_by_one_until_it_ends(store: Database) -> None:
    minute = timedelta(minutes=1)
    with store.writing() as session:
        assert leases.hold(session, "jobs", "one", NOW, minute)
        assert not leases.hold(session, "jobs", "two", NOW, minute)
        assert leases.hold(session, "jobs", "one", NOW, minute)
        assert leases.hold(session, "jobs", "two", NOW + 2 * minute, minute)


def test_a_lease_that_lasts_long_enough_need_not_be_extended(store: Database) -> None:
    with store.writing() as session:
        leases.hold(session, "jobs", "one", NOW, timedelta(minutes=1))
        until = NOW + timedelta(minutes=1)
        assert leases.still_held(session, "jobs", "one", until)
        assert not leases.still_held(session, "jobs", "one", until + timedelta(seconds=1))
        assert not leases.still_held(session, "jobs", "two", NOW)
        assert not leases.still_held(session, "other", "one", NOW)


def test_migrating_twice_changes_nothing(store: Database) -> None:
    store.migrate()
    store.migrate()


def test_the_migration_makes_the_tables_of_the_metadata(store: Database) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from canary.store.tables.base import metadata

    # What is searched lies in full-text tables and indexes, and triggers count; the metadata does not describe these.
    kept = ("words_", "canary_range", "vendor_canaries")
    described = {"include_name": lambda name, *_: not str(name).startswith(kept), "compare_server_default": True}
    with store.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=described), metadata) == []
