"""Alerts about a case after it was opened: what changed, reminders, and its end."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session, select

from canary.alerts.routing import route
from canary.cases import case_alerts
from canary.cases.weigh import weigh_now
from canary.model.alert import Alert, DestinationView
from canary.model.case import Findings, Suspect, SuspectKind
from canary.store.codec import findings_json, suspects_json
from canary.store.database import Database
from canary.store.queries import outbox, vendors
from canary.store.queries.outbox import alert_of
from canary.store.queries.vendors import Unknown
from canary.store.tables import CanaryRow, CaseNotificationRow, CaseRow, CaseVendorRow, HitRow, OutboxRow
from tests.weighed import open_case

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def case(store: Database) -> int:
    with store.writing() as session:
        vendors.add_vendor(session, "Play", ["play.example"], NOW)
        row = open_case(session, vendors.vendor_row(session, "play").id or 0, NOW)
        session.add(CaseVendorRow(case_id=row.id or 0, vendor_id=row.vendor_id))
        believe(row, "vendor", "play", 0.6)
        case_alerts.record_assessment(session, row)
        opened = Alert(id="opened", kind="case-opened", at=NOW, case=row.id or 0, vendor="Play", verdict="spam")
        outbox.put(session, opened)
        return row.id or 0


def hit(session: Session, case: int) -> None:
    """Spam comes to an address, in a case."""
    session.add(
        CanaryRow(id=1, address="a@x.example", domain="x.example", vendor_id=1, style="tagged", bits=60, issued_at=NOW)
    )
    session.flush()
    session.add(HitRow(canary_id=1, at=NOW, verdict="spam", confidence=0.97, reasons=[], case_id=case))
    session.flush()


def believe(row: CaseRow, kind: str, name: str, p: float, fields: tuple[str, ...] = ()) -> None:
    row.suspects = suspects_json([Suspect(SuspectKind(kind), name, p, name=name.title())])
    row.findings = findings_json(Findings(fields=dict.fromkeys(fields, 0.9)))


def told(store: Database) -> list[tuple[str, str]]:
    with store.reading() as session:
        rows = session.exec(select(OutboxRow).order_by(OutboxRow.at, OutboxRow.id)).all()  # type: ignore[arg-type]
    facts = [alert_of(row) for row in rows if row.id != "opened"]
    return sorted((fact.kind, fact.change) for fact in facts)


def routed(store: Database, now: datetime = NOW) -> None:
    with store.writing() as session:
        route(session, [DestinationView("ops", "slack")], now)


def look_after(store: Database, now: datetime) -> None:
    with store.writing() as session:
        case_alerts.send_due_reminders(session, now)


def test_opening_a_case_is_reported_once(store: Database, case: int) -> None:
    assert told(store) == []


def test_each_change_of_a_case_is_reported_once(store: Database, case: int) -> None:
    for _ in range(3):
        with store.writing() as session:
            row = session.get_one(CaseRow, case)
            believe(row, "supplier", "silverline", 0.85, ("given_name",))
            case_alerts.record_assessment(session, row)
    assert told(store) == [
        ("certainty", "Silverline is the source with 85%"),
        ("fields-leaked", "More than the address leaked: mail shows what only the vendor was told (given name)"),
        ("top-suspect", "Silverline is now the likeliest source (85%), no longer Play"),
    ]


@pytest.mark.slow
def test_a_case_that_nobody_looks_at_is_reminded_of_ever_more_rarely(store: Database, case: int) -> None:
    routed(store)
    days = []
    for day in range(200):
        before = len(told(store))
        look_after(store, NOW + timedelta(days=day))
        if len(told(store)) > before:
            days.append(day)
    assert days == [1, 3, 7, 15, 31]


def test_an_acknowledged_case_is_not_reminded_of(store: Database, case: int) -> None:
    routed(store)
    with store.writing() as session:
        case_alerts.acknowledge(session, case, "ada", NOW)
    look_after(store, NOW + timedelta(days=9))
    assert told(store) == []
    with store.writing() as session, pytest.raises(Unknown):
        case_alerts.acknowledge(session, 99, "ada", NOW)


def test_there_are_no_reminders_of_a_case_without_an_alert(store: Database, case: int) -> None:
    look_after(store, NOW + timedelta(days=9))
    assert told(store) == []


def test_the_end_of_a_case_is_reported_and_its_reminders_stop(store: Database, case: int) -> None:
    routed(store)
    with store.writing() as session:
        session.get_one(CaseRow, case).state = "false-positive"
    for day in range(3):
        look_after(store, NOW + timedelta(days=day))
    assert told(store) == [("case-resolved", "Settled as false positive")]
    with store.writing() as session:
        session.get_one(CaseRow, case).state = "investigating"
    look_after(store, NOW + timedelta(days=4))
    assert ("case-reopened", "Reopened") in told(store)


def test_all_alerts_about_a_case_are_one_topic(store: Database, case: int) -> None:
    with store.writing() as session:
        row = session.get_one(CaseRow, case)
        believe(row, "supplier", "silverline", 0.85)
        case_alerts.record_assessment(session, row)
    with store.reading() as session:
        assert set(session.exec(select(OutboxRow.topic))) == {f"case:{case}"}


def test_weighing_a_case_reports_what_changed(store: Database, case: int) -> None:
    with store.writing() as session:
        session.delete(session.get_one(CaseNotificationRow, case))
        hit(session, case)
        weigh_now(session, [case], NOW)
        assert session.get(CaseNotificationRow, case) is not None
