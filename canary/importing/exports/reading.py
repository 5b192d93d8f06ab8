"""A file of addresses becomes text, and its form decides who reads it; nothing of it is written anywhere."""

import codecs
import io
import zipfile

from canary.importing.compressed import BROKEN
from canary.importing.exports.csv_forms import read_table
from canary.importing.exports.json_forms import read_json
from canary.importing.exports.keepass_xml import read_keepass
from canary.importing.exports.listed import ExportRead, Reader, UnreadableExport

MAX_FILE = 10 << 20
_ZIP = b"PK\3\4"
_ONEPASSWORD = "export.data"
"""The member of a 1pux archive that holds the accounts."""

_BY_MARK = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
READERS: tuple[Reader, ...] = (read_keepass, read_json, read_table)
"""The first that returns something reads the file; any text at all is a table."""


def read_export(octets: bytes) -> ExportRead:
    """Read an export by its form; raises UnreadableExport for a file that is too large, encrypted or damaged."""
    if len(octets) > MAX_FILE:
        raise UnreadableExport(f"has more than {MAX_FILE >> 20} MB: split it, or export only the log-ins")
    text = decode(_unpacked(octets) if octets.startswith(_ZIP) else octets)
    return next(read for reader in READERS if (read := reader(text)) is not None)


def decode(octets: bytes) -> str:
    """Decode a text: by its byte order mark, else as UTF-8, else as Windows writes it in Western Europe."""
    for mark, encoding in _BY_MARK:
        if octets.startswith(mark):
            return octets.decode(encoding, "replace")
    if b"\0" in octets[:200]:  # text in UTF-16 without a mark has a NUL beside nearly every letter
        return octets.decode("utf-16-be" if octets[:1] == b"\0" else "utf-16-le", "replace")
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.decode("cp1252", "replace")


def _unpacked(octets: bytes) -> bytes:
    """Return the accounts in a 1pux archive, which is read in memory and no further than the bound of a file."""
    data = _member(octets)
    if data is None:
        raise UnreadableExport("is an archive, and not one of 1Password (1pux): unpack it, and name the file in it")
    if len(data) > MAX_FILE:
        raise UnreadableExport(f"holds more than {MAX_FILE >> 20} MB of log-ins: export fewer at once")
    return data


def _member(octets: bytes) -> bytes | None:
    try:
        with zipfile.ZipFile(io.BytesIO(octets)) as archive, archive.open(_ONEPASSWORD) as member:
            return member.read(MAX_FILE + 1)
    except (KeyError, *BROKEN):
        return None
