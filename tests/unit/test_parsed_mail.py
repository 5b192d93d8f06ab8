"""What was read in a mail is stored with it, and read back as it was."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.mail.parse import parse
from canary.model.mail import Attachment, Enclosed, Mailbox, OwnWords, ParsedMail
from canary.store.codec import parsed_json, parsed_of
from canary.store.parsed_mail import MAX_HEADERS, MAX_LISTED, MAX_TEXT, columns_of, packed, unpacked

MAIL = ParsedMail(
    headers=(("From", "Jörg <j@shop.example>"), ("X", "")),
    subject="ä",
    senders=(Mailbox("Jörg", "j@shop.example"),),
    recipients=(Mailbox("", "a@in.example"), Mailbox("b", "")),
    date=datetime(2026, 3, 1, 12, tzinfo=UTC),
    message_id="<1@shop.example>",
    type="multipart/report",
    text="Hello",
    html="<p>Hello",
    links=("https://shop.example/",),
    attachments=(Attachment("a.pdf", "application/pdf", 5, "f" * 64),),
    oddities=("nul",),
    enclosed=(Enclosed("message/rfc822", (("To", "x@in.example"),)),),
    own=OwnWords("Hel", ()),
)
LARGE = (
    replace(MAIL, text="x" * (MAX_TEXT + 1)),
    replace(MAIL, html="<p>" * 50_000),
    replace(MAIL, headers=(("X", "y" * 5_000),)),
    replace(MAIL, headers=(("X", "y"),) * (MAX_HEADERS + 1)),
    replace(MAIL, links=("https://shop.example/",) * (MAX_LISTED + 1)),
    replace(MAIL, attachments=MAIL.attachments * (MAX_LISTED + 1)),
)


@dataclass
class Stored:
    """The columns of a mail, as a store gives them back."""

    subject: str
    message_id: str
    text: str
    parts: dict[str, Any]


def again(mail: ParsedMail) -> ParsedMail:
    text, parts = columns_of(mail)
    row = Stored(mail.subject, mail.message_id, text, json.loads(json.dumps(parts)))
    return unpacked(row, packed(mail))


@pytest.mark.parametrize("mail", [MAIL, ParsedMail(), *LARGE])
def test_a_mail_is_read_back_as_it_was(mail: ParsedMail) -> None:
    assert again(mail) == mail
    assert parsed_of(json.loads(json.dumps(parsed_json(mail)))) == mail


def test_what_the_columns_hold_is_not_stored_twice() -> None:
    assert len(packed(replace(MAIL, text="y" * 60_000))) == len(packed(MAIL))


@given(st.binary(max_size=2000))
def test_any_mail_is_read_back_as_it_was(octets: bytes) -> None:
    mail = parse(b"Content-Type: multipart/mixed; boundary=b\r\nFrom: " + octets)
    assert again(mail) == mail


@pytest.mark.corpus
def test_every_real_mail_is_read_back_as_it_was(corpus: Path) -> None:
    mails = (parse(path.read_bytes()) for path in sorted(corpus.rglob("*")) if path.is_file())
    assert [mail.subject for mail in mails if again(mail) != mail] == []
