"""`canary erase`: what is held of a person, in the store and in files beside it, and replacing it."""

import asyncio
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import Session

from canary.importing.progress import ImportProgress, State
from canary.model.mail import Client, Envelope
from canary.spool.spool import Spool
from canary.store.queries import audit
from canary.store.tables import CaseEventRow, CaseRow, MailContentRow, MailRow
from tests.commands import CommandLine, installation

pytestmark = [pytest.mark.slow, pytest.mark.everyday]  # every test migrates a store of its own

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PERSON = "jane.doe@post.example"
OCTETS = b"From: jane.doe@post.example\r\n\r\nThe mooring.\r\n"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[CommandLine]:
    with installation(tmp_path) as found:
        found.canary("init", "--domain", "in.example")
        found.canary("vendor", "add", "City Library", "--domain", "library.example")
        with found.store.writing() as session:
            fill(session)
        yield found


def fill(session: Session) -> None:
    headers = {"headers": [["From", PERSON]]}
    session.add(MailRow(key="k", sha256="d", size=9, received_at=NOW, envelope={}, sender=PERSON, text="The mooring.", identity={}, proofs={}, parts=headers))  # fmt: skip
    session.add(CaseRow(vendor_id=1, opened_at=NOW, last_hit_at=NOW))
    session.flush()
    session.add(MailContentRow(mail_id=1, content=b"x\x9c\x03\x00\x00\x00\x00\x01"))
    session.add(CaseEventRow(case_id=1, at=NOW, kind="note", text=f"wrote to {PERSON}"))


def audited(house: CommandLine) -> list[tuple[str, str]]:
    with house.store.reading() as session:
        return [(row.subject, row.text) for row in audit.audited(session, action="erase")]


def test_what_is_held_is_shown_and_nothing_is_changed(house: CommandLine) -> None:
    shown = house("erase", PERSON, "--json").document
    assert (shown["erased"], shown["mails"], shown["records"]) == (False, {"sender": 1}, {"case_event": 1})
    assert house("erase", PERSON, "--json").document == shown
    assert "To replace it for good: the same with --yes" in house.canary("erase", PERSON)
    assert audited(house) == []


def test_erased_is_what_was_held_and_the_audit_names_nobody(house: CommandLine) -> None:
    held = house("erase", PERSON, "--json").document
    done = house("erase", PERSON, "--yes", "--json").document
    assert done == {**held, "erased": True}
    assert audited(house) == [
        (done["mark"], "1 mails, 1 other records, 0 files, of which 0 left"),
        (done["mark"], "begun"),
    ]
    assert "Nothing is held" in house.canary("erase", PERSON)
    with house.store.reading() as session:
        assert session.get_one(CaseEventRow, 1).text == f"wrote to {done['mark']}@post.example"


def test_mail_that_waits_in_a_spool_is_named_with_the_cure_and_ends_with_1(house: CommandLine) -> None:
    file = house.folder / "data/spool/smtp.db"
    file.parent.mkdir(exist_ok=True)
    spool = Spool(file, reserve_bytes=0, max_backlog=10)
    spool.start(lambda: NOW)
    envelope = Envelope(PERSON, ("x@in.example",), Client("192.0.2.1"), NOW)
    gone = asyncio.run(spool.keep(envelope, OCTETS))
    spool.done([gone])
    asyncio.run(spool.keep(envelope, OCTETS.replace(b"mooring", b"harbour")))
    done = house("erase", PERSON, "--yes")
    spool.close()
    assert (done.code, "run this again once they are judged" in done.err) == (1, True)
    octets = b"".join(each.read_bytes() for each in file.parent.glob("smtp.db*"))
    assert (b"mooring" in octets, b"harbour" in octets) == (False, True)


def test_mail_set_aside_by_an_import_is_deleted_and_its_progress_replaced(house: CommandLine) -> None:
    aside, folder = house.folder / "data/aside", house.folder / "data/import"
    aside.mkdir()
    (aside / "1.eml").write_bytes(OCTETS)
    (aside / "2.eml").write_bytes(b"nothing of her")
    progress = ImportProgress(folder / "a.db")
    progress.count_address(PERSON)
    progress.close()
    house.canary("erase", PERSON, "--yes")
    assert [each.name for each in aside.iterdir()] == ["2.eml"]
    assert PERSON.encode() not in b"".join(each.read_bytes() for each in folder.glob("a.db*"))


def test_the_progress_of_an_unfinished_import_is_left_and_named(house: CommandLine) -> None:
    progress = ImportProgress(house.folder / "data/import/a.db")
    progress.count_address(PERSON)
    columns = "sha, received, source, member, number, at, length, sender, ip, helo, state"
    progress.db.execute(
        f"INSERT INTO mail ({columns}) VALUES (x'00', 0, 1, '', 1, 0, 9, '', '', '', ?)", (State.WAITING,)
    )
    progress.close()
    done = house("erase", PERSON, "--yes")
    assert (done.code, "run the import again, or delete a.db" in done.err) == (1, True)
    with sqlite3.connect(house.folder / "data/import/a.db") as file:
        assert file.execute("SELECT address FROM elsewhere").fetchall() == [(PERSON,)]


@pytest.mark.parametrize(("person", "said"), [("x", "not an address or name"), ("ISSUED", "is an address of yours")])
def test_who_cannot_be_erased_is_refused_in_one_line(house: CommandLine, person: str, said: str) -> None:
    if person == "ISSUED":
        person = str(house("issue", "city-library", "--format", "json").document[0]["address"])
    done = house("erase", person, "--yes")
    assert (done.code, said in done.err, done.err.count("\n")) == (1, True, 1)
