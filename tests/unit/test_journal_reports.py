"""A journal report is opened: the mail inside of it, under the envelope that the report states."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.mail.journal import MAX_RECIPIENTS, open_journal
from canary.mail.parse import parse
from canary.mail.received import read_trusted, trusted_hop

INNER = (
    b"Received: from out.shop.example ([192.0.2.1]) by mx.corp.example; Sun, 1 Mar 2026 12:00:00 +0000\r\n"
    b"DKIM-Signature: v=1; a=rsa-sha256; d=shop.example\r\nFrom: Shop <news@shop.example>\r\nTo: list@corp.example\r\n"
    b"Subject: News\r\nContent-Type: multipart/alternative; boundary=I\r\n\r\n--I\r\n\r\nHello\r\n--I--\r\n"
)
SAID = "Sender: bounces@shop.example\r\nSubject: News\r\nMessage-Id: <1@shop.example>\r\nRecipient: C@in.example\r\n"
MARK = "X-MS-Journal-Report:\r\n"


def report(said: str = SAID, mark: str = MARK, inner: bytes = INNER, more: str = "", trace: str = "") -> bytes:
    head = (
        f"{trace}From: <MicrosoftExchange329@corp.example>\r\nTo: journal@corp.example\r\n{mark}MIME-Version: 1.0\r\n"
    )
    return (
        f"{head}Content-Type: multipart/mixed;\r\n\tboundary=\"_J=1_\"\r\n\r\nIgnored.\r\n--_J=1_\r\n"
        f"Content-Type: text/plain; charset=us-ascii\r\n\r\n{said}\r\n--_J=1_\r\nContent-Type: message/rfc822\r\n{more}\r\n"
    ).encode() + inner + b"\r\n--_J=1_--\r\n"  # fmt: skip


def test_the_mail_inside_is_given_back_octet_for_octet_under_its_envelope() -> None:
    assert open_journal(report()) == (b"Return-Path: <bounces@shop.example>\r\nDelivered-To: c@in.example\r\n" + INNER)


def test_lines_that_end_as_stored_end_so() -> None:
    found = open_journal(report().replace(b"\r\n", b"\n"))
    assert found == (
        b"Return-Path: <bounces@shop.example>\nDelivered-To: c@in.example\n" + INNER.replace(b"\r\n", b"\n")
    )


def test_a_report_is_known_by_its_form_where_no_header_says_so() -> None:
    assert open_journal(report(mark="")) is not None


@pytest.mark.parametrize(
    ("said", "recipients"),
    [
        ("Sender: a@x.example\r\nTo: c@in.example, Expanded: list@in.example\r\nCc: d@in.example\r\n", ["c", "d"]),
        ("Sender: a@x.example\r\nBcc: <c@in.example>\r\nTo: d@in.example, Forwarded: e@in.example\r\n", ["c", "d"]),
        ("\r\n Sender : a@x.example\r\n Recipient : c@in.example\r\n", ["c"]),
    ],
)
def test_every_recipient_that_the_report_names_is_taken_and_lists_are_not(said: str, recipients: list[str]) -> None:
    found = parse(open_journal(report(said)) or b"")
    assert found.header("return-path") == "<a@x.example>"
    assert [value for name, value in found.headers if name == "Delivered-To"] == [
        f"{each}@in.example" for each in recipients
    ]


def test_the_null_sender_is_one() -> None:
    assert parse(open_journal(report("Sender: <>\r\nRecipient: c@in.example\r\n")) or b"").header("return-path") == "<>"


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
def test_an_encoded_mail_is_decoded(encoding: str) -> None:
    inner = base64.encodebytes(INNER) if encoding == "base64" else INNER.replace(b"=", b"=3D")
    found = open_journal(report(inner=inner, more=f"Content-Transfer-Encoding: {encoding}\r\n")) or b""
    assert found.rstrip().endswith(INNER.rstrip())


def test_a_report_through_trusted_hosts_shows_who_handed_in_the_mail_inside() -> None:
    ours = "Received: from mx.corp.example ([10.0.0.5]) by journal.corp.example; Sun, 1 Mar 2026 12:00:01 +0000\r\n"
    hop = trusted_hop(
        parse(open_journal(report(trace=ours)) or b""),
        read_trusted(["10.0.0.0/8", "mx.corp.example", "journal.corp.example"]),
    )
    assert hop is not None
    assert hop.client.ip == "192.0.2.1"


def test_a_report_from_a_stranger_shows_the_strangers_host_whatever_is_inside() -> None:
    theirs = "Received: from evil.example ([198.51.100.9]) by mx.corp.example; Sun, 1 Mar 2026 12:00:01 +0000\r\n"
    hop = trusted_hop(parse(open_journal(report(trace=theirs)) or b""), read_trusted(["10.0.0.0/8", "mx.corp.example"]))
    assert hop is not None
    assert hop.client.ip == "198.51.100.9"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"X-MS-Journal-Report:\r\n\r\n",
        INNER,
        report("Hello\r\nSender: a@x.example\r\nRecipient: c@in.example\r\n"),
        report("Sender: a@x.example\r\n"),
        report("See this:\r\n", mark=""),
        report(inner=b""),
        report().replace(b"message/rfc822", b"text/plain"),
        report().replace(b"--_J=1_--", b"--_J=1_\r\n\r\nmore\r\n--_J=1_--"),
        report().replace(b'boundary="_J=1_"', b"boundary=other"),
        report()[:300],
    ],
)
def test_what_is_no_report_or_holds_no_mail_stays_as_it_is(content: bytes) -> None:
    assert open_journal(content) is None


def test_a_report_of_ten_thousand_recipients_is_bounded() -> None:
    said = "Sender: a@x.example\r\n" + "".join(f"Recipient: c{n}@in.example\r\n" for n in range(10_000))
    assert (open_journal(report(said)) or b"").count(b"Delivered-To") == MAX_RECIPIENTS


@given(st.binary(max_size=300), st.integers(0, 900))
def test_no_octets_make_it_raise(octets: bytes, at: int) -> None:
    whole = report()
    open_journal(whole[:at] + octets + whole[at + len(octets) :])
