"""The file of an evidence pack: a zip whose members are stored as they are, in one order, with nothing else in it.

A zip, as anybody can open it without Canary, each mail is octet for octet what came, and `sha256sum -c SHA256SUMS` checks
all of it. There is one way to write given members, so that a file with any other bit is none: what was read is written
again and compared. The sums are signed by the key of the log.
"""

import hashlib
import re
import zipfile
from collections.abc import Mapping
from io import BytesIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from canary.evidence.note import NoteError, NoteVerifier, open_note, sign_note

SUMS, SEAL = "SHA256SUMS", "SHA256SUMS.note"
DOCUMENT, WORLD, SUMMARY = "evidence.json", "world.json", "summary.html"
MOST_OCTETS, MOST_MEMBERS = 1 << 30, 20_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*")
FORM = "canary evidence 1"
"""The form of the document of a pack."""

_SEALED_FORM = "canary evidence pack 1"


class PackError(ValueError):
    """A file is no evidence pack, or it was changed after it was made."""


def write_pack(members: Mapping[str, bytes], origin: str, key: Ed25519PrivateKey) -> bytes:
    """Return the file of a pack: its members in their order, the sums of all, and the seal on the sums."""
    sums = sums_of(members)
    seal = sign_note(_sealed_text(origin, sums), origin, key)
    return _archive({**members, SUMS: sums, SEAL: seal.encode()})


def read_pack(octets: bytes) -> dict[str, bytes]:
    """Return the members of a pack without its sums and its seal, which are not checked yet; raises PackError."""
    if len(octets) > MOST_OCTETS:
        raise PackError(f"it is larger than {MOST_OCTETS >> 20} MB: no evidence pack is")
    members = _members(octets)
    if _archive(members) != octets:
        raise PackError("the file is not as it was written: something in it, or around it, was changed")
    return members


def check_sums(members: Mapping[str, bytes]) -> None:
    """Compare every member with the sums; raises PackError naming the first that was changed."""
    listed = members.get(SUMS, b"").decode("ascii", "replace").splitlines()
    if SUMS not in members or SEAL not in members:
        raise PackError("it has no sums, or no seal on them")
    there = {name: octets for name, octets in members.items() if name not in (SUMS, SEAL)}
    for line, (name, octets) in zip(listed, there.items(), strict=False):
        if line != _sum(name, octets):
            raise PackError(f"{name}: is not what it was when the pack was made; its SHA-256 is another one")
    if sums_of(there) != members[SUMS]:
        raise PackError(f"{SUMS}: does not list what is in the pack")


def check_seal(members: Mapping[str, bytes], by: NoteVerifier) -> None:
    """Check the signature on the sums; raises PackError."""
    note = members[SEAL].decode("utf-8", "replace")
    try:
        text = open_note(note, by)
    except NoteError as fault:
        raise PackError(f"{SEAL}: {fault}") from None
    if text != _sealed_text(by.name, members[SUMS]) or note.encode() != members[SEAL] or note.count("\n") != 5:
        raise PackError(f"{SEAL}: seals another pack")


def sums_of(members: Mapping[str, bytes]) -> bytes:
    """Return the SHA-256 of each member, in the form of sha256sum."""
    return "".join(f"{_sum(name, octets)}\n" for name, octets in members.items()).encode()


def _sum(name: str, octets: bytes) -> str:
    return f"{hashlib.sha256(octets).hexdigest()}  {name}"


def _sealed_text(origin: str, sums: bytes) -> str:
    return f"{_SEALED_FORM}\n{origin}\n{hashlib.sha256(sums).hexdigest()}\n"


def _archive(members: Mapping[str, bytes]) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, octets in members.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, octets)
    return file.getvalue()


def _members(octets: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(BytesIO(octets)) as archive:
            entries = archive.infolist()
            names = [entry.filename for entry in entries]
            if len(entries) > MOST_MEMBERS or len(set(names)) != len(names) or not all(map(_NAME.fullmatch, names)):
                raise PackError("its members have names that no member of an evidence pack has")
            if any(entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits for entry in entries):
                raise PackError("its members are packed in another way than those of an evidence pack")
            if sum(entry.file_size for entry in entries) > len(octets):
                raise PackError("its members are longer than the file")
            return {entry.filename: archive.read(entry) for entry in entries}
    except (zipfile.BadZipFile, zipfile.LargeZipFile, OSError, EOFError, NotImplementedError, RuntimeError) as fault:
        raise PackError(f"it cannot be read as a zip file ({fault}): it was changed, cut off, or is none") from None
    except (ValueError, OverflowError, KeyError, IndexError) as fault:
        if isinstance(fault, PackError):
            raise
        raise PackError(f"it cannot be read as a zip file ({fault})") from None
