"""What a thief tries so that nobody sees a leak, or so that somebody else is blamed for it; each of it in one archive.

Every attack has a vendor of its own, whose address the vendor itself wrote to first. Mail is read as a trusted receiver
stored it, an archive before the owner's answers and one after them.
"""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # two imports and some commands, each a process of its own

BEGIN = datetime(2025, 3, 1, 8, tzinfo=UTC)
CHARGED = {"third-party", "spam", "impersonation"}
BOUNDARY = 'MIME-Version: 1.0\nContent-Type: multipart/{kind}; boundary="b"\n'
BULK = "List-Unsubscribe: <https://x.invalid/u>\n"
OFFER = "Forty percent off everything at our pier, this week only, until all of it is gone."
FRAUD = "Your account has been suspended. Verify now within 24 hours, click https://drop.invalid/x"


@dataclass(frozen=True)
class Proofs:
    """What the receiver found: an SPF pass for a reverse-path, and domains whose signatures verified."""

    path: str = ""
    signed: tuple[str, ...] = ()

    @property
    def header(self) -> str:
        spf = f" spf=pass smtp.mailfrom={self.path};" if self.path else " spf=none;"
        dkim = "".join(f" dkim=pass header.d={domain} header.s=s1;" for domain in self.signed)
        return f"Authentication-Results: mx.my.example;{spf}{dkim} dmarc={{dmarc}} header.from={{domain}}\n"


def by(domain: str) -> Proofs:
    return Proofs(f"b@{domain}", (domain,))


def account(number: int, *signed: str) -> Proofs:
    """Through an account at a mail provider, which its reverse-path shows."""
    return Proofs(f"bounces+{number}-ab12-x=y@sendgrid.net", signed)


NOBODY = Proofs()


@dataclass(frozen=True)
class Sent:
    """A mail to the address of one vendor, or of several, so many days after these were given away."""

    vendor: str
    day: float
    sender: str
    proofs: Proofs
    text: str
    head: str = ""
    dmarc: str = "none"
    to: str = ""
    subject: str = ""

    def mails(self) -> Iterator[tuple[datetime, bytes]]:
        for vendor in self.vendor.split():
            at = BEGIN + timedelta(days=self.day)
            yield at, f"From MAILER {at:%a %b %d %H:%M:%S %Y}\n{self._text(vendor, at)}\n\n".encode()

    def _text(self, vendor: str, at: datetime) -> str:
        address, domain = f"{vendor}@my.example", self.sender.rpartition("@")[2].strip(">")
        signatures = "".join(
            f"DKIM-Signature: v=1; a=rsa-sha256; d={d}; s=s1; h=From:To:Subject; b=x\n" for d in self.proofs.signed
        )
        return (
            f"Delivered-To: {address}\n"
            f"Received: from mx.test (mx.test [203.0.113.9]) by mx.my.example; {format_datetime(at)}\n"
            f"{self.proofs.header.format(dmarc=self.dmarc, domain=domain)}"
            f"Return-Path: <{self.proofs.path}>\n{signatures}"
            f"From: {self.sender}\nTo: {self.to or address}\nSubject: {self.subject or self.name(vendor)}\nDate: {format_datetime(at)}\n"
            f"Message-ID: <{self.name(vendor)}@test>\n{self.head}\n{self.text}"
        )  # fmt: skip

    def name(self, vendor: str) -> str:
        """What the mail is found by."""
        return f"{vendor} {self.day:g}".replace(" ", "-")


def brand(vendor: str) -> str:
    return f"{vendor.title()} Outfitters"


def domain(vendor: str) -> str:
    return f"{vendor}outfitters.example"


def news(vendor: str, day: float, proofs: Proofs, text: str = "New boots are in.", head: str = "", **more: str) -> Sent:
    """A letter with the vendor's own domain in From."""
    return Sent(vendor, day, f"{brand(vendor)} <news@{domain(vendor)}>", proofs, text, BULK + head, **more)


def receipt(vendor: str, day: float, service: str = "tillroll", text: str = "") -> Sent:
    """A service that proves its own name, and says it beside the vendor's."""
    said = text or f"{service.title()}: you paid 41.90 to {brand(vendor)}."
    return Sent(vendor, day, f"{service.title()} <r@{service}.example>", by(f"{service}.example"), said)


def offer(vendor: str, day: float, proofs: Proofs) -> Sent:
    return Sent(vendor, day, "Pier <deals@pierdeals.example>", proofs, OFFER, BULK)


REPORT = """\
--b
Content-Type: text/plain

Your message could not be delivered. While you wait: forty kinds of lamps, all 60% off this week,
at https://lamps.invalid/deals - order today, shipping is free.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.pier.example

Final-Recipient: rfc822; someone@pier.example
Action: failed
Status: 5.1.1

--b--
"""
MALWARE = """\
--b
Content-Type: text/plain

Your receipt is in the file.
--b
Content-Type: application/octet-stream; name="receipt.exe"
Content-Disposition: attachment; filename="receipt.exe"

MZ
--b--
"""
BRANDS = "amber", "birch", "cedar", "dahlia", "elder"
FRAMED = "one two three"
FREE = {
    "tenant": ("helios@desk.onmicrosoft.com", "Answer with your PIN."),
    "community": ("forum@hello.discoursemail.com", "Log in to keep your place: https://hello.discourse.group/x"),
    "form": ("answers@jotform.com", "Your membership ends. Renew your membership: https://form.jotform.com/1"),
}

BEFORE = [
    *(receipt(vendor, 60) for vendor in ("fraud", "trap", "malware")),
    *(news("quiet", day, account(666)) for day in (3, 20)),
    news("replayed", 5, account(777, domain("replayed")), to="reader@elsewhere.example"),
    *(news(vendor, 60, account(42)) for vendor in ("hired", "robbed")),
    receipt("agency", 60, "tillroll"),
    *(receipt("crowded", 60 + n / 100, f"junkdesk{chr(97 + n)}") for n in range(20)),
    *(news(vendor, day, Proofs(signed=("pierpress.example",))) for vendor in BRANDS for day in (3, 20)),
]
APPROVED = [("hired", "sendgrid/42"), ("robbed", "sendgrid/42"), ("agency", "tillroll.example")]
AFTER = [
    receipt("fraud", 61, text=f"{brand('fraud')}: {FRAUD}"),
    receipt("trap", 61, text=f"Tillroll: you paid {brand('trap')}. See http://192.0.2.7/r"),
    Sent("malware", 61, "Tillroll <r@tillroll.example>", by("tillroll.example"), MALWARE, BOUNDARY.format(kind="mixed")),
    news("quiet", 50, account(666), OFFER),
    news("replayed", 50, account(777), OFFER),
    offer("hired", 70, account(42)),
    news("robbed", 70, account(42), FRAUD),
    receipt("agency", 70, text=FRAUD),
    Sent("agency", 71, "Pier <deals@pierdeals.example>", Proofs(signed=("tillroll.example",)), OFFER, BULK),
    receipt("crowded", 70),
    Sent("bounced", 60, "Mail Delivery System <mailer-daemon@pier.example>", NOBODY, REPORT, BOUNDARY.format(kind="report")),
    *(
        Sent(vendor, 60, f"Care <{sender}>", by(sender.rpartition("@")[2]), f"Dear customer of {brand(vendor)}. {text}")
        for vendor, (sender, text) in FREE.items()
    ),
    *(news(vendor, 40, Proofs(signed=("pierpress.example",))) for vendor in BRANDS),
    *(
        news(vendor, 41, Proofs(signed=("pierpress.example",)), MALWARE, BOUNDARY.format(kind="mixed"))
        for vendor in BRANDS
    ),
    news("strict", 60, Proofs(signed=("pierpress.example",)), dmarc="fail (p=reject)"),
    Sent(FRAMED, 60, "Office <desk@nowhere.invalid>", NOBODY, f"{OFFER} Come and see: https://drop.invalid/pier", subject="Forty percent"),
]  # fmt: skip
VENDORS = sorted({vendor for sent in (*BEFORE, *AFTER) for vendor in sent.vendor.split()})


@dataclass(frozen=True)
class Outcome:
    """What became of it all."""

    verdicts: dict[str, str]
    states: dict[tuple[str, str], str]
    suppliers: list[str]
    cases: list[dict[str, object]]
    suspects: dict[str, float]

    def at(self, vendor: str, day: float) -> str:
        return self.verdicts[f"{vendor}-{day:g}"]


@dataclass(frozen=True)
class Home:
    """An installation in a folder."""

    folder: Path

    def canary(self, *words: str) -> str:
        command = [sys.executable, "-m", "canary", *words]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode in (0, 1), done.stderr
        return done.stdout

    def take_in(self, name: str, sent: list[Sent]) -> None:
        whole = sorted((mail for each in sent for mail in each.mails()), key=lambda mail: mail[0])
        (self.folder / name).write_bytes(b"".join(text for _, text in whole))
        args = ("--adopt", "my.example", "--vendor-map", "map.csv", "--trust-authserv", "mx.my.example", "--offline")
        self.canary("import", name, *args, "--yes", "--json")

    def rows(self, query: str) -> list[tuple[str, ...]]:
        with sqlite3.connect(self.folder / "data/canary.db") as store:
            return list(store.execute(query))


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    home = Home(tmp_path_factory.mktemp("fooled"))
    home.canary("init", "--domain", "my.example")
    (home.folder / "map.csv").write_text(
        "address,vendor,channel\n" + "".join(f"{v}@my.example,{brand(v)},signup\n" for v in VENDORS)
    )
    shared = '\nsuppliers = [{ name = "Silverline" }]'
    (home.folder / "vendors.toml").write_text(
        "".join(
            f'[[vendor]]\nname = "{brand(v)}"\ndomains = ["{domain(v)}"]{shared if v in FRAMED.split() else ""}\n'
            for v in VENDORS
        )
    )
    home.canary("vendor", "import", "vendors.toml")
    first = [news(vendor, 0, by(domain(vendor)), "Welcome to our letters.") for vendor in VENDORS]
    home.take_in("before.mbox", [*first, *BEFORE])
    for vendor, sender in APPROVED:
        home.canary("sender", "approve", f"{vendor}-outfitters", sender)
    home.take_in("after.mbox", AFTER)
    return _outcome(home)


def _outcome(home: Home) -> Outcome:
    verdicts = {m.strip("<>").removesuffix("@test"): v for m, v in home.rows(
        "select m.message_id, h.verdict from hit h join mail m on m.id = h.mail_id order by h.id")}  # fmt: skip
    senders = json.loads(home.canary("sender", "list", "--json"))
    [(number,)] = home.rows(
        "select distinct h.case_id from hit h join mail m on m.id = h.mail_id where m.subject = 'Forty percent'"
    )
    case = json.loads(home.canary("case", "show", str(number), "--json"))
    return Outcome(
        verdicts, {(s["vendor"].partition("-")[0], s.get("sender") or s.get("key")): s["state"] for s in senders},
        [row[0] for row in home.rows("select v.slug from supplier_link l join vendor v on v.id = l.vendor_id where l.origin = 'learned'")],
        [case], {s["name"]: s["p"] for s in case["suspects"]},
    )  # fmt: skip


@pytest.mark.parametrize("vendor", ["fraud", "trap", "malware"])
def test_a_question_that_waits_excuses_no_fraud_no_trap_and_no_malware(outcome: Outcome, vendor: str) -> None:
    assert outcome.at(vendor, 60) == "new-sender"
    assert outcome.at(vendor, 61) in CHARGED


def test_quiet_mails_in_the_vendors_name_make_no_thief_known(outcome: Outcome) -> None:
    assert [outcome.at("quiet", day) for day in (3, 20, 50)] == ["new-sender"] * 3
    assert outcome.states["quiet", "sendgrid/666"] == "pending"


def test_a_newsletter_of_the_vendor_sent_on_through_a_thiefs_account_makes_it_neither_known_nor_a_supplier(
    outcome: Outcome,
) -> None:
    assert outcome.at("replayed", 5) == "expected"
    assert outcome.states.get(("replayed", "sendgrid/777")) in (None, "pending")
    assert outcome.at("replayed", 50) == "new-sender"
    assert "replayed-outfitters" not in outcome.suppliers


def test_a_known_account_is_excused_in_the_vendors_name_only(outcome: Outcome) -> None:
    assert [outcome.at("hired", day) for day in (60, 70)] == ["supplier", "new-sender"]


def test_a_known_domain_is_excused_in_its_own_or_the_vendors_name_only(outcome: Outcome) -> None:
    assert [outcome.at("agency", day) for day in (60, 71)] == ["expected", "new-sender"]


def test_fraud_is_charged_whether_a_known_account_or_a_known_domain_sends_it(outcome: Outcome) -> None:
    assert outcome.at("robbed", 60) == "supplier"
    assert outcome.at("robbed", 70) in CHARGED
    assert outcome.at("agency", 70) in CHARGED


def test_twenty_junk_domains_that_wait_push_no_honest_sender_into_a_charge(outcome: Outcome) -> None:
    assert [state for (vendor, _), state in outcome.states.items() if vendor == "crowded"].count("pending") >= 20
    assert outcome.at("crowded", 70) == "new-sender"


def test_a_report_that_advertises_is_spam(outcome: Outcome) -> None:
    assert outcome.at("bounced", 60) == "spam"


@pytest.mark.parametrize("vendor", FREE)
def test_a_host_that_costs_nothing_names_the_vendor_and_asks_for_keys_is_impersonation(
    outcome: Outcome, vendor: str
) -> None:
    assert outcome.at(vendor, 60) == "impersonation"


def test_a_thief_who_signs_five_brands_becomes_no_platform_that_frees_anybody(outcome: Outcome) -> None:
    assert {outcome.at(vendor, day) for vendor in BRANDS for day in (3, 20, 40)} == {"new-sender"}
    assert {outcome.at(vendor, 41) for vendor in BRANDS} == {"impersonation"}
    assert outcome.at("strict", 60) == "impersonation"


def test_one_unproven_text_at_three_known_addresses_frames_no_supplier(outcome: Outcome) -> None:
    assert {outcome.at(vendor, 60) for vendor in FRAMED.split()} <= CHARGED
    assert outcome.suspects["Silverline"] <= 0.5
