"""What lies beside mail and is none: by its first octets or its name, and never a mail that is damaged."""

import pytest

from canary.importing.foreign import UNREAD_MAIL, foreign_kind, sure_kind

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"


@pytest.mark.parametrize(
    ("name", "octets", "kind"),
    [
        ("1.png", PNG, "images"), ("1.eml", PNG, "images"), ("1.jpg", b"damaged", "images"), ("scan.pdf", b"%PDF-1.4", "documents"),
        ("letter.docx", b"PK\3\4", "documents"), ("notes.txt", b"milk, bread", "text files"), ("README", b"milk", "text files"),
        ("all.7z", b"7z\xbc\xaf\x27\x1c", "archives"), ("film.mp4", b"\0\0\0\x20ftypisom", "sound and video"),
        ("run.exe", b"MZ", "programs"), ("old.pst", b"!BDN", UNREAD_MAIL), ("one.msg", b"\xd0\xcf\x11\xe0", UNREAD_MAIL),
        ("mail.db", b"SQLite format 3\0", "databases"), ("blob", b"\0\1\2\3", "other files"), ("x.unheard", b"\0", "other files"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_mail_has_a_kind(name: str, octets: bytes, kind: str) -> None:
    assert foreign_kind(name, octets) == kind


@pytest.mark.parametrize("name", ["1.eml", "17", "1400000000.M1P2.host:2,S", "x:2,", "box.mbox", "7.emlx"])
def test_what_is_named_like_mail_is_damaged_mail(name: str) -> None:
    assert foreign_kind(name, b"\0\1 garbage") == ""


@pytest.mark.parametrize("name", ["1.eml", "letter.txt", "mail.zip"])
def test_nothing_is_sure_by_a_name_alone(name: str) -> None:
    assert sure_kind(name, b"From: a@b.example\r\n") == ""
