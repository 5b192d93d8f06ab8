"""Evidence packs of the demo's case: they hold, tell what is proven by what, and whatever is done to them is found."""

import asyncio
import json
import random
import shutil
import subprocess
import sys
import zipfile
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete
from sqlmodel import func, select

from canary.canaries.lifecycle import IssueOrder, issue
from canary.cases import answers, confirmation, records, statements, vendor_changes
from canary.cases.pack import make_pack
from canary.cases.pack_privacy import OtherAddresses
from canary.cases.past_mail import OwnerWord
from canary.cli.demo import _prepare
from canary.evidence.entries import EntryKind, issue_entry
from canary.evidence.log_reading import prover_of
from canary.evidence.note import Checkpoint, sign_note
from canary.evidence.pack_file import DOCUMENT, SEAL, SUMMARY, SUMS, read_pack, write_pack
from canary.evidence.report import Basis, VerifyReport
from canary.evidence.sequencing import sequence_waiting, signing_key
from canary.evidence.summary import write_summary
from canary.evidence.verify import verify_pack
from canary.mail.parse import parse
from canary.model.claim import Claim, ClaimCode, PartyStatement
from canary.model.data_subject import read_person
from canary.model.decision import Decision
from canary.processes.log_keeping import NEWEST, Authority, LogKeeper
from canary.processes.verifier_file import verifier_file
from canary.store.database import Database
from canary.store.erasing import erase_traces
from canary.store.log_key import CARRIED_AS, LogKey
from canary.store.queries import vendors
from canary.store.tables import (
    CanaryRow,
    CaseRow,
    LogCheckpointRow,
    LogLeafRow,
    LogStampRow,
    LogTileRow,
    MailContentRow,
)
from tests.receiver import receiving
from tests.time_authority import TimeAuthority

NOW = datetime(2011, 4, 2, 9, 30, tzinfo=UTC)
FLIPS = 500

Document = dict[str, Any]


@dataclass(frozen=True)
class Told:
    """The demo's story with a statement: its store, its key, its case's pack, and the checkpoint that was published."""

    folder: Path
    store: Database
    key: LogKey
    pack: bytes
    published: str

    @property
    def members(self) -> dict[str, bytes]:
        return {name: octets for name, octets in read_pack(self.pack).items() if name not in (SUMS, SEAL)}

    @property
    def document(self) -> Document:
        found: Document = json.loads(self.members[DOCUMENT])
        return found

    def sealed(self, document: Document, **changed: bytes) -> bytes:
        """A pack as an owner makes it who has the key and no scruples."""
        file = (json.dumps(document, indent=1, sort_keys=True) + "\n").encode()
        private, verifier = signing_key(self.key)
        summary = write_summary(document).encode()
        return write_pack({**self.members, DOCUMENT: file, SUMMARY: summary, **changed}, verifier.name, private)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("told")
    with receiving() as slack:
        _, story, stage = _prepare(folder, slack.url, 0)
        asyncio.run(stage.replay(story))
    with closing(stage.store) as store:
        said = PartyStatement("Playbox", NOW, (Claim(ClaimCode.ONLY_ADDRESSES),), "Only addresses were taken.", "ada")
        with store.writing() as session:
            statements.add_statement(session, 1, said, Decision("ada", NOW))
        with TimeAuthority(NOW).serving() as url:
            authorities = [Authority("test", url)]
            LogKeeper(store, lambda: NOW, authorities, folder / "published", allow_private=True).witness()
        with store.writing() as session:
            order = IssueOrder("playbox", "inbox.example")
            issue(session, order, random.Random(3).randrange, NOW)
        sequence_waiting(store, NOW)
        with store.reading() as session:
            pack = make_pack(session, 1, NOW)
        yield Told(folder, store, LogKey(folder / "log.key"), pack, (folder / "published" / NEWEST).read_text())


@contextmanager
def changed(told: Told, folder: Path) -> Iterator[Database]:
    """A copy of the store, under the same key, that a test may rewrite."""
    with told.store.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(told.folder / "canary.db", folder / "copy.db")
    with closing(Database(f"sqlite:///{folder}/copy.db", carried={CARRIED_AS: told.key})) as store:
        yield store


def said(report: VerifyReport, basis: Basis) -> str:
    return "\n".join(finding.text for finding in report.findings if finding.basis is basis)


def faults(pack: bytes, *kept: str) -> str:
    return said(verify_pack(pack, kept), Basis.FAULT)


def test_the_pack_of_the_demos_case_holds_and_says_what_is_proven_by_what(told: Told) -> None:
    report = verify_pack(told.pack, [told.published])
    assert said(report, Basis.FAULT) == said(report, Basis.UNCHECKED) == ""
    proven, witnessed = said(report, Basis.PROVEN), said(report, Basis.WITNESSED)
    assert "only grew through the 1 states of it" not in proven
    for text in (
        "before any mail to it",
        "bears a valid signature of offerpress.test (DKIM",
        "supplier silverline over 99%",
    ):
        assert text in proven
    assert "Test Time Authority stamped the log" in witnessed
    assert "nothing before it was changed" in witnessed


def test_what_only_the_owner_says_is_not_among_what_is_proven(told: Told) -> None:
    report = verify_pack(told.pack)
    assert "given to its vendor and to nobody else" in said(report, Basis.WORD)
    assert "nobody else" not in said(report, Basis.PROVEN)


def test_a_pack_is_the_same_octet_for_octet_when_it_is_made_again(told: Told) -> None:
    with told.store.reading() as session:
        assert make_pack(session, 1, NOW) == told.pack


def test_a_pack_has_the_mails_as_they_came_the_sums_and_a_summary_for_people(told: Told, tmp_path: Path) -> None:
    (tmp_path / "pack.zip").write_bytes(told.pack)
    with zipfile.ZipFile(tmp_path / "pack.zip") as archive:
        archive.extractall(tmp_path)
    done = subprocess.run(
        ["sha256sum", "-c", "--quiet", SUMS], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert "@media print" in (tmp_path / SUMMARY).read_text()
    assert "Only addresses were taken." in (tmp_path / SUMMARY).read_text()


def test_a_pack_names_no_address_that_is_not_in_question(told: Told) -> None:
    asked = {each["address"] for each in told.document["addresses"]}
    with told.store.reading() as session:
        every = set(session.exec(select(CanaryRow.address)).all())
    assert len(every - asked) > 30
    assert [address for address in every - asked if address.encode() in told.pack] == []


def test_words_that_name_an_address_not_in_question_are_hidden_and_still_proven(told: Told, tmp_path: Path) -> None:
    with changed(told, tmp_path) as store:
        with store.writing() as session:
            other = issue(session, IssueOrder("playbox", "inbox.example"), random.Random(5).randrange, NOW)
            records.add_event(session, session.get_one(CaseRow, 1), NOW, "note", f"New: {other.address}", "ada")
        sequence_waiting(store, NOW)
        with store.reading() as session:
            pack = make_pack(session, 1, NOW)
    assert other.address.encode() not in pack
    assert "(not shown: it names an address that is not in question)" in read_pack(pack)[SUMMARY].decode()
    assert verify_pack(pack).holds


@pytest.mark.parametrize(
    "written",
    [
        b"To: <%s>\r\n\r\n", b"Subject: x\r\n\r\nHello %s,\r\n", b"Return-Path: <bounce+12-%s@list.example>\r\n\r\n",
        b"\r\nhttps://list.example/u?e=%s\r\n",
    ],
)  # fmt: skip
@pytest.mark.parametrize("between", [b"@", b"=", b"%40", b"=40"])
def test_a_mail_that_names_an_address_not_in_question_is_seen(told: Told, written: bytes, between: bytes) -> None:
    one, other = (each["address"] for each in told.document["addresses"][:2])
    octets = written % one.upper().encode().replace(b"@", between)
    with told.store.reading() as session:
        assert OtherAddresses(session, frozenset({other})).mail_names_others(octets, parse(octets))
        assert not OtherAddresses(session, frozenset({one, other})).mail_names_others(octets, parse(octets))


def test_an_address_with_dots_is_found_behind_whatever_looks_like_one(told: Told, tmp_path: Path) -> None:
    with changed(told, tmp_path) as store, store.writing() as session:
        address = "ann.n.lee@inbox.example"
        session.add(CanaryRow(address=address, domain="inbox.example", vendor_id=1, style="tagged", bits=20, issued_at=NOW))  # fmt: skip
        session.flush()
        for text in (
            f"https://list.example/u?e={address}",
            f"x=a.b@{address}",
            f"b+{address.replace('@', '=')}@l.example",
        ):
            assert OtherAddresses(session, frozenset()).names_others(text)
            assert not OtherAddresses(session, frozenset({address})).names_others(text)


def test_a_mail_that_names_an_address_not_in_question_in_base64_is_seen(told: Told) -> None:
    address = told.document["addresses"][0]["address"]
    text = b64encode(f"Hello {address}, how are you?".encode())
    octets = b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n" + text + b"\r\n"
    with told.store.reading() as session:
        assert OtherAddresses(session, frozenset()).mail_names_others(octets, parse(octets))


def test_a_mail_whose_octets_are_no_longer_kept_is_there_by_its_digest(told: Told, tmp_path: Path) -> None:
    with changed(told, tmp_path) as store:
        with store.writing() as session:
            session.execute(delete(MailContentRow))
        with store.reading() as session:
            pack = make_pack(session, 1, NOW)
    assert [name for name in read_pack(pack) if name.startswith("mails/")] == []
    report = verify_pack(pack)
    assert report.holds
    assert "its octets are not in the pack (it is no longer kept)" in said(report, Basis.PROVEN)


def test_a_verdict_that_changed_by_an_answer_is_in_the_log_and_proven(told: Told, tmp_path: Path) -> None:
    with changed(told, tmp_path) as store:
        with store.writing() as session:
            answers.retract_domains(session, "playbox", ["playbox.example"], "ada", NOW)
            done = answers.deny(session, "playbox", "playbox.example", "ada", NOW)
        assert done.changed
        sequence_waiting(store, NOW)
        with store.reading() as session:
            pack = make_pack(session, 1, NOW)
    report, document = verify_pack(pack), json.loads(read_pack(pack)[DOCUMENT])
    assert report.holds
    assert [answer["who"] for answer in document["answers"]] == ["ada", "ada"]
    assert any(hit["entry"] for mail in document["mails"] for hit in mail["hits"])
    assert "not in the log" not in said(report, Basis.WORD)


def test_what_was_logged_of_a_vendor_is_still_proven_after_it_became_part_of_another(
    told: Told, tmp_path: Path
) -> None:
    with changed(told, tmp_path) as store:
        with store.writing() as session:
            vendors.add_vendor(session, "Games Group", ["games.example"], NOW)
            vendor_changes.merge(session, "playbox", "games-group", OwnerWord("ada", NOW))
        sequence_waiting(store, NOW)
        with store.reading() as session:
            pack = make_pack(session, 1, NOW)
    report, document = verify_pack(pack), json.loads(read_pack(pack)[DOCUMENT])
    found = [each for each in document["addresses"] if each["vendor_name"] == "Games Group"]
    assert (report.holds, {each["vendor"] for each in found}) == (True, {"playbox"})
    assert "not in the log" not in said(report, Basis.WORD)
    proven = said(report, Basis.PROVEN)
    assert all(f"{each['address']} is in the log as issued to playbox" in proven for each in found)


def test_an_address_that_a_person_confirms_for_another_vendor_is_logged_as_issued_to_that_one(
    told: Told, tmp_path: Path
) -> None:
    with changed(told, tmp_path) as store:
        with store.writing() as session:
            order = IssueOrder("playbox", "inbox.example", tentative=True)
            made = issue(session, order, random.Random(4).randrange, NOW)
            vendors.add_vendor(session, "Kite Shop", ["kites.example"], NOW)
            confirmation.confirm(session, made.address, OwnerWord("ada", NOW), "kite-shop")
        sequence_waiting(store, NOW)
        with store.reading() as session:
            row, log = session.get_one(CanaryRow, made.id), prover_of(session, told.key)
            logged = [log.entry(EntryKind.ISSUE, made.id, issue_entry(row, slug)) for slug in ("playbox", "kite-shop")]
    assert [entry and "position" in entry for entry in logged] == [True, True]


def test_who_was_erased_is_in_no_pack_and_the_log_still_holds(told: Told, tmp_path: Path) -> None:
    sender = str(told.document["mails"][1]["envelope"]["mail_from"])
    with changed(told, tmp_path) as store:
        erase_traces(store, read_person(sender, bytes(32)))
        with store.reading() as session:
            pack = make_pack(session, 1, NOW)
    assert sender.encode() not in pack
    report = verify_pack(pack, [told.published])
    assert report.holds
    assert "was deleted on somebody's request" in said(report, Basis.WORD)


def test_every_single_bit_that_is_changed_in_a_pack_is_found(told: Told) -> None:
    drawn = random.Random(25)
    for at in drawn.sample(range(len(told.pack) * 8), FLIPS):
        octets = bytearray(told.pack)
        octets[at // 8] ^= 1 << at % 8
        assert not verify_pack(bytes(octets)).holds, f"bit {at}"


@pytest.mark.parametrize("cut", [0, 1, 100, -1])
def test_a_pack_that_was_cut_off_or_added_to_is_found(told: Told, cut: int) -> None:
    assert not verify_pack(told.pack[:cut]).holds
    assert not verify_pack(told.pack + b"\0").holds


@pytest.mark.parametrize("octets", [b"", b"PK", b"not a zip file", b"\0" * 1000])
def test_what_is_no_pack_is_said_to_be_none(octets: bytes) -> None:
    assert "cannot be read as a zip file" in faults(octets)


def _left_out(document: Document) -> None:
    document["mails"][0]["entry"] = None


def _exchanged(document: Document) -> None:
    one, other = document["mails"][0], document["mails"][1]
    one["entry"], other["entry"] = other["entry"], one["entry"]


def _other_place(document: Document) -> None:
    one, other = document["mails"][0]["entry"], document["mails"][1]["entry"]
    one["position"], other["position"] = other["position"], one["position"]


def _other_client(document: Document) -> None:
    document["mails"][0]["envelope"]["client"]["ip"] = "192.0.2.99"


def _other_digest(document: Document) -> None:
    document["mails"][0]["sha256"] = "0" * 64


def _other_answers(document: Document) -> None:
    document["mails"][2]["answers"] = {}


def _other_verdict(document: Document) -> None:
    hit = document["mails"][0]["hits"][0]
    hit["verdict"] = "third-party" if hit["verdict"] != "third-party" else "spam"


def _other_vendor(document: Document) -> None:
    document["addresses"][0]["vendor"] = "somebody"


def _earlier_issue(document: Document) -> None:
    document["addresses"][0]["issued"] = "2001-01-01T00:00:00+00:00"


def _other_words(document: Document) -> None:
    document["statements"][0]["text"] = "Everything was taken."


def _other_odds(document: Document) -> None:
    document["guessing"][0]["p"] /= 1000


def _other_suspect(document: Document) -> None:
    document["attribution"]["answer"]["suspects"][0]["p"] = 0.5


def _other_assumption(document: Document) -> None:
    document["attribution"]["assumptions"]["supplier"] = 1e-6


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (_left_out, "is not in the log: it was left out of it"),
        (_exchanged, "its digest is not what the log has of it"),
        (_other_place, "it was changed, or exchanged with another entry"),
        (_other_client, "its envelope is not what the log has of it"),
        (_other_digest, "what it contains is not what the log has of it"),
        (_other_answers, "what DNS answered is not what the log has of it"),
        (_other_vendor, "its record was changed after it was logged"),
        (_earlier_issue, "its record was changed after it was logged"),
        (_other_words, "was changed after it was logged"),
        (_other_odds, "does not follow from the counts"),
        (_other_suspect, "does not follow from world.json"),
        (_other_assumption, "does not follow from world.json"),
    ],
)
def test_an_owner_who_seals_a_lie_with_the_key_is_found_out(
    told: Told, change: Callable[[Document], None], named: str
) -> None:
    document = told.document
    change(document)
    assert named in faults(told.sealed(document))


def test_a_verdict_that_the_log_does_not_have_is_the_owners_word(told: Told) -> None:
    document = told.document
    _other_verdict(document)
    assert "by a judgement that is not in the log" in said(verify_pack(told.sealed(document)), Basis.WORD)


def test_a_mail_that_was_exchanged_for_another_is_found(told: Told) -> None:
    other = told.members["mails/0001.eml"].replace(b"a", b"b", 1)
    assert "what it contains is not what the log has of it" in faults(
        told.sealed(told.document, **{"mails/0001.eml": other})
    )


def test_a_summary_that_says_something_else_is_found(told: Told) -> None:
    summary = told.members[SUMMARY].replace(b"This is a suspicion", b"This is a fact")
    assert "says something else than evidence.json" in faults(told.sealed(told.document, **{SUMMARY: summary}))


def test_a_checkpoint_of_another_log_is_found(told: Told, tmp_path: Path) -> None:
    private, another = signing_key(LogKey(tmp_path / "another.key"))
    note = sign_note(Checkpoint(another.name, 7, bytes(32)).text, another.name, private)
    document = told.document
    document["log"]["earlier"][0]["note"] = note
    assert "is of another log, or was signed by another key" in faults(told.sealed(document))
    assert "is of another log than the pack" in faults(told.pack, note)


def test_a_root_that_was_signed_again_is_found(told: Told) -> None:
    private, verifier = signing_key(told.key)
    document = told.document
    size = document["size"]
    document["log"]["checkpoint"] = sign_note(Checkpoint(verifier.name, size, bytes(32)).text, verifier.name, private)
    assert "The log was rewritten" in faults(told.sealed(document))


def test_a_stamp_on_another_state_of_the_log_is_found(told: Told) -> None:
    document = told.document
    (earlier,) = (each for each in document["log"]["earlier"] if each["stamps"])
    size = document["size"]
    document["log"]["earlier"] = [
        {"note": document["log"]["checkpoint"], "size": size, "proof": [], "stamps": earlier["stamps"]}
    ]
    assert "the time stamp does not hold" in faults(told.sealed(document))


def test_a_store_that_was_rewritten_by_its_owner_after_a_checkpoint_was_published_is_found(
    told: Told, tmp_path: Path
) -> None:
    with changed(told, tmp_path) as store:
        with store.writing() as session:
            for table in (LogStampRow, LogCheckpointRow, LogTileRow):
                session.execute(delete(table))
            first = session.exec(select(func.min(LogLeafRow.id))).one()
            session.get_one(LogLeafRow, first).leaf = bytes(32)
            for leaf in session.exec(select(LogLeafRow)):
                leaf.position = None
        sequence_waiting(store, NOW)
        with store.reading() as session:
            pack = make_pack(session, 1, NOW)
        assert verify_pack(pack).holds
        assert "does not show that its log continues the checkpoint" in faults(pack, told.published)
        with store.reading() as session:
            pack = make_pack(session, 1, NOW, [told.published])
        assert "The log was rewritten" in faults(pack, told.published)


def test_a_pack_shows_that_its_log_continues_whatever_checkpoint_somebody_kept(told: Told) -> None:
    document = told.document
    assert [each["size"] for each in document["log"]["earlier"]] == [int(told.published.split("\n")[1])]
    assert document["size"] > document["log"]["earlier"][0]["size"]


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("verifier") / "verify.pyz"
    file.write_bytes(verifier_file())
    return file


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The environment of a Python that has `cryptography` and nothing else."""
    import cryptography

    folder = tmp_path_factory.mktemp("bare")
    site = Path(cryptography.__file__).parents[1]
    for path in (site / "cryptography", site / "cffi", *site.glob("_cffi_backend*")):
        (folder / path.name).symlink_to(path)
    return {"PYTHONPATH": str(folder), "PATH": ""}


def run(verifier: Path, bare: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    # Without its own site-packages, and with no network: sockets raise.
    command = [sys.executable, "-S", "-B", str(verifier), *arguments]
    return subprocess.run(command, env=dict(bare), capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.slow
def test_the_verifier_in_one_file_says_the_same_on_a_bare_python(
    told: Told, verifier: Path, bare: Mapping[str, str], tmp_path: Path
) -> None:
    (tmp_path / "pack.zip").write_bytes(told.pack)
    (tmp_path / "kept").write_text(told.published)
    done = run(verifier, bare, str(tmp_path / "pack.zip"), "--checkpoint", str(tmp_path / "kept"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == list(verify_pack(told.pack, [told.published]).lines())


@pytest.mark.slow
def test_the_verifier_in_one_file_finds_what_was_changed(
    told: Told, verifier: Path, bare: Mapping[str, str], tmp_path: Path
) -> None:
    (tmp_path / "pack.zip").write_bytes(told.pack[:-1] + b"\1")
    done = run(verifier, bare, str(tmp_path / "pack.zip"))
    assert done.returncode == 1
    assert "does not hold" in done.stdout


@pytest.mark.slow
def test_the_verifier_reads_no_clock_and_asks_nobody(told: Told) -> None:
    script = (
        "import sys, time, datetime\n"
        "def watch(event, args):\n"
        "    if event.startswith('socket.'): raise SystemExit(event)\n"
        "sys.addaudithook(watch)\n"
        "import canary.evidence.verify\n"
        "print(sorted(set(sys.modules) & {'time_of_day', 'ssl', 'asyncio', 'sqlalchemy', 'sqlmodel', 'httpx'}))\n"
        "report = canary.evidence.verify.verify_pack(sys.stdin.buffer.read())\n"
        "print(report.holds)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], input=told.pack, capture_output=True, check=False)
    assert done.stdout.decode().split() == ["[]", "True"], done.stderr


def test_years_after_its_certificate_ended_a_stamp_still_counts(told: Told) -> None:
    stamped = [f for f in verify_pack(told.pack).findings if f.basis is Basis.WITNESSED and f.about == "stamp"]
    assert len(stamped) == 1
    assert "2011-04-02 09:30:00 UTC" in stamped[0].text


def test_a_report_of_a_pack_that_holds_names_no_fault(told: Told) -> None:
    report = verify_pack(told.pack)
    assert report.holds
    assert replace(report, findings=()).holds
