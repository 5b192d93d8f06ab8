"""ARC chain validation (RFC 8617 section 5.2)."""

from pathlib import Path

import pytest

from canary.model.proof import ArcResult, Result
from tests.mail_suites import ArcCase, arc_cases, judge_arc, opened, signed_mails
from tests.signer import MAIL, Zone, arc, chained, ed25519, rsa

EDITOR = rsa(domain="list.example.org", selector="arc")
ZONE: Zone = {**rsa().zone(), **ed25519().zone(), **EDITOR.zone()}


def chain(length: int) -> bytes:
    mail = MAIL
    for hop in range(length):
        mail = arc(mail, (rsa(), ed25519(), EDITOR)[hop % 3])
    return mail


def test_a_mail_without_sets_has_no_chain() -> None:
    assert chained(MAIL, ZONE) == ArcResult()


@pytest.mark.parametrize("length", [1, 2, 3, 50])
def test_an_unbroken_chain_passes_and_names_its_last_sealer(length: int) -> None:
    sealer = ("list.example.org", "example.com", "example.com")[length % 3]
    assert chained(chain(length), ZONE) == ArcResult(Result.PASS, sealer, length)


def test_a_chain_of_more_than_fifty_fails() -> None:
    result = chained(chain(51), ZONE)
    assert (result.result, result.reason) == (Result.FAIL, "51 ARC sets; at most 50 are allowed")


def test_line_ends_do_not_matter() -> None:
    assert chained(chain(3).replace(b"\r\n", b"\n"), ZONE).result is Result.PASS


def test_a_change_before_the_last_set_is_the_business_of_those_who_sealed_after_it() -> None:
    assert chained(arc(chain(1).replace(b"Our", b"[list] Our"), EDITOR), ZONE).result is Result.PASS


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"Bye", b"Buy", "ARC-Message-Signature 2: body hash mismatch"),
        (b"Our", b"Your", "ARC-Message-Signature 2: signature mismatch"),
        (b"i=1; mx.example.net; spf=pass", b"i=1; mx.example.net; spf=fail", "ARC-Seal 2: signature mismatch"),
        (b"i=1; mx.example.net", b"x=1; mx.example.net", "ARC-Authentication-Results does not start with an instance"),
        (b"i=1; mx", b"i=0; mx", "ARC instance '0' is not between 1 and 50"),
        (b"i=1; mx", b"i=51; mx", "ARC instance '51' is not between 1 and 50"),
        (b"i=1; mx", b"i=2; mx", "ARC sets are incomplete or not numbered one by one"),
        (b"cv=none", b"cv=pass", "instance 1 has cv=pass"),
        (b"cv=none", b"cv=fail", "instance 1 has cv=fail"),
        (b"cv=pass", b"cv=none", "instance 2 has cv=none"),
        (b"cv=pass", b"cv=fail", "the chain was broken before instance 2 (cv=fail)"),
        (b"cv=pass", b"cv=yes", "unknown chain status cv='yes'"),
        (b"; cv=pass", b"; h=from; cv=pass", "ARC-Seal has h="),
        (b"; cv=pass", b"", "tag cv= is missing"),
        (b"; cv=pass", b"; cv=pass; t=now", "t= is not a number of at most 12 digits"),
        (b"; cv=pass", b"; cv=pass; cv=pass", "tag cv= occurs twice"),
    ],
)
def test_a_broken_chain_fails_with_its_reason(old: bytes, new: bytes, reason: str) -> None:
    result = chained(chain(2).replace(old, new), ZONE)
    assert result.result is Result.FAIL
    assert result.reason.startswith(reason)


@pytest.mark.parametrize("kind", [b"ARC-Seal", b"ARC-Message-Signature", b"ARC-Authentication-Results"])
@pytest.mark.parametrize("times", [0, 2])
def test_a_set_with_a_field_missing_or_twice_fails(kind: bytes, times: int) -> None:
    lines = chain(2).splitlines(keepends=True)
    first = next(i for i, line in enumerate(lines) if line.startswith(kind))
    lines[first : first + 1] = [lines[first]] * times
    assert chained(b"".join(lines), ZONE).reason == "ARC sets are incomplete or not numbered one by one"


def test_a_message_signature_over_a_seal_fails() -> None:
    mail = arc(MAIL, rsa(), h="from:ARC-Seal")
    assert chained(mail, ZONE).reason == "ARC-Message-Signature signs an ARC-Seal"


def test_an_older_message_signature_need_not_be_one_we_know() -> None:
    assert chained(arc(arc(MAIL, rsa(), zz="1", a="rsa-sha1"), EDITOR), ZONE).result is Result.PASS


@pytest.mark.parametrize(
    ("zone", "result", "reason"),
    [
        ({}, Result.FAIL, "no key at s1._domainkey.example.com"),
        ({rsa().name: "TIMEOUT"}, Result.TEMPERROR, "no answer from DNS for s1._domainkey.example.com: TIMEOUT"),
        (rsa().zone(p=""), Result.FAIL, "key revoked"),
    ],
)
def test_without_the_key_nothing_is_proven(zone: Zone, result: Result, reason: str) -> None:
    assert chained(chain(1), zone) == ArcResult(result, "example.com", 1, reason)


def test_nothing_is_proven_about_a_mail_with_a_header_beyond_the_limits() -> None:
    crowded = chain(1).replace(b"From:", b"X: y\r\n" * 4000 + b"From:")
    assert chained(crowded, ZONE) == ArcResult(Result.FAIL, "", 1, "the header of the mail is too long to verify")


@pytest.mark.suite
@pytest.mark.parametrize("case", arc_cases() or [None], ids=lambda c: c.name if c else "absent")
def test_the_cases_of_the_validation_suite_get_the_status_it_wants(case: ArcCase | None) -> None:
    if case is None:
        pytest.skip("CANARY_SUITES: no arc/arc-draft-validation-tests.yml there; set it to the conformance suites")
    assert judge_arc(case).result.value == case.status


@pytest.mark.suite
@pytest.mark.parametrize("path", signed_mails("arc/mail-auth-*.txt") or [None], ids=lambda p: p.name if p else "absent")
def test_the_sealed_mails_of_the_suite_pass(path: Path | None) -> None:
    if path is None:
        pytest.skip("CANARY_SUITES: no arc/mail-auth-*.txt there; set it to the folder of conformance suites")
    assert chained(*opened(path)).result is Result.PASS
