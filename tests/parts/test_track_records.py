"""Platforms learned from mail, on a real spool and a real store of each kind."""

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, col, select

from canary.authenticate.lookup import ZoneLookup
from canary.canaries import lifecycle
from canary.canaries.lifecycle import IssueOrder
from canary.cases.rejudge import rejudge
from canary.cases.replay import RejudgeCause
from canary.model.mail import Client, Envelope
from canary.model.track_record import ShownByMail, SignedMail, SignerUse
from canary.model.verdict import Reason
from canary.pipeline.batch import run_pending
from canary.pipeline.story import Context
from canary.processes.judging import supplier_book
from canary.spool.spool import Spool
from canary.store.codec import reasons_of
from canary.store.database import Database
from canary.store.queries import track_records, vendors
from canary.store.queries.track_records import Shown, read_track_records, write_shown
from canary.store.tables import FirstWriterRow, HitRow, LinkedDomainRow, SignedMailRow
from tests.conftest import START, Clock
from tests.signer import dkim, ed25519

DESK = ed25519("letterdesk.example", "d1")
NAMES = "Kestrel", "Linnet", "Magpie", "Nuthatch", "Oriole"
ZONE: dict[str, object] = {
    **DESK.zone(),
    **{f"{n.lower()}goods.example": {"TXT": ["v=spf1 ip4:192.0.2.0/24 -all"]} for n in NAMES},
    **{f"_dmarc.{n.lower()}goods.example": {"TXT": ["v=DMARC1; p=reject"]} for n in NAMES},
}


@dataclass
class World:
    """Vendors whose policy rejects what they do not send themselves, each with an address."""

    store: Database
    spool: Spool
    clock: Clock
    addresses: dict[str, str]

    def send(self, name: str, *, own: bool) -> None:
        """Let a letter come that the desk signed, from the vendor's own machine or from elsewhere."""
        self.clock.move(60)
        domain, address = f"{name.lower()}goods.example", self.addresses[name]
        link = f"https://{name.lower()}club.example/x"
        content = (
            f"From: {name} Goods <news@{domain}>\r\nTo: {address}\r\nSubject: Boots\r\n\r\nBoots. {link}\r\n".encode()
        )
        content = dkim(content, DESK, h="from:to:subject", c="relaxed/relaxed")
        client = Client("192.0.2.1" if own else "198.51.100.9", 25, "mx.example")
        path = f"b@{domain}" if own else "b@letterdesk.example"
        asyncio.run(self.spool.keep(Envelope(path, (address,), client, self.clock()), content))

    def run(self) -> None:
        parts = Context(self.store, lambda: ZoneLookup(ZONE), supplier_book(), self.clock)
        asyncio.run(run_pending(parts, self.spool))

    def verdicts(self) -> list[str]:
        with self.store.reading() as session:
            return list(session.exec(select(HitRow.verdict).order_by(col(HitRow.id))).all())


@pytest.fixture
def world(store: Database, tmp_path: Path, clock: Clock) -> Iterator[World]:
    addresses = {}
    with store.writing() as session:
        for name in NAMES:
            slug = vendors.add_vendor(session, f"{name} Goods", [f"{name.lower()}goods.example"], clock()).slug
            order = IssueOrder(slug, "in.example")
            addresses[name] = lifecycle.issue(session, order, secrets.randbelow, clock()).address
    clock.move(90 * 86_400)
    spool = Spool(tmp_path / "smtp.db", reserve_bytes=0, max_backlog=1000)
    spool.start(clock)
    yield World(store, spool, clock, addresses)
    spool.close()


@pytest.mark.parametrize("at_once", [True, False])
def test_three_unrelated_vendors_own_mail_makes_a_platform_and_mail_before_it_stays_as_it_was_judged(
    world: World, *, at_once: bool
) -> None:
    for name, own in (("Kestrel", True), ("Linnet", True), ("Nuthatch", False), ("Magpie", True), ("Oriole", False)):
        world.send(name, own=own)
        if not at_once:
            world.run()
    world.run()
    assert world.verdicts() == ["expected", "expected", "impersonation", "expected", "new-sender"]
    with world.store.writing() as session:
        cause = RejudgeCause("All of it again.", "ada", world.clock())
        outcomes = [rejudge(session, number + 1, col(HitRow.id) > 0, cause) for number in range(len(NAMES))]
        assert [(outcome.looked, outcome.changed) for outcome in outcomes] == [(1, 0)] * len(NAMES)
        asked = session.exec(select(HitRow).order_by(col(HitRow.id).desc())).first()
    assert world.verdicts()[2:] == ["impersonation", "expected", "new-sender"]
    assert asked is not None
    assert Reason.SHARED_PLATFORM in {reason.code for reason in reasons_of(asked.reasons)}


def test_a_vendors_own_mail_shows_where_it_leads_and_who_signs_beside_it(world: World) -> None:
    world.send("Kestrel", own=True)
    world.send("Nuthatch", own=False)
    world.run()
    with world.store.reading() as session:
        assert [row.domain for row in session.exec(select(LinkedDomainRow))] == ["kestrelclub.example"]
        assert [(row.signer, row.use) for row in session.exec(select(SignedMailRow))] == [
            ("letterdesk.example", "proven")
        ]


def sight(number: int, at: timedelta = timedelta(0)) -> Shown:
    signed = SignedMail(f"desk{number}.example", "kestrel-goods", "kestrelgoods.example", SignerUse.PROVEN, START + at)
    return Shown(0, 1, START + at, ShownByMail(linked=(f"club{number}.example",), signed=(signed,)))


def signers(session: Session) -> list[str]:
    return list(session.exec(select(SignedMailRow.signer).order_by(col(SignedMailRow.id))).all())


def test_of_too_many_signing_domains_the_oldest_are_forgotten(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(track_records, "MOST_SIGNED", 3)
    with world.store.writing() as session:
        for number in range(9):
            write_shown(session, [sight(number)])
        assert signers(session) == [f"desk{number}.example" for number in (6, 7, 8)]


def test_what_is_written_twice_is_kept_once_since_the_earlier_time(world: World) -> None:
    with world.store.writing() as session:
        for hours in (5, 3, 9):
            write_shown(session, [sight(1, timedelta(hours=hours))])
        found = read_track_records(session, [], [1], ["desk1.example"])
        assert [mail.since for mail in found.signed["desk1.example"]] == [START + timedelta(hours=3)]
        assert found.linked[1] == {"club1.example": START + timedelta(hours=3)}
        assert list(session.exec(select(FirstWriterRow))) == []
