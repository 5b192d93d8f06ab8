"""Which Authentication-Results are believed, and what they state."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canary.authenticate.message import Message, split
from canary.authenticate.results.field import read_field
from canary.authenticate.results.trusted import border_hop, read_results
from canary.model.proof import DkimResult, Proofs, Result, SpfResult
from tests.effort import cpu_seconds

OUTLOOK = ["protection.outlook.com"]
INNER = "Received: from a.outlook.com (2603::1) by b.prod.outlook.com with HTTPS; Sun, 1 Mar 2026 12:00:00 +0000"
EDGE = (
    "Received: from mx.sender.example (192.0.2.1) by\r\n DB8.mail.protection.outlook.com (10.0.0.1) with Microsoft SMTP"
    " Server id 15.20; Sun, 1 Mar 2026 12:00:00 +0000"
)
STATED = (
    "Authentication-Results: spf=pass (sender IP is 192.0.2.1)\r\n smtp.mailfrom=bounce.sender.example; dkim=pass"
    " (signature was verified)\r\n header.d=sender.example;dkim=fail (body hash did not verify)\r\n"
    " header.d=esp.example;dmarc=pass action=none\r\n header.from=sender.example;compauth=pass reason=100"
)
SPF = "Received-SPF: Pass (protection.outlook.com: domain of sender.example designates 192.0.2.1 as permitted sender)"
FORGED = "Authentication-Results: spf=pass smtp.mailfrom=bank.example; dkim=pass header.d=bank.example"
NAMED = "Authentication-Results: mx.example.org 1; spf=fail smtp.mailfrom=a@bank.example"
EDGE_OF_EXAMPLE = "Received: from mx.sender.example (unknown [192.0.2.1]) by mx.example.org with ESMTP; Sun, 1 Mar 2026 12:00:00 +0000"
ELSEWHERE = "Received: from x (unknown [192.0.2.9]) by mx.elsewhere.example with ESMTP; Sun, 1 Mar 2026 12:00:00 +0000"
LOCAL = "Received: from mx (localhost [127.0.0.1]) by store1.internal with LMTP; Sun, 1 Mar 2026 12:00:00 +0000"


def mail(*fields: str) -> Message:
    return split("\r\n".join((*fields, "From: a@sender.example", "", "Hello")).encode())


def test_outlooks_own_results_are_read_though_they_have_no_id() -> None:
    proofs = read_results(mail(INNER, STATED, SPF, EDGE), OUTLOOK)
    assert proofs is not None
    assert proofs.spf == SpfResult(
        Result.PASS, "bounce.sender.example", "mailfrom", reason="protection.outlook.com says sender IP is 192.0.2.1"
    )
    assert [(d.result, d.domain) for d in proofs.dkim] == [
        (Result.PASS, "sender.example"),
        (Result.FAIL, "esp.example"),
    ]
    assert (proofs.dmarc.result, proofs.dmarc.domain) == (Result.PASS, "sender.example")
    assert (proofs.dmarc.aligned_dkim, proofs.dmarc.aligned_spf) == ("sender.example", "bounce.sender.example")


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param((INNER, EDGE, FORGED), id="below the edge"),
        pytest.param((INNER, EDGE, FORGED, SPF, EDGE), id="below the edge, with a forged edge of its own"),
        pytest.param((FORGED,), id="without any Received"),
        pytest.param((ELSEWHERE, FORGED, SPF, EDGE), id="when another receiver took the mail in later"),
        pytest.param((INNER, FORGED, "X-Other: 1", EDGE), id="not directly upon the edge"),
        pytest.param((INNER, EDGE, ELSEWHERE, NAMED), id="of a stranger"),
    ],
)
def test_results_that_others_could_have_written_are_not_believed(fields: tuple[str, ...]) -> None:
    assert read_results(mail(*fields), OUTLOOK) is None


def test_results_behind_another_receiver_are_believed_when_that_one_is_trusted_too() -> None:
    both = [*OUTLOOK, "elsewhere.example"]
    handed_on = ELSEWHERE.replace("unknown", "a.outbound.protection.outlook.com")
    assert read_results(mail(handed_on, STATED, SPF, EDGE), both) == read_results(mail(STATED, SPF, EDGE), OUTLOOK)
    assert read_results(mail(ELSEWHERE, STATED, SPF, EDGE), both) is None


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param((NAMED, EDGE_OF_EXAMPLE), id="above its line"),
        pytest.param((LOCAL, NAMED, EDGE_OF_EXAMPLE), id="above its line, below an internal hop"),
        pytest.param((EDGE_OF_EXAMPLE, SPF, NAMED), id="below its line"),
        pytest.param((NAMED, EDGE_OF_EXAMPLE, NAMED.replace("fail", "pass")), id="above, with a forgery below"),
    ],
)
@pytest.mark.parametrize("trusted", ["mx.example.org", "example.org", "MX.Example.ORG."])
def test_results_count_for_the_id_that_is_configured(fields: tuple[str, ...], trusted: str) -> None:
    proofs = read_results(mail(*fields), [trusted])
    assert proofs is not None
    assert (proofs.spf.result, proofs.spf.domain) == (Result.FAIL, "bank.example")


@pytest.mark.parametrize("trusted", [[], [""], ["mx.other.example"], ["ample.org"], ["x.mx.example.org"]])
def test_results_of_an_id_that_is_not_configured_do_not_count(trusted: list[str]) -> None:
    assert read_results(mail(NAMED, EDGE_OF_EXAMPLE), trusted) is None


def test_results_below_the_next_hop_do_not_count() -> None:
    assert read_results(mail(EDGE_OF_EXAMPLE, ELSEWHERE, NAMED), ["mx.example.org"]) is None


def test_several_fields_of_one_writer_are_one_result() -> None:
    start = "Authentication-Results: mx.example.org; "
    message = mail(
        f"{start}dkim=pass header.d=a.example header.s=s1 header.a=rsa-sha256",
        f"{start}arc=pass (i=2)",
        f"{start}dmarc=none (p=reject dis=none) header.from=b.example",
        EDGE_OF_EXAMPLE,
    )
    proofs = read_results(message, ["mx.example.org"])
    assert proofs is not None
    assert proofs.dkim == (
        DkimResult(Result.PASS, "a.example", "s1", algorithm="rsa-sha256", reason="mx.example.org says pass"),
    )
    assert (proofs.arc.result, proofs.arc.instances, proofs.dmarc.policy) == (Result.PASS, 2, "reject")


@pytest.mark.parametrize(
    ("stated", "result", "domain", "scope"),
    [
        ("spf=pass smtp.mailfrom=a@b.example", Result.PASS, "b.example", "mailfrom"),
        ("spf=pass smtp.helo=b.example", Result.PASS, "b.example", "helo"),
        ("spf=pass smtp.helo=c.example; spf=fail smtp.mailfrom=b.example", Result.FAIL, "b.example", "mailfrom"),
        ('spf=pass smtp.mailfrom="a b;("@b.example', Result.PASS, "b.example", "mailfrom"),
        ("spf=pass smtp.mailfrom=a.c=d@b.example", Result.PASS, "b.example", "mailfrom"),
        ("spf=pass smtp.mailfrom= smtp.helo=c.example", Result.PASS, "", "mailfrom"),
        ("SPF/1 = Pass (x (y) ; z) smtp.mailfrom = a=b@b.example", Result.PASS, "b.example", "mailfrom"),
        ("spf=hardfail smtp.mailfrom=b.example", Result.FAIL, "b.example", "mailfrom"),
        ("spf=wonderful smtp.mailfrom=b.example", Result.NONE, "b.example", "mailfrom"),
        ("spf=none smtp.mailfrom=", Result.NONE, "", "mailfrom"),
        ("none", Result.NONE, "", "mailfrom"),
    ],
)
def test_a_field_is_read_as_its_grammar_says(stated: str, result: Result, domain: str, scope: str) -> None:
    proofs = read_results(
        mail(f"Authentication-Results: mx.example.org; {stated}", EDGE_OF_EXAMPLE), ["mx.example.org"]
    )
    assert proofs is not None
    assert (proofs.spf.result, proofs.spf.domain, proofs.spf.scope) == (result, domain, scope)


def test_microsofts_guess_is_no_dmarc_pass() -> None:
    stated = STATED.replace("dmarc=pass", "dmarc=bestguesspass")
    proofs = read_results(mail(stated, SPF, EDGE), OUTLOOK)
    assert proofs is not None
    assert proofs.dmarc.result is Result.NONE
    assert proofs.dmarc.reason == "protection.outlook.com says bestguesspass"


def test_a_field_that_outlook_encoded_is_read() -> None:
    words = "=?utf-8?B?c3BmPXBhc3Mgc210cC5oZWxvPWEu?=\r\n =?utf-8?B?ZXhhbXBsZTsgZGtpbT1ub25l?="
    proofs = read_results(mail(f"Authentication-Results:\r\n {words}", SPF, EDGE), OUTLOOK)
    assert proofs is not None
    assert (proofs.spf.result, proofs.spf.domain, proofs.dkim) == (Result.PASS, "a.example", ())


def test_the_senders_address_is_that_of_the_line_that_is_believed() -> None:
    hop = border_hop(mail(INNER, STATED, SPF, EDGE), OUTLOOK)
    assert hop is not None
    assert hop.client.ip == "192.0.2.1"
    assert border_hop(mail(ELSEWHERE, EDGE), OUTLOOK) is None


PIECES = st.sampled_from(
    [
        "spf=",
        "pass",
        ";",
        "(",
        ")",
        '"',
        "\\",
        " ",
        "\r\n ",
        "smtp.mailfrom=",
        "a@b.example",
        "header.d=",
        "=",
        "=?utf-8?B?",
        "YQ==",
        "?=",
        "ü",
        "\0",
    ]
)


@settings(deadline=None)
@given(st.lists(PIECES, max_size=40).map("".join))
def test_nothing_from_outside_makes_it_raise(value: str) -> None:
    message = mail(
        f"Authentication-Results: {value}", f"Authentication-Results: mx.example.org; {value}", EDGE_OF_EXAMPLE
    )
    assert isinstance(read_results(message, ["mx.example.org", *OUTLOOK]), Proofs | None)


@pytest.mark.parametrize(
    "value",
    [
        b"a" * 500_000,
        b"(" * 500_000,
        b'"' * 500_000,
        b"=?utf-8?B?" * 50_000,
        b"a=" * 200_000,
        b"; " * 200_000,
        b"a.b=" * 99_000,
    ],
)
def test_a_hostile_field_costs_little(value: bytes) -> None:
    assert cpu_seconds(lambda: read_field(value), runs=3) < 0.5
    assert len(read_field(value).statements) <= 50


def received_by_outlook(corpus: Path) -> Iterator[tuple[Message, str]]:
    """The mails that Outlook received last, with the words it wrote, read by nobody but this test."""
    for file in sorted((corpus / "phishing_pot").glob("*.eml")):
        content = file.read_bytes()
        found = re.search(rb"^Authentication-Results:((?:.|\n[ \t])*)", content, re.MULTILINE)
        if found and re.match(rb"\s*spf=", found[1]):
            yield split(content), found[1].decode("utf-8", "replace")


def agrees(message: Message, written: str) -> bool:
    """Whether our reading has the words that were written; Microsoft's guess stands for none."""
    proofs = read_results(message, OUTLOOK)
    words = {name: re.findall(rf"\b{name}=(\w+)", written) for name in ("spf", "dkim", "dmarc")}
    if proofs is None:
        return False
    return (
        [proofs.spf.result.value] == words["spf"]
        and [d.result.value for d in proofs.dkim] == [word for word in words["dkim"] if word != "none"]
        and [proofs.dmarc.result.value] == [word.replace("bestguesspass", "none") for word in words["dmarc"]]
    )


@pytest.mark.corpus
def test_our_reading_of_real_mail_agrees_with_what_outlook_wrote(corpus: Path) -> None:
    agreed = [agrees(message, written) for message, written in received_by_outlook(corpus)]
    assert sum(agreed) >= 0.99 * len(agreed) > 800
