"""Chunks of a mail."""

import random

import pytest

from canary.smtp.data import ChunkReader, chunk_size


@pytest.mark.parametrize(
    ("argument", "announced"),
    [
        ("0", (0, False)), ("10", (10, False)), ("10 LAST", (10, True)), ("007  last", (7, True)),
        ("", None), ("LAST", None), ("-1", None), ("+1", None), ("1 2", None), ("1LAST", None), ("1 LAST x", None),
        ("0x10", None), ("1e3", None), ("\u0663", None), ("1" * 21, None),
    ],
)  # fmt: skip
def test_a_size_is_a_number_and_perhaps_the_word_last(argument: str, announced: tuple[int, bool] | None) -> None:
    assert chunk_size(argument) == announced


def test_chunks_in_any_cut_are_the_mail_and_leave_what_follows() -> None:
    dice = random.Random(3030)
    for _ in range(500):
        reader, mail = ChunkReader(10_000), b""
        for _ in range(dice.randint(1, 5)):
            chunk = dice.randbytes(dice.randint(1, 50))
            reader.expect(len(chunk), last=False)
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
        reader.expect(size, last=False)
        assert reader.feed(b"x" * (size + 1)) == b"x"
        assert (reader.refusal[:3], reader.held) == (refusal, 0 if refusal else 60)


def test_a_chunk_for_nothing_is_read_and_refused() -> None:
    reader = ChunkReader(0)
    reader.drop("503 no")
    reader.expect(5, last=False)
    assert [reader.feed(b"abc"), reader.feed(b"defg")] == [None, b"fg"]
    assert (reader.held, reader.refusal, reader.last) == (0, "503 no", False)
