"""Campaigns in real mail: sendings that were seen to repeat are found, and newsletters stay apart.

The bounds are of a look at every campaign of more than one mail, and at forty links drawn at random from those that
rest on anything but an equal text: 36 were plainly one sending, and 4 were one spammer's form letter for other goods.
"""

import re
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from sqlmodel import Session

from canary.attribute.campaigns.features import addressee, sending
from canary.mail.parse import parse
from canary.model.campaign import CampaignSending
from canary.model.identity import Identity
from canary.model.mail import Client, ParsedMail
from canary.model.proof import DkimResult, Proofs, Result
from canary.processes.judging import supplier_book
from canary.store.database import Database
from canary.store.tables import MailRow
from tests import sendings

pytestmark = pytest.mark.corpus
NOW = datetime(2026, 3, 1, tzinfo=UTC)
BOOK = supplier_book()
ONE = (
    (1002, 1063, 989, 498), (1730, 1746, 1852, 1929), (2501, 2591, 2731, 2780), (1365, 1402, 1451), (2454, 2463, 2481),
    (3413, 3836, 4063), (1631, 1633, 1646), (1528, 1952), (3284, 3285), (3757, 4371), (359, 381, 386),
    (2142, 2143, 2211), (1672, 1674, 1773), (3876, 3951, 4044, 4231), (312, 347, 369, 84), (3023, 3254),
)  # fmt: skip
APART = (1002, 1730, 2454, 2501, 1365, 3413, 2752, 1546, 3876, 1997, 1199, 312, 4201, 137, 3926, 1179, 3549, 517)


def client(mail: ParsedMail) -> Client:
    """The host as the receiver of the collection saw it."""
    found = re.search(r"client-ip=([0-9a-fA-F.:]+)", mail.header("received-spf"))
    helo = re.search(r"helo=([^;\s]+)", mail.header("received-spf"))
    return Client(found[1] if found else "", 25, helo[1] if helo else "")


def proofs(mail: ParsedMail) -> Proofs:
    """The signatures that the receiver of the collection verified; here they verify no more."""
    results = mail.header("authentication-results")
    domains = re.findall(r"header\.d=([\w.-]+)", results) if "dkim=pass" in results else []
    return Proofs(dkim=tuple(DkimResult(Result.PASS, domain) for domain in domains))


@cache
def shown(folder: Path) -> dict[str, CampaignSending]:
    files = sorted(path for path in folder.iterdir() if path.is_file())
    mails = {path.name: parse(path.read_bytes()) for path in files}
    return {
        name: sending(mail, proofs(mail), Identity(), client(mail), addressee(mail, ()), BOOK)
        for name, mail in mails.items()
    }


def linked(session: Session, found: dict[str, CampaignSending]) -> dict[str, int]:
    rows = []
    for name, each in found.items():
        row = MailRow(key=name, sha256="", size=1, received_at=NOW, envelope={}, identity={}, proofs={}, parts={})
        session.add(row)
        session.flush()
        sendings.join(session, row, each)
        rows.append(row)
    return {row.key: row.campaign_id or 0 for row in rows}


def campaign_of(found: dict[str, int], number: int) -> int:
    return found[f"sample-{number}.eml"]


def test_sendings_that_repeat_are_found_and_unlike_ones_stay_apart(sqlite_store: Database, corpus: Path) -> None:
    with sqlite_store.reading() as session:
        found = linked(session, shown(corpus / "phishing_pot"))
    split = [
        numbers for numbers in ONE if len({campaign_of(found, n) for n in numbers if f"sample-{n}.eml" in found}) > 1
    ]
    assert split == []
    assert len({campaign_of(found, number) for number in APART}) == len(APART)


def test_phishing_falls_into_many_campaigns_of_a_few_mails(sqlite_store: Database, corpus: Path) -> None:
    with sqlite_store.reading() as session:
        found = linked(session, shown(corpus / "phishing_pot"))
    sizes = sorted(Counter(found.values()).values())
    assert 570 <= len(sizes) <= 630
    assert sizes[-1] <= 50
    assert sizes[-4] <= 15


def test_the_order_of_real_mail_changes_nothing(sqlite_store: Database, corpus: Path) -> None:
    sendings = shown(corpus / "phishing_pot")
    partitions = []
    for names in (sorted(sendings), sorted(sendings, reverse=True), sorted(sendings, key=lambda name: name[::-1])):
        with sqlite_store.reading() as session:
            found = linked(session, {name: sendings[name] for name in names})
        groups: dict[int, set[str]] = {}
        for name, campaign in found.items():
            groups.setdefault(campaign, set()).add(name)
        partitions.append({frozenset(group) for group in groups.values()})
    assert partitions[0] == partitions[1] == partitions[2]


def test_newsletters_of_different_issues_stay_apart(sqlite_store: Database, corpus: Path) -> None:
    with sqlite_store.reading() as session:
        found = linked(session, shown(corpus / "spamassassin/hard_ham"))
    assert len(set(found.values())) >= 0.95 * len(found)


def test_old_spam_repeats_too(sqlite_store: Database, corpus: Path) -> None:
    with sqlite_store.reading() as session:
        found = linked(session, shown(corpus / "spamassassin/spam"))
    sizes = Counter(found.values()).values()
    assert 0.7 <= len(sizes) / len(found) <= 0.85
    assert max(sizes) <= 12
