"""Lookups without a network: zones, records of answers, replay."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canary.authenticate.lookup import (
    DnsAnswer,
    Lookup,
    OfflineLookup,
    RecordingLookup,
    ReplayLookup,
    Temporary,
    ZoneLookup,
    dns_name,
    zone_json,
)

ZONE: dict[str, Any] = {
    "Example.COM.": {
        "TXT": ["v=spf1 -all", ["v=DKIM1; ", "p=AAAA"]],
        "A": ["192.0.2.1"],
        "MX": [[10, "mx.example.com."]],
    },
    "one.example.com": {"A": "192.0.2.2"},
    "alias.example.com": {"CNAME": ["one.example.com"]},
    "alias2.example.com": {"CNAME": "alias.example.com"},
    "loop.example.com": {"CNAME": ["loop.example.com"]},
    "nowhere.example.com": {"CNAME": ["missing.example"]},
    "slow.example.com": "TIMEOUT",
    "broken.example.com": "SERVFAIL",
    "half.example.com": {"A": ["192.0.2.3"], "TXT": "SERVFAIL"},
    "gone.example.com": "NXDOMAIN",
    "deep.below.example.com": {"A": ["192.0.2.4"]},
    "octets.example.com": {"TXT": [r"\000\255 \; ü"]},
}


def ask(lookup: Lookup, name: str, kind: str) -> DnsAnswer:
    async def question() -> DnsAnswer:
        return await lookup(name, kind)

    return asyncio.run(question())


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("example.com", "TXT", DnsAnswer((b"v=spf1 -all", b"v=DKIM1; p=AAAA"))),
        ("EXAMPLE.com.", "A", DnsAnswer(("192.0.2.1",))),
        ("example.com", "MX", DnsAnswer(((10, "mx.example.com"),))),
        ("one.example.com", "A", DnsAnswer(("192.0.2.2",))),
        ("example.com", "AAAA", DnsAnswer()),
        ("alias2.example.com", "A", DnsAnswer(("192.0.2.2",))),
        ("alias.example.com", "CNAME", DnsAnswer(("one.example.com",))),
        ("nowhere.example.com", "A", DnsAnswer(exists=False)),
        ("below.example.com", "A", DnsAnswer()),
        ("missing.example.com", "A", DnsAnswer(exists=False)),
        ("gone.example.com", "A", DnsAnswer(exists=False)),
        ("half.example.com", "A", DnsAnswer(("192.0.2.3",))),
        ("octets.example.com", "TXT", DnsAnswer(("\0\xff ; ".encode("latin-1") + "ü".encode(),))),
        ("a..example.com", "A", DnsAnswer(exists=False)),
        ("", "A", DnsAnswer(exists=False)),
    ],
)
def test_a_zone_answers_as_an_authoritative_server_would(name: str, kind: str, expected: DnsAnswer) -> None:
    assert ask(ZoneLookup(ZONE), name, kind) == expected


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("slow.example.com", "TIMEOUT"),
        ("broken.example.com", "SERVFAIL"),
        ("half.example.com", "SERVFAIL"),
        ("loop.example.com", "SERVFAIL"),
    ],
)
def test_a_failing_name_of_a_zone_is_temporary(name: str, word: str) -> None:
    with pytest.raises(Temporary) as raised:
        ask(ZoneLookup(ZONE), name, "TXT")
    assert raised.value.word == word


@pytest.mark.parametrize(
    "zone",
    [
        {"example.com": 5},
        {"example.com": "SLOW"},
        {"example.com": {"MX": ["mx.example.com"]}},
        {"example.com": {"MX": [["ten", "mx.example.com"]]}},
        {"example.com": {"A": [5]}},
        {"example.com": {"TXT": [None]}},
    ],
)
def test_a_bad_zone_is_refused_by_name(zone: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"zone: 'example\.com'"):
        ZoneLookup(zone)


def test_a_zone_with_an_impossible_name_is_refused() -> None:
    with pytest.raises(ValueError, match="not a DNS name"):
        ZoneLookup({"a..example.com": {"A": ["192.0.2.1"]}})


def test_offline_every_question_is_temporary() -> None:
    with pytest.raises(Temporary, match="OFFLINE"):
        ask(OfflineLookup(), "example.com", "A")


QUESTIONS = [(name, kind) for name in (*ZONE, "missing.example", "MÜNCHEN.example", "") for kind in ("A", "TXT", "MX")]


def outcomes(lookup: Lookup) -> list[DnsAnswer | str]:
    async def ask_all() -> list[DnsAnswer | str]:
        told: list[DnsAnswer | str] = []
        for name, kind in QUESTIONS:
            try:
                told.append(await lookup(name, kind))
            except Temporary as failure:
                told.append(failure.word)
        return told

    return asyncio.run(ask_all())


def recorded() -> tuple[list[DnsAnswer | str], str]:
    recording = RecordingLookup(ZoneLookup(ZONE))
    return outcomes(recording), zone_json(recording.answers)


def test_a_record_of_answers_repeats_them_failures_too() -> None:
    told, record = recorded()
    assert outcomes(ReplayLookup(json.loads(record))) == told


def test_a_record_of_answers_is_a_zone_too() -> None:
    told, record = recorded()
    assert outcomes(ZoneLookup(json.loads(record))) == told


def test_a_record_of_answers_is_the_same_byte_for_byte_whatever_the_order() -> None:
    backwards = RecordingLookup(ZoneLookup(ZONE))
    for name, kind in reversed(QUESTIONS):
        asyncio.run(_quietly(backwards, name, kind))
    assert zone_json(backwards.answers) == recorded()[1]


async def _quietly(lookup: Lookup, name: str, kind: str) -> None:
    await asyncio.gather(lookup(name, kind), return_exceptions=True)


def test_a_question_that_was_not_asked_then_is_temporary_now() -> None:
    with pytest.raises(Temporary):
        ask(ReplayLookup({"example.com": {"A": ["192.0.2.1"]}}), "example.com", "TXT")


def test_what_was_answered_once_is_not_asked_again() -> None:
    asked = []

    async def count(name: str, kind: str) -> DnsAnswer:
        asked.append(name)
        raise Temporary

    outcomes(RecordingLookup(count))
    assert len(asked) == len(set(map(dns_name, ZONE)) | {"missing.example", "xn--mnchen-3ya.example"}) * 3


def test_two_who_ask_at_once_get_one_answer() -> None:
    answers = iter([DnsAnswer(("192.0.2.1",)), DnsAnswer(("192.0.2.2",))])

    async def differ(name: str, kind: str) -> DnsAnswer:
        await asyncio.sleep(0)
        return next(answers)

    async def both() -> tuple[DnsAnswer, DnsAnswer]:
        recording = RecordingLookup(differ)
        return await asyncio.gather(recording("example.com", "A"), recording("example.com", "A"))

    first, second = asyncio.run(both())
    assert first == second


@pytest.mark.slow
@settings(deadline=None)
@given(st.binary(max_size=60), st.text(max_size=80))
def test_any_octets_of_any_name_survive_the_record(octets: bytes, name: str) -> None:
    async def answer(_name: str, _kind: str) -> DnsAnswer:
        return DnsAnswer((octets,))

    recording = RecordingLookup(answer)
    told = ask(recording, name, "TXT")
    record = json.loads(zone_json(recording.answers))
    assert ask(ReplayLookup(record), name, "TXT") == told


@settings(deadline=None)
@given(st.text(max_size=300))
def test_a_dns_name_is_one_that_dns_can_hold(text: str) -> None:
    name = dns_name(text)
    labels = name.encode("ascii").split(b".")
    assert name == "" or (len(name) <= 253 and all(0 < len(label) <= 63 for label in labels))
    assert dns_name(name) == name
