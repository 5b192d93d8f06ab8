"""Mailboxes that are read by IMAP, from a real Dovecot into a real spool."""

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from canary.inlets.desk import Stopped
from canary.inlets.faults import InletFault
from canary.inlets.imap import ImapFolder, ImapReader
from canary.inlets.imap_session import ImapAccount, ImapSession
from canary.inlets.ledger import Phase
from canary.model.attempt import AttemptKind
from canary.model.mail import Trust
from tests.dovecot import PASSWORD, Dovecot, dovecot
from tests.landing import MX, Landing, account, folder, landing, mail
from tests.processes import eventually

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    with dovecot() as found:
        yield found


@pytest.fixture
def land(tmp_path: Path) -> Iterator[Landing]:
    with landing(tmp_path) as found:
        yield found


@pytest.fixture
def user() -> str:
    """A user whose mailbox is empty."""
    return f"{uuid4().hex[:12]}@in.example"


def read(land: Landing, place: ImapFolder) -> None:
    ImapReader(place, land.desk).run_once()


def subjects(land: Landing) -> list[str]:
    return [each.content.partition(b"Subject: ")[2].partition(b"\r\n")[0].decode() for each in land.mails]


def test_what_lies_in_a_folder_reaches_the_spool_octet_for_octet(server: Dovecot, land: Landing, user: str) -> None:
    content = mail(text="Caf\u00e9 \u2603\r\n.\r\n..") + bytes(range(1, 10)) + bytes(range(128, 256)) + b"\r\n"
    server.deliver(content, user=user)
    read(land, folder(server, user=user))
    assert [each.content for each in land.mails] == [content]


def test_mail_is_read_once(server: Dovecot, land: Landing, user: str) -> None:
    server.deliver(mail(subject="one"), user=user)
    read(land, folder(server, user=user))
    server.deliver(mail(subject="two"), user=user)
    for _ in range(2):
        read(land, folder(server, user=user))
    assert subjects(land) == ["one", "two"]


def test_reading_leaves_nothing_seen(server: Dovecot, land: Landing, user: str) -> None:
    server.deliver(mail(), user=user)
    read(land, folder(server, user=user))
    assert not any("\\Seen" in flags for flags in server.flags(user=user))


def test_mail_to_a_canary_is_marked_seen_where_that_is_asked_for(server: Dovecot, land: Landing, user: str) -> None:
    server.deliver(mail(), mail(to="friend@elsewhere.example"), user=user)
    read(land, dataclasses.replace(folder(server, user=user), mark_seen=True))
    assert ["\\Seen" in flags for flags in server.flags(user=user)] == [True, False]


def test_each_folder_has_a_position_of_its_own(server: Dovecot, land: Landing, user: str) -> None:
    server.create("Junk", user)
    server.deliver(mail(subject="inbox"), user=user)
    server.deliver(mail(subject="junk"), folder="Junk", user=user)
    for name in ("INBOX", "Junk", "INBOX", "Junk"):
        read(land, folder(server, name, user))
    assert subjects(land) == ["inbox", "junk"]


def test_a_folder_that_was_made_anew_is_read_from_its_beginning(server: Dovecot, land: Landing, user: str) -> None:
    server.create("Junk", user)
    server.deliver(mail(subject="before"), mail(subject="more"), folder="Junk", user=user)
    read(land, folder(server, "Junk", user))
    with server.session(user) as client:
        client.delete("Junk")
    server.create("Junk", user)
    server.deliver(mail(subject="after"), folder="Junk", user=user)
    read(land, folder(server, "Junk", user))
    assert subjects(land) == ["before", "more", "after"]


def test_new_mail_is_there_at_once_by_idle(server: Dovecot, land: Landing, user: str) -> None:
    place = dataclasses.replace(folder(server, user=user), poll=1000.0)
    with land.reading("home", ImapReader(place, land.desk)):
        eventually(lambda: land.desk.ledger.state("home").phase is Phase.WATCHING)
        server.deliver(mail(subject="news"), user=user)
        eventually(lambda: subjects(land) == ["news"])


def test_new_mail_is_found_by_looking_where_the_server_reports_nothing(
    server: Dovecot, land: Landing, user: str
) -> None:
    place = dataclasses.replace(folder(server, user=user), idle=False, poll=0.2)
    with land.reading("home", ImapReader(place, land.desk)):
        eventually(lambda: land.desk.ledger.state("home").phase is Phase.WATCHING)
        server.deliver(mail(subject="news"), user=user)
        eventually(lambda: subjects(land) == ["news"])


def test_a_server_that_is_killed_and_comes_back_is_read_on(tmp_path: Path, land: Landing) -> None:
    with dovecot() as mortal:
        place = folder(mortal)
        with land.reading("home", ImapReader(place, land.desk)):
            mortal.deliver(mail(subject="one"))
            eventually(lambda: subjects(land) == ["one"])
            mortal.kill()
            eventually(lambda: land.desk.ledger.state("home").phase is Phase.TROUBLE)
            assert "tried again" in land.desk.ledger.state("home").said
            mortal.start()
            mortal.deliver(mail(subject="two"))
            eventually(lambda: subjects(land) == ["one", "two"])
        assert land.desk.ledger.state("home").phase is Phase.WATCHING


def test_the_envelope_is_what_the_trusted_receiver_wrote(server: Dovecot, land: Landing, user: str) -> None:
    top = (
        "Delivered-To: shop.k7q2@in.example\r\nReturn-Path: <bounce@mailer.example>\r\n"
        f"Received: from out.mailer.example (out.mailer.example [192.0.2.7]) by {MX} with ESMTP id 1;"
        " Sun, 1 Mar 2026 11:00:05 +0000\r\n"
    )
    server.deliver(mail(to="list@elsewhere.example", top=top), user=user)
    read(land, folder(server, "INBOX", user, MX))
    found = land.mails[0].envelope
    assert (found.trust, found.inlet, found.receivers) == (Trust.RECEIVER, "home", (MX,))
    assert (found.mail_from, found.rcpt_to, found.client.ip) == (
        "bounce@mailer.example", ("shop.k7q2@in.example",), "192.0.2.7",
    )  # fmt: skip
    assert found.received == datetime(2026, 3, 1, 11, 0, 5, tzinfo=UTC)


def test_without_a_trusted_receiver_the_envelope_is_a_claim(server: Dovecot, land: Landing, user: str) -> None:
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
    server.deliver(mail(), user=user, at=at)
    read(land, folder(server, user=user))
    found = land.mails[0].envelope
    assert (found.trust, found.client.ip, found.received) == (Trust.CLAIMED, "", at)


def test_mail_to_an_address_that_was_never_issued_counts_as_a_guess_where_somebody_vouches(
    server: Dovecot, land: Landing, user: str
) -> None:
    top = (
        "Delivered-To: guess@in.example\r\n"
        f"Received: from a.example ([192.0.2.9]) by {MX}; Sun, 1 Mar 2026 11:00:05 +0000\r\n"
    )
    server.deliver(mail(to="guess@in.example", top=top), mail(to=user), user=user)
    read(land, folder(server, "INBOX", user, MX))
    eventually(lambda: bool(land.attempts))
    assert not land.mails
    assert {(each.kind, each.domain) for each in land.attempts} == {(AttemptKind.GUESS, "in.example")}
    assert sum(each.count for each in land.attempts) == 1


def test_a_mail_that_is_too_big_is_passed_without_being_fetched(server: Dovecot, tmp_path: Path, user: str) -> None:
    server.deliver(mail(subject="big", text="x" * 9000), mail(subject="small"), user=user)
    with landing(tmp_path, max_size=4096) as small:
        read(small, folder(server, user=user))
        assert subjects(small) == ["small"]
        assert small.desk.ledger.state("home").kept == 1


def test_a_full_spool_stops_reading_and_nothing_is_passed_over(server: Dovecot, tmp_path: Path, user: str) -> None:
    server.deliver(*(mail(subject=str(number)) for number in range(150)), user=user)
    with landing(tmp_path, backlog=50) as narrow:
        with narrow.reading("home", ImapReader(folder(server, user=user), narrow.desk)):
            eventually(lambda: len(narrow.mails) >= 50)
        assert len(narrow.mails) < 150
        first = subjects(narrow)
        narrow.forget()
        with narrow.reading("home", ImapReader(folder(server, user=user), narrow.desk)):
            eventually(lambda: len(narrow.mails) + len(first) == 150)
        assert first + subjects(narrow) == [str(number) for number in range(150)]


def test_a_wrong_password_is_one_line_with_the_cure(server: Dovecot, user: str) -> None:
    with pytest.raises(InletFault, match="does not let .* log in: correct user and password") as caught:
        ImapSession(account(server, user, "wrong"))
    assert caught.value.by_settings
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_missing_is_one_line_with_the_cure(server: Dovecot, land: Landing, user: str) -> None:
    with pytest.raises(InletFault, match="cannot open folder 'Nowhere': correct folders"):
        read(land, folder(server, "Nowhere", user))


def test_nobody_listening_is_one_line(land: Landing, server: Dovecot) -> None:
    nobody = dataclasses.replace(account(server), port=1)
    with pytest.raises(InletFault, match=r"127\.0\.0\.1:1"):
        ImapSession(nobody)


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_certificate_has_to_be_trusted(server: Dovecot, user: str, security: str) -> None:
    port = server.tls_port if security == "tls" else server.port
    with pytest.raises(InletFault, match="certificate is not trusted"):
        ImapSession(ImapAccount("127.0.0.1", port, security, None, user, PASSWORD))
    session = ImapSession(ImapAccount("127.0.0.1", port, security, server.certificate, user, PASSWORD))
    assert "INBOX" in session.folders()
    session.close()


def test_reading_ends_when_the_process_does(server: Dovecot, land: Landing, user: str) -> None:
    land.desk.stopping.set()
    server.deliver(mail(), user=user)
    with pytest.raises(Stopped):
        read(land, folder(server, user=user))
    assert not land.mails


def test_mail_that_was_charged_to_a_vendor_is_moved_once_it_is_judged(
    server: Dovecot, land: Landing, user: str
) -> None:
    verdicts: dict[str, bool] = {}
    place = dataclasses.replace(folder(server, user=user), move_to="Leaks/2026")
    reader = ImapReader(place, land.desk, verdicts=lambda keys: {key: verdicts[key] for key in keys if key in verdicts})
    server.deliver(mail(subject="leak"), mail(subject="news"), mail(to="friend@elsewhere.example"), user=user)
    with land.reading("home", reader):
        eventually(lambda: land.desk.ledger.state("home").phase is Phase.WATCHING)
        leak, news = (each.key for each in land.mails)
        assert server.count(user=user) == 3
        verdicts |= {leak: True, news: False}
        eventually(lambda: server.count(user=user) == 2)
        eventually(lambda: not land.desk.ledger.awaited("home", "INBOX", reader_validity(server, user)))
    assert server.count("Leaks/2026", user) == 1
    assert not any("\\Seen" in flags for flags in server.flags("Leaks/2026", user))


def reader_validity(server: Dovecot, user: str) -> int:
    session = ImapSession(account(server, user))
    try:
        return session.open("INBOX").validity
    finally:
        session.close()
