"""All mechanisms over one mail, and the same again from the record of what DNS said."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canary.authenticate.authenticate import authenticate, author_domain
from canary.authenticate.lookup import Lookup, OfflineLookup, RecordingLookup, ReplayLookup, ZoneLookup, zone_json
from canary.authenticate.message import split
from canary.model.mail import Client, Envelope
from canary.model.proof import Proofs, Result
from tests.signer import MAIL, NOW, arc, dkim, rsa

ENVELOPE = Envelope(
    "bounce@bounce.example.com", ("canary@example.net",), Client("192.0.2.1", helo="mx.example.com"), NOW
)
KEY = rsa()
SEALER = rsa(domain="lists.example", selector="seal")
SIGNED = arc(dkim(MAIL, KEY), SEALER)
ZONE: dict[str, Any] = {
    **KEY.zone(),
    **SEALER.zone(),
    "bounce.example.com": {"TXT": ["v=spf1 ip4:192.0.2.0/24 -all"]},
    "_dmarc.example.com": {"TXT": ["v=DMARC1; p=reject"]},
}


def judged(content: bytes, lookup: Lookup, envelope: Envelope = ENVELOPE) -> Proofs:
    return asyncio.run(authenticate(split(content), envelope, lookup, NOW))


def as_octets(proofs: Proofs) -> bytes:
    return json.dumps(asdict(proofs), sort_keys=True).encode()


def test_a_mail_that_is_what_it_says_passes_all_mechanisms() -> None:
    proofs = judged(SIGNED, ZoneLookup(ZONE))
    results = (proofs.spf.result, proofs.dkim[0].result, proofs.dmarc.result, proofs.arc.result)
    assert results == (Result.PASS,) * 4
    assert (proofs.dmarc.aligned_dkim, proofs.dmarc.aligned_spf) == ("example.com", "bounce.example.com")


def test_a_changed_mail_from_elsewhere_fails() -> None:
    elsewhere = Envelope("bounce@bounce.example.com", (), Client("198.51.100.1"), NOW)
    proofs = judged(SIGNED.replace(b"Bye", b"Buy"), ZoneLookup(ZONE), elsewhere)
    results = (proofs.spf.result, proofs.dkim[0].result, proofs.dmarc.result, proofs.arc.result)
    assert results == (Result.FAIL,) * 4


def test_offline_nothing_is_held_against_a_mail() -> None:
    proofs = judged(SIGNED, OfflineLookup())
    assert proofs.unsettled
    results = {proofs.spf.result, proofs.dkim[0].result, proofs.dmarc.result, proofs.arc.result}
    assert results == {Result.TEMPERROR}


@pytest.mark.parametrize("failing", [{}, *({name: "SERVFAIL"} for name in ZONE), {"example.com": "TIMEOUT"}])
def test_a_mail_judged_again_from_its_record_gets_the_same_proofs_byte_for_byte(failing: dict[str, Any]) -> None:
    recording = RecordingLookup(ZoneLookup({**ZONE, **failing}))
    then = judged(SIGNED, recording)
    kept = json.loads(zone_json(recording.answers))
    assert as_octets(judged(SIGNED, ReplayLookup(kept))) == as_octets(then)


def test_the_record_of_a_mail_judged_twice_is_the_same_byte_for_byte() -> None:
    records = []
    for _ in range(2):
        recording = RecordingLookup(ZoneLookup(ZONE))
        judged(SIGNED, recording)
        records.append(zone_json(recording.answers))
    assert records[0] == records[1]


@pytest.mark.parametrize(
    ("fields", "domain"),
    [
        (["Vendor <a@Example.COM>"], "example.com"),
        (["a@example.com, b@example.com"], "example.com"),
        (['"b@bank.example" <a@example.com>'], "example.com"),
        (["a@example.com, b@example.net"], ""),
        (["a@example.com", "a@example.com"], ""),
        (["undisclosed"], ""),
        (["a@example.com" + " " * 9000], ""),
        ([], ""),
    ],
)
def test_the_author_domain_is_the_one_that_all_authors_of_the_one_field_share(fields: list[str], domain: str) -> None:
    assert author_domain(split("".join(f"From: {field}\r\n" for field in fields).encode())) == domain


def test_a_mail_with_authors_of_two_domains_is_exempt_from_dmarc() -> None:
    proofs = judged(MAIL.replace(b"<news@example.com>", b"<news@example.com>, x@bank.example"), ZoneLookup(ZONE))
    assert (proofs.dmarc.result, proofs.dmarc.reason) == (Result.NONE, "there is no author domain (RFC 9989 5.3.1)")


@settings(deadline=None)
@given(st.binary(max_size=300), st.text(max_size=60), st.text(max_size=60), st.text(max_size=30))
def test_nothing_from_outside_makes_it_raise(junk: bytes, sender: str, helo: str, ip: str) -> None:
    envelope = Envelope(sender, (), Client(ip, helo=helo), NOW)
    assert isinstance(judged(b"From: " + junk + b"\r\n" + SIGNED, ZoneLookup(ZONE), envelope), Proofs)


def some_mails(corpus: Path) -> Iterator[bytes]:
    for folder in ("phishing_pot", "dsn", "spamassassin/spam"):
        for file in sorted((corpus / folder).iterdir())[:40]:
            yield file.read_bytes()


@pytest.mark.corpus
def test_real_mail_is_judged_without_a_word_of_dns(corpus: Path) -> None:
    assert all(isinstance(judged(content, OfflineLookup()), Proofs) for content in some_mails(corpus))
