"""Verifying the log of a pack: whose it is, that it only grew, who witnessed it when, and that an entry is in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from canary.evidence.commitment import OpenedLeaf, OpeningError, read_opening
from canary.evidence.names import origin_of
from canary.evidence.note import Checkpoint, NoteError, NoteVerifier, open_note, read_checkpoint, read_verifier
from canary.evidence.report import Basis, VerifyFinding
from canary.evidence.stamp import StampError, TimeStamp, check_stamp, read_certificates
from canary.evidence.tree import leaf_hash, verify_consistency, verify_inclusion

LOG = "log"


@dataclass(frozen=True, slots=True)
class WitnessedSize:
    """A size of the log that an authority stamped."""

    size: int
    stamp: TimeStamp


@dataclass(frozen=True, slots=True)
class LogState:
    """The log of a pack: its key, its newest checkpoint, and which sizes were stamped, the earliest first."""

    verifier: NoteVerifier
    newest: Checkpoint
    stamped: tuple[WitnessedSize, ...] = ()

    def stamped_by(self, position: int) -> TimeStamp | None:
        """Return the first time stamp over a state of the log that has an entry."""
        return next((each.stamp for each in self.stamped if each.size > position), None)


@dataclass(frozen=True, slots=True)
class LoggedEntry:
    """An entry that is in the log: where, and what its opening shows."""

    position: int
    opened: OpenedLeaf


def log_key(document: Mapping[str, Any]) -> NoteVerifier:
    """Return the key of the log that a pack is from; raises NoteError."""
    verifier = read_verifier(document["log"]["key"])
    if verifier.name != origin_of(verifier.public):
        raise NoteError(f"the log is called {verifier.name}, which is not the name of its key")
    return verifier


def verify_log(
    document: Mapping[str, Any], members: Mapping[str, bytes], published: Sequence[str]
) -> tuple[LogState | None, list[VerifyFinding]]:
    """Verify the checkpoints of a pack, with those that somebody kept, and their time stamps."""
    try:
        verifier = log_key(document)
        newest = read_checkpoint(open_note(document["log"]["checkpoint"], verifier))
        _check_name(newest, verifier)
    except NoteError as fault:
        return None, [_fault(f"The newest checkpoint of the log is none of it: {fault}.")]
    found: list[VerifyFinding] = []
    stamped, sizes = list[WitnessedSize](), dict[int, bytes]()
    for earlier in document["log"]["earlier"]:
        checkpoint = _verify_earlier(earlier, verifier, newest, found)
        if checkpoint:
            sizes[checkpoint.size] = checkpoint.root
            stamped += _verify_stamps(earlier["stamps"], checkpoint, members, found)
    if not any(finding.basis is Basis.FAULT for finding in found):
        text = f"The log {newest.origin} has {newest.size:,} entries"
        grew = f", and only grew through the {len(sizes)} states of it in this file" if len(sizes) > 1 else ""
        found.insert(0, VerifyFinding(Basis.PROVEN, LOG, f"{text}{grew} (Merkle tree of RFC 9162, Ed25519)."))
    found += [_verify_published(note, verifier, newest, sizes) for note in published]
    stamped.sort(key=lambda each: each.stamp.at)
    return LogState(verifier, newest, tuple(stamped)), found


def _check_name(checkpoint: Checkpoint, verifier: NoteVerifier) -> None:
    if checkpoint.origin != verifier.name:
        raise NoteError(f"it is a checkpoint of another log, {checkpoint.origin}")


def _verify_earlier(
    earlier: Mapping[str, Any], verifier: NoteVerifier, newest: Checkpoint, found: list[VerifyFinding]
) -> Checkpoint | None:
    try:
        checkpoint = read_checkpoint(open_note(earlier["note"], verifier))
        _check_name(checkpoint, verifier)
    except NoteError as fault:
        found.append(_fault(f"A checkpoint in the pack is of another log, or was signed by another key: {fault}."))
        return None
    proof = [bytes.fromhex(each) for each in earlier["proof"]]
    if not verify_consistency(checkpoint.size, newest.size, proof, checkpoint.root, newest.root):
        found.append(_fault(
            f"The log was rewritten: its state of {checkpoint.size:,} entries is not the beginning of that of"
            f" {newest.size:,} entries, though both bear its signature."
        ))  # fmt: skip
        return None
    return checkpoint


def _verify_stamps(
    stamps: Sequence[Mapping[str, Any]],
    checkpoint: Checkpoint,
    members: Mapping[str, bytes],
    found: list[VerifyFinding],
) -> list[WitnessedSize]:
    held = []
    for each in stamps:
        try:
            stamp = check_stamp(members[each["token"]], checkpoint.text, read_certificates(members[each["roots"]]))
        except ImportError:
            text = f"The time stamp {each['token']} was not checked: install rfc3161-client beside Python for that."
            found.append(VerifyFinding(Basis.UNCHECKED, "stamp", text))
        except StampError as fault:
            found.append(_fault(f"{each['token']}: {fault}."))
        else:
            held.append(WitnessedSize(checkpoint.size, stamp))
            found.append(VerifyFinding(Basis.WITNESSED, "stamp", _stamped(stamp, checkpoint.size)))
    return held


def _stamped(stamp: TimeStamp, size: int) -> str:
    return (
        f"{stamp.authority} stamped the log with {size:,} entries at {moment(stamp.at)} (RFC 3161): all of these entries"
        f" were made before. This goes back to the root certificate with SHA-256 {stamp.root}: compare it with the one"
        " that the authority shows."
    )


def _verify_published(
    note: str, verifier: NoteVerifier, newest: Checkpoint, sizes: Mapping[int, bytes]
) -> VerifyFinding:
    """Compare a checkpoint that somebody kept with the log of the pack."""
    try:
        kept = read_checkpoint(open_note(note, verifier))
        _check_name(kept, verifier)
    except NoteError as fault:
        return _fault(f"The checkpoint that was kept is of another log than the pack: {fault}.")
    root = newest.root if kept.size == newest.size else sizes.get(kept.size)
    if root is None:
        return _fault(
            f"The pack does not show that its log continues the checkpoint of {kept.size:,} entries that was kept: have the"
            " pack made again with this checkpoint; if that cannot be done, the log was rewritten since."
        )
    if root != kept.root:
        return _fault(
            f"The log was rewritten since the checkpoint of {kept.size:,} entries that was kept: the pack has another state"
            " of that size under the same key."
        )
    text = f"The log continues the checkpoint of {kept.size:,} entries that was kept elsewhere: nothing before it was changed."
    return VerifyFinding(Basis.WITNESSED, LOG, text)


def verify_entry(entry: Mapping[str, Any] | None, kind: str, what: str, log: LogState) -> LoggedEntry | VerifyFinding:
    """Verify that something is in the log as an entry of its kind; returns what is wrong if it is not."""
    if entry is None:
        return _fault(f"{what} is not in the log: it was left out of it, or made after the fact.")
    if entry.get("erased"):
        text = f"{what}: what opens its entry in the log was deleted on somebody's request; the log does not show it any more."
        return VerifyFinding(Basis.WORD, LOG, text)
    position, proof = int(entry["position"]), [bytes.fromhex(each) for each in entry["proof"]]
    try:
        opened = read_opening(entry["open"])
    except OpeningError as fault:
        return _fault(f"{what}: {fault}.")
    if opened.kind != kind:
        return _fault(f"{what}: its entry in the log is about something else ({opened.kind[:40]}).")
    if not verify_inclusion(leaf_hash(opened.leaf), position, log.newest.size, proof, log.newest.root):
        return _fault(
            f"{what}: what the pack says of it is not the entry {position} of the log: it was changed, or exchanged with"
            " another entry."
        )
    return LoggedEntry(position, opened)


def moment(at: datetime) -> str:
    """Return a time in words."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _fault(text: str) -> VerifyFinding:
    return VerifyFinding(Basis.FAULT, LOG, text)
