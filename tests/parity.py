"""The same mails by several ways in: what each way knows, and what verdict and confidence come of it.

.venv/bin/python -m tests.parity          # writes the table of docs/mailboxes.md again
"""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from canary.authenticate.lookup import ZoneLookup
from canary.inlets.queued_mail import BelievedSources, mails_in
from canary.inlets.sqs import envelope_of
from canary.inlets.stored_mail import MailboxSide, recovered_envelope
from canary.judge.hit_context import HitContext
from canary.judge.rules import judge
from canary.mail.received import Trusted
from canary.model.canary import Canary, CanaryState, Style
from canary.model.mail import Client, Envelope, RawMail, Trust
from canary.model.party import Vendor
from canary.model.verdict import Judgement
from canary.pipeline.story import Context, parse_and_authenticate
from canary.processes.judging import forwarder_registry, supplier_book
from canary.processes.remote_mailboxes import remote_readers
from canary.settings import Arranged
from canary.store.database import Database
from tests.amazon import REGION, TOPIC, notice
from tests.graph_server import SECRET, USER, graph_server
from tests.jmap_server import TOKEN, jmap_server
from tests.landing import DOMAIN, Landing, landing
from tests.signer import NOW, dkim, ed25519

PAGE = Path(__file__).parents[1] / "docs/mailboxes.md"
MX, TO = "mx.provider.example", "shop.k7q2@in.example"
EXCHANGE = "AM0EUR02FT033.mail.protection.outlook.com"
KEY, OTHER = ed25519("shop.example"), ed25519("list.example")
ZONE: dict[str, object] = {
    "shop.example": {"TXT": ["v=spf1 ip4:192.0.2.0/24 -all"]},
    "_dmarc.shop.example": {"TXT": ["v=DMARC1; p=reject"]},
    "list.example": {"TXT": ["v=spf1 ip4:198.51.100.0/24 -all"]},
    **KEY.zone(),
    **OTHER.zone(),
}


@dataclass(frozen=True, slots=True)
class Sent:
    """A mail as it left, from which host it came, and what a receiver finds out about it."""

    content: bytes
    mail_from: str
    ip: str
    results: str


def _written(author: str, subject: str, text: str) -> bytes:
    lines = f"From: {author}\r\nTo: {TO}\r\nSubject: {subject}\r\nDate: Sun, 1 Mar 2026 11:59:00 +0000\r\n"
    return f"{lines}Message-ID: <{subject.replace(' ', '.')}@x.example>\r\n\r\n{text}\r\n".encode()


_NEWS = _written("Shop <news@shop.example>", "Our spring offers", "Hello, this is what is new at the Shop.")
_FALSE = _written("Shop <news@shop.example>", "Your account", "Confirm your account at https://bad.example/login now.")
_PRIZE = _written("Prizes <win@bad.example>", "You won", "Collect your prize of 900 pounds at https://bad.example/now.")
_LIST = _written("List <post@list.example>", "This week", "All that is new: https://list.example/week")

MAILS: Mapping[str, Sent] = {
    "the vendor's, signed": Sent(
        dkim(_NEWS, KEY), "news@shop.example", "192.0.2.7",
        "spf=pass smtp.mailfrom=shop.example; dkim=pass header.d=shop.example; dmarc=pass header.from=shop.example",
    ),
    "the vendor's, from its host and unsigned": Sent(
        _NEWS, "news@shop.example", "192.0.2.7",
        "spf=pass smtp.mailfrom=shop.example; dkim=none; dmarc=pass header.from=shop.example",
    ),
    "a forgery in its name": Sent(
        _FALSE, "news@shop.example", "203.0.113.9",
        "spf=fail smtp.mailfrom=shop.example; dkim=none; dmarc=fail (p=reject) header.from=shop.example",
    ),
    "a stranger's, signed": Sent(
        dkim(_LIST, OTHER), "post@list.example", "198.51.100.7",
        "spf=pass smtp.mailfrom=list.example; dkim=pass header.d=list.example; dmarc=none header.from=list.example",
    ),
    "a stranger's, unproven": Sent(
        _PRIZE, "win@bad.example", "203.0.113.9",
        "spf=none smtp.mailfrom=bad.example; dkim=none; dmarc=none header.from=bad.example",
    ),
}  # fmt: skip


def _top(sent: Sent, *, results: bool) -> bytes:
    """What the provider's server writes on a mail that it takes."""
    lines = [f"Delivered-To: {TO}", f"Return-Path: <{sent.mail_from}>"]
    lines += [f"Authentication-Results: {MX}; {sent.results}"] if results else []
    helo = sent.mail_from.partition("@")[2]
    lines.append(
        f"Received: from mail.{helo} (mail.{helo} [{sent.ip}]) by {MX} with ESMTPS; Sun, 1 Mar 2026 12:00:00 +0000"
    )
    return "".join(f"{line}\r\n" for line in lines).encode()


def by_wire(sent: Sent, trust: Trust = Trust.WIRE) -> RawMail:
    client = Client(sent.ip, helo=f"mail.{sent.mail_from.partition('@')[2]}")
    return RawMail("1", Envelope(sent.mail_from, (TO,), client, NOW, trust), sent.content)


def _by_mailbox(content: bytes, *receivers: str) -> RawMail:
    side = MailboxSide(frozenset({DOMAIN}), Trusted(), receivers, forwarder_registry())
    found = recovered_envelope(content, "home", NOW, side, lambda: NOW + timedelta(minutes=1))
    assert found
    return RawMail("1", found.envelope, content)


def _by_exchange(sent: Sent) -> bytes:
    """The mail with what Exchange Online writes on it: no delivery address, and results without the name of their host."""
    helo = sent.mail_from.partition("@")[2]
    taken = f"from mail.{helo} ({sent.ip}) by {EXCHANGE} (10.13.150.1) with Microsoft SMTP Server id 15.20.1.1"
    results = sent.results.replace("smtp.mailfrom", f"(sender IP is {sent.ip}) smtp.mailfrom", 1)
    lines = (
        f"Received: {taken}; Sun, 1 Mar 2026 12:00:00 +0000",
        f"Authentication-Results: {results}",
        f"Return-Path: {sent.mail_from}",
    )
    return "".join(f"{line}\r\n" for line in lines).encode() + sent.content


@cache
def _read_remotely(kind: str) -> Mapping[str, RawMail]:
    """All the mails as they are read of a mailbox of this kind, by their own name."""
    with TemporaryDirectory() as folder, landing(Path(folder)) as land:
        if kind == "jmap":
            with jmap_server() as jmap:
                for name, sent in MAILS.items():
                    jmap.deliver(str(list(MAILS).index(name)), _top(sent, results=True) + sent.content)
                chosen: dict[str, Any] = {"url": f"{jmap.url}/session", "password": TOKEN, "receivers": [MX]}
                return _all_read(land, {"jmap": {"home": chosen}})
        with graph_server() as graph:
            for name, sent in MAILS.items():
                graph.deliver(str(list(MAILS).index(name)), _by_exchange(sent))
            chosen = {
                "url": f"{graph.url}/v1.0", "token_url": f"{graph.url}/token", "user": USER, "tenant": "t",
                "client_id": "c", "client_secret": SECRET,
            }  # fmt: skip
            return _all_read(land, {"graph": {"home": chosen}})


def _all_read(land: Landing, inlet: Mapping[str, object]) -> dict[str, RawMail]:
    settings = Arranged(domains=(DOMAIN,), data=land.folder, inlet=inlet)

    def side(receivers: Sequence[str]) -> MailboxSide:
        return MailboxSide(frozenset({DOMAIN}), Trusted(), tuple(receivers), forwarder_registry())

    [reader] = remote_readers(settings, land.desk, lambda _: lambda _done, _all: None, (), side)
    reader.run_once()
    mails = land.mails
    return {name: next(mail for mail in mails if mail.content.endswith(sent.content)) for name, sent in MAILS.items()}


def _by_queue(sent: Sent) -> RawMail:
    helo = sent.mail_from.partition("@")[2]
    line = f"Received: from mail.{helo} (mail.{helo} [{sent.ip}]) by inbound-smtp.{REGION}.amazonaws.com with SMTP id 1"
    content = f"{line} for {TO}; Sun, 1 Mar 2026 12:00:00 +0000\r\n".encode() + sent.content
    [found] = mails_in(notice(TO, sent.mail_from, content=content), BelievedSources((TOPIC,), ()))
    return RawMail("1", envelope_of(found, found.content, "home", NOW), found.content)


def _name_of(sent: Sent) -> str:
    return next(name for name, each in MAILS.items() if each is sent)


WAYS: dict[str, Callable[[Sent], RawMail]] = {
    "SMTP (`wire`)": by_wire,
    "a server's hook (`hook`)": lambda sent: by_wire(sent, Trust.HOOK),
    "mailbox, `receivers` set (`receiver`)": lambda sent: _by_mailbox(_top(sent, results=True) + sent.content, MX),
    "the same without results": lambda sent: _by_mailbox(_top(sent, results=False) + sent.content, MX),
    "JMAP, `receivers` set (`receiver`)": lambda sent: _read_remotely("jmap")[_name_of(sent)],
    "Microsoft Graph (`receiver`)": lambda sent: _read_remotely("graph")[_name_of(sent)],
    "Amazon SES by SQS (`receiver`)": _by_queue,
    "any mailbox (`claimed`)": lambda sent: _by_mailbox(_top(sent, results=True) + sent.content),
}
SAME = (
    "SMTP (`wire`)",
    "a server's hook (`hook`)",
    "mailbox, `receivers` set (`receiver`)",
    "the same without results",
    "JMAP, `receivers` set (`receiver`)",
    "Microsoft Graph (`receiver`)",
    "Amazon SES by SQS (`receiver`)",
)
"""The ways by which the same is known."""
CLAIMED = "any mailbox (`claimed`)"


@cache
def judged(mail: str, way: str) -> Judgement:
    """What is said of a mail that came by a way."""
    store = Database("sqlite://")
    context = Context(
        store, lambda: ZoneLookup(ZONE), supplier_book(), lambda: NOW + timedelta(minutes=1),
        domains=frozenset({DOMAIN}), forwarders=forwarder_registry(),
    )  # fmt: skip
    found = asyncio.run(parse_and_authenticate(context, WAYS[way](MAILS[mail])))
    canary = Canary(1, TO, "shop", "signup", 1, Style.TAGGED, 65, CanaryState.ACTIVE, NOW - timedelta(days=90), None)
    vendor = Vendor("shop", "Shop", ("shop.example",))
    store.close()
    return judge(
        HitContext(found.mail, found.raw.envelope, found.proofs, found.identity, canary, vendor, attempts=0, shapes={})
    )


def table() -> str:
    """What comes of each mail by each way, as Markdown."""
    head = ("way in", *MAILS)
    rows = [
        (way, *(f"{(j := judged(mail, way)).verdict} {j.confidence:.1%}".replace("%", " %") for mail in MAILS))
        for way in WAYS
    ]
    lines = [" | ".join(row) for row in (head, tuple("---" for _ in head), *rows)]
    return "\n".join(f"| {line} |" for line in lines)


def filled(page: str) -> str:
    """The page with the table as it comes out."""
    found = re.compile(r"(<!-- parity: begin -->\n).*?(<!-- parity: end -->)", re.DOTALL)
    return found.sub(lambda marks: f"{marks[1]}{table()}\n{marks[2]}", page)


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text()))
