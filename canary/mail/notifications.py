"""What mail services report as JSON, in a mail: that one of their mails was returned, or complained of."""

import re
from dataclasses import dataclass

MAX_JSON = 64 * 1024

# Amazon SES (plain and inside of SNS), Mailgun, SendGrid, Postmark, SparkPost, Mandrill, Mailjet, Brevo, Resend: they name
# the event by one of these, and the recipient by one of those.
_EVENT = re.compile(
    r'"(?:notificationType|eventType|event|RecordType|event_type|type|Type)"\s{0,9}:\s{0,9}"(?:email[._])?([A-Za-z_ -]{4,24})"'
)
_RETURNED = frozenset(
    "bounce bounced hardbounce softbounce failed failure permanentfailure temporaryfailure permanentfail temporaryfail dropped"
    " deferred deliverydelay deliverydelayed delayed rejected reject blocked undelivered outofband policyrejection invalid"
    " invalidemail delivery delivered permanent transient".split()
)
_COMPLAINED = frozenset("complaint complained spamcomplaint spamreport spam abuse abusereport".split())
_RECIPIENT = re.compile(
    r'"(?:emailAddress|recipient|Recipient|email|Email|rcpt_to|to|To|destination)"\s{0,9}:\s{0,9}\[?\s{0,9}"([^"\s@]{1,64}@[^"\s@]{1,255})"'
)
_SENDER = re.compile(
    r'"(?:source|sender|Sender|from|From|friendly_from|msg_from)"\s{0,9}:\s{0,9}\[?\s{0,9}"(?:[^"<]{0,100}<)?([^"\s@<]{1,64}@[^"\s@>]{1,255})'
)
_MESSAGE = re.compile(
    r'"(?:messageId|message-id|smtp-id|MessageID|message_id|Message-ID|sg_message_id)"\s{0,9}:\s{0,9}"([^"\s]{1,300})"'
)


@dataclass(frozen=True, slots=True)
class ServiceNotification:
    """What a service says became of a mail; fields that it does not name are empty."""

    complaint: bool
    recipient: str
    sender: str = ""
    message: str = ""


def notification_of(text: str) -> ServiceNotification | None:
    """Return the report of a mail service that a text consists of, or None.

    The text has to begin with it. It is searched, not parsed: mail wraps and cuts long lines, and one service wraps the
    JSON of another as a string.
    """
    if text.lstrip()[:1] not in ("{", "["):
        return None
    plain = text.lstrip()[:MAX_JSON].replace("\\", "").replace("\n", "")
    named = {_letters(match[1]) for match in _EVENT.finditer(plain)}
    recipient = _RECIPIENT.search(plain)
    if recipient is None or not named & (_RETURNED | _COMPLAINED):
        return None
    sender, message = _SENDER.search(plain), _MESSAGE.search(plain)
    return ServiceNotification(
        bool(named & _COMPLAINED),
        recipient[1].lower(),
        sender[1].lower() if sender else "",
        message[1] if message else "",
    )


def _letters(word: str) -> str:
    return "".join(filter(str.isalpha, word.lower()))
