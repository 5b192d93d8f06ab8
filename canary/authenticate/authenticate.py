"""All mechanisms over one mail: SPF, DKIM, ARC, and DMARC over what they proved."""

from datetime import datetime

from canary.authenticate.arc import verify_arc
from canary.authenticate.dkim.verify import verify_dkim
from canary.authenticate.dmarc.evaluate import check_dmarc
from canary.authenticate.lookup import Lookup
from canary.authenticate.message import Message
from canary.authenticate.spf.check import check_spf
from canary.mail.fields import RAISED, addresses_in
from canary.model.mail import Envelope
from canary.model.proof import Proofs

MAX_FROM = 8 * 1024
"""Octets of a From field; no list of authors is that long."""


async def authenticate(message: Message, envelope: Envelope, lookup: Lookup, now: datetime) -> Proofs:
    """Return what SPF, DKIM, DMARC and ARC say about a mail; never raises, DNS trouble is a temperror."""
    client = envelope.client
    spf = await check_spf(client.ip, envelope.mail_from, client.helo, lookup, now=now)
    dkim = await verify_dkim(message, lookup, now)
    dmarc = await check_dmarc(author_domain(message), spf, dkim, lookup)
    return Proofs(spf, dkim, dmarc, await verify_arc(message, lookup))


def author_domain(message: Message) -> str:
    """Return the domain that all authors of the one From field share; empty where there is none (RFC 9989 5.3.1)."""
    fields = message.named(b"from")
    if len(fields) != 1 or len(fields[0].value) > MAX_FROM:
        return ""
    try:
        pairs = addresses_in(fields[0].value.decode("utf-8", "replace").strip())
    except RAISED:
        return ""
    domains = {address.rpartition("@")[2].strip().lower() for _, address in pairs if "@" in address}
    return domains.pop() if len(domains) == 1 else ""
