"""Read zip, tar, gzip, bzip2 and xz member by member, without unpacking to disk, within bounds that stop bombs."""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Any, BinaryIO, cast

BLOCK = 1 << 20
MAX_XZ = 96 << 20
"""Memory for one xz stream; the highest preset of the xz tool needs 65 MB."""

BROKEN = (
    OSError, EOFError, ValueError, RuntimeError, NotImplementedError, struct.error,
    zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile,
)  # fmt: skip
"""What the standard library raises on archives that are truncated, encrypted or mislabelled."""


class Bomb(Exception):
    """An archive holds more than anybody's mail would: reading it stops; the message names the bound."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much one archive file may hold: members, octets in all, octets for each packed octet beyond `free`, nesting."""

    members: int = 5_000_000
    octets: int = 1 << 40
    ratio: int = 200
    free: int = 256 << 20
    depth: int = 3
    nested: int = 2 << 30
    directory: int = 32 << 20


class UnpackGuard:
    """Counts what comes out of one archive file on disk, through every archive inside it; raises Bomb."""

    def __init__(self, size: int, bounds: Bounds) -> None:
        """Start counting for an archive of so many octets."""
        self.size, self.bounds = size, bounds
        self.members = self.octets = 0

    def member(self) -> None:
        """Count one more member."""
        self.members += 1
        if self.members > self.bounds.members:
            raise Bomb(f"more than {self.bounds.members:,} members")

    def read(self, octets: int) -> None:
        """Count octets that came out."""
        self.octets += octets
        if self.octets > self.bounds.octets:
            raise Bomb(f"more than {self.bounds.octets >> 30} GB inside")
        if self.octets > self.bounds.free and self.octets > self.bounds.ratio * self.size:
            raise Bomb(f"it grew to more than {self.bounds.ratio} times its size")


class CountedStream(io.RawIOBase):
    """A stream whose octets are counted as they are read."""

    def __init__(self, source: IO[bytes], guard: UnpackGuard) -> None:
        """Read from a source, counted by a guard."""
        self._source, self._guard = source, guard

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, target: Any) -> int:
        """Fill a buffer as far as the source has octets, so that a reader that peeks sees enough; raises Bomb."""
        filled = 0
        while filled < len(target) and (octets := self._source.read(len(target) - filled)):
            self._guard.read(len(octets))
            target[filled : filled + len(octets)] = octets
            filled += len(octets)
        return filled


def counted(source: IO[bytes], guard: UnpackGuard) -> io.BufferedReader:
    """Return a stream that can be peeked into and counts what is read."""
    return io.BufferedReader(CountedStream(source, guard), BLOCK)


class _Xz(io.RawIOBase):
    """An xz stream, or several in a row, that may not take more memory than allowed."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._decoder = lzma.LZMADecompressor(memlimit=MAX_XZ)

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        while True:
            if self._decoder.eof:
                rest = self._decoder.unused_data.lstrip(b"\0") or self._source.read(BLOCK).lstrip(b"\0")
                if not rest:
                    return 0
                self._decoder = lzma.LZMADecompressor(memlimit=MAX_XZ)
            else:
                rest = self._source.read(BLOCK) if self._decoder.needs_input else b""
                if not rest and self._decoder.needs_input:
                    raise EOFError("the xz stream ends before its end")
            octets = self._decoder.decompress(rest, len(target))
            if octets:
                target[: len(octets)] = octets
                return len(octets)


_PACKERS = (
    (b"\x1f\x8b", lambda source: gzip.GzipFile(fileobj=source)),
    (b"BZh", bz2.BZ2File),
    (b"\xfd7zXZ\0", lambda source: io.BufferedReader(_Xz(source), BLOCK)),
)


def is_zip(head: bytes) -> bool:
    """Whether a file that begins so is a zip archive."""
    return head.startswith((b"PK\3\4", b"PK\5\6"))


def is_tar(head: bytes) -> bool:
    """Whether a file that begins so is a tar archive."""
    return head[257:262] == b"ustar"


def is_packed(head: bytes) -> bool:
    """Whether a file that begins so is an archive or compressed."""
    return is_zip(head) or is_tar(head) or any(head.startswith(magic) for magic, _ in _PACKERS)


def unpacked(source: IO[bytes], head: bytes) -> IO[bytes] | None:
    """Return the unpacked octets of a compressed stream that begins so, or None if it is not compressed."""
    opener = next((opener for magic, opener in _PACKERS if head.startswith(magic)), None)
    return cast("IO[bytes]", opener(source)) if opener else None


@dataclass(frozen=True, slots=True)
class ArchiveMember:
    """A file in an archive: its name, safe to show, and its octets, or why there are none."""

    name: str
    stream: IO[bytes] | None
    fault: str = ""


def zip_members(file: BinaryIO, guard: UnpackGuard) -> Iterator[ArchiveMember]:
    """Yield the files of a seekable zip archive; raises Bomb, and the exceptions in `BROKEN`."""
    if _directory_octets(file) > guard.bounds.directory:
        raise Bomb(f"its list of members is larger than {guard.bounds.directory >> 20} MB")
    with zipfile.ZipFile(file) as archive:
        for info in archive.filelist:
            guard.member()
            if info.is_dir():
                continue
            name = shown(info.filename)
            if info.flag_bits & 1 or info.compress_type not in (0, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2):
                yield ArchiveMember(name, None, "encrypted, or packed in a way that is not supported")
                continue
            try:
                stream = archive.open(info)
            except BROKEN as fault:
                yield ArchiveMember(name, None, f"cannot be unpacked ({fault})")
                continue
            with stream:
                yield ArchiveMember(name, stream)


def _directory_octets(file: BinaryIO) -> int:
    """Return how large the list of members is, before it is read (APPNOTE 4.3.16; zip64: 4.3.14)."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - 66_000))
    tail = file.read()
    file.seek(0)
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) < at + 22:
        raise zipfile.BadZipFile("its list of members is missing; it may be cut off")
    octets = int(struct.unpack_from("<L", tail, at + 12)[0])
    large = tail.rfind(b"PK\6\6")
    if octets == 0xFFFFFFFF and 0 <= large <= len(tail) - 56:
        octets = int(struct.unpack_from("<Q", tail, large + 40)[0])
    return octets


class _Header(tarfile.TarInfo):
    """A tar header that reports what is broken instead of ending the archive there, and bounds what is read for a name."""

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile) -> "_Header":
        try:
            return super().fromtarfile(tarfile_)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]  # the end mark
            raise
        except tarfile.HeaderError as fault:
            raise tarfile.ReadError(f"{fault} at octet {tarfile_.offset:,}; it may be cut off") from fault

    def _proc_member(self, archive: tarfile.TarFile) -> Any:
        if self.type not in tarfile.REGULAR_TYPES and self.size > 64 * 1024 and self.type in _LONG:
            raise tarfile.ReadError(f"a name of {self.size:,} octets at octet {archive.offset:,}")
        return super()._proc_member(archive)  # type: ignore[misc]


_LONG = (
    tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK,
)  # fmt: skip


def tar_members(stream: IO[bytes], guard: UnpackGuard) -> Iterator[ArchiveMember]:
    """Yield the files of a tar archive while it is read; raises Bomb, and the exceptions in `BROKEN`."""
    with tarfile.open(fileobj=stream, mode="r|", tarinfo=_Header, bufsize=BLOCK) as archive:
        while (info := archive.next()) is not None:
            archive.members = []  # type: ignore[attr-defined]  # it would remember every one of them
            guard.member()
            if info.type in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE):
                yield ArchiveMember(shown(info.name), archive.extractfile(info))
            elif not info.isdir():
                yield ArchiveMember(shown(info.name), None, "a link or a device, not a file")


def shown(name: str) -> str:
    """Return a member's name as it may be shown; nothing is ever written under it."""
    plain = name.encode("utf-8", "replace").decode("utf-8")
    return str(PurePosixPath("".join(c if c.isprintable() else "?" for c in plain)))[:300]
