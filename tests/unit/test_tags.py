"""Tag=value lists (RFC 6376 section 3.2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.authenticate.dkim.tag_list import TagError, items, parse, without_value


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        (b"v=1;a=b", {"v": "1", "a": "b"}),
        (b" v = 1 ;\r\n\ta\r\n = b\t; ", {"v": "1", "a": "b"}),
        (b"p=", {"p": ""}),
        (b"p=a=b==;", {"p": "a=b=="}),
        (b"V=1; v=2", {"V": "1", "v": "2"}),
        (b"n=caf\xc3\xa9", {"n": "café"}),
        (b"n=a\r\n  b", {"n": "a\r\n  b"}),
        (b"", {}),
        (b" \r\n", {}),
    ],
)
def test_a_list_is_read_in_order(text: bytes, tags: dict[str, str]) -> None:
    assert list(parse(text).items()) == list(tags.items())


@pytest.mark.parametrize(
    "text", [b"a", b"a=1;;b=2", b";a=1", b"=1", b"1a=1", b"a b=1", b"a-b=1", b"a=1; a=2", b"a=\x00", b"a=\x7f"]
)
def test_a_broken_list_is_an_error(text: bytes) -> None:
    with pytest.raises(TagError):
        parse(text)


def test_a_repeated_tag_is_named() -> None:
    with pytest.raises(TagError, match="bh= occurs twice"):
        parse(b"bh=1; bh=2")


def test_items_are_split_at_colons_without_their_blanks() -> None:
    assert items("from : to:\r\n\tsubject") == ("from", "to", "subject")


@pytest.mark.parametrize(
    ("text", "emptied"),
    [
        (b" a=1; b=xyz; c=2", b" a=1; b=; c=2"),
        (b" b = x\r\n y z \r\n ;c=b=1", b" b =;c=b=1"),
        (b"bh=1;\r\n\tb=xyz\r\n", b"bh=1;\r\n\tb="),
        (b"bh=b=1", b"bh=b=1"),
    ],
)
def test_the_value_of_one_tag_is_emptied_and_all_else_stays(text: bytes, emptied: bytes) -> None:
    assert without_value(text, b"b") == emptied


@given(st.binary())
def test_any_octets_are_a_list_or_a_tag_error(text: bytes) -> None:
    without_value(text, b"b")
    try:
        parse(text)
    except TagError as error:
        assert len(str(error)) < 100  # noqa: PT017 - no error is fine too
