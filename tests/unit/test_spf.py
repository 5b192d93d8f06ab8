"""SPF as RFC 7208 wants it: the official suites, the rules they leave out, and whatever comes from outside."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canary.authenticate.lookup import DnsAnswer, OfflineLookup, Temporary, ZoneLookup
from canary.authenticate.spf.check import check_spf
from canary.model.proof import Result, SpfResult
from tests.effort import cpu_seconds
from tests.spf_suite import Case, cases, judge

SUITES = ("rfc7208-tests.yml", "rfc4408-tests.yml")
ABSENT = pytest.mark.skip(reason="the openspf suites are not here; set CANARY_SUITES to the folder that holds spf/")


def suite(file: str) -> list[Any]:
    """The cases of a suite; where it is absent one that skips."""
    found = cases(file)
    return [pytest.param(case, id=case.name) for case in found] or [pytest.param(None, id=file, marks=ABSENT)]


@pytest.mark.suite
@pytest.mark.parametrize("case", suite(SUITES[0]))
def test_the_suite_of_rfc_7208_is_passed(case: Case) -> None:
    assert judge(case).result.value in case.results


@pytest.mark.suite
@pytest.mark.parametrize("case", [p for p in suite(SUITES[0]) if p.values[0] is None or p.values[0].explanation])
def test_the_explanations_of_the_suite_are_returned(case: Case) -> None:
    assert judge(case).explanation == (case.explanation or "").replace("DEFAULT", "")


@pytest.mark.suite
@pytest.mark.parametrize("case", suite(SUITES[1]))
def test_the_suite_of_rfc_4408_is_passed_where_it_leaves_the_choice_of_rfc_7208(case: Case) -> None:
    assert judge(case).result.value in case.results


def check(
    zone: dict[str, Any], ip: str = "192.0.2.1", sender: str = "a@example.com", helo: str = "mx.example.net"
) -> SpfResult:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    return asyncio.run(check_spf(ip, sender, helo, ZoneLookup(zone), receiver="mx.example.org", now=now))


def published(record: str, **more: Any) -> dict[str, Any]:
    return {"example.com": {"TXT": [record]}, **more}


@pytest.mark.parametrize(
    ("record", "ip", "result"),
    [
        ("v=spf1 ip4:192.0.2.0/24 -all", "192.0.2.77", "pass"),
        ("v=spf1 ip4:192.0.2.0/24 -all", "192.0.3.1", "fail"),
        ("v=spf1 ip4:192.0.2.0/24 -all", "::ffff:192.0.2.77", "pass"),
        ("v=spf1 ip4:192.0.2.0/24 -all", "::FFFF:c000:020a", "pass"),
        ("v=spf1 ip6:2001:db8::/32 ~all", "2001:db8::1", "pass"),
        ("v=spf1 ip6:2001:db8::/32 ~all", "2001:db9::1", "softfail"),
        ("v=spf1 ip6:::ffff:192.0.2.0/120 ~all", "::ffff:192.0.2.1", "softfail"),
        ("v=spf1 ?all", "fe80::1%eth0", "neutral"),
        ("v=spf1", "192.0.2.1", "neutral"),
        ("V=SPF1 +ALL", "192.0.2.1", "pass"),
        ("v=spf1 ip4:192.0.2.0/024 -all", "192.0.2.1", "permerror"),
        ("v=spf1 ip4:192.0.2.0/33 -all", "192.0.2.1", "permerror"),
        ("v=spf1 ip6:fe80::1%eth0 -all", "192.0.2.1", "permerror"),
        ("v=spf1 a:example.com//129 -all", "192.0.2.1", "permerror"),
        ("v=spf1 exists:%{d0}.example.com -all", "192.0.2.1", "permerror"),
        ("v=spf1 exists:%{c}.example.com -all", "192.0.2.1", "permerror"),
        ("v=spf1 exists:%{i}.%{q}.example.com -all", "192.0.2.1", "permerror"),
        ("v=spf1 +all redirect=a.example redirect=b.example", "192.0.2.1", "permerror"),
        ("v=spf1 +all unknown=%%%{d}%- -all", "192.0.2.1", "pass"),
        ("v=spf1 +all unknown=%x", "192.0.2.1", "permerror"),
        ("v=spf1 +all\t-all", "192.0.2.1", "permerror"),
        ("v=spf1 \u0131p4:192.0.2.1", "192.0.2.1", "permerror"),
        ("v=spf1 " + "a" * 17_000, "192.0.2.1", "permerror"),
    ],
)
def test_a_record_is_judged_as_its_grammar_says(record: str, ip: str, result: str) -> None:
    assert check(published(record), ip).result.value == result


@pytest.mark.parametrize(
    ("sender", "helo", "domain", "scope"),
    [
        ("a@example.com", "mx.example.net", "example.com", "mailfrom"),
        ("<a@EXAMPLE.com>", "mx.example.net", "example.com", "mailfrom"),
        ("example.com", "mx.example.net", "example.com", "mailfrom"),
        ('"a@b"@example.com', "mx.example.net", "example.com", "mailfrom"),
        ("", "example.com", "example.com", "helo"),
        ("<>", "example.com.", "example.com", "helo"),
        ("a@münchen.example", "", "xn--mnchen-3ya.example", "mailfrom"),
    ],
)
def test_the_identity_is_the_sender_or_helo_for_the_null_sender(
    sender: str, helo: str, domain: str, scope: str
) -> None:
    got = check({domain: {"TXT": ["v=spf1 +all"]}}, sender=sender, helo=helo)
    assert (got.result, got.domain, got.scope) == (Result.PASS, domain, scope)


@pytest.mark.parametrize(
    "sender", ["a@", "a@localhost", "a@[192.0.2.1]", "a@b..example", "a@" + "x." * 200, "a@x y.example"]
)
def test_a_sender_without_a_domain_name_has_no_result(sender: str) -> None:
    assert check({}, sender=sender).result is Result.NONE


@pytest.mark.parametrize("ip", ["", "unknown", "192.0.2", "192.0.2.1.5", "[192.0.2.1]", "\uff1192.0.2.1"])
def test_a_client_without_an_address_has_no_result(ip: str) -> None:
    assert check(published("v=spf1 +all"), ip).result is Result.NONE


MX11 = [[n, f"mx{n}.example.com"] for n in range(11)]
PTR11 = {"PTR": [*(f"h{n}.example.com" for n in range(10)), "good.example.com"]}
HOST = {"A": ["192.0.2.1"]}


@pytest.mark.parametrize(
    ("zone", "result"),
    [
        (published("v=spf1 mx -all", **{"example.com": {"TXT": ["v=spf1 mx -all"], "MX": MX11}}), "permerror"),
        (published("v=spf1 ptr -all", **{"1.2.0.192.in-addr.arpa": PTR11, "good.example.com": HOST}), "fail"),
        (published("v=spf1 ptr -all", **{"1.2.0.192.in-addr.arpa": "SERVFAIL"}), "fail"),
        (published("v=spf1 a:slow.example.com -all", **{"slow.example.com": "TIMEOUT"}), "temperror"),
        (published("v=spf1 include:slow.example.com -all", **{"slow.example.com": "TIMEOUT"}), "temperror"),
        (published("v=spf1 include:none.example.com -all"), "permerror"),
        (published("v=spf1 redirect=none.example.com"), "permerror"),
        (published("v=spf1 include:%{l}.example.com -all"), "permerror"),
        (published("v=spf1 a:1.example.com a:2.example.com ?all"), "neutral"),
        (published("v=spf1 a:1.example.com a:2.example.com a:3.example.com ?all"), "permerror"),
        (
            published(
                "v=spf1 " + "a " * 10 + "?all",
                **{"example.com": {"TXT": ["v=spf1 " + "a " * 10 + "?all"], "A": ["192.0.2.9"]}},
            ),
            "neutral",
        ),
        (
            published(
                "v=spf1 " + "a " * 11 + "?all",
                **{"example.com": {"TXT": ["v=spf1 " + "a " * 11 + "?all"], "A": ["192.0.2.9"]}},
            ),
            "permerror",
        ),
    ],
)
def test_the_limits_and_errors_of_dns_count_as_section_4_6_4_says(zone: dict[str, Any], result: str) -> None:
    assert check(zone).result.value == result


def test_hosts_of_an_mx_without_an_address_are_no_void_lookups() -> None:
    zone = {"example.com": {"TXT": ["v=spf1 mx ip6:2001:db8::1 -all"], "MX": MX11[:10]}}
    zone |= {f"mx{n}.example.com": {"A": ["192.0.2.9"]} for n in range(10)}
    assert check(zone, "2001:db8::1").result is Result.PASS


def test_an_explanation_is_the_publishers_own_text() -> None:
    zone = published(
        "v=spf1 -all exp=why.example.com",
        **{"why.example.com": {"TXT": ["%{i} may not send for %{o} to %{r} at %{t}, see http://%{d}/?s=%{S}"]}},
    )
    text = "192.0.2.1 may not send for example.com to mx.example.org at 1772323200, see http://example.com/?s=a%40example.com"
    assert check(zone).explanation == text


@pytest.mark.parametrize("text", [r"caf\195\169", "%{x}", "", "x\ty"])
def test_an_explanation_that_is_broken_or_beyond_ascii_is_left_out(text: str) -> None:
    zone = published("v=spf1 -all exp=why.example.com", **{"why.example.com": {"TXT": [text]}})
    assert check(zone) == SpfResult(Result.FAIL, "example.com", "mailfrom", "-all of example.com")


def test_a_local_part_beyond_ascii_matches_nothing() -> None:
    zone = published("v=spf1 exists:%{l}.example.com -all", **{"xn--jrg-sna.example.com": {"A": ["127.0.0.2"]}})
    assert check(zone, sender="jörg@example.com").result is Result.FAIL


def test_a_name_too_long_loses_labels_from_the_left() -> None:
    record = "v=spf1 exists:" + "%{l}." * 30 + "keep.example.com -all"
    asked = []

    async def lookup(name: str, kind: str) -> DnsAnswer:
        asked.append(name)
        return DnsAnswer((record.encode(),)) if kind == "TXT" else DnsAnswer()

    asyncio.run(check_spf("192.0.2.1", f"{'x' * 20}@example.com", "", lookup))
    assert len(asked[1]) <= 253
    assert asked[1] == ".".join(["x" * 20] * 11 + ["keep.example.com"])


def test_offline_everything_is_a_temperror() -> None:
    got = asyncio.run(check_spf("192.0.2.1", "a@example.com", "", OfflineLookup()))
    assert (got.result, got.reason) == (Result.TEMPERROR, "DNS could not answer (OFFLINE)")


def test_the_reason_names_the_mechanism_and_the_record() -> None:
    zone = published("v=spf1 include:_spf.example.net -all", **{"_spf.example.net": {"TXT": ["v=spf1 ip4:192.0.2.1"]}})
    assert check(zone).reason == "include:_spf.example.net of example.com"


WORDS = st.sampled_from(
    "v=spf1 |include:|redirect=|exp=|a|mx|ptr|exists:|ip4:|ip6:|all|-|~|?|/|//|%|{|}|%{|d|l|s|p|i|r|1|0|.|:|=| |example.com|192.0.2.1|ü|\0".split(
        "|"
    )
)
TEXTS = st.lists(WORDS, max_size=25).map("".join)


@settings(deadline=None)
@given(
    record=TEXTS,
    other=TEXTS,
    sender=st.text(max_size=40),
    helo=st.text(max_size=40),
    ip=st.sampled_from(["192.0.2.1", "2001:db8::1", "x"]),
)
def test_nothing_from_outside_makes_it_raise(record: str, other: str, sender: str, helo: str, ip: str) -> None:
    async def lookup(name: str, kind: str) -> DnsAnswer:
        if len(name) % 7 == 0:
            raise Temporary
        kinds: dict[str, Any] = {"TXT": (f"v=spf1 {record}".encode(), other.encode()), "MX": ((10, other),)}
        return DnsAnswer(kinds.get(kind, (other,))[: len(name) % 3])

    assert isinstance(asyncio.run(check_spf(ip, f"{sender}@example.com", helo, lookup)), SpfResult)


@pytest.mark.parametrize(
    "record",
    [
        "a:" + "%{s}" * 4000 + ".example.com",
        "a:" + "/" * 16_000,
        "a:" + "%{d" * 5000,
        "a:" + "%{" + "1" * 16_000 + "}.example.com",
        "a:" + "%{d" + "1" * 15_000 + "}.example.com",
        "a:" + "%{d" + "-" * 15_000 + "}.example.com",
        "a" * 16_000 + "=",
        "ip4:" + "1" * 16_000,
        "ip6:" + "1:" * 8000,
        " " * 16_000,
        "a:" + "x." * 8000 + "com",
        "all " * 4000,
    ],
)
def test_a_hostile_record_costs_little(record: str) -> None:
    zone = {"example.com": {"TXT": [f"v=spf1 {record} -all"]}}
    assert cpu_seconds(lambda: check(zone, sender="y" * 400 + "@example.com"), runs=3) < 0.5
