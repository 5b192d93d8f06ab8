"""Chunks of a mail."""

import random

import pytest

from canary.smtp.admission import Refusal
from canary.smtp.data import ChunkReader, chunk_size


@pytest.mark.parametrize(
    ("argument", "announced"),
    [
        ("0", (0, False)), ("10", (10, False)), ("10 LAST", (10, True)), ("007  last", (7, True)),
    ],
)  # fmt: skip
def test_a_size_is_a_number_and_perhaps_the_word_last(argument: str, announced: tuple[int, bool]) -> None:
    assert chunk_size(argument) == announced


@pytest.mark.parametrize(
    "argument",
    ["", "LAST", "-1", "+1", "1 2", "1LAST", "1 LAST x", "0x10", "1e3", "\u0663", "1" * 21],
)
def test_any_other_size_ends_the_session(argument: str) -> None:
    with pytest.raises(Refusal, match=r"^421 4\.7\.0"):
        chunk_size(argument)


def test_chunks_in_any_cut_are_the_mail_and_leave_what_follows() -> None:
    dice = random.Random(3030)
    for _ in range(500):
        reader, mail = ChunkReader(10_000), b""
        for _ in range(dice.randint(1, 5)):
            chunk = dice.randbytes(dice.randint(1, 50))
            reader.expect(len(chunk))
            stream, mail = chunk + b"NOOP\r\n", mail + chunk
            rest = None
            while rest is None:
                cut = dice.randint(1, 20)
                rest, stream = reader.feed(stream[:cut]), stream[cut:]
            assert rest + stream == b"NOOP\r\n"
        assert (reader.read, reader.content()) == (len(mail), mail)


def test_past_the_limit_nothing_is_held_and_all_is_read() -> None:
    reader = ChunkReader(100)
    for size, refusal in ((60, ""), (60, "552"), (10, "552")):
        reader.expect(size)
        assert reader.feed(b"x" * (size + 1)) == b"x"
        assert (reader.refusal[:3], reader.held) == (refusal, 0 if refusal else 60)


def test_a_chunk_for_nothing_is_read_and_refused() -> None:
    reader = ChunkReader(0)
    reader.drop("503 no")
    reader.expect(5)
    assert [reader.feed(b"abc"), reader.feed(b"defg")] == [None, b"fg"]
    assert (reader.held, reader.refusal) == (0, "503 no")
