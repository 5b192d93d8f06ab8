"""Hostile mail gets an answer with a reason, and no more work than the limits allow."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.authenticate.arc import verify_arc
from canary.authenticate.dkim.verify import MAX_SIGNATURES, verify_dkim
from canary.authenticate.lookup import DnsAnswer, ZoneLookup
from canary.authenticate.message import split
from canary.model.proof import Result
from tests.hostile_mail import KNOWN, OURS
from tests.signer import MAIL, NOW, Zone, arc, chained, dkim, ed25519, judged, rsa

ZONE: Zone = {**rsa().zone(), **ed25519().zone()}
SIGNED = arc(dkim(dkim(MAIL, rsa(), l="10", i="a@x.example.com"), ed25519(), c="simple/simple", t="1"), rsa())
CUTS = st.tuples(st.integers(0, len(SIGNED)), st.integers(0, 40), st.binary(max_size=40))


class Asked:
    """A lookup that counts what it is asked."""

    def __init__(self, zone: Zone) -> None:
        self._zone = ZoneLookup(zone)
        self.names: Counter[str] = Counter()

    async def __call__(self, name: str, kind: str) -> DnsAnswer:
        self.names[name] += 1
        return await self._zone(name, kind)


@pytest.mark.parametrize("name", KNOWN)
def test_known_attacks_end_with_a_word_and_a_reason(name: str) -> None:
    attack = KNOWN[name]()
    first, *rest = judged(attack.mail, attack.zone)
    assert (first.result, rest) == (attack.result, [])
    assert first.reason.startswith(attack.reason)


def test_ten_signatures_are_checked_and_the_rest_is_reported_in_one() -> None:
    lookup = Asked(ZONE)
    mail = dkim(MAIL, rsa()).removesuffix(MAIL) * 12 + MAIL
    results = asyncio.run(verify_dkim(split(mail), lookup, NOW))
    assert [r.result for r in results] == [Result.PASS] * MAX_SIGNATURES + [Result.POLICY]
    assert results[-1].reason == "2 more signatures are not checked; at most 10 are"
    assert lookup.names.total() == MAX_SIGNATURES


def test_a_signature_that_is_refused_for_what_it_says_asks_dns_nothing() -> None:
    lookup = Asked(ZONE)
    for tags in ({"v": "2"}, {"x": "1"}, {"h": "to"}, {"i": "@other.example"}):
        asyncio.run(verify_dkim(split(dkim(MAIL, rsa(), **tags)), lookup, NOW))
    assert not lookup.names


def test_a_chain_asks_for_each_key_once() -> None:
    lookup = Asked(ZONE)
    mail = MAIL
    for hop in range(6):
        mail = arc(mail, (rsa(), ed25519())[hop % 2])
    assert asyncio.run(verify_arc(split(mail), lookup)).result is Result.PASS
    assert sorted(lookup.names.values()) == [1, 1]


def test_a_crowd_of_arc_fields_is_not_even_read() -> None:
    attack = OURS["3000 seals"]()
    assert chained(attack.mail, attack.zone).reason.endswith(" ARC sets; at most 50 are allowed")


@given(CUTS)
def test_a_mail_damaged_anywhere_is_judged_and_raises_nothing(cut: tuple[int, int, bytes]) -> None:
    start, length, put = cut
    damaged = SIGNED[:start] + put + SIGNED[start + length :]
    assert all(r.result is Result.PASS or r.reason for r in judged(damaged, ZONE))
    chain = chained(damaged, ZONE)
    assert chain.result in {Result.PASS, Result.NONE} or chain.reason


@pytest.mark.slow
@given(st.binary(max_size=300), st.binary(max_size=300))
def test_any_octets_as_a_signature_raise_nothing(value: bytes, rest: bytes) -> None:
    for name in (b"DKIM-Signature:", b"ARC-Seal:", b"ARC-Message-Signature:", b"ARC-Authentication-Results:"):
        mail = name + value + b"\r\n" + rest
        judged(mail, ZONE)
        chained(mail, ZONE)


TAGS = st.dictionaries(
    st.sampled_from(["v", "a", "b", "bh", "c", "d", "h", "i", "l", "q", "s", "t", "x", "z"]),
    st.one_of(
        st.none(), st.sampled_from(["", "1", "rsa-sha256", "relaxed", "from", "example.com", "@"]), st.text(max_size=9)
    ),
)


@pytest.mark.slow
@given(TAGS, st.dictionaries(st.sampled_from(["v", "k", "h", "p", "s", "t", "n"]), st.text(max_size=9)))
def test_any_tags_of_signature_and_key_are_judged_and_raise_nothing(
    tags: dict[str, str | None], record: dict[str, str]
) -> None:
    plain = {"v": "1", "a": "rsa-sha256", "d": "example.com", "s": "s1", "h": "from", "bh": "AA==", "b": "AA=="}
    value = "; ".join(f"{name}={value}" for name, value in {**plain, **tags}.items() if value is not None)
    mail = f"DKIM-Signature: {value}\r\n".encode("utf-8", "replace") + MAIL
    key = "; ".join(f"{name}={value}" for name, value in record.items())
    (result, *_) = judged(mail, {rsa().name: {"TXT": [key]}}) or [None]
    assert result is None or result.result is not Result.PASS
