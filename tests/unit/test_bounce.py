"""Which mails answer something that nobody sent, of what kind, and to what."""

from datetime import UTC, datetime

import pytest

from canary.mail.bounce import AutomaticAnswer, answers_nothing
from canary.mail.parse import parse
from canary.mail.parts import MAX_ENCLOSED
from canary.model.mail import Client, Envelope
from canary.model.verdict import Reason
from tests.verdict_cases import FOLDER

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def answer(text: str, mail_from: str = "x@other.example") -> AutomaticAnswer | None:
    return answers_nothing(parse(text.encode()), Envelope(mail_from, ("c@in.example",), Client(""), NOW))


def case(name: str) -> AutomaticAnswer | None:
    return answers_nothing(
        parse((FOLDER / name / "mail.eml").read_bytes()), Envelope("", ("c@in.example",), Client(""), NOW)
    )


def test_a_report_names_recipient_claimed_sender_and_id_of_the_mail() -> None:
    told = AutomaticAnswer(
        Reason.DELIVERY_REPORT, "gone@other.example", "canary@inbox.example", "<lottery-9931@sender.invalid>"
    )
    assert case("09-backscatter-report") == told


def test_a_complaint_names_the_same() -> None:
    told = AutomaticAnswer(
        Reason.FEEDBACK_REPORT, "somebody@provider.example", "canary@inbox.example", "<lottery-9932@sender.invalid>"
    )
    assert case("30-backscatter-feedback-report") == told


def test_a_report_that_returns_only_the_header_names_as_much() -> None:
    told = answer(
        "From: MAILER-DAEMON@mx.example\nSubject: Returned mail\nContent-Type: multipart/report; boundary=b\n\n"
        "--b\nContent-Type: text/rfc822-headers\n\nFrom: <c@in.example>\nTo: <a@b.example>\nMessage-ID: <7@x>\n--b--\n"
    )
    assert told == AutomaticAnswer(Reason.DELIVERY_REPORT, "a@b.example", "c@in.example", "<7@x>")


def test_an_automatic_reply_names_the_id_that_it_refers_to() -> None:
    told = answer(
        "From: Bob <bob@x.example>\nSubject: Re: hi\nAuto-Submitted: auto-replied (vacation)\nReferences: <1@x> <2@x>\n\nI am away.\n"
    )
    assert told == AutomaticAnswer(Reason.AUTO_REPLY, "", "", "<2@x>")


@pytest.mark.parametrize(
    ("header", "mail_from", "kind"),
    [
        ("Subject: Out of office: holidays\nIn-Reply-To: <1@x>", "a@b.example", Reason.AUTO_REPLY),
        ("Subject: Abwesenheitsnotiz", "", Reason.AUTO_REPLY),
        ("Subject: Réponse automatique : vos offres\nX-Auto-Response-Suppress: All", "a@b.example", Reason.AUTO_REPLY),
        ("Subject: hello\nAuto-Submitted: auto-replied", "", Reason.AUTO_REPLY),
        ("Subject: Ваше сообщение не доставлено", "", Reason.DELIVERY_REPORT),
        ("From: MAILER-DAEMON\nSubject: failure notice", "a@b.example", Reason.DELIVERY_REPORT),
        ("Subject: x\nX-Failed-Recipients: gone@b.example", "", None),
        ("Subject: Please confirm your message\nAuto-Submitted: auto-replied", "a@b.example", Reason.CHALLENGE),
        ("Subject: Re: hello\nX-TMDA-Confirm-Done: c@d", "", None),
        ("Subject: Please confirm your subscription", "a@b.example", None),
        ("Subject: Undelivered parcels are waiting", "a@b.example", None),
        ("Subject: Book your vacation", "", None),
        ("Subject: Your vacation starts here\nAuto-Submitted: auto-generated\nList-Id: x", "a@b.example", None),
        ("Subject: News\nAuto-Submitted: auto-generated\nReferences: <1@x>", "a@b.example", None),
        ("Subject: Out of office chairs, half price\nList-Unsubscribe: <https://x.example>", "", None),
        ("Subject: a null sender alone is no answer", "", None),
    ],
)
def test_two_signs_must_agree(header: str, mail_from: str, kind: Reason | None) -> None:
    sender = "" if header.startswith("From:") else "From: Somebody <x@other.example>\n"
    found = answer(f"{sender}{header}\n\nText.\n", mail_from)
    assert (found.kind if found else None) is kind


def test_a_report_with_a_thousand_mails_inside_is_bounded() -> None:
    inside = "".join(f"--b\nContent-Type: message/rfc822\n\nSubject: {n}\n\nhi\n" for n in range(1000))
    mail = parse(f"Content-Type: multipart/report; boundary=b\n\n{inside}--b--\n".encode())
    assert len(mail.enclosed) == MAX_ENCLOSED
    assert all(len(part.fields) <= 50 for part in mail.enclosed)
