"""Signs in a mail: sent to many, written by a person, fraud by its shape, and names that tell where it came from."""

from functools import partial

import pytest

from canary.judge.bulk import bulk_signs
from canary.judge.fraud import fraud_signs, link_signs, risky_files
from canary.judge.persona import persona_fields
from canary.judge.personal import person_signs
from canary.mail.parse import parse
from canary.model.canary import Persona
from canary.model.mail import ParsedMail
from tests.effort import cpu_seconds


def mail(text: str, header: str = "", sender: str = "Tom Berg <tom.berg@x.example>") -> ParsedMail:
    return parse(f"From: {sender}\nTo: c@in.example\n{header}\n{text}".encode())


FRAUDS = {
    "extortion": (
        "I hacked your laptop and your webcam recorded you. Send 900 USD in bitcoin or all your friends see it.",
        "Ihre Webcam hat alles aufgenommen. Zahlen Sie in Bitcoin, sonst erhalten es Ihre Kontakte.",
        "Votre webcam vous a filmé. Payez en bitcoin sous 48 heures.",
    ),
    "advance fee": (
        "I am the next of kin's barrister. The inheritance waits. This is confidential.",
        "Sie sind als Begünstigte eingesetzt. Kontaktieren Sie mich, streng vertraulich.",
        "La herencia de mi difunto cliente es suya. Contácteme, soy abogado.",
        "A doação foi aprovada. Entre em contato com o meu advogado.",
    ),
    "account alarm": (
        "Your account has been limited. Click here within 24 hours.",
        "Ihr Konto wurde gesperrt. Bitte umgehend klicken.",
        "Sua conta foi bloqueada. Clique imediatamente.",
        "Uw rekening is geblokkeerd. Klik hier.",
    ),
    "parcel held": (
        "Your parcel is being held. Pay the customs fee.",
        "Votre colis attend : réglez les frais de douane.",
    ),
    "prize": ("You have won a phone! Click to claim your prize.", "Hai vinto un telefono. Clicca per riscuoterlo."),
    "crypto offer": ("The airdrop is live. Connect your wallet and claim.",),
    "false invoice": ("The overdue invoice is attached. Our bank details have changed.",),
    "romance": ("I am so lonely tonight. Write to me, I want to meet.",),
    "business offer": ("I have a business proposal of mutual benefit. Reply for more details.",),
    "software lure": ("Download the new version: upgrade now.",),
    "remedy": ("Cheap viagra, order today at a discount.",),
}


@pytest.mark.parametrize(("shape", "text"), [(shape, text) for shape, texts in FRAUDS.items() for text in texts])
def test_a_fraud_is_known_by_its_shape(shape: str, text: str) -> None:
    assert shape in fraud_signs(mail(text))


@pytest.mark.parametrize(
    "text",
    [
        "Your order has shipped. Track it in your account; our specialists are glad to help.",
        "Congratulations on your new boots! Here is how to wax them.",
        "Ihre Rechnung für Februar liegt im Kundenkonto bereit.",
        "Confirm your e-mail address to finish signing up. The link is good for a day.",
        "Bitcoin was in the news again; our editors explain what it means for savers.",
        "The lottery of birth: a reading list for March.",
    ],
)
def test_honest_mail_has_no_shape_of_fraud(text: str) -> None:
    assert fraud_signs(mail(text)) == ()


@pytest.mark.parametrize("break_", ["\n", "  ", " \N{NO-BREAK SPACE}", ", ", "... "])
def test_line_ends_and_marks_do_not_hide_a_phrase(break_: str) -> None:
    assert fraud_signs(mail(f"Your account{break_}has been limited. Log in."))


@pytest.mark.parametrize(
    ("header", "sign"),
    [
        ("List-Unsubscribe: <https://x.example/u>\n", "list-unsubscribe"),
        ("Feedback-ID: 1:2:3:x\n", "feedback-id"),
        ("Precedence: Bulk\n", "precedence"),
    ],
)
def test_headers_show_that_a_mail_went_to_many(header: str, sign: str) -> None:
    assert bulk_signs(mail("Hello.", header)) == (sign,)


@pytest.mark.parametrize(
    "text",
    [
        "Click to unsubscribe.",
        "Hier abmelden",
        "Se désinscrire",
        "Darse de baja",
        "Uitschrijven",
        "Отписаться",
        "点击退订",
        "수신거부",
        "Wypisz się",
    ],
)
def test_words_show_it_in_many_languages(text: str) -> None:
    assert bulk_signs(mail(text))


PERSONAL = "Hi Anna,\n\nthe hall is free on Friday, I asked the caretaker. Shall we take it?\n\nBest,\nTom\n"


def test_a_mail_that_greets_by_name_and_is_signed_by_its_sender_was_written_by_a_person() -> None:
    assert len(person_signs(mail(PERSONAL), "c@in.example")) == 3


def test_a_name_at_the_end_of_the_last_line_signs_as_well() -> None:
    found = person_signs(mail(PERSONAL.replace("Best,\nTom", "Love to the dogs, Tom")), "c@in.example")
    assert "it is signed with the sender's name" in found


def test_without_a_link_two_signs_of_its_writer_are_enough() -> None:
    short = mail("The train was late, mother sends her love and asks for the kettle back.\n\nTom\n")
    assert len(person_signs(short, "c@in.example")) == 2


@pytest.mark.parametrize(
    "found",
    [
        mail(PERSONAL.replace("Hi Anna", "Dear friend") + "https://a.example\n"),
        mail(PERSONAL.replace("Hi Anna", "hi anna") + "https://a.example\n"),
        mail(PERSONAL, sender="Prize Office <win@x.example>"),
        mail(PERSONAL, "List-Id: x\n"),
        mail(PERSONAL + "https://a.example https://b.example\n"),
        mail("Hi Anna\nTom"),
        mail(PERSONAL + "x" * 6000),
        mail(PERSONAL, "Cc: " + ", ".join(f"a{n}@x.example" for n in range(9)) + "\n"),
    ],
)
def test_anything_against_it_ends_the_benefit_of_doubt(found: ParsedMail) -> None:
    assert person_signs(found, "c@in.example") == ()


def test_mail_that_is_not_even_addressed_to_where_it_came_was_sent_out_in_numbers() -> None:
    assert person_signs(mail(PERSONAL), "other@in.example") == ()


def attached(name: str) -> ParsedMail:
    return mail(
        f'--m\nContent-Disposition: attachment; filename="{name}"\n\nx\n--m--\n',
        'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="m"\n',
    )


@pytest.mark.parametrize(
    ("name", "risky"),
    [("a.pdf.html", True), ("A.ISO", True), ("x.docm", True), ("a.pdf", False), ("", False), ("html", False)],
)
def test_files_that_run_or_hide_what_runs_are_named(name: str, risky: bool) -> None:
    assert bool(risky_files(attached(name))) is risky


def page(html: str) -> ParsedMail:
    return mail(html, "MIME-Version: 1.0\nContent-Type: text/html\n")


@pytest.mark.parametrize(
    ("html", "signs"),
    [
        ('<a href="https://bad.example/x">www.bank.example</a>', ("text that shows another site",)),
        ('<a href="https://www.bank.example/x">bank.example</a>', ()),
        ('<a class=b href=https://bad.example/x>Click here</a>', ()),
        ('<a href="http://192.0.2.7/x">here</a>', ("a bare IP address",)),
        ('<a href="http://[2001:db8::7]/x">here</a>', ("a bare IP address",)),
        ('<a href="http://bank.example@bad.example/x">here</a>', ("a name before an @",)),
        ('<a href="https://bit.ly/x">here</a>', ("a link shortener",)),
    ],
)  # fmt: skip
def test_links_that_deceive_are_named(html: str, signs: tuple[str, ...]) -> None:
    assert link_signs(page(html)) == signs


HOSTILE = {
    "anchors": "<a " * 20_000,
    "hrefs": "<a href=https://x.example/" + "y" * 60_000,
    "quotes": '<a href="https://a.example/">' * 2_000,
    "blank lines": "\n" * 60_000,
    "angles": ">" * 60_000,
    "wrote": "wrote " * 10_000,
    "one word": "a" * 60_000,
    "at signs": "@" * 60_000,
    "greetings": "dear anna " * 6_000,
    "figures": "1 " * 30_000,
    "marks": "a" + "\u0315" * 30_000 + "\u0316" * 30_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_is_read_in_the_time_of_its_size(name: str) -> None:
    from canary.mail.bounce import answers_nothing
    from canary.model.mail import Client, Envelope
    from tests.conftest import START

    envelope = Envelope("", ("c@in.example",), Client(""), START)

    def read(found: ParsedMail) -> None:
        for signs in (bulk_signs, fraud_signs, link_signs, person_signs, risky_files):
            signs(found)
        answers_nothing(found, envelope)
        persona_fields(found, Persona("Anna", "Keller", "+44 1632 960417", "Keller Ltd"))

    read(page("what is read once is read now"))
    for hostile in (page(HOSTILE[name]), mail(HOSTILE[name])):
        assert cpu_seconds(partial(read, hostile)) < 0.25
