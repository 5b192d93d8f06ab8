"""Exports of alias services and password managers become canaries: fast, honestly dated, and without a secret anywhere."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from canary.canaries.decoy_key import prepare_key
from canary.importing import import_store
from canary.importing.alias_list import AliasList, read_octets
from canary.importing.list_adoption import from_list
from canary.judge.adoption import mail_order
from canary.judge.organisation import is_never_vendor
from canary.model.canary import IN_USE_BEFORE
from canary.model.verdict import Judgement, Reason, StatedReason, Verdict
from canary.store.database import Database
from canary.store.decoy_mac import DecoyMac
from canary.store.queries import mails, vendors
from canary.store.queries.mails import Hit
from canary.store.queries.world import world_of
from canary.store.tables import CanaryRow, VendorDomainRow, VendorRow
from tests.commands import CommandLine, installation
from tests.effort import cpu_seconds
from tests.exports import FORMS, SECRET, Account, accounts, bitwarden
from tests.patience import PATIENCE
from tests.processes import ROOT, House
from tests.weighed import open_case

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
SPAM = Judgement(Verdict.SPAM, 0.9, (StatedReason(Reason.NOTHING_PROVEN),))
VAULTS = ("Bitwarden", "1Password", "KeePass")


@pytest.fixture
def held(store: Database, tmp_path: Path) -> Iterator[Database]:
    database = Database(store.url.render_as_string(hide_password=False), decoy_mac=DecoyMac(tmp_path / "decoy.key", 10))
    with database.writing() as session:
        assert prepare_key(session) == ""
    yield database
    database.close()


def read(octets: bytes) -> AliasList:
    return read_octets(
        octets, "file", lambda domain, home: is_never_vendor(domain, ("in.example", home)), ("in.example",)
    )


def adopt(store: Database, listed: AliasList, now: datetime = NOW) -> int:
    found, _ = mail_order(from_list(store, listed.told, now))
    with store.writing() as session:
        return import_store.adopt(session, found, now)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_five_thousand_entries_of_a_form_are_read_in_two_seconds(form: str) -> None:
    octets = FORMS[form][0](accounts(5000))
    assert cpu_seconds(lambda: read(octets)) < 2


@pytest.mark.slow
def test_five_thousand_addresses_of_five_thousand_vendors_are_adopted_in_eight_seconds(tmp_path: Path) -> None:
    with closing(Database(f"sqlite:///{tmp_path}/canary.db")) as database:
        database.migrate()
        listed = read(bitwarden(accounts(5000)))
        assert cpu_seconds(lambda: adopt(database, listed)) < 8
        with database.reading() as session:
            assert (
                len(session.exec(select(CanaryRow.id)).all()) == len(session.exec(select(VendorRow.id)).all()) == 5000
            )


def test_an_address_is_dated_by_its_export_or_is_older_than_the_day_it_was_adopted(held: Database) -> None:
    [dated] = accounts(1)
    adopt(held, read(bitwarden([dated])))
    adopt(held, read(b"address,vendor\nold@in.example,Old Shop\n"))
    with held.reading() as session:
        rows = {row.address: (row.issued_at, row.undated) for row in session.exec(select(CanaryRow))}
    assert rows[dated.address] == (dated.made, False)
    assert rows["old@in.example"] == (NOW, True)


def test_adopting_an_export_again_adds_nothing(held: Database) -> None:
    listed = read(bitwarden(accounts(30)))
    assert (adopt(held, listed), adopt(held, listed)) == (30, 0)


def test_an_address_whose_day_nobody_knows_rules_no_leak_out_once_it_is_hit(held: Database) -> None:
    adopt(held, read(b"address,vendor\nold@in.example,Old Shop\nnew@in.example,New Shop\n"))
    with held.writing() as session:
        number = session.exec(select(CanaryRow.id).where(CanaryRow.address == "old@in.example")).one() or 0
        case = open_case(session, vendors.vendor_row(session, "old-shop").id or 0, NOW)
        mails.keep_hits(session, [Hit(None, number, NOW, SPAM, case.id)])
        session.flush()
        issued = {c.vendor: c.issued for c in world_of(session, NOW).canaries if c.vendor}
    assert issued == {"old-shop": NOW - IN_USE_BEFORE, "new-shop": NOW}


def test_two_accounts_at_one_site_are_one_vendor(held: Database) -> None:
    site, at = "https://www.tea.example", datetime(2022, 5, 1, 8, tzinfo=UTC)
    adopt(held, read(bitwarden([
        Account("a@in.example", "Tea", f"{site}/shop", at),
        Account("b@in.example", "Tea forum", "https://forum.tea.example", at.replace(day=9)),
    ])))  # fmt: skip
    with held.reading() as session:
        assert [row.name for row in session.exec(select(VendorRow))] == ["Tea"]
        assert [row.domain for row in session.exec(select(VendorDomainRow))] == ["tea.example"]


def test_vendors_of_names_in_other_alphabets_stay_apart(held: Database) -> None:
    adopt(held, read("address,vendor\na@in.example,Магазин\nb@in.example,Кафе 24\nc@in.example,書店 24\n".encode()))
    with held.reading() as session:
        assert len({row.vendor_id for row in session.exec(select(CanaryRow))}) == 3


@pytest.fixture
def command(tmp_path: Path) -> Iterator[CommandLine]:
    with installation(tmp_path) as command:
        (command.folder / "data").mkdir()
        yield command


@pytest.mark.slow
@pytest.mark.everyday
def test_no_password_of_any_export_is_in_the_store_a_log_or_what_is_printed(command: CommandLine) -> None:
    for number, form in enumerate(form for form in FORMS if form.startswith(VAULTS)):
        file = command.folder / "export"
        file.write_bytes(FORMS[form][0](accounts(3)))
        done = command("adopt", "export", "--yes")
        assert (done.code, f"Adopted {0 if number else 3} of 3" in done.out) == (0, True), form
        file.unlink()
        assert_nowhere(command.folder, done.out + done.err)


@pytest.mark.slow
@pytest.mark.everyday
def test_an_error_while_an_export_is_adopted_says_nothing_of_its_passwords(tmp_path: Path) -> None:
    with House(tmp_path).open() as house:
        (tmp_path / "data").mkdir()
        (tmp_path / "data/canary.db").write_bytes(b"no database" * 900)
        (tmp_path / "export").write_bytes(bitwarden(accounts(3)))
        command = [sys.executable, "-X", "dev", "-m", "canary", "adopt", str(tmp_path / "export"), "--yes"]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, env=house.environment, cwd=ROOT, **pipes) as process:
            listed = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True).stdout
            out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode
    (tmp_path / "export").unlink()
    assert_nowhere(tmp_path, out + err + listed)


@pytest.mark.slow
def test_a_crash_while_an_export_is_adopted_leaves_no_core_file(command: CommandLine) -> None:
    aborted(command, "-c", "open('export', 'rb').read()")
    if not any(SECRET.encode() in core.read_bytes() for core in command.folder.glob("core*")):
        pytest.skip("this machine writes no core files")
    for core in command.folder.glob("core*"):
        core.unlink()
    aborted(command, "-m", "canary", "adopt", "export", "--yes")
    assert_nowhere(command.folder, "")


def aborted(command: CommandLine, *arguments: str) -> None:
    """Abort a program when it has read a part of an export, where core files may be of any size."""
    os.mkfifo(command.folder / "export")
    unbounded = ["sh", "-c", 'ulimit -c "$(ulimit -H -c)"; exec "$@"', "sh", sys.executable, *arguments]
    environment = {**command.house.environment, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(unbounded, cwd=command.folder, env=environment) as process:
        with (command.folder / "export").open("wb") as export:
            export.write(bitwarden(accounts(1000)))  # more than waits in a pipe
            process.send_signal(signal.SIGABRT)
        assert process.wait(timeout=PATIENCE) == -signal.SIGABRT
    (command.folder / "export").unlink()


def assert_nowhere(folder: Path, said: str) -> None:
    assert SECRET not in said
    for path in folder.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path
