"""Is it a bounce, an automatic reply or a report, and so an answer to something this address never sent?"""

from canary.model.mail import Envelope, ParsedMail
from canary.model.verdict import Reason

_ROBOTS = ("mailer-daemon", "postmaster", "mail-daemon", "mdaemon")
_BOUNCE_WORDS = (
    "undeliver", "delivery status", "delivery failure", "delivery has failed", "mail delivery failed", "returned mail",
    "failure notice", "nondeliver", "non-deliver", "could not be delivered", "unzustellbar",
)  # fmt: skip
_REPLY_WORDS = ("out of office", "automatic reply", "auto-reply", "autoreply", "abwesenheit", "vacation")


def answers_nothing(mail: ParsedMail, envelope: Envelope) -> Reason | None:
    """Say what kind of answer a mail is (RFC 3464 report, automatic reply by RFC 3834), or None if it is none.

    A null sender or a word in the subject alone is no proof, since spam comes forged as bounces: two signs must agree.
    """
    if mail.type == "multipart/report" and not envelope.mail_from:
        return Reason.DELIVERY_REPORT
    robot = mail.sender.address.lower().partition("@")[0] in _ROBOTS
    subject = mail.subject.casefold()
    if (robot or not envelope.mail_from) and _any(_BOUNCE_WORDS, subject):
        return Reason.DELIVERY_REPORT
    automatic = mail.header("auto-submitted").lower().partition(";")[0].strip() not in ("", "no")
    replying = mail.has("in-reply-to", "references", "x-autoreply", "x-autorespond")
    if (automatic or replying or not envelope.mail_from) and _any(_REPLY_WORDS, subject):
        return Reason.AUTO_REPLY
    return Reason.AUTO_REPLY if automatic and replying and not mail.has("list-id", "list-unsubscribe") else None


def _any(words: tuple[str, ...], text: str) -> bool:
    return any(word in text for word in words)
