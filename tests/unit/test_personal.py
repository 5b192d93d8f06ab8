"""One person's mail to another is known in any script, and what is written to anybody is not."""

import tomllib
from pathlib import Path

import pytest

from canary.judge.personal import person_signs
from canary.mail.parse import parse
from canary.model.mail import ParsedMail

TO = "c@in.example"


def letter(sender: str, text: str, subject: str = "x", more: str = "", to: str = TO) -> ParsedMail:
    return parse(f"From: {sender}\nTo: {to}\nSubject: {subject}\n{more}\n{text}\n".encode())


ROWS = tomllib.loads((Path(__file__).parent.parent / "cases/letters/personal.toml").read_text())


@pytest.mark.parametrize("row", ROWS["letter"], ids=lambda row: row["language"])
def test_a_mail_that_greets_by_name_and_is_signed_by_its_sender_is_a_persons_in_any_script(row: dict[str, str]) -> None:
    found = person_signs(letter(row["from"], row["text"]), TO)
    assert len(found) == 3
    assert {"it greets somebody by name", "it is signed with the sender's name"} < set(found)


@pytest.mark.parametrize("row", ROWS["answer"], ids=lambda row: row["subject"])
def test_an_answer_in_a_thread_is_known_by_prefix_and_quote_in_any_language(row: dict[str, str]) -> None:
    told = next(each for each in ROWS["letter"] if each["language"] == "polish")
    mail = letter(told["from"], f"{told['text']}\n\n{row['quote']}", row["subject"], "In-Reply-To: <a@in.example>\n")
    assert "it answers in a thread" in person_signs(mail, TO)


def test_who_is_greeted_by_the_name_in_the_recipients_field_is_greeted_by_name() -> None:
    found = letter(
        "Zoë Ek <zoe@far.example>", "anna,\n\nsalen är ledig på fredag, jag frågade.\n\nZoë", to=f"Anna Berg <{TO}>"
    )
    assert "it greets somebody by name" in person_signs(found, TO)


@pytest.mark.parametrize("row", ROWS["anybody"], ids=lambda row: row["greeting"])
def test_who_is_greeted_as_anybody_is_not_greeted_by_name(row: dict[str, str]) -> None:
    name = row["from"].partition(" <")[0]
    mail = letter(row["from"], f"{row['greeting']}\n\nx x x x x x x x x x x x\nhttps://far.example/\n\n{name}")
    assert person_signs(mail, TO) == ()


@pytest.mark.parametrize("box", ["sales", "info", "x7k2q9w"])
def test_a_mailbox_without_a_persons_name_is_no_sign(box: str) -> None:
    text = next(each["text"] for each in ROWS["letter"] if each["language"] == "chinese")
    assert person_signs(letter(f"王伟 <{box}@far.example>", text), TO) == ()


@pytest.mark.parametrize("row", ROWS["short"])
def test_without_a_link_signature_and_mailbox_are_enough_in_other_letters_too(row: dict[str, str]) -> None:
    assert len(person_signs(letter(row["from"], row["text"]), TO)) == 2
