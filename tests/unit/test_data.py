"""Where a mail ends, and what is kept of it."""

import random

import pytest

from canary.smtp.data import DataReader

TOKENS = [
    b"\r\n", b"\n", b"\r", b".", b"..", b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r\n.\r\r\n",
    b"\r\r\n.\r\n", b"a", b"MAIL FROM:<x@y>", b"\0", b"\xff", b"\r\n.\r\n", b".\r\n", b"\r\n..\r\n",
]  # fmt: skip
LIMIT = 64


def by_buffer(stream: bytes, cuts: random.Random) -> tuple[bytes, str, bytes] | None:
    """What our reader makes of a stream in random cuts: content, refusal and what follows; None without an end."""
    reader = DataReader(LIMIT)
    while stream:
        cut = cuts.randint(1, 9)
        rest, stream = reader.feed(stream[:cut]), stream[cut:]
        if rest is not None:
            return b"" if reader.refusal else reader.content(), reader.refusal[:3], rest + stream
    return None


def by_lines(stream: bytes) -> tuple[bytes, str, bytes] | None:
    """The same by the letter of RFC 5321 4.5.2: line after line, each ended by CRLF and by nothing else."""
    content, size = b"", 0
    while b"\r\n" in stream:
        line, _, stream = stream.partition(b"\r\n")
        if line == b".":
            return (b"", "552", stream) if size > LIMIT else (content, "", stream)
        size += len(line) + 2
        content += line.removeprefix(b".") + b"\r\n"
    return None


def test_reading_by_buffer_and_by_line_are_the_same_on_random_streams() -> None:
    dice = random.Random(5321)
    for _ in range(20_000):
        stream = b"".join(dice.choices(TOKENS, k=dice.randint(1, 16)))
        assert by_buffer(stream, dice) == by_lines(stream), stream


@pytest.mark.parametrize(
    "body",
    [
        b"a\n.\nb\r\n",
        b"a\r.\rb\r\n",
        b"a\n.\r\nb\r\n",
        b"a\r\n.\nb\r\n",
        b"a\r\n.\rb\r\n",
        b"a\r\n\0.\r\nb\r\n",
        b"\n.\n\r\n",
    ],
)
def test_nothing_but_a_dot_between_two_crlf_ends_a_mail(body: bytes) -> None:
    reader = DataReader(1000)
    assert reader.feed(body) is None
    assert reader.feed(b".\r\nQUIT\r\n") == b"QUIT\r\n"
    assert reader.content() == body.replace(b"\r\n.", b"\r\n")


def test_a_mail_may_be_empty() -> None:
    reader = DataReader(1000)
    assert reader.feed(b".\r\n") == b""
    assert reader.content() == b""


@pytest.mark.parametrize(("size", "refusal"), [(1000, ""), (1001, "552")])
def test_the_limit_counts_the_mail_and_not_its_end(size: int, refusal: str) -> None:
    reader = DataReader(1000)
    for octet in b"x" * (size - 2) + b"\r\n.\r\n":
        reader.feed(bytes([octet]))
    assert reader.refusal[:3] == refusal


def test_a_line_without_end_holds_no_more_than_the_limit() -> None:
    reader = DataReader(1000)
    held = max(reader.feed(b"x" * 300) or reader.held for _ in range(1000))
    assert isinstance(held, int)
    assert held <= 1000
