"""A watched Maildir: every mail once, and nothing in it changed."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from canary.inlets.faults import InletFault
from canary.inlets.ledger import Phase
from canary.inlets.maildir import MaildirReader, WatchedMaildir
from canary.model.mail import Trust
from tests.landing import Landing, landing, mail, mailbox_side
from tests.processes import eventually


@pytest.fixture
def land(tmp_path: Path) -> Iterator[Landing]:
    with landing(tmp_path) as found:
        yield found


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for part in ("new", "cur", "tmp"):
        (tmp_path / "Maildir" / part).mkdir(parents=True)
    return tmp_path / "Maildir"


def deliver(place: Path, name: str, content: bytes) -> Path:
    """Deliver as mail servers do: written elsewhere, then moved to its place at once."""
    (place / "tmp" / name).write_bytes(content)
    return (place / "tmp" / name).rename(place / "new" / name)


def read(land: Landing, place: Path, *, remove: bool = False) -> None:
    MaildirReader(WatchedMaildir("local", place, mailbox_side(), remove=remove), land.desk).run_once()


def test_mail_is_read_octet_for_octet_and_stays_where_it_is(land: Landing, place: Path) -> None:
    content = mail(text="Caf\u00e9").replace(b"\r\n", b"\n") + bytes(range(128, 256))
    file = deliver(place, "1772366400.1.host", content)
    read(land, place)
    [found] = land.mails
    assert (found.content, found.envelope.trust, found.envelope.inlet) == (content, Trust.CLAIMED, "local")
    assert found.envelope.received == datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    assert file.read_bytes() == content


def test_a_mail_that_somebody_reads_meanwhile_is_not_read_twice(land: Landing, place: Path) -> None:
    file = deliver(place, "1772366400.1.host", mail())
    read(land, place)
    file.rename(place / "cur" / "1772366400.1.host:2,S")
    for _ in range(2):
        read(land, place)
    assert len(land.mails) == 1


def test_new_mail_is_found_while_it_is_watched(land: Landing, place: Path) -> None:
    reader = MaildirReader(WatchedMaildir("local", place, mailbox_side(), poll=0.1), land.desk)
    with land.reading("local", reader):
        eventually(lambda: land.desk.ledger.state("local").phase is Phase.WATCHING)
        deliver(place, "1.host", mail())
        eventually(lambda: len(land.mails) == 1)


def test_what_was_stored_is_removed_where_that_is_asked_for_and_nothing_else(land: Landing, place: Path) -> None:
    deliver(place, "1.host", mail())
    other = deliver(place, "2.host", mail(to="friend@elsewhere.example"))
    read(land, place, remove=True)
    assert [file for file in place.glob("*/*") if file.is_file()] == [other]


def test_what_is_no_file_is_passed_over(land: Landing, place: Path) -> None:
    (place / "new" / "folder").mkdir()
    os.mkfifo(place / "new" / "pipe")
    (place / "new" / "loop").symlink_to("loop")
    deliver(place, "3.host", mail())
    read(land, place)
    assert len(land.mails) == 1


def test_a_folder_that_is_no_maildir_is_one_line_with_the_cure(land: Landing, tmp_path: Path) -> None:
    with pytest.raises(InletFault, match="name a Maildir, with new and cur in it") as caught:
        read(land, tmp_path)
    assert caught.value.by_settings
