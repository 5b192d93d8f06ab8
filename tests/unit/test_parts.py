"""Which parts of a mail are its text, which are files, and what a mail inside it says."""

import base64
import quopri
from functools import partial

import pytest

from canary.mail import parts
from canary.mail.parse import parse
from canary.model.mail import ParsedMail
from tests.effort import cpu_seconds

INNER = (
    b"From: Nora <nora@other.example>\r\nTo: gone@shop.example\r\nMessage-ID: <inner=1@other.example>\r\n"
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nInside https://in.example/x\r\n"
)


def mixed(*part: bytes) -> ParsedMail:
    body = b"".join(b"--B\r\n" + each + b"\r\n" for each in part)
    return parse(b"From: a@b.example\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n" + body + b"--B--\r\n")


def written(text: str, kind: str = "text/plain", more: str = "") -> bytes:
    return f"Content-Type: {kind}\r\n{more}\r\n{text}".encode()


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ('text/plain; name="message.txt"', ""),
        ("text/plain", 'Content-Disposition: inline; filename="message.txt"\r\n'),
        ('text/html; charset=utf-8; name="mail.html"', ""),
        ("text/plain", "Content-Disposition: inline;\r\n filename*=utf-8''%62rief.txt\r\n"),
    ],
)
def test_a_text_with_a_file_name_is_the_body_where_no_other_is(kind: str, more: str) -> None:
    mail = mixed(written("Dear Jack, https://bad.example/win", kind, more))
    assert (mail.text, mail.links, mail.attachments) == (
        "Dear Jack, https://bad.example/win",
        ("https://bad.example/win",),
        (),
    )


def test_a_named_text_beside_a_body_is_a_file() -> None:
    mail = mixed(written("Hello"), written("Terms", 'text/plain; name="terms.txt"'))
    assert (mail.text, [file.name for file in mail.attachments]) == ("Hello", ["terms.txt"])


def test_an_attached_text_is_read_where_nothing_else_is_written_and_stays_a_file() -> None:
    mail = mixed(
        written("\r\n"), written("<a href='https://bad.example/'>x", "text/html", "Content-Disposition: attachment; filename=i.html\r\n")
    )  # fmt: skip
    assert (mail.text, mail.links) == ("x", ("https://bad.example/",))
    assert [file.name for file in mail.attachments] == ["i.html"]


def test_a_named_body_of_one_part_is_read() -> None:
    mail = parse(b"From: a@b.example\r\nContent-Type: text/html; name=x.html\r\n\r\n<p>Hello")
    assert (mail.text, mail.attachments) == ("Hello", ())


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable", "BASE64 ", "Quoted-Printable; x=y"])
def test_a_mail_that_is_enclosed_encoded_is_decoded_and_read(encoding: str) -> None:
    octets = base64.encodebytes(INNER) if "ase64" in encoding.lower() else quopri.encodestring(INNER)
    mail = mixed(
        written("See"),
        f"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode() + octets,
    )
    assert mail.enclosed[0].field("subject") == "Grüße"
    assert mail.enclosed[0].field("message-id") == "<inner=1@other.example>"
    assert "Inside" in mail.text
    assert mail.links == ("https://in.example/x",)


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
@pytest.mark.parametrize("kind", ["text/plain; charset=utf-8", "multipart/mixed; boundary=I"])
def test_a_mail_that_is_only_said_to_be_encoded_is_read_as_it_is(encoding: str, kind: str) -> None:
    text = b"--I\r\n\r\nInside\r\n--I--" if "multipart" in kind else b"Inside"
    inner = b"Subject: Hello\r\nContent-Type: " + kind.encode() + b"\r\n\r\n" + text
    mail = mixed(f"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode() + inner)
    assert (mail.enclosed[0].field("subject"), mail.text.strip()) == ("Hello", "Inside")


@pytest.mark.parametrize("charset", ["punycode", "idna", "unicode_escape"])
def test_a_charset_that_is_slow_to_undo_is_not_undone(charset: str) -> None:
    kind = f"text/plain; charset={charset}".encode()
    deep = b"Content-Type: " + kind + b"\r\n\r\n" + b"\xe9abc-" * 100_000
    for content in (deep, b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n" + deep):
        assert cpu_seconds(partial(parse, content)) < 1


def test_encoded_mails_inside_one_another_are_read_within_bounds() -> None:
    octets = INNER
    while len(octets) < 1_000_000:
        octets = b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.b64encode(octets)
    mail = parse(octets)
    assert len(mail.enclosed) <= parts.MAX_ENCLOSED


def test_a_huge_encoded_mail_inside_is_named_and_not_decoded() -> None:
    octets = base64.encodebytes(INNER + b"x" * parts.MAX_UNPACKED)
    found = mixed(b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n" + octets)
    assert "large-enclosure" in found.oddities
    assert found.links == ()


def test_a_header_that_is_returned_encoded_is_read() -> None:
    octets = base64.encodebytes(INNER.partition(b"\r\n\r\n")[0])
    mail = mixed(b"Content-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: base64\r\n\r\n" + octets)
    assert mail.enclosed[0].field("to") == "gone@shop.example"


def test_what_a_mail_says_itself_is_told_from_what_it_encloses() -> None:
    mail = mixed(written("Mine https://own.example/"), b"Content-Type: message/rfc822\r\n\r\n" + INNER)
    assert (mail.own_words.text, mail.own_words.links) == ("Mine https://own.example/", ("https://own.example/",))
    assert mail.links == ("https://own.example/", "https://in.example/x")


def test_a_mail_without_another_inside_says_all_of_it_itself() -> None:
    mail = mixed(written("Mine https://own.example/"))
    assert (mail.own_words.text, mail.own_words.links) == (mail.text, mail.links)
