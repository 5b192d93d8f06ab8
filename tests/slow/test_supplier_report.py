"""How many mails of the corpus bear the marks of a supplier, and how many of them really came through it.

`pytest -s tests/slow/test_supplier_report.py` prints the table.
"""

import re
from collections import Counter
from pathlib import Path

import pytest

from canary.judge.identity import identify
from canary.mail.parse import parse
from canary.mail.received import Hop, read_trusted, trusted_hop
from canary.model.identity import Identity
from canary.model.mail import Client, Envelope, ParsedMail
from canary.model.proof import Proofs, Result, SpfResult
from tests.conftest import START
from tests.supplier_cases import book, claimed_suppliers, signed

pytestmark = [pytest.mark.slow, pytest.mark.corpus]

MICROSOFT = read_trusted(["outlook.com", "2603:1000::/24", "2a01:111::/32", "10.0.0.0/8", "fe80::/10"])


def proofs_of(mail: ParsedMail, hop: Hop) -> Proofs:
    """Read what the receiver found out, from the line it wrote above the trusted hop."""
    above = mail.headers[: hop.line]
    results = next((value for name, value in above if name.lower() == "authentication-results"), "")
    spf = re.search(r"\bspf=pass [^;]*smtp\.mailfrom=([\w.-]+)", results)
    dkim = re.findall(r"\bdkim=pass [^;]*header\.d=([\w.-]+)", results)
    return Proofs(spf=SpfResult(Result.PASS, spf[1]) if spf else SpfResult(), dkim=signed(*dkim))


def identity_of(mail: ParsedMail) -> Identity:
    hop = trusted_hop(mail, MICROSOFT) or Hop(Client(""), None, 0)
    envelope = Envelope(mail.header("Return-Path").strip("<>"), (), hop.client, START)
    return identify(mail, proofs_of(mail, hop), envelope, book())


@pytest.fixture(scope="module")
def judged(corpus: Path) -> list[tuple[ParsedMail, Identity]]:
    mails = [parse(path.read_bytes()) for path in sorted((corpus / "phishing_pot").glob("*.eml"))]
    return [(mail, identity_of(mail)) for mail in mails]


def test_the_report_lists_claims_and_proofs_for_every_supplier(judged: list[tuple[ParsedMail, Identity]]) -> None:
    claimed = Counter(slug for mail, _ in judged for slug in claimed_suppliers(mail, book()))
    proven = Counter(who.esp for _, who in judged if who.esp)
    named = Counter(who.esp for _, who in judged if who.account)
    accounts = Counter(esp for esp, _ in {(who.esp, who.account) for _, who in judged if who.account})
    print(f"\n{'supplier':28}{'marks':>7}{'proven':>8}{'account':>9}{'different':>11}")
    for slug in sorted(claimed.keys() | proven.keys(), key=lambda s: -proven[s]):
        print(f"{slug:28}{claimed[slug]:>7}{proven[slug]:>8}{named[slug]:>9}{accounts[slug]:>11}")
    assert sum(proven.values()) > 150
    assert sum(named.values()) > 0.8 * sum(proven.values())


def test_copied_marks_of_one_supplier_prove_nothing(judged: list[tuple[ParsedMail, Identity]]) -> None:
    marked = [who for mail, who in judged if mail.has("X-SFMC-Stack")]
    assert len(marked) > 90
    assert len([who for who in marked if who.esp == "salesforce-marketing-cloud"]) <= 2
