"""The log of evidence: what transactions write into it, how it grows, and what its proofs show."""

import random
from pathlib import Path

import pytest
from sqlmodel import Session, col, func, select

from canary.canaries import lifecycle
from canary.evidence.commitment import read_opening
from canary.evidence.entries import EntryKind, issue_entry
from canary.evidence.log_reading import LogProver, checkpoint_in, newest_checkpoint, newest_row, tree_of
from canary.evidence.note import NoteError, NoteVerifier, open_note, read_checkpoint
from canary.evidence.sequencing import LogDraws, sequence, signing_key
from canary.evidence.stamp import write_certificates
from canary.evidence.tree import leaf_hash, verify_consistency, verify_inclusion
from canary.processes.log_keeping import NEWEST, Authority, LogKeeper
from canary.store.database import Database
from canary.store.log_key import CARRIED_AS, LogKey, forget_openings
from canary.store.queries import vendors
from canary.store.tables import CanaryRow, LogCheckpointRow, LogLeafRow, LogStampRow
from tests.conftest import START, Clock
from tests.receiver import receiving
from tests.time_authority import TimeAuthority

PLAY = "play.com"


@pytest.fixture
def key(tmp_path: Path) -> LogKey:
    return LogKey(tmp_path / "log.key")


@pytest.fixture
def logged(store: Database, key: LogKey) -> Database:
    """A store that logs, with one vendor."""
    store._info[CARRIED_AS] = key
    with store.writing() as session:
        vendors.add_vendor(session, "Play.com", [PLAY], START)
    return store


def chance(seed: int = 1) -> LogDraws:
    drawn = random.Random(seed)
    return LogDraws(drawn.randbytes, drawn.randrange)


def issue(store: Database, number: int = 1) -> list[str]:
    draw = random.Random(number).randrange
    with store.writing() as session:
        order = lifecycle.IssueOrder("play-com", "in.example")
        return [lifecycle.issue(session, order, draw, START).address for _ in range(number)]


def grow(store: Database, key: LogKey, seed: int = 1) -> int:
    with store.writing() as session:
        return sequence(session, key, START, chance(seed))


def row_of(session: Session, address: str) -> CanaryRow:
    return session.exec(select(CanaryRow).where(CanaryRow.address == address)).one()


def prover(session: Session, key: LogKey) -> LogProver:
    checkpoint = newest_checkpoint(session)
    assert checkpoint is not None
    return LogProver(session, key, checkpoint, tree_of(session))


def test_an_issued_address_is_in_the_log_with_a_proof_that_anybody_can_check(logged: Database, key: LogKey) -> None:
    (address,) = issue(logged)
    assert grow(logged, key) == 1
    with logged.reading() as session:
        row, log = row_of(session, address), prover(session, key)
        found = log.entry(EntryKind.ISSUE, row.id or 0, issue_entry(row, "play-com"))
    assert found is not None
    leaf, proof = read_opening(found["open"]).leaf, [bytes.fromhex(each) for each in found["proof"]]
    assert verify_inclusion(leaf_hash(leaf), found["position"], log.checkpoint.size, proof, log.checkpoint.root)


def test_an_entry_of_what_was_changed_afterwards_is_not_found(logged: Database, key: LogKey) -> None:
    (address,) = issue(logged)
    grow(logged, key)
    with logged.reading() as session:
        row = row_of(session, address)
        assert prover(session, key).entry(EntryKind.ISSUE, row.id or 0, issue_entry(row, "another")) is None


def test_the_log_only_grows(logged: Database, key: LogKey) -> None:
    before = []
    for number in range(1, 9):
        issue(logged, number * 7)
        grow(logged, key, number)
        with logged.reading() as session:
            before.append(newest_checkpoint(session))
    with logged.reading() as session:
        log = prover(session, key)
        for old in before:
            assert old is not None
            proof = [bytes.fromhex(each) for each in log.continues(old.size)]
            assert verify_consistency(old.size, log.checkpoint.size, proof, old.root, log.checkpoint.root)


def test_every_leaf_has_one_place_and_no_place_is_left_out(logged: Database, key: LogKey) -> None:
    for number in (3, 300, 5):
        issue(logged, number)
        grow(logged, key, number)
    with logged.reading() as session:
        places = session.exec(select(LogLeafRow.position).order_by(col(LogLeafRow.position))).all()
        checkpoint = newest_checkpoint(session)
    assert checkpoint is not None
    assert list(places) == list(range(checkpoint.size))


def test_a_checkpoint_is_signed_by_the_key_of_the_log_alone(logged: Database, key: LogKey, tmp_path: Path) -> None:
    issue(logged)
    grow(logged, key)
    with logged.reading() as session:
        row = newest_row(session)
    assert row is not None
    _, verifier = signing_key(key)
    _, another = signing_key(LogKey(tmp_path / "another.key"))
    assert read_checkpoint(open_note(row.note, verifier)) == checkpoint_in(row.note)
    with pytest.raises(NoteError):
        open_note(row.note, NoteVerifier(verifier.name, another.public))


def test_nothing_that_is_published_and_no_leaf_tells_anything_of_an_address(logged: Database, key: LogKey) -> None:
    (address,) = issue(logged)
    grow(logged, key)
    with logged.reading() as session:
        row = newest_row(session)
        leaves = session.exec(select(LogLeafRow)).all()
    assert row is not None
    stored = row.note.encode() + b"".join(leaf.leaf + (leaf.salt or b"") + (leaf.held or b"") for leaf in leaves)
    local = address.partition("@")[0].encode()
    assert local not in stored
    assert b"in.example" not in stored


def test_an_entry_cannot_be_opened_once_its_nonce_was_erased_and_its_leaf_stays(logged: Database, key: LogKey) -> None:
    (address,) = issue(logged)
    grow(logged, key)
    with logged.writing() as session:
        number = row_of(session, address).id or 0
        count = session.exec(select(func.count()).select_from(LogLeafRow)).one()
        forget_openings(session, "issue", [number])
    with logged.reading() as session:
        row = row_of(session, address)
        assert prover(session, key).entry(EntryKind.ISSUE, number, issue_entry(row, "play-com")) == {"erased": True}
        assert session.exec(select(func.count()).select_from(LogLeafRow)).one() == count


def test_another_key_than_the_logs_writes_nothing_into_it(
    logged: Database, key: LogKey, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    issue(logged)
    logged._info[CARRIED_AS] = LogKey(tmp_path / "another.key")
    issue(logged, 5)
    assert grow(logged, key) == 1
    assert "is not the key of this store's log" in caplog.text


def test_what_was_rolled_back_is_not_in_the_log(logged: Database, key: LogKey) -> None:
    with pytest.raises(ZeroDivisionError), logged.writing() as session:
        lifecycle.issue(session, lifecycle.IssueOrder("play-com", "in.example"), lambda _: 1, START)
        raise ZeroDivisionError
    assert grow(logged, key) == 0


def test_checkpoints_that_nobody_else_has_are_forgotten_after_a_day(
    logged: Database, key: LogKey, clock: Clock
) -> None:
    for seconds in (0, 60, 90_000):
        clock.move(seconds)
        issue(logged, seconds % 7 + 1)
        with logged.writing() as session:
            sequence(session, key, clock(), chance(seconds))
    with logged.reading() as session:
        assert len(session.exec(select(LogCheckpointRow)).all()) == 1


def keeper(store: Database, clock: Clock, folder: Path, url: str) -> LogKeeper:
    return LogKeeper(store, clock, [Authority("test", url)], folder / "published", allow_private=True)


def stamps(store: Database) -> list[tuple[int, str]]:
    with store.reading() as session:
        return [(row.size, row.authority) for row in session.exec(select(LogStampRow).order_by(col(LogStampRow.size)))]


def test_each_state_is_published_and_stamped_once(logged: Database, key: LogKey, clock: Clock, tmp_path: Path) -> None:
    authority = TimeAuthority(START)
    with authority.serving() as url:
        keeping = keeper(logged, clock, tmp_path, url)
        keeping.witness()
        issue(logged)
        for _ in range(2):
            keeping.witness()
        issue(logged, 3)
        keeping.witness()
    found = stamps(logged)
    assert authority.stamps == len(found) == 2
    published = tmp_path / "published"
    assert sorted(file.name for file in published.iterdir()) == sorted([NEWEST, *(str(size) for size, _ in found)])
    assert open_note((published / NEWEST).read_text(), signing_key(key)[1]).split("\n")[1] == str(found[-1][0])


def test_an_authority_that_is_down_or_stamps_something_else_is_asked_again_later(
    logged: Database, clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    issue(logged)
    with receiving() as wrong:
        keeper(logged, clock, tmp_path, wrong.url).witness()
    keeper(logged, clock, tmp_path, "http://127.0.0.1:9/tsr").witness()
    assert (stamps(logged), caplog.text.count("gave no time stamp that holds")) == ([], 2)
    with TimeAuthority(START).serving() as url:
        keeper(logged, clock, tmp_path, url).witness()
    assert len(stamps(logged)) == 1


def test_a_stamp_by_another_root_than_the_one_that_was_named_is_not_taken(
    logged: Database, clock: Clock, tmp_path: Path
) -> None:
    issue(logged)
    (tmp_path / "roots.pem").write_bytes(write_certificates([TimeAuthority(START).root]))
    with TimeAuthority(START).serving() as url:
        authority = Authority("test", url, tmp_path / "roots.pem")
        LogKeeper(logged, clock, [authority], allow_private=True).witness()
    assert stamps(logged) == []
