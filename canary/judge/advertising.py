"""Spam in the form of an answer: a report or receipt is attached, and what a person reads of it is an advertisement."""

from dataclasses import replace

from canary.judge.bulk import bulk_signs
from canary.judge.fraud import fraud_signs
from canary.mail.bounce import is_robot, links_home, own_part
from canary.mail.notifications import notification_of
from canary.model.mail import ParsedMail
from canary.model.verdict import Reason

_ECHOES = (Reason.AUTO_REPLY, Reason.CHALLENGE)
_OWN_SHAPES = frozenset(("parcel held", "account alarm"))
"""Shapes of fraud in whose words reports speak themselves: what could not be delivered, which mailbox is full."""
_REPORTS = (Reason.DELIVERY_REPORT, Reason.READ_RECEIPT)


def advertises(mail: ParsedMail, kind: Reason, *, proven: bool) -> bool:
    """Whether an answer of some kind is one in form only.

    Fraud abuses automatic replies: what a stranger writes to a help desk is sent to the address that the stranger names.
    In a report only what it says itself counts, as the mail that it returns is spam, most likely. Mail servers lead to
    pages of help: of what calls itself one, both have to be there, a lure and a link.
    """
    if kind in _ECHOES:
        return bool(fraud_signs(mail))
    if notification_of(mail.text) is not None:
        return False
    own = own_part(mail)
    bare = replace(mail, subject="", text=own.text, links=(), html="", headers=())
    lures = not _OWN_SHAPES.issuperset(fraud_signs(bare))
    if is_robot(mail):
        return lures and bool(own.links)
    leads = bool(own.links) and not (proven and links_home(mail, own.links))
    return lures or (kind in _REPORTS and (leads or bool(bulk_signs(bare))))
