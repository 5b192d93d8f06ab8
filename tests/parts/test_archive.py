"""Stored mail on disk: every form is read, nothing is believed, and what is broken is named with its place."""

import bz2
import gzip
import hashlib
import io
import lzma
import os
import random
import struct
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from canary.importing.archive import ArchivePlace, Reader, Stored, StoredOrUnreadable, UnreadableMail, walk
from canary.importing.compressed import Bounds
from tests.conftest import ROOT
from tests.letterbox import Letter, history, mbox, tarred, zipped

LETTERS = history()
WIRE = sorted(bytes(letter) for letter in LETTERS)
BOX = mbox(LETTERS)
SMALL = Reader(cap=100_000)


def read(path: Path, octets: bytes | None = None, reader: Reader = SMALL) -> list[StoredOrUnreadable]:
    if octets is not None:
        path.write_bytes(octets)
    return [found for file in walk([path]) for found in reader.read(file)]


def mails(found: list[StoredOrUnreadable]) -> list[bytes]:
    return sorted(each.content for each in found if isinstance(each, Stored))


def faults(found: list[StoredOrUnreadable]) -> list[tuple[str, int, int, str]]:
    return [
        (each.place.member, each.place.number, each.place.offset, each.reason)
        for each in found
        if isinstance(each, UnreadableMail)
    ]


def eml(letters: list[Letter]) -> list[tuple[str, bytes]]:
    return [(f"mail/{number}.eml", bytes(letter)) for number, letter in enumerate(letters)]


def test_what_is_neither_file_nor_folder_is_left_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert list(walk([tmp_path])) == []


FORMS: dict[str, Callable[[], bytes]] = {
    "box.mbox": lambda: BOX,
    "crlf.mbox": lambda: mbox(LETTERS, b"\r\n"),
    "mac.mbox": lambda: mbox(LETTERS, b"\r"),
    "mac": lambda: mbox(LETTERS, b"\r"),
    "bom.mbox": lambda: b"\xef\xbb\xbf" + BOX,
    "mac.zip": lambda: zipped([("Mail/In", mbox(LETTERS, b"\r"))]),
    "box.mbox.gz": lambda: gzip.compress(BOX),
    "box.mbox.bz2": lambda: bz2.compress(BOX),
    "box.mbox.xz": lambda: lzma.compress(BOX),
    "mails.zip": lambda: zipped(eml(LETTERS)),
    "box.zip": lambda: zipped([("Takeout/Mail/All.mbox", BOX)]),
    "mails.tar": lambda: tarred(eml(LETTERS)),
    "mails.tar.gz": lambda: tarred(eml(LETTERS), "gz"),
    "box.tar.bz2": lambda: tarred([("x/box", BOX)], "bz2"),
    "box.tar.xz": lambda: tarred([("x/box", BOX)], "xz"),
    "nested.zip": lambda: zipped([("inner.tar.gz", tarred(eml(LETTERS), "gz"))]),
    "nested.tar": lambda: tarred([("inner.zip", zipped(eml(LETTERS)))]),
    "two.mbox.xz": lambda: lzma.compress(mbox(LETTERS[:9])) + lzma.compress(mbox(LETTERS[9:])),
}


PLAIN = ("box.mbox", "crlf.mbox", "mac.mbox", "mac", "bom.mbox")


@pytest.mark.parametrize("name", FORMS)
def test_every_form_holds_the_same_mails_octet_for_octet(tmp_path: Path, name: str) -> None:
    found = read(tmp_path / name, FORMS[name]())
    assert (mails(found), faults(found)) == (WIRE, [])


def test_a_single_mail_is_read_whatever_its_name(tmp_path: Path) -> None:
    assert mails(read(tmp_path / "1", bytes(LETTERS[0]).replace(b"\r\n", b"\n"))) == [bytes(LETTERS[0])]


APPLE = b"<?xml version='1.0'?>\n<plist version='1.0'><dict/></plist>\n"


@pytest.mark.parametrize(
    ("before", "after"), [(b"\xef\xbb\xbf", b""), (b"%d        \n", APPLE), (b"\xef\xbb\xbf%d\r\n", APPLE)]
)
def test_what_programs_put_around_a_mail_is_left_out(tmp_path: Path, before: bytes, after: bytes) -> None:
    mail = bytes(LETTERS[0]).replace(b"\r\n", b"\n")
    [found] = read(tmp_path / "1.emlx", before.replace(b"%d", b"%d" % len(mail)) + mail + after)
    assert found.content == bytes(LETTERS[0])
    assert SMALL.reread(found.place, hashlib.sha256(found.content).digest()) == found.content


def test_of_a_journal_report_the_mail_inside_is_read_and_found_again(tmp_path: Path) -> None:
    inner = bytes(LETTERS[0]).replace(b"\r\n", b"\n")
    report = (
        b"X-MS-Journal-Report:\nFrom: journal@in.example\nContent-Type: multipart/mixed; boundary=J\n\n--J\n"
        b"Content-Type: text/plain\n\nSender: b@shop.example\nRecipient: shop@in.example\n\n--J\n"
        b"Content-Type: message/rfc822\n\n" + inner + b"\n--J--\n"
    )
    for name, octets in (("1.eml", report), ("box", mbox([report, LETTERS[1]])), ("mac", mbox([report], b"\r"))):
        found = read(tmp_path / name, octets)[0]
        assert found.content.startswith(b"Return-Path: <b@shop.example>\r\nDelivered-To: shop@in.example\r\n")
        assert found.content.endswith(bytes(LETTERS[0]))
        assert SMALL.reread(found.place, hashlib.sha256(found.content).digest()) == found.content


def test_a_folder_is_read_with_all_below_it_but_not_what_programs_keep_there(tmp_path: Path) -> None:
    for name, octets in (("a/1.eml", bytes(LETTERS[0])), ("a/b/All", BOX), ("a/All.msf", b"x"), (".DS_Store", b"x")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(octets)
    assert mails(read(tmp_path)) == sorted([*WIRE, bytes(LETTERS[0])])


def test_of_a_maildir_what_is_delivered_is_read_with_its_time(tmp_path: Path) -> None:
    for name in ("cur/1400000000.M1P2.host:2,S", "new/1400000001.M2.host", "tmp/half", ".Sent/cur/3.h:2,", "cur/4.h"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(bytes(LETTERS[0]) if "half" not in name else b"half")
    found = [each for each in read(tmp_path) if isinstance(each, Stored)]
    assert sorted(int(each.delivered.timestamp()) for each in found if each.delivered) == [1400000000, 1400000001]
    assert len(found) == 4


def test_a_link_to_a_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/loop").symlink_to(tmp_path)
    assert list(walk([tmp_path])) == []


def test_broken_mails_are_named_with_their_place_and_the_rest_goes_in(tmp_path: Path) -> None:
    octets = mbox([LETTERS[0], b"\0\1 garbage", LETTERS[1], b"", b"Subject: x\n\n" + b"y" * 100_001, LETTERS[2]])
    found = read(tmp_path / "box", octets)
    assert mails(found) == sorted(map(bytes, LETTERS[:3]))
    begins = [place.offset for place in (each.place for each in found)]
    assert faults(found) == [
        ("", 2, begins[1], "not a mail: it has no header"),
        ("", 4, begins[3], "empty"),
        ("", 5, begins[4], "larger than 0.1 MB"),
    ]
    assert all(octets[at:].startswith(b"From ") for at in begins)


@pytest.mark.parametrize(
    ("octets", "reason"),
    [(b"", "empty"), (b"\0" * 5000, "empty"), (os.urandom(4000) + b"\n", "no header"), (b"x: y\n" * 30_000, "larger")],
)
def test_a_file_that_is_not_a_mail_is_reported(tmp_path: Path, octets: bytes, reason: str) -> None:
    [(_, number, offset, told)] = faults(read(tmp_path / "1.eml", octets))
    assert (number, offset) == (1, 0)
    assert reason in told


def test_a_file_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    [(*_, told)] = faults(list(SMALL.read(tmp_path / "gone.eml")))
    assert told == "cannot be read (No such file or directory)"


@pytest.mark.parametrize(
    "name", ["mails.zip", "box.mbox.gz", "box.mbox.bz2", "box.mbox.xz", "mails.tar", "mails.tar.gz"]
)
def test_an_archive_that_is_cut_off_gives_what_it_has_and_says_so(tmp_path: Path, name: str) -> None:
    octets = FORMS[name]()
    found = read(tmp_path / name, octets[: len(octets) * 3 // 4])
    assert faults(found)
    assert set(mails(found)) <= set(WIRE)


def test_a_member_with_a_wrong_checksum_costs_no_other(tmp_path: Path) -> None:
    octets = bytearray(zipped(eml(LETTERS)))
    at = octets.index(b"mail/3.eml") + 60
    octets[at] ^= 0xFF
    found = read(tmp_path / "x.zip", bytes(octets))
    assert [member for member, *_ in faults(found)] == ["mail/3.eml"]
    assert len(mails(found)) == len(LETTERS) - 1


def test_an_encrypted_member_is_reported(tmp_path: Path) -> None:
    octets = bytearray(zipped(eml(LETTERS[:2])))
    octets[octets.index(b"PK\1\2") + 8] |= 1
    found = read(tmp_path / "x.zip", bytes(octets))
    assert [(m, r.partition(",")[0]) for m, _, _, r in faults(found)] == [("mail/0.eml", "encrypted")]
    assert len(mails(found)) == 1


def test_names_that_climb_or_lie_write_nothing_anywhere(tmp_path: Path) -> None:
    names = ["../../evil.eml", "/etc/evil.eml", "a\x1b[31m\n.eml", "C:\\x.eml"]
    found = read(tmp_path / "x.zip", zipped([(name, bytes(LETTERS[0])) for name in names]))
    found += read(tmp_path / "x.tar", tarred([(name, bytes(LETTERS[0])) for name in names]))
    assert len(mails(found)) == 8
    assert all(each.place.member.isprintable() for each in found)
    assert sorted(p.name for p in tmp_path.parent.rglob("*") if p.is_file() and p.parent == tmp_path) == [
        "x.tar",
        "x.zip",
    ]


def test_links_and_devices_in_a_tar_are_not_followed(tmp_path: Path) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
            info = tarfile.TarInfo(f"x{kind.decode()}")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    found = read(tmp_path / "x.tar", file.getvalue())
    assert mails(found) == []
    assert {told for *_, told in faults(found)} == {"a link or a device, not a file"}


TIGHT = Bounds(members=10, octets=1 << 30, ratio=50, free=1 << 20, depth=2, nested=1 << 20, directory=1 << 20)


def russian(depth: int) -> bytes:
    octets = bytes(LETTERS[0])
    for _ in range(depth):
        octets = zipped([("x.zip", octets)])
    return octets


@pytest.mark.parametrize(
    ("name", "make", "told"),
    [
        ("zeros.zip", lambda: zipped([("a.mbox", b"\0" * 30_000_000)]), "50 times"),
        ("zeros.gz", lambda: gzip.compress(b"\0" * 30_000_000), "50 times"),
        ("zeros.xz", lambda: lzma.compress(b"\0" * 30_000_000), "50 times"),
        ("zeros.tar.bz2", lambda: tarred([("a.mbox", b"\0" * 30_000_000)], "bz2"), "50 times"),
        ("many.zip", lambda: zipped(eml(LETTERS)), "more than 10 members"),
        ("many.tar", lambda: tarred(eml(LETTERS)), "more than 10 members"),
        ("deep.zip", lambda: russian(9), "more than 2 deep"),
        ("inner.tar", lambda: tarred([("a.zip", zipped([("a", os.urandom(2_000_000))]))]), "0 GB inside it"),
    ],
)
def test_bombs_go_off_into_a_line_of_the_report(
    tmp_path: Path, name: str, make: Callable[[], bytes], told: str
) -> None:
    found = read(tmp_path / name, make(), replace(SMALL, bounds=TIGHT, scratch=tmp_path))
    assert told in faults(found)[-1][-1]
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.slow
def test_a_list_of_members_that_would_fill_the_memory_is_not_read(tmp_path: Path) -> None:
    octets = zipped([(f"{number:0200}", b"") for number in range(6000)])
    assert "list of members" in faults(read(tmp_path / "x.zip", octets, replace(SMALL, bounds=TIGHT)))[-1][-1]


def test_a_tar_name_that_would_fill_the_memory_is_not_read(tmp_path: Path) -> None:
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 50_000_000
    found = read(tmp_path / "x.tar", info.tobuf(tarfile.GNU_FORMAT) + b"a" * 50_000_000)
    assert "a name of 50,000,000 octets" in faults(found)[-1][-1]


def test_a_broken_header_in_the_middle_of_a_tar_is_reported(tmp_path: Path) -> None:
    octets = bytearray(tarred(eml(LETTERS)))
    at = octets.index(b"mail/5.eml")
    octets[at + 148 : at + 156] = b"99999999"
    found = read(tmp_path / "x.tar", bytes(octets))
    assert len(mails(found)) == 5
    assert "broken archive" in faults(found)[-1][-1]


def test_damage_anywhere_raises_nothing(tmp_path: Path) -> None:
    chance = random.Random(7)
    for name in ("mails.zip", "mails.tar", "mails.tar.gz", "box.tar.xz", "box.mbox.bz2", "nested.zip", "box.mbox"):
        whole = FORMS[name]()
        for _ in range(25):
            octets = bytearray(whole)
            for _ in range(chance.randrange(1, 12)):
                octets[chance.randrange(len(octets))] = chance.randrange(256)
            for each in read(tmp_path / name, bytes(octets)):
                assert len(each.content) <= 2 * SMALL.cap


def test_reading_goes_on_in_the_middle(tmp_path: Path) -> None:
    for name in (*PLAIN, "mails.tar.gz"):
        whole = read(tmp_path / name, FORMS[name]())
        for seen in (0, 1, 9, len(whole)):
            last = whole[seen - 1].place if seen and name in PLAIN else None
            assert list(SMALL.read(tmp_path / name, last, seen)) == whole[seen:]


@pytest.mark.parametrize("name", PLAIN)
def test_a_mail_is_found_again_at_its_place_by_its_digest(tmp_path: Path, name: str) -> None:
    for each in read(tmp_path / name, FORMS[name]()):
        digest = hashlib.sha256(each.content).digest()
        assert SMALL.reread(each.place, digest) == each.content
        assert SMALL.reread(each.place, b"another") is None
    assert SMALL.reread(ArchivePlace(str(tmp_path / "gone")), b"") is None


def test_an_unlisted_zip_entry_count_is_not_believed(tmp_path: Path) -> None:
    octets = bytearray(zipped(eml(LETTERS)))
    end = octets.rindex(b"PK\5\6")
    octets[end + 8 : end + 12] = struct.pack("<HH", 1, 1)
    assert mails(read(tmp_path / "x.zip", bytes(octets))) == WIRE


def test_a_compression_that_could_take_any_memory_is_refused(tmp_path: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.eml", bytes(LETTERS[0]))
    assert "not supported" in faults(read(tmp_path / "x.zip", file.getvalue()))[0][-1]


@pytest.mark.slow
def test_a_large_mailbox_is_read_in_little_memory(tmp_path: Path) -> None:
    letter = mbox([replace(LETTERS[0], text="x" * 70 + "\n" + "a line of text\n" * 2000)])
    with (tmp_path / "box").open("wb") as file:
        for _ in range(200_000_000 // len(letter)):
            file.write(letter)
    script = (
        "import re, sys; from pathlib import Path; from canary.importing.archive import Reader\n"
        "n = sum(1 for _ in Reader().read(Path(sys.argv[1])))\n"
        "print(n, re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "box")], capture_output=True, text=True, cwd=ROOT, check=True
    )
    count, kilobytes = map(int, done.stdout.split())
    assert (count, kilobytes < 60_000) == (200_000_000 // len(letter), True)
