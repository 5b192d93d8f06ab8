"""Mails for the benchmark of the pipeline: 5 KB, DKIM-signed, half from vendors and half from strangers, and their zone."""

from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from canary.canaries import lifecycle
from canary.canaries.lifecycle import IssueOrder
from canary.demo.html import HtmlPage
from canary.demo.letters import Box, Letter, compose
from canary.demo.signing import Signer, sign
from canary.model.mail import Client, Envelope
from canary.store.database import Database
from canary.store.queries import canaries, vendors

OCTETS = 5_000
VENDORS = 20
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
_WORDS = """
    anchor basket candle dinner engine forest garden harbour island jacket kitchen ladder market needle orchard paper
    quarter river saddle timber umbrella valley window yellow autumn bridge copper dragon evening feather gallery hollow
""".split()


@dataclass(frozen=True, slots=True)
class Sample:
    """A mail as it comes in."""

    envelope: Envelope
    content: bytes


@dataclass(frozen=True, slots=True)
class Samples:
    """Mails and the DNS that proves them; the first half comes from vendors."""

    zone: dict[str, dict[str, list[Any]]]
    mails: tuple[Sample, ...]

    def of(self, kind: str) -> tuple[Sample, ...]:
        """The vendors' own mails, the strangers', or by turns both."""
        half = len(self.mails) // 2
        own, strange = self.mails[:half], self.mails[half:]
        mixed = tuple(mail for pair in zip(own, strange, strict=True) for mail in pair)
        return {"vendor": own, "stranger": strange, "mixed": mixed}[kind]


def address(number: int) -> str:
    """The canary of a vendor."""
    return f"shop{number}-{number:013d}@in.example"


def make(count: int) -> Samples:
    """Make so many mails, each different."""
    chance = Random(5)
    zone: dict[str, dict[str, list[Any]]] = {}
    mails: list[Sample] = []
    for who in ("shop", "stranger"):
        signers = [Signer(f"{who}{n}.example", "s1", generate_private_key(65537, 2048)) for n in range(VENDORS)]
        for n, signer in enumerate(signers):
            zone |= {
                signer.name: {"TXT": [signer.record]},
                signer.domain: {"TXT": [f"v=spf1 ip4:192.0.2.{n + 1} -all"], "MX": [[10, f"mx.{signer.domain}"]]},
                f"_dmarc.{signer.domain}": {"TXT": ["v=DMARC1; p=none"]},
                f"mx.{signer.domain}": {"A": [f"192.0.2.{n + 1}"]},
            }
        mails += [_mail(signers[n % VENDORS], n, chance) for n in range(count // 2)]
    return Samples(zone, tuple(mails))


def _mail(signer: Signer, number: int, chance: Random) -> Sample:
    to, mark = address(number % VENDORS), f"{chance.getrandbits(64):016x}"
    said: list[str] = []
    while sum(map(len, said)) < OCTETS * 0.27:
        said.append(" ".join(chance.choices(_WORDS, k=12)) + f" https://www.{signer.domain}/{chance.getrandbits(32):x}")
    foot = f"Unsubscribe: https://www.{signer.domain}/leave/{mark}"
    subject = " ".join(chance.choices(_WORDS, k=4))
    headers = (("List-Unsubscribe", f"<https://www.{signer.domain}/leave/{mark}>"), ("Precedence", "bulk"))
    page = HtmlPage(subject, tuple(said), foot)
    sender = Box("The news", f"news@{signer.domain}")
    letter = Letter(sender, Box("", to), subject, page, NOW, mark, "column", "#336699", headers)
    content = sign(compose(letter), signer, NOW)
    client = Client(f"192.0.2.{number % VENDORS + 1}", 25_000, f"mx.{signer.domain}")
    return Sample(Envelope(f"bounces@{signer.domain}", (to,), client, NOW), content)


def settle(store: Database) -> None:
    """Add the vendors, each with one canary at a known address."""
    with store.writing() as session:
        for n in range(VENDORS):
            vendors.add_vendor(session, f"Shop{n}", [f"shop{n}.example"], NOW)
            issued = lifecycle.issue(session, IssueOrder(f"shop{n}", "in.example"), Random(n).randrange, NOW)
            row = canaries.get_canary_row(session, issued.address)
            row.id, row.address = n + 1, address(n)
            session.add(row)
            session.flush()
