"""Splitting a mail into fields and body."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.authenticate.message import MAX_FIELDS, MAX_HEADER, split


def names(content: bytes) -> list[bytes]:
    return [field.name for field in split(content).fields]


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_fields_and_body_are_the_same_for_both_kinds_of_line_ends(end: bytes) -> None:
    message = split(end.join([b"From: a", b"Subject: b", b"\tc", b"", b"one", b"", b"two"]))
    assert [(f.name, f.value) for f in message.fields] == [(b"From", b" a"), (b"Subject", b" b\r\n\tc")]
    assert message.body == end.join([b"one", b"", b"two"])


def test_line_ends_may_be_mixed_within_one_header() -> None:
    message = split(b"A: 1\nB: 2\r\nC: 3\n\r\nbody")
    assert [f.key for f in message.fields] == [b"a", b"b", b"c"]
    assert message.body == b"body"


@pytest.mark.parametrize(
    ("content", "fields", "body"),
    [
        (b"", 0, b""),
        (b"\r\n", 0, b""),
        (b"\nbody", 0, b"body"),
        (b"\r\nbody", 0, b"body"),
        (b"From: a", 1, b""),
        (b"From: a\r\n", 1, b""),
        (b"From: a\n", 1, b""),
        (b"From: a\r\n\r\n", 1, b""),
        (b"From: a\r\n\r\n\r\nb", 1, b"\r\nb"),
    ],
)
def test_a_header_or_a_body_may_be_missing(content: bytes, fields: int, body: bytes) -> None:
    message = split(content)
    assert (len(message.fields), message.body) == (fields, body)


def test_a_name_is_compared_in_lower_case_and_without_the_blanks_before_its_colon() -> None:
    (field,) = split(b"SuBJect \t: x\r\n\r\n").fields
    assert (field.name, field.key) == (b"SuBJect \t", b"subject")


@pytest.mark.parametrize(
    "line",
    [
        b"no colon here",
        b"From joe@example.com Sun Mar 1 12:00:00 2026",
        b": no name",
        b"Caf\xe9: x",
        b"a b: c",
        b"\x00: c",
    ],
)
def test_a_malformed_line_is_left_out_and_spoils_nothing_around_it(line: bytes) -> None:
    assert names(b"A: 1\r\n" + line + b"\r\nB: 2\r\n\r\n") == [b"A", b"B"]


@pytest.mark.parametrize("first", [b" folded: into nothing", b"\tx", b" "])
def test_a_mail_that_starts_with_a_blank_has_no_first_field(first: bytes) -> None:
    assert names(first + b"\r\nFrom: a\r\n\r\n") == [b"From"]


def test_a_line_of_blanks_alone_folds_on_and_does_not_end_the_header() -> None:
    message = split(b"A: 1\r\n \r\nB: 2\r\n\r\nbody")
    assert [f.value for f in message.fields] == [b" 1\r\n ", b" 2"]


def test_a_lone_carriage_return_ends_no_line() -> None:
    assert names(b"A: 1\rB: 2\r\n\r\nx") == [b"A"]


def test_fields_of_one_name_are_found_from_top_to_bottom() -> None:
    message = split(b"X: 1\r\nY: 2\r\nx: 3\r\n\r\n")
    assert [f.value for f in message.named(b"x")] == [b" 1", b" 3"]
    assert message.named(b"z") == ()


@pytest.mark.parametrize("header", [b"a: b\r\n" * (MAX_FIELDS + 1), b"a: " + b"b" * MAX_HEADER, b" \r\n" * MAX_HEADER])
def test_a_header_beyond_the_limits_is_cut_and_said_to_be(header: bytes) -> None:
    message = split(b"From: a\r\n" + header.removesuffix(b"\r\n") + b"\r\n\r\nbody")
    assert message.overlong
    assert len(message.fields) <= MAX_FIELDS
    assert message.body == b"body"


def test_a_header_of_exactly_the_most_fields_is_not_overlong() -> None:
    assert not split(b"a: b\r\n" * MAX_FIELDS + b"\r\nbody").overlong


@given(st.lists(st.sampled_from([b"\r", b"\n", b" ", b":", b"a", b"From: x", b"\xff", b"\x00"])).map(b"".join))
def test_no_octets_make_it_raise(content: bytes) -> None:
    message = split(content)
    assert content.endswith(message.body)
    assert all(b"\n" not in f.value.replace(b"\r\n", b"") for f in message.fields)
