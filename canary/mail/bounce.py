"""Recognise bounces, automatic replies and reports: answers to mail that this address never sent."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from canary.model.mail import Enclosed, Envelope, ParsedMail
from canary.model.verdict import Reason

_ROBOTS = (
    "mailer-daemon",
    "postmaster",
    "mail-daemon",
    "mdaemon",
    "mail.delivery.system",
    "mailerdaemon",
    "double-bounce",
)
_BOUNCE_WORDS = (
    "undeliver", "delivery status", "delivery failure", "delivery has failed", "mail delivery", "returned mail",
    "failure notice", "nondeliver", "non-deliver", "non delivery", "not be delivered", "mail failure", "mail failed",
    "could not send", "error sending your mail", "delivery report", "message delayed", "delayed 24 hours",
    "returning to sender", "returned to sender", "postmaster notify", "delivery problem", "rejected", "unzustellbar",
    "nicht zugestellt", "non remis", "échec de la remise", "no entregado", "no se puede entregar", "não entregue",
    "mancato recapito", "onbestelbaar", "не доставлено", "недоставленное", "配信できません", "エラーメール", "退信",
)  # fmt: skip
_REPLY_WORDS = (
    "out of office", "out-of-office", "automatic reply", "auto-reply", "auto reply", "autoreply", "auto response",
    "auto-response", "autorespon", "away until", "away from", "on vacation", "on holiday", "vacation", "abwesenheit",
    "automatische antwort", "réponse automatique", "absence", "respuesta automática", "fuera de la oficina",
    "resposta automática", "ausência", "risposta automatica", "fuori ufficio", "automatisch antwoord", "afwezig",
    "автоответ", "自動応答", "不在",
)  # fmt: skip
_CHALLENGE_WORDS = (
    "please confirm your message", "confirm your message", "sender verification", "verify your message",
    "confirmation required to deliver", "your message is being held", "held pending", "awaiting approval",
    "is waiting to be verified", "bitte bestätigen sie ihre nachricht", "confirmez votre message",
)  # fmt: skip
_CHALLENGERS = ("x-tmda-confirm", "x-tmda-fingerprint", "x-boxbe", "x-spamarrest", "x-challenge-response")
_REPLY_HEADERS = (
    "in-reply-to",
    "references",
    "x-autoreply",
    "x-autorespond",
    "x-autoresponse",
    "x-auto-response-suppress",
)
_LISTS = ("list-id", "list-unsubscribe")
_ORIGINALS = ("message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers")
_STATUS = ("message/delivery-status", "message/global-delivery-status", "message/feedback-report")
_STATUS_LINES = re.compile(
    r"(?im)^[ \t]{0,9}(?:final-recipient|diagnostic-code|reporting-mta|remote-mta)\s*:|\b(?:said:|smtp;) ?[45]\d\d[ -]"
)
_ADDRESS = re.compile(r"[^\s<>;\"(),:]{1,64}@[^\s<>;\"(),:]{1,255}")


@dataclass(frozen=True, slots=True)
class AutomaticAnswer:
    """What kind of answer a mail is, and to what, as far as it says.

    `recipient` is whom the answered mail was for, `sender` whom it claimed to be from, `message` its Message-ID.
    """

    kind: Reason
    recipient: str = ""
    sender: str = ""
    message: str = ""


def answers_nothing(mail: ParsedMail, envelope: Envelope) -> AutomaticAnswer | None:
    """Return what a mail answers, or None if it is no answer; a canary never writes, so no answer to it is legitimate.

    A null sender or a word in the subject alone is no proof, since spam is forged as bounces: two signs must agree.
    """
    kind = next((reason for reason, told in _KINDS if told(mail, envelope)), None)
    return _about(kind, mail) if kind else None


def _is_feedback(mail: ParsedMail, _: Envelope) -> bool:
    """RFC 5965: a complaint about a mail, or the headers that Microsoft sends instead."""
    reported = any(part.type == "message/feedback-report" for part in mail.enclosed)
    # A feedback report of one part alone has no delivery fields, only the mail complained of.
    named = "feedback-report" in mail.header("content-type").lower() or mail.has("x-hmxmroriginalrecipient")
    return (mail.type == "multipart/report" and reported) or (named and bool(mail.enclosed))


def _is_report(mail: ParsedMail, envelope: Envelope) -> bool:
    """RFC 3464, or what servers wrote before it: a robot, the null sender and words that agree."""
    null = not envelope.mail_from or mail.header("return-path").strip() == "<>"
    robot = _is_robot(mail)
    status = any(part.type in _STATUS for part in mail.enclosed)
    if not (null or robot or status):
        return False
    said = _says(_BOUNCE_WORDS, mail.subject)
    returned = any(part.type in _ORIGINALS for part in mail.enclosed) or bool(_STATUS_LINES.search(mail.text[:20_000]))
    typed = mail.type == "multipart/report"
    return (said or status or returned) and sum((typed, null, robot, status, returned, said)) >= 2


def _is_robot(mail: ParsedMail) -> bool:
    local = mail.sender.address.lower().partition("@")[0] or mail.sender.name.lower()
    return local in _ROBOTS or mail.has("x-failed-recipients")


def _is_challenge(mail: ParsedMail, envelope: Envelope) -> bool:
    asking = mail.has(*_CHALLENGERS) or _says(_CHALLENGE_WORDS, mail.subject)
    return asking and (_is_automatic(mail) or mail.has(*_REPLY_HEADERS, *_CHALLENGERS) or not envelope.mail_from)


def _is_reply(mail: ParsedMail, envelope: Envelope) -> bool:
    """RFC 3834: it says that it answers by itself, and so does its subject, its sender or what it refers to."""
    if mail.has(*_LISTS):
        return False
    automatic, said = _is_automatic(mail), _says(_REPLY_WORDS, mail.subject)
    refers = mail.has(*_REPLY_HEADERS) or mail.header("precedence").lower() == "auto_reply"
    # A holiday is what newsletters write of as well: without a reference the words have to come first.
    begins = mail.subject.casefold().lstrip("[( ").startswith(_REPLY_WORDS)
    return (automatic and (refers or said or not envelope.mail_from)) or (
        said and (refers or (begins and not envelope.mail_from))
    )


def _is_automatic(mail: ParsedMail) -> bool:
    """Only `auto-replied` answers anything; `auto-generated` is what newsletters say too."""
    said = mail.header("auto-submitted").lower().partition(";")[0].strip()
    return said.startswith("auto-replied") or mail.has("x-autoreply", "x-autorespond", "x-autoresponse")


_KINDS: tuple[tuple[Reason, Callable[[ParsedMail, Envelope], bool]], ...] = (
    (Reason.FEEDBACK_REPORT, _is_feedback),
    (Reason.DELIVERY_REPORT, _is_report),
    (Reason.CHALLENGE, _is_challenge),
    (Reason.AUTO_REPLY, _is_reply),
)


def _about(kind: Reason, mail: ParsedMail) -> AutomaticAnswer:
    """Return what the answered mail was, from the report first, then from the returned mail, then from threads."""
    status = [part for part in mail.enclosed if part.type in _STATUS]
    originals = [part for part in mail.enclosed if part.type in _ORIGINALS]
    recipient = _first(status, "original-recipient", "final-recipient", "original-rcpt-to") or _first(originals, "to")
    recipient = recipient or _address(mail.header("x-failed-recipients"))
    thread = mail.header("in-reply-to") or mail.header("references").split(" ")[-1]
    message = next((found for part in originals if (found := part.field("message-id").strip())), thread.strip())
    return AutomaticAnswer(kind, recipient, _first(originals, "from", "return-path", "sender"), message[:300])


def _first(parts: list[Enclosed], *names: str) -> str:
    found = (_address(part.field(name)) for name in names for part in parts)
    return next(filter(None, found), "")


def _address(value: str) -> str:
    match = _ADDRESS.search(value[:1000])
    return match.group().lower() if match else ""


def _says(phrases: tuple[str, ...], text: str) -> bool:
    folded = text.casefold()
    return any(phrase in folded for phrase in phrases)
