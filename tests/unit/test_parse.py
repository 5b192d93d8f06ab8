"""Whatever comes, facts and named oddities go out."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canary.mail.parse import parse
from canary.mail.text import html_to_text, link_host

HTML = b"Content-Type: text/html\r\n\r\n"


def nested(depth: int) -> bytes:
    return b"".join(b"Content-Type: multipart/mixed; boundary=x%d\r\n\r\n--x%d\r\n" % (i, i) for i in range(depth))


def mixed(parts: int) -> bytes:
    head = b"Content-Type: multipart/mixed; boundary=x\r\n\r\n"
    return head + b"--x\r\nContent-Type: text/plain\r\n\r\nhi\r\n" * parts + b"--x--\r\n"


def test_the_headers_of_a_plain_mail_are_read() -> None:
    mail = parse(
        b"From: =?utf-8?q?J=C3=B6rg?= <joerg@shop.example>\r\nTo: a@x.example, b@x.example\r\nSubject: =?utf-8?b?w6Q=?=\r\n"
        b"Date: Tue, 1 Mar 2011 10:00:00 +0200\r\nMessage-ID: <1@shop.example>\r\n\r\nHello https://shop.example/a.\r\n"
    )
    assert (mail.sender.name, mail.sender.address, mail.sender.domain) == ("Jörg", "joerg@shop.example", "shop.example")
    assert (mail.subject, mail.date) == ("ä", datetime(2011, 3, 1, 8, tzinfo=UTC))
    assert ([m.address for m in mail.recipients], mail.links) == (
        ["a@x.example", "b@x.example"],
        ("https://shop.example/a",),
    )
    assert mail.oddities == ()


def test_an_encoded_word_that_decodes_to_an_address_is_a_name_and_no_address() -> None:
    mail = parse(b"From: =?utf-8?q?boss=40vendor=2Eexample_=3Cboss=40vendor=2Eexample=3E=2C?= <x@bad.example>\r\n\r\nx")
    assert [m.address for m in mail.senders] == ["x@bad.example"]


def test_html_becomes_text_and_its_links_are_kept() -> None:
    mail = parse(
        HTML + b"<style>x</style><p>Dear <b>Anna</b></p><a href='https://bad.example/x'>go</a><script>1</script>"
    )
    assert mail.text.split() == ["Dear", "Anna", "go"]
    assert mail.links == ("https://bad.example/x",)


def test_an_attachment_is_known_by_name_type_size_and_hash_only() -> None:
    mail = parse(
        b'Content-Type: application/pdf\r\nContent-Disposition: attachment; filename="../a.pdf"\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n"
    )
    found = mail.attachments[0]
    assert (found.name, found.type, found.size, found.sha256[:8]) == ("../a.pdf", "application/pdf", 5, "2cf24dba")


@pytest.mark.parametrize(
    ("content", "oddity"),
    [
        (b"", "empty"),
        (b"\0" * 100_000, "nul"),
        (b"no headers at all\r\nnone\r\n", "no-headers"),
        (nested(1000), "deep-nesting"),
        (mixed(1500), "many-parts"),
        (b"Subject: x\r\n\r\n" + b"a" * 2000, "long-line"),
        (b"To: (((\r\nFrom: <<<\r\n\r\nx", "bad-address"),
        (b"Date: yesterday\r\n\r\nx", "bad-date"),
        (b" X: y\r\n\r\nx", "leading-space"),
        (b"X: y\r\n" * 2000 + b"\r\nx", "many-headers"),
    ],
)
def test_malformed_mail_is_read_and_its_oddity_named(content: bytes, oddity: str) -> None:
    assert oddity in parse(content).oddities


@pytest.mark.parametrize(
    "content",
    [
        b"Content-Type: name*\r\nTo: (c):\r\n\r\nx",
        b'To: "\r\n\r\n',
        b"Content-Type: text/plain; charset=nonsense\r\n\r\nx",
        b"Content-Type: text/plain; charset*=x''\xff\r\n\r\nx",
        b"Content-Transfer-Encoding: base64\r\n\r\n====",
        b"Subject: =?x?y?z?=\r\n\r\nx",
        HTML + b"<!--" * 20_000,
        b"From: a@b\r\n" * 50 + b"\r\n\xff\xfe",
    ],
)
def test_mail_known_to_break_parsers_is_read(content: bytes) -> None:
    parse(content)


@pytest.mark.slow
def test_a_mail_of_25_megabytes_is_read_within_bounds() -> None:
    mail = parse(b"Subject: big\r\n\r\n" + (b"a" * 76 + b"\r\n") * 320_000)
    assert (mail.subject, len(mail.text) <= 256 * 1024) == ("big", True)


def test_no_text_holds_what_a_database_cannot() -> None:
    mail = parse(b"From: a\0b <a\0@b.example>\r\nSubject: \xed\xa0\x80\0x\r\n\r\n\0\xed\xa0\x80")
    everything = f"{mail.subject}{mail.text}{mail.sender}"
    assert "\0" not in everything
    everything.encode()


@given(st.binary(max_size=3000))
@settings(max_examples=150, deadline=None)
def test_no_octets_make_it_raise(content: bytes) -> None:
    parse(b"Content-Type: multipart/mixed; boundary=b\r\nFrom: " + content)


@pytest.mark.parametrize(
    ("link", "host"),
    [
        ("https://Bad.Example/x", "bad.example"),
        ("http://user:pw@bad.example:8080?x", "bad.example"),
        ("https://bad.example\\@good.example/", "bad.example"),
        ("https://bad.example.#x", "bad.example"),
        ("nonsense", ""),
    ],
)
def test_the_host_of_a_link_is_where_a_browser_would_go(link: str, host: str) -> None:
    assert link_host(link) == host


def test_html_is_cut_before_it_costs_time() -> None:
    assert len(html_to_text("<div>a" * 200_000)[0]) <= 256 * 1024


@pytest.mark.corpus
def test_every_mail_of_the_corpus_has_a_sender_or_a_named_oddity(corpus: Path) -> None:
    files = [f for f in corpus.rglob("*") if f.is_file() and f.name != "README.md"]
    assert [f for f in files if not (m := parse(f.read_bytes())).senders and not m.oddities and m.has("from")] == []
