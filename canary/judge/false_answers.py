"""Mail in the form of an answer that is none: what its sender wrote for people to read lures or advertises."""

import re
from dataclasses import replace

from canary.judge.bulk import bulk_signs
from canary.judge.fraud import fraud_signs
from canary.mail.bounce import is_robot, links_home, own_part
from canary.mail.notifications import notification_of
from canary.model.mail import OwnWords, ParsedMail
from canary.model.verdict import Reason

MAX_TEXT = 8 * 1024

_ECHOES = (Reason.AUTO_REPLY, Reason.CHALLENGE)
_REPORTS = (Reason.DELIVERY_REPORT, Reason.READ_RECEIPT)
_ADVERTISING = ("advertising",)
_OWN_SHAPES = frozenset(("parcel held", "account alarm"))
"""Shapes of fraud in whose words reports speak themselves: what could not be delivered, which mailbox is full."""

_SALE = re.compile(
    r"\d ?% ?off|\b(?:discount|cheap|for sale|buy (?:now|our|your|one|two|it)|shop now|order (?:now|today)|best prices?|special offer|free shipping"
    r"|free (?:trial|gift|spins)|casino|jackpot|coupon|promo|earn (?:up to )?[$€£]|pills?|viagra|cialis|seo|leads|guest posts?|backlinks?"
    r"|rabatt|angebot|jetzt (?:kaufen|bestellen)|günstig|gutschein|soldes|remise|achetez|commandez|oferta|descuento|compra(?: ahora)?"
    r"|promoção|desconto|sconto|offerta|acquista|korting|aanbieding|bestel nu)\b",
    re.IGNORECASE,
)


def false_answer(mail: ParsedMail, kind: Reason, *, proven: bool) -> tuple[str, ...]:
    """Return what a mail in the form of an answer is instead: shapes of fraud, or `advertising`.

    Fraud abuses automatic replies: what a stranger writes to a help desk is sent to the address that the stranger names.
    Of a report only what it says itself counts, as the mail that it returns is most likely spam.
    """
    if kind in _ECHOES:
        return fraud_signs(mail)
    if notification_of(mail.text) is not None:
        return ()
    own = own_part(mail)
    bare = replace(mail, subject="", text=own.text, links=(), html="", headers=())
    if is_robot(mail):
        return _of_a_program(mail, own, bare)
    if lures := _lures(bare):
        return lures
    leads_away = bool(own.links) and not (proven and links_home(mail, own.links))
    return _ADVERTISING if kind in _REPORTS and (leads_away or bulk_signs(bare)) else ()


def _of_a_program(mail: ParsedMail, own: OwnWords, bare: ParsedMail) -> tuple[str, ...]:
    """Mail servers lead to pages of help: of what calls itself one, both have to be there, a lure and a link elsewhere.

    They have nothing to sell, but anybody can call himself a mail server.
    """
    if links_home(mail, own.links):
        return ()
    return _lures(bare) or (_ADVERTISING if _SALE.search(own.text[:MAX_TEXT]) else ())


def _lures(bare: ParsedMail) -> tuple[str, ...]:
    signs = fraud_signs(bare)
    return () if _OWN_SHAPES.issuperset(signs) else signs
