"""Mail as forwarders pass it on, written for tests: header chains, and what follows from them."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from canary.authenticate.lookup import OfflineLookup
from canary.authenticate.message import split
from canary.authenticate.vouching.recipients import addressees
from canary.authenticate.vouching.side import ReceivingSide, receiving_hop
from canary.judge.hit_context import HitContext
from canary.judge.rules import judge
from canary.mail.parse import parse
from canary.mail.received import Trusted
from canary.model.canary import Canary, CanaryState, Style
from canary.model.identity import Identity
from canary.model.mail import Client, Envelope, ParsedMail
from canary.model.party import Vendor
from canary.model.proof import Proofs
from canary.model.verdict import Judgement
from canary.pipeline.authentication import Arrival, AuthenticationGrounds, authenticate_mail
from canary.processes.judging import forwarder_registry, supplier_book

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DATE = "Sun, 01 Mar 2026 12:00:00 +0000"
RECEIVER = "mx.mailbox.example"
OWN = "my.example"
CANARY = Canary(
    1, f"bikeparts@{OWN}", "v", "signup", 1, Style.TAGGED, 65, CanaryState.ACTIVE, NOW - timedelta(days=400)
)
VENDOR = Vendor("v", "Bike Parts", ("bikeparts.example",))
GROUNDS = AuthenticationGrounds(
    supplier_book(), ReceivingSide(frozenset({OWN}), Trusted(), (RECEIVER,), forwarder_registry())
)


def came_from(name: str, *, to: str = "me@mailbox.example", ip: str = "192.0.2.7") -> str:
    """Return the line by which the trusted receiver got a mail from a host of this reverse name."""
    return f"Received: from {name} ({name} [{ip}]) by {RECEIVER} with ESMTPS id 1 for <{to}>; {DATE}"


def results(*stated: str) -> str:
    """Return what the trusted receiver says it found out."""
    return f"Authentication-Results: {RECEIVER}; " + "; ".join(stated or ("none",))


def mail_of(fields: Sequence[str], body: str = "Hello.\r\n") -> bytes:
    """Return a mail of these fields, with what every mail has."""
    given = {field.partition(":")[0].lower() for field in fields}
    rest = (f"To: bikeparts@{OWN}", "Subject: News", f"Date: {DATE}", "Message-ID: <1@a.example>")
    fields = (*fields, *(each for each in rest if each.partition(":")[0].lower() not in given))
    return "\r\n".join((*fields, "", body)).encode()


def seen(
    *fields: str, body: str = "Hello.\r\n", grounds: AuthenticationGrounds = GROUNDS
) -> tuple[ParsedMail, Proofs, Identity]:
    """Return what follows from a stored mail of these fields."""
    content = mail_of(fields, body)
    message, mail = split(content), parse(content)
    hop = receiving_hop(message, grounds.side)
    path = mail.header("return-path").strip("<> ")
    envelope = Envelope(path, (CANARY.address,), hop.client if hop else Client(""), NOW)
    arrival = Arrival(envelope, hop, addressees(message, hop, grounds.side).delivered)
    return asyncio.run(authenticate_mail(message, mail, arrival, OfflineLookup(), grounds))


def verdict(*fields: str, body: str = "Hello.\r\n", grounds: AuthenticationGrounds = GROUNDS) -> Judgement:
    """Judge a stored mail of these fields at an address that only the vendor has."""
    mail, proofs, who = seen(*fields, body=body, grounds=grounds)
    envelope = Envelope(mail.header("return-path").strip("<> "), (CANARY.address,), Client(""), NOW)
    return judge(HitContext(mail, envelope, proofs, who, CANARY, VENDOR))
