"""Stored mail, message by message: mailbox files, Maildir, single mails, folders and archives of these, streaming."""

import hashlib
import io
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import IO, Any, BinaryIO

from canary.importing.compressed import (
    BLOCK,
    BROKEN,
    ArchiveMember,
    Bomb,
    Bounds,
    UnpackGuard,
    counted,
    is_packed,
    is_tar,
    is_zip,
    tar_members,
    unpacked,
    zip_members,
)
from canary.importing.foreign import MAIL_PROGRAMS, foreign_kind, kind_by_name, sure_kind
from canary.importing.framing import BOM, MacLines, first_lines, has_mac_lines, unframed
from canary.importing.mbox import Piece, Stream, is_from_line, read_mbox, unwrap
from canary.mail.journal import open_journal

HEAD = 4096
HEADER = 64 * 1024
MAX_MAIL = (25 << 20) + (256 << 10)
_KNOWN = re.compile(
    rb"^(?:from|to|cc|bcc|date|subject|received|return-path|message-id|delivered-to|mime-version|sender|reply-to"
    rb"|x-[a-z-]{2,60}|content-type|envelope-to|list-[a-z]{2,20})[ \t]*:",
    re.MULTILINE | re.IGNORECASE,
)
_EMPTY_LINE = re.compile(rb"\n\r?\n")
_BESIDES = re.compile(
    r"(?i)^(?:\..*|__macosx|thumbs\.db|desktop\.ini|maildirfolder|maildirsize|subscriptions|dovecot.*|courierimap.*"
    r"|.*\.(?:msf|lock|index|cache|dat)|uidvalidity)$"
)
_DELIVERED = re.compile(r"(\d{9,10})\.")


@dataclass(frozen=True, slots=True)
class ArchivePlace:
    """Where a mail is: in which file, in which member of it if it is packed, as which message, at which octet.

    `offset` and `length` are those of the octets as stored (unpacked, in an archive), `From ` line included.
    """

    file: str
    member: str = ""
    number: int = 1
    offset: int = 0
    length: int = 0

    def __str__(self) -> str:
        """Return the place in words."""
        inside = f" ({self.member})" if self.member else ""
        return f"{self.shown}{inside}, message {self.number}, octet {self.offset:,}"

    @property
    def shown(self) -> str:
        """The file's name in printable form, whatever octets it has."""
        return self.file.encode("utf-8", "replace").decode("utf-8")


@dataclass(frozen=True, slots=True)
class Stored:
    """A mail as it was found; `line` is the `From ` line before it, `delivered` when its file says it came."""

    place: ArchivePlace
    content: bytes
    line: bytes = b""
    delivered: datetime | None = None


@dataclass(frozen=True, slots=True)
class UnreadableMail:
    """Something that is not a mail or cannot be read: where, why, and its content as far as it was read."""

    place: ArchivePlace
    reason: str
    content: bytes = b""


@dataclass(frozen=True, slots=True)
class ForeignFile:
    """A file beside mail that is none, and what kind of file it is."""

    place: ArchivePlace
    kind: str
    content: bytes = b""


StoredOrUnreadable = Stored | UnreadableMail | ForeignFile


@dataclass(frozen=True, slots=True)
class Reader:
    """How archives are read: the largest mail, the bounds of an archive, and the folder for nested archives meanwhile."""

    cap: int = MAX_MAIL
    bounds: Bounds = field(default_factory=Bounds)
    scratch: Path | None = None

    def read(self, path: Path, last: ArchivePlace | None = None, skip: int = 0) -> Iterator[StoredOrUnreadable]:
        """Yield what is in one file; reading continues after the `last` message of a plain mailbox, else after `skip`.

        Never raises because of what is in the file; a file that cannot be read yields one `UnreadableMail`.
        """
        place = ArchivePlace(str(path))
        try:
            with io.BufferedReader(path.open("rb", buffering=0), BLOCK) as file:
                head = file.read(HEAD)
                if last is not None and not is_packed(head) and is_mailbox(head, path.name):
                    begin = file.seek(last.offset + last.length)
                    yield from (_of(p, place) for p in read_mbox(_lines(file, head), self.cap, begin, last.number))
                else:
                    file.seek(0)
                    yield from islice(self._file(file, path, head), skip, None)
        except OSError as fault:
            yield UnreadableMail(place, f"cannot be read ({fault.strerror or fault})")

    def reread(self, place: ArchivePlace, digest: bytes) -> bytes | None:
        """Read a mail of a plain file again, identified by its SHA-256; None if it is gone."""
        try:
            with Path(place.file).open("rb") as file:
                file.seek(place.offset)
                raw = file.read(place.length)
        except OSError:
            return None
        return next((form for form in _forms(raw) if hashlib.sha256(form).digest() == digest), None)

    def _file(self, file: "io.BufferedReader[Any]", path: Path, head: bytes) -> Iterator[StoredOrUnreadable]:
        place = ArchivePlace(str(path))
        size = os.fstat(file.fileno()).st_size
        if not is_packed(head) or sure_kind(path.name, head):
            yield from self._mails(file, place, path.name, head)
            return
        guard = UnpackGuard(size, self.bounds)
        try:
            yield from self._packed(file, place, Depth(guard, 0), path.name)
        except Bomb as bomb:
            yield UnreadableMail(place, f"reading stopped: {bomb}")
        except BROKEN as fault:
            yield UnreadableMail(place, f"broken archive ({_brief(fault)})")

    def _packed(self, file: IO[bytes], place: ArchivePlace, depth: "Depth", name: str) -> Iterator[StoredOrUnreadable]:
        """Read a stream that may be packed, by its first octets."""
        peeking = file if isinstance(file, io.BufferedReader) else counted(file, depth.guard)
        head = peeking.peek(HEAD)[:HEAD]
        if sure_kind(name, head):
            yield from self._mails(peeking, place, name, head)
        elif is_zip(head) or is_tar(head):
            depth = depth.deeper()
            members = tar_members(peeking, depth.guard) if is_tar(head) else self._zip(peeking, depth)
            for member in members:
                yield from self._member(member, place, depth)
        elif (inner := unpacked(peeking, head)) is not None:
            stem = Path(name).stem
            within = replace(place, member="/".join(filter(None, (place.member, stem))))
            with inner:
                yield from self._packed(counted(inner, depth.guard), within, depth.deeper(), stem)
        else:
            yield from self._mails(peeking, place, name, head)

    def _zip(self, stream: io.BufferedReader, depth: "Depth") -> Iterator[ArchiveMember]:
        """Read a zip archive, which needs seeking: one inside another is copied to an unnamed temporary file."""
        if stream.seekable():
            yield from zip_members(_seekable(stream), depth.guard)
            return
        with tempfile.TemporaryFile(dir=self.scratch) as copy:
            while block := stream.read(BLOCK):
                if copy.tell() + len(block) > self.bounds.nested:
                    raise Bomb(f"an archive of more than {self.bounds.nested >> 30} GB inside it")
                copy.write(block)
            copy.seek(0)
            yield from zip_members(_seekable(copy), depth.guard)

    def _member(self, member: ArchiveMember, place: ArchivePlace, depth: "Depth") -> Iterator[StoredOrUnreadable]:
        inside = replace(place, member="/".join(filter(None, (place.member, member.name))))
        if _is_besides(member.name):
            yield ForeignFile(inside, MAIL_PROGRAMS)
            return
        if member.stream is None:
            yield UnreadableMail(inside, member.fault)
            return
        try:
            yield from self._packed(counted(member.stream, depth.guard), inside, depth, Path(member.name).name)
        except Bomb:
            raise
        except BROKEN as fault:
            yield UnreadableMail(inside, f"cannot be unpacked ({_brief(fault)})")

    def _mails(self, stream: IO[bytes], place: ArchivePlace, name: str, head: bytes) -> Iterator[StoredOrUnreadable]:
        if is_mailbox(head, name):
            begin = len(stream.read(len(BOM))) if head.startswith(BOM) else 0
            yield from (_of(piece, place) for piece in read_mbox(_lines(stream, head), self.cap, begin))
            return
        # What cannot be mail is not read: it may be a film.
        if kind := sure_kind(name, head) or (kind_by_name(name) if not _KNOWN.search(head) else ""):
            yield ForeignFile(place, kind)
            return
        content = stream.read(self.cap + 1)
        whole = replace(place, length=len(content))
        if len(content) > self.cap:
            rest = sum(len(block) for block in iter(lambda: stream.read(BLOCK), b""))
            yield UnreadableMail(replace(whole, length=len(content) + rest), _too_large(self.cap), content[: self.cap])
        else:
            begin, mail = unframed(content)
            found = _checked(Stored(replace(whole, offset=begin, length=len(mail)), mail, delivered=_delivered(name)))
            kind = foreign_kind(name, head) if isinstance(found, UnreadableMail) else ""
            yield ForeignFile(whole, kind) if kind else found


@dataclass(frozen=True, slots=True)
class Depth:
    """How many archives deep a stream is, and who counts what comes out of it."""

    guard: UnpackGuard
    level: int

    def deeper(self) -> "Depth":
        """Return the depth one archive further in; raises Bomb beyond the bound."""
        # A packed tar is two layers for one archive.
        if self.level >= 2 * self.guard.bounds.depth:
            raise Bomb(f"archives inside archives, more than {self.guard.bounds.depth} deep")
        return replace(self, level=self.level + 1)


def is_mailbox(head: bytes, name: str) -> bool:
    """Whether a file is a mailbox, by its first line, or by its name if that line is broken."""
    lines = first_lines(head)
    named = name.lower().endswith((".mbox", ".mbx"))
    return is_from_line(lines.partition(b"\n")[0]) or (named and not _KNOWN.match(lines))


def _lines(stream: Stream, head: bytes) -> Stream:
    return MacLines(stream) if has_mac_lines(head) else stream


def walk(paths: Iterable[Path], besides: list[int] | None = None) -> Iterator[Path]:
    """Yield every file under some paths, links to folders left alone; of a Maildir only what is delivered.

    A folder that cannot be opened is yielded itself, so that reading it shows why. What programs and systems keep
    beside mail is not yielded; `besides` has one number, which grows by each of them.
    """
    waiting = list(paths)[::-1]
    while waiting:
        path = waiting.pop()
        folders: list[str] = []
        if not path.is_dir():
            yield path
        else:
            yield from _files(path, folders, besides or [0])
        maildir = {"cur", "new"} <= set(folders)
        waiting += [path / name for name in sorted(folders, reverse=True) if not (maildir and name == "tmp")]


def _files(path: Path, folders: list[str], besides: list[int]) -> Iterator[Path]:
    try:
        entries = os.scandir(path)
    except OSError:
        yield path
        return
    with entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
            elif entry.is_file() and _is_besides(entry.name):
                besides[0] += 1
            elif entry.is_file():
                yield Path(entry.path)


def wire(content: bytes) -> bytes:
    """Return a mail with the line ends it had on the wire, so that it is the same mail wherever it was stored."""
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n") if b"\n" in content else content.replace(b"\r", b"\n")
    return content.replace(b"\n", b"\r\n")


def _forms(raw: bytes) -> Iterator[bytes]:
    """Yield what the octets at a place may have been read as."""
    for lines in (raw, raw.replace(b"\r", b"\n")) if b"\r" in raw else (raw,):
        for form in (unwrap(lines)[1], lines):
            yield _read_as(form)


def _read_as(content: bytes) -> bytes:
    """Return the mail that is judged: that of a journal report, or else the one that is stored."""
    plain = wire(content)
    inside = open_journal(plain)
    return plain if inside is None else wire(inside)


def _of(piece: Piece, place: ArchivePlace) -> StoredOrUnreadable:
    where = ArchivePlace(place.file, place.member, piece.number, piece.offset, piece.length)
    if not piece.line:
        return UnreadableMail(where, "is before the first `From ` line of the mailbox", piece.content)
    if not piece.whole:
        return UnreadableMail(where, _too_large(len(piece.content)), piece.content)
    return _checked(Stored(where, piece.content, piece.line))


def _checked(found: Stored) -> StoredOrUnreadable:
    if not found.content.strip(b"\0 \t\r\n"):
        return UnreadableMail(found.place, "empty", found.content)
    if not _has_header(found.content):
        return UnreadableMail(found.place, "not a mail: it has no header", found.content)
    return Stored(found.place, _read_as(found.content), found.line, found.delivered)


def _has_header(content: bytes) -> bool:
    """Whether a usual header field comes before the first empty line; real mail has one at once."""
    if b"\n" not in content[:HEADER]:
        content = content[:HEADER].replace(b"\r", b"\n")
    field = _KNOWN.search(content, 0, HEADER)
    return field is not None and _EMPTY_LINE.search(content, 0, field.start()) is None


def _delivered(name: str) -> datetime | None:
    """Read the time from a Maildir name, which begins with the second of the delivery."""
    told = _DELIVERED.match(name)
    return datetime.fromtimestamp(int(told[1]), UTC) if told else None


def _is_besides(name: str) -> bool:
    """Whether a file is one that mail programs and systems keep beside mail."""
    parts = name.split("/")
    return _BESIDES.match(parts[-1]) is not None or "__MACOSX" in parts


def _seekable(stream: IO[bytes]) -> BinaryIO:
    return stream  # type: ignore[return-value]


def _too_large(cap: int) -> str:
    return f"larger than {cap / (1 << 20):.1f} MB"


def _brief(fault: BaseException) -> str:
    return str(fault)[:150] or type(fault).__name__
