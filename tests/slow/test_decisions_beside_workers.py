"""Decisions while two workers conclude mail of the same senders: nobody waits for ever, and no mail keeps an old verdict."""

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlmodel import select

from canary.authenticate.lookup import ZoneLookup
from canary.canaries import lifecycle
from canary.canaries.lifecycle import IssueOrder
from canary.cases import answers
from canary.model.authenticated import AuthenticatedMail
from canary.model.mail import Client, Envelope, RawMail
from canary.pipeline.story import Context, parse_and_authenticate, process_batch
from canary.processes.judging import supplier_book
from canary.store.database import Database
from canary.store.queries import vendors
from canary.store.tables import CanaryRow, CaseRow, HitRow, SenderRow
from tests.conftest import START
from tests.patience import PATIENCE

pytestmark = pytest.mark.slow
ZONE = {f"till{letter}.example": {"TXT": ["v=spf1 ip4:198.51.100.0/24 -all"]} for letter in "abcd"}


def found(parts: Context, number: int, to: tuple[str, ...]) -> AuthenticatedMail:
    name = f"till{'abcd'[number % 4]}"
    text = "You paid 41.90 to Trendy Shoes and to Bikes and More." if number % 3 else "Cheap watches, only today."
    content = f"From: {name} <r@{name}.example>\r\nSubject: Receipt {number}\r\n\r\n{text}\r\n".encode()
    client = Client("198.51.100.7", 25, "mx")
    envelope = Envelope(f"b@{name}.example", to, client, START + timedelta(days=60, minutes=number))
    return asyncio.run(parse_and_authenticate(parts, RawMail(f"k{number}", envelope, content)))


def test_no_mail_is_left_with_a_verdict_that_a_decision_has_overtaken(store: Database) -> None:
    parts = Context(store, lambda: ZoneLookup(ZONE), supplier_book(), lambda: START)
    with store.writing() as session:
        slugs = [vendors.add_vendor(session, name, [], START).slug for name in ("Trendy Shoes", "Bikes and More")]
        issue = (IssueOrder(slug, "in.example") for slug in slugs)
        addresses = tuple(lifecycle.issue(session, order, secrets.randbelow, START).address for order in issue)
    findings = [found(parts, number, addresses if number % 2 else addresses[:1]) for number in range(160)]
    process_batch(parts, findings[:40])

    def work(start: int) -> None:
        for at in range(start, len(findings), 20):
            process_batch(parts, findings[at : at + 10])

    def decide() -> None:
        for letter in "abcd":
            with store.writing() as session:
                say = answers.approve if letter in "ab" else answers.deny
                say(session, "trendy-shoes", f"till{letter}.example", "ada", START)

    with ThreadPoolExecutor(3) as pool:
        done = [pool.submit(work, 40), pool.submit(work, 50), pool.submit(decide)]
        assert [job.result(PATIENCE) for job in done] == [None] * 3
    with store.reading() as session:
        verdicts = dict.fromkeys(
            session.exec(select(HitRow.verdict).join(CanaryRow).where(CanaryRow.vendor_id == 1)).all()
        )
        states = session.exec(select(SenderRow.state, SenderRow.count).where(SenderRow.vendor_id == 1)).all()
        opened = session.exec(select(CaseRow).where(CaseRow.vendor_id == 1, CaseRow.state == "new")).all()
    assert set(verdicts) == {"expected", "third-party"}
    assert sorted(state for state, _ in states) == ["denied"] * 2 + ["learned"] * 2
    assert len(opened) == 1
