"""Mailbox files: where a message begins and ends, whatever stands in it and however it streams by."""

import io
import mailbox
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.importing.mbox import Piece, is_from_line, read_mbox, unwrap

LINE = b"From a@b.example Mon Jan  6 10:00:00 2014\n"
OTHER = b"From c@d.example Tue Jan  7 10:00:00 2014\n"
CAP = 10_000


def pieces(octets: bytes, cap: int = CAP) -> list[Piece]:
    return list(read_mbox(io.BytesIO(octets), cap))


def contents(octets: bytes, cap: int = CAP) -> list[bytes]:
    return [piece.content for piece in pieces(octets, cap)]


class Dripping:
    """A stream that gives a few octets at a time."""

    def __init__(self, octets: bytes, size: int) -> None:
        self.file, self.size = io.BytesIO(octets), size

    def read(self, size: int, /) -> bytes:
        return self.file.read(min(size, self.size))


@pytest.mark.parametrize(
    "line",
    [
        b"From a@b.example Mon Jan  6 10:00:00 2014",
        b"From MAILER-DAEMON Fri Jul  8 12:08:34 2011",
        b"From 1234567890@xxx Mon Apr 01 12:00:00 +0000 2019",
        b"From - Mon Jan 06 10:00:00 2014",
        b"From a@b.example Mon, 6 Jan 2014 10:00:00 +0200",
        b'From "a b"@c.example  Mon Jan  6 10:00 CEST 2014',
        b"From a@b Mon Jan  6 10:00:00 2014 remote from host\r",
    ],
)
def test_real_from_lines_begin_a_message(line: bytes) -> None:
    assert is_from_line(line)


@pytest.mark.parametrize(
    "line", [b"From me to you", b"From Monday to Friday", b"From a@b 2014", b">From a@b Mon Jan 6"]
)
def test_other_lines_do_not(line: bytes) -> None:
    assert not is_from_line(line)


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_messages_are_separated_with_either_line_end(end: bytes) -> None:
    octets = (LINE + b"Subject: 1\n\none\n\n" + OTHER + b"Subject: 2\n\ntwo\n\n").replace(b"\n", end)
    found = pieces(octets)
    assert [piece.content for piece in found] == [
        text.replace(b"\n", end) for text in (b"Subject: 1\n\none\n", b"Subject: 2\n\ntwo\n")
    ]
    assert [piece.line for piece in found] == [LINE.strip(), OTHER.strip()]


def test_each_message_has_its_number_and_its_place_in_the_file() -> None:
    first, second = LINE + b"A: 1\n\none\n\n", OTHER + b"B: 2\n\ntwo\n"
    found = pieces(first + second)
    assert [(p.number, p.offset, p.length) for p in found] == [(1, 0, len(first)), (2, len(first), len(second))]


def test_a_from_line_counts_only_after_an_empty_line() -> None:
    assert contents(LINE + b"A: 1\n\ntext\n" + OTHER + b"B: 2\n\n") == [b"A: 1\n\ntext\n" + OTHER + b"B: 2\n"]


def test_prose_that_begins_with_from_stays_in_its_message() -> None:
    assert contents(LINE + b"A: 1\n\ntext\n\nFrom here on it is prose.\n") == [
        b"A: 1\n\ntext\n\nFrom here on it is prose.\n"
    ]


def test_escaped_from_lines_lose_one_mark() -> None:
    assert contents(LINE + b"A: 1\n\n>From me\n>>From you\n > From them\n") == [
        b"A: 1\n\nFrom me\n>From you\n > From them\n"
    ]


def test_a_length_that_reaches_beyond_keeps_a_quoted_from_line_inside() -> None:
    body = b"he wrote:\n\n" + OTHER + b"and more prose\n"
    told = b"Content-Length: %d\n\n" % len(body)
    assert contents(LINE + b"A: 1\n" + told + body + b"\n" + OTHER + b"B: 2\n\nx\n") == [
        b"A: 1\n" + told + body,
        b"B: 2\n\nx\n",
    ]


def test_a_wrong_length_swallows_no_message() -> None:
    assert contents(LINE + b"Content-Length: 99999\n\none\n\n" + OTHER + b"B: 2\n\ntwo\n") == [
        b"Content-Length: 99999\n\none\n",
        b"B: 2\n\ntwo\n",
    ]


def test_garbage_between_messages_is_a_separate_message() -> None:
    assert contents(LINE + b"A: 1\n\none\n\n" + OTHER + b"\0\1\2 garbage\n\n" + LINE + b"C: 3\n\n") == [
        b"A: 1\n\none\n",
        b"\0\1\2 garbage\n",
        b"C: 3\n",
    ]


def test_what_is_before_the_first_from_line_is_kept_apart() -> None:
    found = pieces(b"lost: tail\n\n" + LINE + b"A: 1\n\none\n")
    assert [(piece.line, piece.number) for piece in found] == [(b"", 1), (LINE.strip(), 2)]


def test_a_message_beyond_the_cap_is_only_begun_and_the_next_one_is_whole() -> None:
    large = LINE + b"A: 1\n\n" + b"x" * 79 + b"\n" + b"y" * 3_000_000 + b"\n\n"
    found = pieces(large + OTHER + b"B: 2\n\ntwo\n", cap=1000)
    assert [(p.whole, p.offset, p.length) for p in found] == [
        (False, 0, len(large)),
        (True, len(large), len(OTHER) + 10),
    ]
    assert found[0].content.startswith(b"A: 1\n\nxxx")
    assert len(found[0].content) <= 1000


def test_reading_goes_on_after_any_message() -> None:
    octets = b"".join(LINE + b"A: %d\n\ntext\n\n" % n for n in range(5))
    whole = pieces(octets)
    for at, piece in enumerate(whole):
        begin = piece.offset + piece.length
        assert list(read_mbox(io.BytesIO(octets[begin:]), CAP, begin, piece.number)) == whole[at + 1 :]


def test_a_piece_read_again_at_its_place_is_the_same_message() -> None:
    octets = LINE + b"A: 1\n\n>From x\n\n\n" + OTHER + b"B: 2\n\ntwo\n\n"
    for piece in pieces(octets):
        assert unwrap(octets[piece.offset : piece.offset + piece.length]) == (piece.line, piece.content)


_LINES = st.sampled_from([
    LINE, OTHER, b"\n", b"\r\n", b"A: 1\n", b"text\n", b"From prose\n", b">From x\n", b"Content-Length: 40\n", b"x" * 700 + b"\n",
    LINE.replace(b"\n", b"\r\n"), b"\r", b"From ", b"B: 2\r\n",
])  # fmt: skip


@given(st.lists(_LINES, max_size=60), st.integers(1, 3000), st.sampled_from([40, 900, 10_000]))
def test_how_the_octets_arrive_makes_no_difference(lines: list[bytes], size: int, cap: int) -> None:
    octets = b"".join(lines)
    whole = pieces(octets, cap)
    assert list(read_mbox(Dripping(octets, size), cap)) == whole
    ends = [piece.offset + piece.length for piece in whole]
    assert all(after.offset >= end for end, after in zip(ends, whole[1:], strict=False))
    assert not ends or ends[-1] <= len(octets)


def test_it_finds_what_the_standard_library_finds(tmp_path: Path) -> None:
    octets = b"".join(LINE + b"Subject: %d\n\n%s\n\n" % (n, b"text\n" * n) for n in range(50))
    (tmp_path / "box").write_bytes(octets)
    theirs = mailbox.mbox(tmp_path / "box", create=False)
    assert [piece.content for piece in pieces(octets)] == [theirs.get_bytes(key) for key in theirs.iterkeys()]
    theirs.close()
