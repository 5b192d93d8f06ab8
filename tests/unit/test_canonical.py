"""The canonical forms of RFC 6376 section 3.4."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.authenticate.dkim.canonical import body_digest, relaxed_body, relaxed_field, simple_body, simple_field
from canary.authenticate.message import split, with_crlf
from tests.signer import canonical_body

BODIES = st.lists(st.sampled_from([b"\r\n", b"\n", b"\r", b" ", b"  ", b"\t", b"a", b"bc", b"\x0b", b"\xff"]))

EXAMPLE = b"A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\nD \t E\r\n\r\n\r\n"
"""The mail of RFC 6376 section 3.4.5."""


def test_relaxed_is_as_the_standard_shows_it() -> None:
    message = split(EXAMPLE)
    assert [relaxed_field(f) for f in message.fields] == [b"a:X", b"b:Y Z"]
    assert relaxed_body(message.body) == b" C\r\nD E\r\n"


def test_simple_is_as_the_standard_shows_it() -> None:
    message = split(EXAMPLE)
    assert [simple_field(f) for f in message.fields] == [b"A: X", b"B : Y\t\r\n\tZ  "]
    assert simple_body(message.body) == b" C \r\nD \t E\r\n"


@pytest.mark.parametrize("body", [b"", b"\r\n", b"\n", b"\r\n\r\n\r\n", b"\n\n"])
def test_an_empty_body_is_one_line_end_in_simple_and_nothing_in_relaxed(body: bytes) -> None:
    assert (simple_body(body), relaxed_body(body)) == (b"\r\n", b"")


@pytest.mark.parametrize("body", [b" \r\n", b"\t \r\n\r\n \r\n", b"  ", b" \n\t"])
def test_a_body_of_blanks_is_nothing_in_relaxed(body: bytes) -> None:
    assert relaxed_body(body) == b""


@pytest.mark.parametrize(
    ("body", "simple", "relaxed"),
    [
        (b"a", b"a\r\n", b"a\r\n"),
        (b"a ", b"a \r\n", b"a\r\n"),
        (b"a\nb\n\n", b"a\r\nb\r\n", b"a\r\nb\r\n"),
        (b"a\r\n\r\nb\r\n", b"a\r\n\r\nb\r\n", b"a\r\n\r\nb\r\n"),
        (b" \t a\t\tb \t\r\n", b" \t a\t\tb \t\r\n", b" a b\r\n"),
        (b"a\r\r\n\r\n", b"a\r\r\n", b"a\r\r\n"),
        (b"a\r\n\r\r\n\r\n", b"a\r\n\r\r\n", b"a\r\n\r\r\n"),
        (b"a\x0b \x0c\r\n", b"a\x0b \x0c\r\n", b"a\x0b \x0c\r\n"),
    ],
)
def test_bodies_are_closed_and_squeezed(body: bytes, simple: bytes, relaxed: bytes) -> None:
    assert (simple_body(body), relaxed_body(body)) == (simple, relaxed)


@given(BODIES.map(b"".join))
def test_the_fast_forms_agree_with_the_plain_ones_line_by_line(body: bytes) -> None:
    lines = with_crlf(body)
    assert simple_body(body) == canonical_body(lines, "simple")
    assert relaxed_body(body) == canonical_body(lines, "relaxed")


@pytest.mark.parametrize("end", [b"", b"\r\n" * 20_000, b" \n" * 20_000, b"\r", b"\r\r\n\r\n"])
def test_a_large_body_has_the_form_of_a_small_one(end: bytes) -> None:
    body = b"a  b \t\r\n\r\n\t x\n\r y  \r\n" * 60_000 + end
    assert simple_body(body) == canonical_body(with_crlf(body), "simple")
    assert relaxed_body(body) == canonical_body(with_crlf(body), "relaxed")


@given(BODIES.map(b"".join))
def test_a_canonical_body_is_its_own_canonical_form(body: bytes) -> None:
    assert relaxed_body(bytes(relaxed_body(body))) == relaxed_body(body)
    assert simple_body(bytes(simple_body(body))) == simple_body(body)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (b"SUBJECT:AbC", b"subject:AbC"),
        (b"Subject : AbC\r\n Def ", b"subject:AbC Def"),
        (b"x:\t \r\n ", b"x:"),
        (b"x:a\rb  \x0b c", b"x:a\rb \x0b c"),
    ],
)
def test_relaxed_unfolds_and_squeezes_a_field(field: bytes, expected: bytes) -> None:
    (read,) = split(field + b"\r\n\r\n").fields
    assert relaxed_field(read) == expected


def test_a_body_is_hashed_up_to_its_length_and_the_rest_counted() -> None:
    message = split(b"\r\nhello world\r\n")
    assert body_digest(message, "simple", 5) == (hashlib.sha256(b"hello").digest(), 8)
    assert body_digest(message, "simple", None) == (hashlib.sha256(b"hello world\r\n").digest(), 0)
    assert body_digest(message, "simple", 10**75)[1] < 0


def test_a_form_and_a_hash_are_made_once_for_all_signatures() -> None:
    message = split(b"\r\nhello")
    for length in (None, 5, 7, None, 5):
        body_digest(message, "relaxed", length)
    assert set(message.forms) == {"relaxed"}
    assert set(message.digests) == {("relaxed", 7), ("relaxed", 5)}


@pytest.mark.parametrize("width", [1, 2, 3, 7, 8, 9, 63, 65, 4095, 4097, 9000])
def test_a_body_of_little_but_blanks_is_squeezed_as_any_other(width: int) -> None:
    assert relaxed_body((b"a" + b" " * width) * 40 + b"b\r\n") == b"a " * 40 + b"b\r\n"
