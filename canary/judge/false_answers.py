"""Mail in the form of an answer that is none: what its sender wrote for people to read lures or advertises."""

import re
from dataclasses import replace

from canary.judge.fraud import fraud_signs
from canary.judge.organisation import same_organisation
from canary.mail.bounce import AutomaticAnswer
from canary.mail.text import link_host, links_in
from canary.model.mail import ParsedMail
from canary.model.verdict import Reason

MAX_TEXT = 8 * 1024

_RETURNED = re.compile(
    r"^[ \t]{0,9}(?:[-=_*]{2,}|(?:return-path|received|message-id|from|subject|date|reporting-mta|x-[\w-]{1,40})[ \t]{0,9}:"
    r"|original message|diagnostic information)",
    re.IGNORECASE | re.MULTILINE,
)
"""Where a report goes on with the mail that it returns, or with what machines read."""

_SERVERS = re.compile(r"\b[245]\d\d(?:[ -]|$)|\b[245]\.\d{1,3}\.\d{1,3}\b|\bsaid:|\bsmtp\b|^[ \t]{0,9}>", re.IGNORECASE)
"""A line in which a report quotes what another server said."""

_SALE = re.compile(
    r"\d ?% ?off|\b(?:discount|cheap|for sale|buy (?:now|our|your|one|two|it)|shop now|order (?:now|today)|best prices?|special offer|free shipping"
    r"|free (?:trial|gift|spins)|casino|jackpot|coupon|promo|earn (?:up to )?[$€£]|pills?|viagra|cialis|seo|leads|guest posts?|backlinks?"
    r"|rabatt|angebot|jetzt (?:kaufen|bestellen)|günstig|gutschein|soldes|remise|achetez|commandez|oferta|descuento|compra(?: ahora)?"
    r"|promoção|desconto|sconto|offerta|acquista|korting|aanbieding|bestel nu)\b",
    re.IGNORECASE,
)


def false_answer(mail: ParsedMail, answer: AutomaticAnswer) -> tuple[str, ...]:
    """Return what a mail in the form of an answer is instead: shapes of fraud, or `advertising`.

    Fraud abuses automatic replies: what a stranger writes to a help desk is sent to the address that the stranger names.
    A report is read as far as its sender wrote it for people, as what it returns and quotes is not its own; it leads
    nobody anywhere but to those who run the server.
    """
    if answer.kind in (Reason.AUTO_REPLY, Reason.CHALLENGE):
        return fraud_signs(mail)
    written = _written(mail.text[:MAX_TEXT])
    hosts = {link_host(link) for link in links_in(written)}
    if all(same_organisation(host, mail.sender.domain) for host in hosts):
        return ()
    return fraud_signs(replace(mail, subject="", text=written)) or (("advertising",) if _SALE.search(written) else ())


def _written(text: str) -> str:
    """Return what a report says in words of its own."""
    returned = _RETURNED.search(text)
    own = text[: returned.start()] if returned else text
    return "\n".join(line for line in own.splitlines() if not _SERVERS.search(line[:400]))
