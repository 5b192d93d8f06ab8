"""Files beside mail that are none: what kind each is, by its first octets and its name, so that they can be counted."""

import re
from collections.abc import Mapping
from pathlib import PurePath

MAIL_PROGRAMS = "files of mail programs and systems"
UNREAD_MAIL = "mail in a form that is not read (.pst, .ost, .msg, .dbx: export it as .eml or mbox)"

_ENDINGS: Mapping[str, str] = {
    ending: kind
    for kind, endings in {
        "images": "avif bmp gif heic ico jpeg jpg png psd svg tif tiff webp",
        "documents": "csv doc docx epub htm html ics json key md numbers odg odp ods odt pages pdf ppt pptx rtf toml vcf xls xlsx xml yaml yml",
        "text files": "asc cfg conf ini log nfo text txt",
        "archives": "7z bz2 cab dmg gz iso jar lz4 rar tar tgz xz zip zst",
        "sound and video": "aac avi flac m4a m4v mid mkv mov mp3 mp4 mpeg mpg ogg opus wav webm wma wmv",
        "programs": "apk bat class com dll exe js o pl ps1 py pyc sh so",
        "databases": "accdb db mdb sqlite sqlite3",
        UNREAD_MAIL: "dbx msg ost pst",
    }.items()
    for ending in endings.split()
}
_PACKED_DOCUMENTS = frozenset("apk docx epub jar key numbers odg odp ods odt pages pptx xlsx".split())
"""They are zip archives, and never of mail."""

_BEGINNINGS: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(shape, re.DOTALL), kind)
    for shape, kind in (
        (rb"\x89PNG\r\n|\xff\xd8\xff|GIF8[79]a|BM.{4}\0\0\0\0|II\*\0|MM\0\*|RIFF.{4}WEBP|.{4}ftyp(?:heic|avif|mif1)", "images"),
        (rb"%PDF-|\{\\rtf", "documents"),
        (rb"7z\xbc\xaf\x27\x1c|Rar!\x1a\x07|MSCF\0\0\0\0|\x28\xb5\x2f\xfd", "archives"),
        (rb"ID3|\xff[\xfb\xf3]|OggS|fLaC|RIFF.{4}(?:WAVE|AVI )|\x1aE\xdf\xa3|.{4}ftyp", "sound and video"),
        (rb"MZ.{58}|\x7fELF|\xca\xfe\xba\xbe|#!/", "programs"),
        (rb"SQLite format 3\0", "databases"),
        (rb"!BDN", UNREAD_MAIL),
    )
)  # fmt: skip
_MAIL_ENDINGS = frozenset("eml emlx mai mbox mbx mime nws".split())
_MAIL_NAME = re.compile(r"\d{1,12}(?:\..*)?|.*:2,[A-Za-z]*")
"""What MH and Maildir call mails."""


def sure_kind(name: str, head: bytes) -> str:
    """Return the kind of a file that cannot be mail, by its first octets or as a document in a zip; else empty."""
    if _ending(name) in _PACKED_DOCUMENTS and head.startswith(b"PK"):
        return "documents"
    return next((kind for shape, kind in _BEGINNINGS if shape.match(head)), "")


def kind_by_name(name: str) -> str:
    """Return the kind of file that a name promises, empty where it may be mail."""
    return _ENDINGS.get(_ending(name), "")


def foreign_kind(name: str, head: bytes) -> str:
    """Return what kind of file has no mail in it; empty where its name is that of a mail, which is then damaged."""
    if kind := sure_kind(name, head) or kind_by_name(name):
        return kind
    if _ending(name) in _MAIL_ENDINGS or _MAIL_NAME.fullmatch(name):
        return ""
    return "text files" if _is_text(head) else "other files"


def _ending(name: str) -> str:
    return PurePath(name).suffix.lower().lstrip(".")


def _is_text(head: bytes) -> bool:
    return not re.search(rb"[\0-\x08\x0e-\x1a\x1c-\x1f]", head)
