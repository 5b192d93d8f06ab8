"""The structure of a mail is that which the standard library finds, within bounds, at a cost that grows with its octets."""

from collections.abc import Callable
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canary.mail import scanner
from canary.mail.fields import octets_of
from canary.mail.scanner import Part, read_message
from tests.effort import cpu_seconds

Tree = tuple[str, list[tuple[str, str]], object]
MIXED = b"Content-Type: multipart/mixed; boundary=%b\r\n\r\n"
MAILS = (
    b"Subject: a\r\n b\r\n\r\nHello\r\n",
    b"From x\nSubject: a\nFrom y\nTo: b\n\nHello",
    b" folded\r\nSubject: a\r\nno field\r\n\r\nHello",
    b": nameless\nA: b\r\rHello\rthere",
    MIXED % b"b"
    + b"preamble\r\n--b\r\n\r\none\r\n--b \r\n--b\r\nA: b\r\n\r\ntwo\r\n\r\n--b--\r\nepilogue\r\n--b\r\nno",
    MIXED % b"b" + b"--b\r\n" + MIXED % b"c" + b"--c\r\n\r\nin\r\n--b\r\n\r\nout\r\n--b--",
    MIXED % b"b" + b"--b\r\n" + MIXED % b"b" + b"--b\r\n\r\nsame\r\n--b--\r\n",
    MIXED % b"b" + b"nothing\r\n--b--\r\n--b\r\n\r\nlate",
    MIXED % b"'a b'" + b"--'a b'\n\nx\n--a b\n\ny\n--a b--",
    b"Content-Type: multipart/mixed\r\n\r\n--b\r\n\r\nx",
    b"Content-Type: multipart/digest; boundary=d\n\n--d\n\nSubject: one\n\nHello\n--d\n\nSubject: two\n\nYou\n--d--",
    b"Content-Type: message/rfc822\n\nSubject: in\nContent-Type: text/html\n\n<p>",
    b"Content-Type: message/delivery-status\n\nA: b\n\nC: d\nno field\n\n\nE: f",
    MIXED % b"b"
    + b"--b\nContent-Type: message/delivery-status\n\nA: b\n\nC: d\n\n--b\nContent-Type: message/rfc822\n\nX: y\n\nz\n--b--",
)


def standard(octets: bytes) -> Message:
    return BytesParser(policy=compat32).parsebytes(octets)


def tree(part: Message) -> Tree:
    if part.is_multipart():
        return part.get_content_type(), list(part.raw_items()), [tree(inner) for inner in part.get_payload()]  # type: ignore[arg-type]
    body = octets_of(part) if isinstance(part, Part) else part.get_payload(decode=True)
    assert isinstance(body, bytes)
    return part.get_content_type(), list(part.raw_items()), body.rstrip(b"\r\n")


@pytest.mark.parametrize("octets", MAILS)
def test_the_structure_is_that_of_the_standard_library(octets: bytes) -> None:
    for written in (octets, octets.replace(b"\r\n", b"\n"), octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")):
        assert tree(read_message(written)) == tree(standard(written))


@given(st.lists(st.sampled_from([
    b"--b", b"--c", b"--b--", b"--c--", b"\r\n", b"\n", b"\r", b" ", b"x", b"A: b\r\n", MIXED % b"b", MIXED % b"c",
    b"Content-Type: message/rfc822\n\n", b"Content-Type: text/html\n",
]), max_size=14))  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_any_mixture_of_boundaries_and_headers_has_the_standard_structure(pieces: list[bytes]) -> None:
    octets = MIXED % b"b" + b"".join(pieces)
    assert tree(read_message(octets)) == tree(standard(octets))


@pytest.mark.corpus
def test_every_real_mail_has_the_standard_structure(corpus: Path) -> None:
    wrong = []
    for path in sorted(p for p in corpus.rglob("*") if p.is_file() and p.name != "README.md"):
        octets = path.read_bytes()
        if tree(read_message(octets)) != tree(standard(octets)):
            wrong.append(path.name)
    assert wrong == []


def typed(parameters: bytes) -> bytes:
    return b"Content-Type: text/plain" + parameters + b"\r\n\r\nHello"


@pytest.mark.parametrize(
    ("octets", "oddity"),
    [
        (b"A: b\r\n" * 100_000 + b"\r\nHello", "long-header"),
        (b"A: " + b"b" * 100_000 + b"\r\n\r\nHello", "long-field"),
        (typed(b'; name="' + b"x" * 5_000), "long-field"),
        (typed(b"; a=b" * 200), "many-parameters"),
        (b"".join(MIXED % b"%d" % n + b"--%d\r\n" % n for n in range(60)) + b"\r\nHello", "deep-nesting"),
        (b"Content-Type: message/rfc822\r\n\r\n" * 60 + b"\r\nHello", "deep-nesting"),
        (MIXED % b"b" + b"--b\r\n\r\nHello\r\n" * 2_000, "many-parts"),
        (MIXED % b"b" + b"--b\r\n\r\nHello\r\n" + b"--c\r\n" * 200_000, "many-parts"),
    ],
)
def test_what_is_cut_off_is_named(octets: bytes, oddity: str) -> None:
    oddities = set[str]()
    part: Part = read_message(octets, oddities)
    assert oddities == {oddity}
    while part.parts:
        part = part.parts[0]
    assert b"Hello" in bytes(part.written)


def test_the_fields_of_one_header_are_bounded() -> None:
    assert len(read_message(b"A: b\r\n" * 5000 + b"\r\n").items()) <= scanner.MAX_HEADERS + 1


@pytest.mark.parametrize("charset", ["punycode", "idna", "unicode_escape", "rot13", "nonsense"])
def test_a_parameter_is_decoded_by_no_charset_that_is_not_of_text(charset: str) -> None:
    assert read_message(typed(f"; name*={charset}''a%62-".encode())).get_filename("") == "ab-"


MANY = {
    "nested parts over blank lines": lambda n: (
        b"".join(MIXED % b"b%d" % i + b"--b%d\r\n" % i for i in range(50)) + b"\n" * n
    ),
    "empty parts": lambda n: MIXED % b"b" + b"\n--b\n" * (n // 5),
    "lines that are almost a boundary": lambda n: MIXED % b"b" + b"--c\n" * (n // 4),
    "dashes": lambda n: MIXED % b"b" + b"-" * n,
    "empty fields": lambda n: b"a:\n" * (n // 3),
    "parameters": lambda n: typed(b"; a*1*=x" * (n // 8)),
    "quotes": lambda n: typed(b'; name="' + b'\\"; ' * (n // 4)),
    "enclosed mails": lambda n: b"Content-Type: message/rfc822\r\n\r\n" * (n // 32),
    "groups": lambda n: b"Content-Type: message/delivery-status\r\n\r\n" + b"\n" * n,
    "carriage returns": lambda n: MIXED % b"b" + b"\r" * n,
}


@pytest.mark.parametrize("shape", MANY.values(), ids=MANY)
def test_eight_megabytes_of_any_shape_are_scanned_in_half_a_second(shape: Callable[[int], bytes]) -> None:
    assert cpu_seconds(partial(read_message, shape(8_000_000))) < 0.5
