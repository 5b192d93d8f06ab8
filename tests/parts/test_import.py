"""An import in one process, on a real store of each kind: from files to verdicts, cases and canaries."""

import asyncio
import json
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import func, select

from canary.alerts.compose import notice
from canary.alerts.messages import read_messages
from canary.alerts.routing import route
from canary.authenticate.lookup import OfflineLookup, ZoneLookup
from canary.authenticate.vouching.side import ReceivingSide
from canary.cases.weigh import weigh_all
from canary.importing import adoption, backfill, import_store
from canary.importing.archive import Reader
from canary.importing.backfill import Archive, Report
from canary.importing.envelope_recovery import border
from canary.importing.import_store import quiet_store
from canary.importing.progress import ImportProgress, SourceChanged
from canary.importing.stored_authentication import TrustedReceivers
from canary.judge.adoption import AdoptionProposal
from canary.judge.adoption_rules import MapRow
from canary.mail.received import Trusted
from canary.model.alert import DestinationView, Route, Severity
from canary.model.canary import Style
from canary.pipeline.story import Context
from canary.processes.judging import supplier_book
from canary.store.database import Database
from canary.store.queries import attempts, canaries, outbox, vendors
from canary.store.tables import CanaryRow, CaseRow, HitRow, MailRow, OutboxRow
from tests.conftest import AT_EVERY_LEAK
from tests.letterbox import BEGIN, RECEIVER, Letter, history, lure, mbox, tarred, zipped

NOW = datetime(2020, 1, 1, tzinfo=UTC)
DOMAIN = "in.example"


@dataclass
class Desk:
    """A data folder, a store, and imports into it."""

    folder: Path
    store: Database
    writers: tuple[str, ...] = (RECEIVER,)
    lookup: Callable[[], OfflineLookup | ZoneLookup] = OfflineLookup
    goes: int = 0

    def parts(self) -> Context:
        return Context(self.store, self.lookup, supplier_book(), lambda: NOW)

    def archive(self, *paths: Path) -> Archive:
        where = border([DOMAIN], Trusted(), self.writers, NOW)
        return Archive(paths, where, Reader(cap=100_000), self.folder / "aside")

    def ledger(self, *paths: Path) -> ImportProgress:
        self.goes += 1
        return backfill.open_progress(self.folder / "import", [str(path) for path in paths], f"{self.goes:04}", NOW)

    def adopt(self, ledger: ImportProgress, archive: Archive) -> None:
        asked = adoption.Asked(frozenset([DOMAIN]), {}, TrustedReceivers(ReceivingSide(writers=self.writers), NOW))
        found, _ = adoption.proposals(self.parts(), ledger, archive.reader, asked)
        adoption.accept(ledger, found)
        with self.store.writing() as session:
            import_store.adopt(session, adoption.accepted(ledger), NOW)

    def take(self, *paths: Path, adopting: bool = True) -> Report:
        ledger, archive = self.ledger(*paths), self.archive(*paths)
        backfill.gather(archive, ledger, lambda *_: None)
        if adopting:
            self.adopt(ledger, archive)
        asyncio.run(backfill.judge_all(self.parts(), archive, ledger, lambda *_: None))
        backfill.weigh_cases(self.store, NOW, lambda *_: None)
        found = backfill.report(self.store, ledger)
        backfill.note(self.store, ledger, found, NOW)
        ledger.forget()
        return found

    def write(self, name: str, octets: bytes) -> Path:
        (self.folder / name).write_bytes(octets)
        return self.folder / name

    def counts(self) -> list[int]:
        with self.store.reading() as session:
            tables = (MailRow, HitRow, CaseRow, CanaryRow)
            return [session.exec(select(func.count()).select_from(table)).one() for table in tables]

    def verdicts(self) -> dict[tuple[str, str], int]:
        with self.store.reading() as session:
            query = select(CanaryRow.address, HitRow.verdict, func.count()).join(HitRow)
            rows = session.exec(query.group_by(CanaryRow.address, HitRow.verdict)).all()
            return {(address.partition("@")[0], verdict): count for address, verdict, count in rows}


@pytest.fixture
def desk(store: Database, tmp_path: Path) -> Iterator[Desk]:
    quiet = quiet_store(store.url.render_as_string(hide_password=False), carried=AT_EVERY_LEAK)
    yield Desk(tmp_path, quiet)
    quiet.close()


def test_ten_years_of_mail_show_who_leaked(desk: Desk) -> None:
    found = desk.take(desk.write("box", mbox(history())))
    assert (found.read, found.new, found.known, len(found.faults)) == (18, 18, 0, 0)
    assert found.verdicts == {"expected": 15, "spam": 3}
    [case] = found.cases
    assert (case.vendors, case.hits) == (("Shop",), 3)
    assert case.suspect in {"Shop", ""}  # a guesser may well guess shop@
    assert case.first == BEGIN + timedelta(days=400)


@pytest.mark.slow
def journalled(letter: Letter) -> bytes:
    """The report that a mail server files of a letter: its recipient is named in the report alone."""
    inner = bytes(letter).replace(letter.to.encode(), b"members@elsewhere.example")
    return (
        b"From: Journal <journal@corp.example>\nTo: archive@corp.example\nX-MS-Journal-Report:\nMIME-Version: 1.0\n"
        b"Content-Type: multipart/mixed; boundary=JJ\n\n--JJ\nContent-Type: text/plain\n\nSender: "
        + letter.sender.encode() + b"\nRecipient: " + letter.to.encode()
        + b"\n\n--JJ\nContent-Type: message/rfc822\n\n" + inner + b"\n--JJ--\n"
    )  # fmt: skip


def test_journal_reports_are_imported_as_the_mails_that_they_hold(desk: Desk) -> None:
    found = desk.take(desk.write("journal", mbox(map(journalled, history()))))
    assert (found.read, found.new, found.elsewhere) == (18, 18, 0)
    assert found.verdicts == {"expected": 15, "spam": 3}


def test_importing_again_changes_nothing(desk: Desk) -> None:
    path = desk.write("box", mbox(history()))
    desk.take(path)
    before = desk.counts()
    found = desk.take(path)
    assert (found.read, found.new, found.known) == (18, 0, 18)
    assert desk.counts() == before


def test_the_same_mails_in_other_files_are_known(desk: Desk) -> None:
    desk.take(desk.write("box", mbox(history())))
    again = [(f"{n}.eml", bytes(letter)) for n, letter in enumerate(history())]
    found = desk.take(desk.write("x.zip", zipped(again)), desk.write("y.tgz", tarred(again, "gz")))
    assert (found.read, found.new, found.known, found.copies) == (36, 0, 36, 18)


def test_the_order_of_files_and_mails_makes_no_difference(desk: Desk) -> None:
    letters = history()
    random.Random(3).shuffle(letters)
    desk.take(desk.write("b", mbox(letters[:7])), desk.write("a.zip", zipped([("x", mbox(letters[7:]))])))
    with desk.store.reading() as session:
        rows = session.exec(select(HitRow.at).order_by(HitRow.id)).all()  # type: ignore[arg-type]
    assert list(rows) == sorted(rows)
    assert desk.verdicts() == {("shop", "expected"): 10, ("me+club", "expected"): 5, ("shop", "spam"): 3}


def test_what_is_long_past_is_one_message_to_those_who_want_it(desk: Desk) -> None:
    desk.take(desk.write("box", mbox(history())))
    picky = DestinationView("picky", "slack", route=Route(severity=Severity.HIGH))
    with desk.store.writing() as session:
        route(session, [DestinationView("ops", "slack"), picky], NOW)
        assert outbox.claim(session, NOW, timedelta(minutes=1), "picky") == []
        [due] = outbox.claim(session, NOW, timedelta(minutes=1), "ops")
        kinds = [row.fact["kind"] for row in session.exec(select(OutboxRow))]
        [message] = read_messages(session, [due])
    found = notice(message, "https://canary.example")
    assert (found.title, found.headline) == ("Import finished", "18 mails read, 18 of them new; they belong to 1 case")
    assert (found.link, len(found.reasons)) == ("https://canary.example/cases", 1)
    assert "case-opened" in kinds


def test_what_is_received_afterwards_alerts_as_ever(desk: Desk) -> None:
    desk.take(desk.write("box", mbox(history()[:15])))
    loud = Desk(
        desk.folder,
        Database(desk.store.url.render_as_string(hide_password=False), carried=AT_EVERY_LEAK),
        goes=desk.goes,
    )
    archive, ledger = loud.archive(loud.write("new", mbox([lure("shop@in.example", 500)]))), loud.ledger(loud.folder)
    backfill.gather(archive, ledger, lambda *_: None)
    asyncio.run(backfill.judge_all(loud.parts(), archive, ledger, lambda *_: None))
    weigh_all(loud.store, NOW)
    with loud.store.reading() as session:
        waiting = {row.fact["kind"] for row in session.exec(select(OutboxRow)) if not row.routed}
        assert waiting == {"case-opened", "import-finished"}
    ledger.close()
    loud.store.close()


def test_adopted_addresses_say_honestly_how_hard_they_are_to_guess(desk: Desk) -> None:
    desk.take(desk.write("box", mbox(history())))
    with desk.store.reading() as session:
        found = {canary.address: canary for canary in canaries.list_canaries(session)}
    shop, club = found["shop@in.example"], found["me+club@in.example"]
    assert (shop.style, club.style) == (Style.TAGGED, Style.PLUS)
    assert max(shop.bits, club.bits) < 20
    assert (shop.issued, shop.persona) == (BEGIN, None)


def test_no_vendor_has_a_domain_of_the_owner_or_of_a_provider_of_mailboxes(desk: Desk) -> None:
    senders = ("gmail@gmail.com", "yahoo@yahoo.co.uk", "in@in.example", "mail@mail.in.example", "shop@shop.example")
    box = [Letter(f"me+{sender.partition('@')[0]}@{DOMAIN}", sender, n) for sender in senders for n in range(4)]
    desk.take(desk.write("box", mbox(box)))
    with desk.store.reading() as session:
        assert [vendor.domains for vendor in vendors.list_vendors(session)] == [("shop.example",)]


def test_addresses_that_nobody_adopted_are_counted_as_guesses_once(desk: Desk) -> None:
    tried = [
        Letter(f"{name}@in.example", "a@bad.example", 300, False) for name in ("info", "info", "alice", "qwx7z4k2")
    ]
    path = desk.write("box", mbox([*history(), *tried]))
    for _ in range(2):
        ledger, archive = desk.ledger(path), desk.archive(path)
        backfill.gather(archive, ledger, lambda *_: None)
        desk.adopt(ledger, archive)
        assert adoption.count_guesses(desk.store, ledger, [DOMAIN]) == 3
        ledger.forget()
    with desk.store.reading() as session:
        assert attempts.guesses(session, DOMAIN) == {"role": 1, "name": 1, "random": 1}


def test_without_adoption_only_issued_addresses_are_judged(desk: Desk) -> None:
    with desk.store.writing() as session:
        slug = vendors.add_vendor(session, "Shop", ["shop.example"], NOW).slug
        proposal = AdoptionProposal(
            "shop@in.example", slug, "", (), "signup", "", Style.TAGGED, 60, BEGIN - timedelta(days=1), 0
        )
        import_store.adopt(session, [proposal], NOW)
    found = desk.take(desk.write("box", mbox([*history(), Letter("a@else.example", "b@c.example")])), adopting=False)
    assert (found.read, found.new, found.unissued, found.elsewhere) == (19, 13, 5, 1)


def test_broken_mails_are_kept_aside_and_the_rest_goes_in(desk: Desk) -> None:
    garbage = b"\0\1\2 no mail at all"
    found = desk.take(desk.write("box", mbox([*history()[:9], garbage, *history()[9:]])))
    assert (found.read, found.new) == (19, 18)
    [fault] = found.faults
    assert (fault.place.number, fault.reason) == (10, "not a mail: it has no header")
    assert (desk.folder / "aside" / fault.kept).read_bytes().startswith(garbage)


def test_a_mail_that_is_gone_when_its_turn_comes_is_reported(desk: Desk) -> None:
    path = desk.write("1.eml", bytes(history()[0]))
    archive, ledger = desk.archive(path), desk.ledger(path)
    backfill.gather(archive, ledger, lambda *_: None)
    desk.adopt(ledger, archive)
    path.write_bytes(b"Subject: another\r\n\r\n")
    asyncio.run(backfill.judge_all(desk.parts(), archive, ledger, lambda *_: None))
    found = backfill.report(desk.store, ledger)
    assert (found.new, [fault.reason.partition(":")[0] for fault in found.faults]) == (0, ["is no longer there"])
    ledger.close()


def test_a_file_that_changed_in_between_starts_the_import_again(desk: Desk) -> None:
    path = desk.write("box", mbox(history()[:5]))
    ledger = desk.ledger(path)
    backfill.gather(desk.archive(path), ledger, lambda *_: None)
    desk.write("box", mbox(history()[:6]))
    with pytest.raises(SourceChanged):
        backfill.gather(desk.archive(path), ledger, lambda *_: None)
    ledger.close()


class Cut(Exception):
    """The import is cut off here."""


@pytest.mark.slow
@pytest.mark.parametrize(("name", "after"), [("box", 1), ("box", 3), ("box.tar.gz", 2)])
def test_an_import_cut_off_anywhere_comes_to_the_same_end(
    desk: Desk, name: str, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "STEP", 4)
    monkeypatch.setattr(backfill, "BATCH", 4)
    octets = mbox([*history()[:4], b"garbage", *history()])
    path = desk.write(name, octets if name == "box" else tarred([("x/box", octets)], "gz"))
    left = {"read": after, "judge": after}

    def cutting(stage: str, *_: int) -> None:
        left[stage] -= 1
        if left[stage] < 0:
            left[stage] = 100
            raise Cut

    archive = desk.archive(path)
    for _ in range(3):
        ledger = desk.ledger(path)
        try:
            backfill.gather(archive, ledger, cutting)
            desk.adopt(ledger, archive)
            asyncio.run(backfill.judge_all(desk.parts(), archive, ledger, cutting))
        except Cut:
            ledger.close()
            continue
        found = backfill.report(desk.store, ledger)
        ledger.close()
    assert (found.read, found.new, found.known, found.copies, len(found.faults)) == (23, 18, 4, 4, 1)
    assert found.verdicts == {"expected": 15, "spam": 3}
    assert desk.counts()[:3] == [18, 18, 1]


def test_old_mail_that_dns_cannot_prove_any_more_is_never_called_impersonation(desk: Desk) -> None:
    zone = {"shop.example": {"TXT": ["v=spf1 -all"]}, "_dmarc.shop.example": {"TXT": ["v=DMARC1; p=reject"]}}
    old = Desk(desk.folder, desk.store, (), lambda: ZoneLookup(zone))
    found = old.take(old.write("box", mbox(history()[:10])))
    assert found.verdicts == {"new-sender": 10}
    assert found.cases == ()


def test_what_dns_proves_today_is_believed_of_old_mail(desk: Desk) -> None:
    zone = {"shop.example": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"]}}
    old = Desk(desk.folder, desk.store, (), lambda: ZoneLookup(zone))
    assert old.take(old.write("box", mbox(history()[:10]))).verdicts == {"expected": 10}


def test_results_that_a_stranger_claims_in_the_name_of_our_receiver_are_not_believed(desk: Desk) -> None:
    forged = bytes(lure("shop@in.example", 400)).replace(
        b"From: Reader <u@reader.bad.example>", b"From: Shop <news@shop.example>"
    )
    claim = (
        f"Authentication-Results: {RECEIVER}; dkim=pass header.d=shop.example; dmarc=pass header.from=shop.example\r\n"
    )
    forged = forged.replace(b"Subject:", claim.encode() + b"Subject:")
    found = desk.take(desk.write("box", mbox([*history()[:10], forged])))
    assert found.verdicts == {"expected": 10, "impersonation": 1}


def test_one_mail_to_two_canaries_is_two_hits_and_one_mail(desk: Desk) -> None:
    both = bytes(lure("shop@in.example", 400)).replace(
        b"Return-Path", b"X-Original-To: me+club@in.example\r\nReturn-Path"
    )
    desk.take(desk.write("box", mbox([*history()[:15], both])))
    assert desk.counts()[:2] == [16, 17]


@pytest.mark.slow
def test_names_and_addresses_of_any_octets_are_imported_and_can_be_reported(desk: Desk) -> None:
    path = Path(os.fsdecode(os.fsencode(desk.folder) + b"/caf\xe9.mbox"))
    odd = bytes(lure("shop@in.example", 400)).replace(b"<u@reader", b"<u\0\xff@reader", 1)
    path.write_bytes(mbox([*history()[:10], odd, b"garbage"]))
    found = desk.take(path)
    assert (found.new, len(found.faults)) == (11, 1)
    assert "caf?.mbox, message 12, octet" in str(found.faults[0].place)


def test_two_imports_at_once_do_not_mix(desk: Desk) -> None:
    folder = desk.folder / "import"
    with (
        backfill.alone(folder),
        pytest.raises(ValueError, match="another import is running"),
        backfill.alone(folder),
    ):
        pass


def test_proposals_are_the_same_after_they_were_written_down(desk: Desk) -> None:
    path = desk.write("box", mbox(history()))
    ledger, archive = desk.ledger(path), desk.archive(path)
    backfill.gather(archive, ledger, lambda *_: None)
    asked = adoption.Asked(
        frozenset([DOMAIN]),
        {"shop@in.example": MapRow("Other", "orders")},
        TrustedReceivers(ReceivingSide(writers=desk.writers), NOW),
    )
    found, _ = adoption.proposals(desk.parts(), ledger, archive.reader, asked)
    adoption.accept(ledger, found)
    assert adoption.accepted(ledger) == found
    assert {(p.name, p.channel, p.basis) for p in found} == {
        ("Other", "orders", "vendor map"),
        ("Club", "signup", "tag and proven sender"),
    }
    assert json.loads(ledger.fact("accepted"))
    assert replace(found[0], bits=0) != found[0]
    ledger.close()
