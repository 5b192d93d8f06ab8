"""What programs put around a stored mail: a byte order mark, Apple Mail's length and property list, old line ends."""

import codecs
import re

from canary.importing.mbox import Stream

BOM = codecs.BOM_UTF8
_LENGTH = re.compile(rb"(\d{1,10})[ \t]*\r?\n")


class MacLines:
    """A stream whose lines end with CR alone, as on the classic Mac, read as if they ended with LF."""

    def __init__(self, source: Stream) -> None:
        """Read from a source."""
        self._source = source

    def read(self, size: int, /) -> bytes:
        """Return at most so many octets, none at the end."""
        return self._source.read(size).replace(b"\r", b"\n")


def has_mac_lines(octets: bytes) -> bool:
    """Whether lines end with CR alone."""
    return b"\r" in octets and b"\n" not in octets


def first_lines(head: bytes) -> bytes:
    """Return the beginning of a file without a byte order mark, its lines ended with LF."""
    plain = head.removeprefix(BOM)
    return plain.replace(b"\r", b"\n") if has_mac_lines(plain) else plain


def unframed(content: bytes) -> tuple[int, bytes]:
    """Return where the mail begins in the content of a file, and the mail.

    Apple Mail (`.emlx`) writes the length of the mail on a line before it, and a property list after it.
    """
    begin = len(BOM) if content.startswith(BOM) else 0
    told = _LENGTH.match(content, begin)
    length = int(told[1]) if told else 0
    if told and 0 < length <= len(content) - told.end():
        return told.end(), content[told.end() : told.end() + length]
    return begin, content[begin:]
