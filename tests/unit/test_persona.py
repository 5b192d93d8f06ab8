"""What only one vendor was told, found in a mail however it is written - and nothing found by accident."""

from base64 import b64encode

import pytest

from canary.judge.persona import FIELDS, persona_fields
from canary.mail.parse import parse
from canary.model.canary import Persona
from canary.model.verdict import Reason, repeated_fields, state_reason

ANNA = Persona("Anna", "Müller-Høyer", "+44 1632 960417", "Kellerman Ltd")
GRACE = Persona("Grace", "Balaberg", "+44 1632 960417", "Balaberg Ltd")


def fields(text: str, persona: Persona = ANNA, header: str = "", address: str = "x7k2@in.example") -> tuple[str, ...]:
    content = f"From: Tom Berg <tom@x.example>\nTo: c@in.example\n{header}\n{text}"
    return persona_fields(parse(content.encode()), persona, address)


def markup(text: str) -> str:
    return f"Content-Type: text/html; charset=utf-8\n\n<p>{text}</p>"


@pytest.mark.parametrize(
    "text",
    ["Dear Anna,", "DEAR ANNA!", "dear\nanna", "Chère Ánnà,", "Dear A\u0301nna,", "Dear \uff21\uff4e\uff4e\uff41"],
)
def test_case_and_accents_do_not_hide_a_name(text: str) -> None:
    assert fields(text) == ("given name",)


@pytest.mark.parametrize("name", ["Müller-Høyer", "MULLER-HOYER", "Muller Hoyer", "Mu\u0308ller-Høyer"])
def test_a_family_name_of_two_parts_is_found_with_and_without_its_marks(name: str) -> None:
    assert fields(f"To the family {name}.") == ("family name",)


@pytest.mark.parametrize("text", ["Annabel wrote", "Joanna", "Anna1", "xanna", "Müller alone", "Hoyer-Müller"])
def test_a_part_of_a_word_or_of_a_name_is_not_the_name(text: str) -> None:
    assert fields(text.replace("Anna1", "Annas")) == ()


@pytest.mark.parametrize(
    "number",
    ["+44 1632 960417", "+44 (0)1632 960417", "0044 1632 960 417", "01632-960-417", "(01632) 960.417", "01632/960417",
     "441632960417", "\u0660\u0661\u0666\u0663\u0662\u0669\u0666\u0660\u0664\u0661\u0667"],
)  # fmt: skip
def test_a_number_is_found_however_it_is_written(number: str) -> None:
    assert fields(f"We ring you at {number} today.") == ("phone",)


@pytest.mark.parametrize("text", ["01632 960418", "960417", "1632, 960417"])
def test_another_number_or_a_piece_of_it_is_not_the_number(text: str) -> None:
    assert fields(text) == ()


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("Subject: Anna, your parcel", "x"),
        ("Subject: =?utf-8?b?" + b64encode("Für Anna".encode()).decode() + "?=", "x"),
        ('To: "Anna" <x7k2@in.example>', "x"),
        ("Content-Type: text/html", "<p>Dear &#65;nna</p>"),
        ("Content-Type: text/html", "<p>Dear <b>Anna</b></p>"),
        ("Content-Transfer-Encoding: quoted-printable\nContent-Type: text/plain; charset=utf-8", "Dear =41nna,"),
    ],
)
def test_subject_display_name_and_markup_are_read_too(header: str, text: str) -> None:
    content = f"From: Tom <tom@x.example>\n{header}\n\n{text}"
    assert persona_fields(parse(content.encode()), ANNA) == ("given name",)


def test_markup_is_read_where_the_plain_text_says_less() -> None:
    parts = f"--b\nContent-Type: text/plain\n\nHello\n--b\n{markup('Dear Anna')}\n--b--"
    assert fields(parts, header='Content-Type: multipart/alternative; boundary="b"\n') == ("given name",)


def test_a_name_in_the_address_proves_nothing() -> None:
    said = "Dear Anna Muller Hoyer of Kellerman Ltd"
    assert fields(said, address="anna.q.muller-hoyer0417@in.example") == ("company",)


def test_a_company_with_the_name_does_not_repeat_the_name() -> None:
    assert fields("Good news for Balaberg Ltd", GRACE) == ("company",)
    assert fields("Balaberg Ltd, for Mr Balaberg", GRACE) == ("family name", "company")


@pytest.mark.parametrize("text", ["By the grace of God", "With grace and style", "Grace period ends"])
def test_a_name_that_is_a_word_counts_only_where_somebody_is_addressed(text: str) -> None:
    assert fields(text, GRACE) == ()
    assert fields(f"Dear Grace, {text}", GRACE) == ("given name",)
    assert fields(text, GRACE, header="Subject: Grace, have you heard?\n") == ("given name",)


def test_the_senders_own_name_counts_only_where_it_addresses() -> None:
    content = b"From: Anna Smith <anna@x.example>\nTo: c@in.example\n\n{}\nLove, Anna"
    assert persona_fields(parse(content.replace(b"{}", b"I am Anna.")), ANNA) == ()
    assert persona_fields(parse(content.replace(b"{}", b"Hi Anna,")), ANNA) == ("given name",)


def test_a_canary_without_a_persona_has_no_fields() -> None:
    assert persona_fields(parse(b"\n\nDear Anna"), None) == ()
    assert persona_fields(parse(b"\n\nDear Anna"), Persona("", "")) == ()


def test_the_fields_that_a_mail_repeats_are_in_the_reason() -> None:
    named = state_reason(Reason.PERSONA_NAMED, fields=FIELDS[1:3])
    other = state_reason(Reason.BULK, signs=("given name",))
    assert repeated_fields((named, other)) == {"family name", "phone"}
