"""DKIM verification (RFC 6376, 8301, 8463): what passes, and the word and reason of what does not."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from canary.model.proof import DkimResult, Result
from tests.mail_suites import opened, signed_mails
from tests.signer import MAIL, NOW, dkim, ed25519, judged, rsa

FORMS = [f"{header}/{body}" for header in ("simple", "relaxed") for body in ("simple", "relaxed")]


def judge(mail: bytes, **record: str | None) -> DkimResult:
    """The one signature of a mail, with the keys of the tests published."""
    (result,) = judged(mail, {**rsa().zone(**record), **ed25519().zone(**record)})
    return result


def signed(**tags: str | None) -> bytes:
    return dkim(MAIL, rsa(), "; ", **tags)


def seconds(moment: datetime) -> str:
    return str(int(moment.timestamp()))


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
@pytest.mark.parametrize("forms", [*FORMS, "simple", "relaxed", None])
@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_a_mail_as_it_was_signed_passes(kind: str, forms: str | None, end: bytes) -> None:
    key = rsa() if kind == "rsa" else ed25519()
    mail = dkim(MAIL, key, between=";\r\n\t", c=forms).replace(b"\r\n", end)
    assert judge(mail) == DkimResult(
        result=Result.PASS,
        domain="example.com",
        selector=key.selector,
        identity="@example.com",
        algorithm=f"{kind}-sha256",
        key_bits=1024 if kind == "rsa" else 256,
    )


@pytest.mark.parametrize("body", [b"", b"\r\n", b"\r\n\r\n\r\n", b" \r\n"])
@pytest.mark.parametrize("forms", FORMS)
def test_a_mail_without_text_passes(forms: str, body: bytes) -> None:
    header = MAIL.partition(b"\r\n\r\n")[0]
    assert judge(dkim(header + b"\r\n\r\n" + body, rsa(), c=forms)).result is Result.PASS


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"Bye", b"Buy", "body hash mismatch"),
        (b"Subject: Our", b"Subject: Your", "signature mismatch"),
        (b"news@", b"evil@", "signature mismatch"),
        (b"From: Vendor <news@example.com>\r\n", b"", "signature mismatch"),
        (b"Bye", b"Buy\r\nDate: today", "body hash mismatch"),
    ],
)
def test_a_change_after_signing_fails_and_the_reason_says_where_it_is(old: bytes, new: bytes, reason: str) -> None:
    result = judge(signed().replace(old, new))
    assert (result.result, result.reason) == (Result.FAIL, reason)


def test_changes_of_text_and_header_are_both_reported() -> None:
    changed = signed().replace(b"Bye", b"Buy").replace(b"Our", b"Your")
    assert judge(changed).reason == "body hash mismatch and signature mismatch"


def test_relaxed_forgives_blanks_and_folds_that_simple_does_not() -> None:
    def moved(forms: str) -> bytes:
        return signed(c=forms).replace(b"Our  spring\r\n\toffers", b"Our spring offers").replace(b"Bye", b"Bye  ")

    assert judge(moved("relaxed/relaxed")).result is Result.PASS
    assert judge(moved("simple/simple")).reason == "body hash mismatch and signature mismatch"


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"v": "2"}, "unknown version '2'"),
        ({"v": None}, "tag v= is missing"),
        ({"a": None}, "tag a= is missing"),
        ({"bh": None}, "tag bh= is missing"),
        ({"d": None}, "tag d= is missing"),
        ({"h": None}, "tag h= is missing"),
        ({"s": None}, "tag s= is missing"),
        ({"a": "rsa-sha1"}, "rsa-sha1 is historic and never valid (RFC 8301)"),
        ({"a": "RSA-SHA256"}, "unknown algorithm 'RSA-SHA256'"),
        ({"a": "rsa-md5"}, "unknown algorithm 'rsa-md5'"),
        ({"c": "nofws"}, "unknown canonicalization 'nofws'"),
        ({"c": "relaxed/"}, "unknown canonicalization 'relaxed/'"),
        ({"c": ""}, "unknown canonicalization ''"),
        ({"d": "-"}, "'-' is not a domain name"),
        ({"s": "a..b"}, "'a..b' is not a domain name"),
        ({"h": ""}, "From is not signed"),
        ({"h": "to:subject"}, "From is not signed"),
        ({"i": "news@example.org"}, "i= is not in the domain d="),
        ({"i": "news@notexample.com"}, "i= is not in the domain d="),
        ({"i": "example.com"}, "i= is not in the domain d="),
        ({"l": ""}, "l= is not a number of at most 76 digits"),
        ({"l": "-1"}, "l= is not a number of at most 76 digits"),
        ({"l": "9" * 77}, "l= is not a number of at most 76 digits"),
        ({"l": "\u0661"}, "l= is not a number of at most 76 digits"),
        ({"l": "9999"}, "l= is longer than the body"),
        ({"t": "now"}, "t= is not a number of at most 12 digits"),
        ({"x": ""}, "x= is not a number of at most 12 digits"),
        ({"t": "100", "x": "100"}, "expires before it was signed (x=, t=)"),
        ({"q": "dns/xyz"}, "q= names no known way to get the key"),
        ({"bh": "?"}, "bh= is not base64"),
        ({"bh": ""}, "bh= is empty"),
        ({"d": "example.net"}, "no key at s1._domainkey.example.net"),
    ],
)
def test_a_signature_that_breaks_the_rules_is_a_permerror(tags: dict[str, str | None], reason: str) -> None:
    result = judge(signed(**tags))
    assert (result.result, result.reason) == (Result.PERMERROR, reason)


@pytest.mark.parametrize(
    ("value", "reason"), [(b"", "b= is empty"), (b"?", "b= is not base64"), (b"AA;b=AA", "tag b= occurs twice")]
)
def test_a_broken_value_of_the_signature_itself_is_a_permerror(value: bytes, reason: str) -> None:
    first, _, rest = signed().partition(b"\r\n")
    result = judge(first[: first.rindex(b"; b=") + 4] + value + b"\r\n" + rest)
    assert (result.result, result.reason) == (Result.PERMERROR, reason)


def test_what_a_broken_signature_says_of_itself_is_kept() -> None:
    result = judge(signed(v="2", d="Example.COM", i="a@x.example.com"))
    assert (result.domain, result.selector, result.identity) == ("example.com", "s1", "a@x.example.com")
    assert result.algorithm == "rsa-sha256"


@pytest.mark.parametrize(
    "tags",
    [
        {"q": "dns/txt"},
        {"q": "http/well-known : dns/txt"},
        {"i": "@example.com"},
        {"i": "a@b@News.Example.COM"},
        {"d": "EXAMPLE.com"},
        {"zz": "unknown tags do not matter"},
        {"h": "From : TO:\r\n\tsubject : Date"},
        {"h": "from:x-not-there:to"},
        {"t": "0", "x": "999999999999"},
        {"l": "0" * 70 + "7"},
    ],
)
def test_what_the_rules_allow_passes(tags: dict[str, str | None]) -> None:
    assert judge(signed(**tags)).result is Result.PASS


def test_what_is_kept_of_a_broken_signature_has_bounds_and_no_line_ends() -> None:
    result = judge(signed(i="a\r\n \r\n b@" + "x" * 900, d="a\r\n b" * 99, a="y" * 900))
    assert result.identity.startswith("a b@xxx")
    assert max(map(len, (result.identity, result.domain, result.algorithm))) <= 320
    assert "\n" not in result.domain + result.identity + result.reason


def test_octets_beyond_the_signed_length_pass_and_are_counted() -> None:
    result = judge(signed(l="34", c="relaxed/simple") + b"Buy pills\r\n")
    assert (result.result, result.unsigned) == (Result.PASS, 11)
    assert result.reason == "l= leaves 11 octets of the body unsigned"


def test_octets_within_the_signed_length_still_count() -> None:
    assert judge(signed(l="12").replace(b"dear", b"poor")).reason == "body hash mismatch"


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"x": seconds(NOW - timedelta(minutes=6))}, "expired (x=)"),
        ({"t": seconds(NOW + timedelta(minutes=6))}, "signed in the future (t=)"),
    ],
)
def test_a_signature_out_of_its_time_is_refused_by_policy(tags: dict[str, str | None], reason: str) -> None:
    result = judge(signed(**tags))
    assert (result.result, result.reason) == (Result.POLICY, reason)


@pytest.mark.parametrize("name", ["x", "t"])
def test_clocks_may_differ_by_minutes(name: str) -> None:
    moved = NOW + timedelta(minutes=4 if name == "t" else -4)
    assert judge(signed(**{name: seconds(moved)})).result is Result.PASS


def test_a_signature_is_judged_at_the_time_the_mail_came_in() -> None:
    mail = signed(t=seconds(NOW), x=seconds(NOW + timedelta(days=1)))
    later = datetime(2036, 1, 1, tzinfo=UTC)
    assert [r.result for now in (NOW, later) for r in judged(mail, rsa().zone(), now)] == [Result.PASS, Result.POLICY]


def test_repeated_names_take_the_fields_from_the_bottom_up() -> None:
    mail = b"X: 1\r\nX: 2\r\n" + MAIL
    both = dkim(mail, rsa(), h="from:x:x")
    assert judge(both).result is Result.PASS
    assert judge(both.replace(b"X: 1\r\nX: 2", b"X: 2\r\nX: 1")).reason == "signature mismatch"


def test_a_field_on_top_of_the_signed_ones_is_not_signed() -> None:
    assert judge(b"Subject: added\r\n" + dkim(MAIL, rsa(), h="from:subject")).result is Result.PASS


def test_an_oversigned_field_cannot_be_added() -> None:
    oversigned = dkim(MAIL, rsa(), h="from:subject:subject:reply-to")
    assert judge(oversigned).result is Result.PASS
    assert judge(b"Subject: added\r\n" + oversigned).reason == "signature mismatch"
    assert judge(b"Reply-To: a@b.example\r\n" + oversigned).reason == "signature mismatch"


def test_a_second_from_that_is_not_signed_is_refused() -> None:
    result = judge(b"From: bank@example.org\r\n" + signed())
    assert (result.result, result.reason) == (Result.POLICY, "the mail has more From fields than are signed")


def test_a_signature_may_sign_those_before_it_but_never_itself() -> None:
    mail = dkim(signed(), ed25519(), h="from:dkim-signature:dkim-signature")
    assert [r.result for r in judged(mail, {**rsa().zone(), **ed25519().zone()})] == [Result.PASS, Result.PASS]


def test_each_signature_is_judged_on_its_own() -> None:
    strange = dkim(signed().replace(b"Our", b"Your"), ed25519(), h="from")
    other = dkim(strange, rsa(domain="example.org", selector="s2"))
    results = judged(other, {**rsa().zone(), **ed25519().zone(), "s2._domainkey.example.org": "SERVFAIL"})
    assert [r.result for r in results] == [Result.TEMPERROR, Result.PASS, Result.FAIL]
    assert results[0].reason == "no answer from DNS for s2._domainkey.example.org: SERVFAIL"


def test_a_mail_without_signatures_has_no_results() -> None:
    assert judged(MAIL, {}) == ()


@pytest.mark.parametrize(
    ("record", "result", "reason"),
    [
        ({"p": ""}, Result.PERMERROR, "key revoked"),
        ({"h": "sha1"}, Result.PERMERROR, "key does not allow sha256"),
        ({"h": "sha1:sha256"}, Result.PASS, ""),
        ({"s": "other"}, Result.PERMERROR, "key is not meant for mail (s=)"),
        ({"s": "email"}, Result.PASS, ""),
        ({"g": "nobody"}, Result.PASS, ""),
        ({"v": "DKIM9"}, Result.PERMERROR, "key record: not of version DKIM1"),
        ({"k": "ed25519", "p": "A" * 43 + "="}, Result.PERMERROR, "key is of type ed25519, the signature of type rsa"),
    ],
)
def test_the_key_record_decides_what_its_key_may_do(record: dict[str, str | None], result: Result, reason: str) -> None:
    judgement = judge(signed(), **record)
    assert (judgement.result, judgement.reason) == (result, reason)


def test_a_strict_key_wants_the_identity_in_the_domain_itself() -> None:
    assert judge(signed(i="a@example.com"), t="s").result is Result.PASS
    assert judge(signed(i="a@x.example.com"), t="y").result is Result.PASS
    below = judge(signed(i="a@x.example.com"), t="y : s")
    assert (below.result, below.reason) == (Result.PERMERROR, "i= must be in d= itself, the key says (t=s)")


def test_a_domain_that_tests_is_marked() -> None:
    assert judge(signed(), t="y").testing
    assert not judge(signed()).testing


def test_any_of_several_keys_may_have_signed() -> None:
    others = [rsa(selector="other").record(), rsa().record()]
    (result,) = judged(signed(), {rsa().name: {"TXT": others}})
    assert result.result is Result.PASS


def test_a_longer_key_is_reported_with_its_size() -> None:
    key = rsa(2048, selector="long")
    (result,) = judged(dkim(MAIL, key), key.zone())
    assert (result.result, result.key_bits) == (Result.PASS, 2048)


def test_a_domain_in_its_own_script_is_queried_in_a_labels() -> None:
    key = rsa(domain="xn--bcher-kva.example", selector="idn")
    (result,) = judged(dkim(MAIL, key, d="bücher.example", i="a@bücher.example"), key.zone(t="s"))
    assert (result.result, result.domain) == (Result.PASS, "xn--bcher-kva.example")


@pytest.mark.suite
@pytest.mark.parametrize("path", signed_mails("dkim/*.txt") or [None], ids=lambda p: p.name if p else "absent")
def test_the_signed_mails_of_the_suite_pass(path: Path | None) -> None:
    if path is None:
        pytest.skip("CANARY_SUITES: no dkim/*.txt there; set it to the folder of conformance suites")
    mail, zone = opened(path)
    results = judged(mail, zone, datetime(2022, 11, 8, tzinfo=UTC))
    assert results
    assert {r.result for r in results} == {Result.PASS}
