"""One mail by every way in: the same verdict where the same facts are known, and less sure, with the reason, where not.

What each inlet shows is in a table of docs/inlets.md, which is compared with what arrives here.
"""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from canary.authenticate.lookup import ZoneLookup
from canary.canaries import lifecycle
from canary.canaries.lifecycle import IssueOrder
from canary.cases.weigh import weigh_all
from canary.model.case import Suspect, SuspectKind
from canary.model.mail import Client, Envelope, Trust
from canary.pipeline.batch import run_pending
from canary.pipeline.story import Context
from canary.processes.judging import supplier_book
from canary.spool.spool import Spool
from canary.store.codec import envelope_of, reasons_of, suspects_of
from canary.store.database import Database
from canary.store.queries import vendors
from canary.store.tables import CanaryRow, CaseRow, HitRow, MailRow
from tests.ingest import NOW, SERVICES, Ingest, Post, Words, mailgun, postmark, prepare_web, raw, ses
from tests.processes import ROOT
from tests.signer import SigningKey, dkim, rsa
from tests.sink import Store

pytestmark = [pytest.mark.slow, pytest.mark.everyday]

CLIENT, HELO = "192.0.2.7", "out.play.example"
FROM_CLIENT = {"TXT": [f"v=spf1 ip4:{CLIENT} -all"]}
ZONE: dict[str, object] = {
    "signed.example": FROM_CLIENT,
    "unsigned.example": FROM_CLIENT,
    "spoofed.example": {"TXT": ["v=spf1 ip4:203.0.113.0/24 -all"]},
    "_dmarc.spoofed.example": {"TXT": ["v=DMARC1; p=reject"]},
    "lists.example": FROM_CLIENT,
    **rsa(1024, "signed.example").zone(),
    **rsa(1024, "footwear.example").zone(),
}
VENDORS = ("signed", "unsigned", "spoofed", "traded", "spammed", "listed")
"""Each has a canary to which one mail comes."""


def mail_to(name: str, address: str) -> tuple[str, bytes]:
    """The sender and the mail that comes to the canary of this vendor."""

    def letter(sender: str, text: str, key: SigningKey | None = None, more: str = "") -> tuple[str, bytes]:
        content = (
            f"From: {sender}\r\nTo: {address}\r\nSubject: Our news\r\nDate: Sun, 1 Mar 2026 11:59:00 +0000\r\n"
            f"Message-ID: <1@{name}.example>\r\n{more}\r\n{text}\r\n"
        ).encode()
        return sender, dkim(content, key) if key else content

    news, bulk = (
        "These are our news of this month.",
        "List-Unsubscribe: <https://lists.example/u>\r\nPrecedence: bulk\r\n",
    )
    return {
        "signed": lambda: letter("news@signed.example", news, rsa(1024, "signed.example")),
        "unsigned": lambda: letter("news@unsigned.example", news),
        "spoofed": lambda: letter("news@spoofed.example", "Confirm your password at https://bad.example/login now."),
        "traded": lambda: letter("offers@footwear.example", "Buy our shoes.", rsa(1024, "footwear.example"), bulk),
        "spammed": lambda: letter("someone@bad.example", "Look at https://bad.example/pills now, cheap."),
        "listed": lambda: letter("offers@lists.example", "Buy our shoes.", None, bulk),
    }[name]()


@dataclass(frozen=True)
class Meaning:
    """What became of one mail; `suspects` are those of its case."""

    verdict: str
    confidence: float
    reasons: frozenset[str]
    suspects: tuple[Suspect, ...]


Meanings = dict[str, Meaning]


def judged(store: Database, spool: Spool, addresses: dict[str, str]) -> Meanings:
    context = Context(store, lambda: ZoneLookup(ZONE), supplier_book(), lambda: NOW)
    while asyncio.run(run_pending(context, spool)):
        pass
    weigh_all(store, NOW)
    with store.reading() as session:
        rows = session.exec(select(HitRow, CanaryRow.address).join(CanaryRow)).all()
        cases = {case.id: suspects_of(case.suspects) for case in session.exec(select(CaseRow))}
    names = {address: name for name, address in addresses.items()}
    return {
        names[address]: Meaning(
            hit.verdict,
            hit.confidence,
            frozenset(reason.code.value for reason in reasons_of(hit.reasons)),
            cases.get(hit.case_id, ()),
        )
        for hit, address in rows
    }


def furnish(store: Database, domain: str = "example.net") -> dict[str, str]:
    found = {}
    with store.writing() as session:
        for name in VENDORS:
            vendors.add_vendor(session, name.title(), [f"{name}.example"], NOW)
            order = IssueOrder(name, domain)
            found[name] = lifecycle.issue(session, order, secrets.randbelow, NOW).address
    return found


def by_smtp(folder: Path, template: Path) -> Meanings:
    """What our own listener makes of the mails."""
    (folder / "canary.db").write_bytes(template.read_bytes())
    store = Database(f"sqlite:///{folder}/canary.db")
    addresses = furnish(store)
    spool = Spool(folder / "smtp.db", reserve_bytes=0, max_backlog=100)
    spool.start(lambda: NOW)
    for name, address in addresses.items():
        sender, content = mail_to(name, address)
        asyncio.run(spool.keep(Envelope(sender, (address,), Client(CLIENT, 25, HELO), NOW), content))
    found = judged(store, spool, addresses)
    spool.close()
    store.close()
    return found


LINE = f"Received: from {HELO} ({HELO} [{CLIENT}])\r\n by mx.provider.example with ESMTPS id 1;\r\n Sun, 01 Mar 2026 12:00:00 +0000\r\n"
RECEIVERS = {"receivers": ["mx.provider.example"]}
WAYS: dict[str, Callable[[Words], Post]] = {
    **SERVICES,
    "cloudflare": partial(raw, client=False),
    "ses without its line": partial(ses, client=False),
    **{f"{name} with receivers": make for name, make in {"mailgun": mailgun, "postmark": postmark}.items()},
}


def by_http(store: Database, folder: Path, way: str) -> Meanings:
    """What is made of the mails when they are posted."""
    addresses, named = furnish(store), way.endswith("with receivers")
    service = way.partition(" ")[0]
    settings: dict[str, Any] = {service: {**Ingest.settings_of(service), **RECEIVERS}} if named else {}
    with Ingest(folder, Store(frozenset(addresses.values())), **settings) as ingest:
        for number, (name, address) in enumerate(addresses.items()):
            sender, content = mail_to(name, address)
            words = Words((LINE.encode() if named else b"") + content, address, sender, f"a0b1c2d3-{number}", CLIENT)
            prepare_web(ingest, words)
            answer = ingest.post(WAYS[way](words))
            assert answer.status_code == 200, answer.text
        return judged(store, ingest.spool, addresses)


UNSEEN = ("mailgun", "postmark", "resend", "cloudflare", "ses without its line")
SEEN = tuple(way for way in WAYS if way not in UNSEEN)


@pytest.fixture(scope="module")
def smtp(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Meanings:
    return by_smtp(tmp_path_factory.mktemp("smtp"), sqlite_template)


def test_our_own_listener_knows_all_there_is_to_know(smtp: Meanings) -> None:
    assert {name: meaning.verdict for name, meaning in smtp.items()} == {
        "signed": "expected", "unsigned": "expected", "spoofed": "impersonation", "traded": "third-party",
        "spammed": "spam", "listed": "third-party",
    }  # fmt: skip
    # Four vendors without a common supplier were hit at once: what they have in common is whose addresses these are.
    assert {smtp[name].suspects[0].kind for name in ("spoofed", "traded", "spammed", "listed")} == {SuspectKind.OWNER}
    assert not smtp["signed"].suspects


@pytest.mark.parametrize("way", SEEN)
def test_where_the_client_is_known_every_mail_means_what_it_means_by_smtp(
    smtp: Meanings, sqlite_store: Database, tmp_path: Path, way: str
) -> None:
    assert by_http(sqlite_store, tmp_path, way) == smtp


@pytest.mark.parametrize("way", UNSEEN)
def test_where_the_client_is_unknown_signed_mail_means_the_same_and_all_else_is_less_sure_and_says_why(
    smtp: Meanings, sqlite_store: Database, tmp_path: Path, way: str
) -> None:
    found = by_http(sqlite_store, tmp_path, way)
    for name in ("signed", "traded"):
        assert replace(found[name], suspects=smtp[name].suspects) == smtp[name]
        assert bool(found[name].suspects) is bool(smtp[name].suspects)
    for name in ("unsigned", "spoofed", "spammed", "listed"):
        assert found[name].confidence < smtp[name].confidence
        assert "client-unseen" in found[name].reasons
    assert found["unsigned"].verdict == "new-sender"
    assert found["spammed"].verdict == "spam"
    assert not found["unsigned"].suspects
    assert {each.suspects[0].kind for each in found.values() if each.suspects} == {SuspectKind.OWNER}


# The page

COLUMNS = ("inlet", "posts to", "proves itself by", "envelope", "trust", "host", "verdict", "known")
PAGE = (ROOT / "docs/inlets.md").read_text()


def rows_of_the_page() -> dict[str, dict[str, str]]:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("| `")
    ]
    return {row[0]: dict(zip(COLUMNS, row, strict=True)) for row in rows}


WAY_OF = {"`raw` by the Cloudflare Worker": "cloudflare", **{f"`{name}`": name for name in SERVICES}}


def test_the_page_has_a_row_for_each_way() -> None:
    assert rows_of_the_page().keys() == WAY_OF.keys()


@pytest.mark.parametrize("name", WAY_OF)
def test_a_mail_arrives_as_the_page_says(sqlite_store: Database, tmp_path: Path, name: str) -> None:
    row, way = rows_of_the_page()[name], WAY_OF[name]
    post = WAYS[way](Words())
    assert post.path.partition("?")[0] == row["posts to"].strip("`")
    found = by_http(sqlite_store, tmp_path, way)
    assert found["unsigned"].verdict == row["verdict"]
    with sqlite_store.reading() as session:
        envelopes = [envelope_of(mail.envelope, NOW) for mail in session.exec(select(MailRow))]
    assert {envelope.trust for envelope in envelopes} == {Trust(row["trust"])}
    assert all(bool(envelope.client.ip) is (row["host"] != "no") for envelope in envelopes)
