"""Key records (RFC 6376 section 3.6.1, RFC 8301, RFC 8463)."""

import asyncio
import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.authenticate.dkim.keys import MAX_RECORD, DkimFault, fetch, hostname, read, require, verifies
from canary.authenticate.lookup import ZoneLookup
from canary.model.proof import Result
from tests.signer import rsa, written

OCTETS = b"\x01" * 32
ED = base64.b64encode(OCTETS).decode()


def der(kind: int, content: bytes) -> bytes:
    size = len(content)
    long = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([kind]) + (bytes([size]) if size < 128 else bytes([0x80 | len(long)]) + long) + content


def rsa_record(modulus_bits: int, exponent_bits: int = 17) -> bytes:
    """A key of these sizes in the bare RSAPublicKey form; it belongs to nobody."""
    numbers = [((1 << bits) - 1).to_bytes(bits // 8 + 1, "big") for bits in (modulus_bits, exponent_bits)]
    sequence = der(0x30, b"".join(der(0x02, number) for number in numbers))
    return b"v=DKIM1; p=" + base64.b64encode(sequence)


def fault(record: bytes) -> str:
    with pytest.raises(DkimFault) as caught:
        read(record)
    assert caught.value.result is Result.PERMERROR
    return caught.value.reason


def test_a_record_is_read_with_its_defaults() -> None:
    key = read(rsa().record(v=None, k=None).encode())
    assert (key.kind, key.bits, key.hashes, key.flags) == ("rsa", 1024, (), ("",))


def test_an_rsa_key_may_be_bare_or_in_a_subject_public_key_info() -> None:
    assert read(rsa_record(1024)).bits == read(rsa().record().encode()).bits == 1024


def test_an_ed25519_key_is_its_32_octets() -> None:
    assert read(f"v=DKIM1; k=ed25519; p={ED}".encode()).material == (OCTETS,)


def test_base64_may_be_folded() -> None:
    assert read(f"k=ed25519; p={ED[:9]} \r\n\t{ED[9:]}".encode()).material == (OCTETS,)


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"v": "DKIM2", "p": ED}, "key record: not of version DKIM1"),
        ({"k": "rsa", "v": "DKIM1", "p": ED}, "key record: not of version DKIM1"),
        ({"v": "spf1 -all"}, "key record: not of version DKIM1"),
        ({"v": "DKIM1"}, "key record: no p= tag"),
        ({"p": ""}, "key revoked"),
        ({"s": "tlsrpt", "p": ED}, "key is not meant for mail (s=)"),
        ({"k": "dsa", "p": ED}, "unknown key type 'dsa'"),
        ({"k": "ed25519", "p": "?"}, "key is not base64"),
        ({"k": "ed25519", "p": "AAAA"}, "key of 3 octets, ed25519 has 32"),
        ({"p": "AAAA"}, "key is not DER"),
        ({"p": "MIIB"}, "key is cut off"),
        ({"p": "MAA="}, "key is not DER"),
        ({"p": base64.b64encode(der(0x30, der(0x30, der(6, b"\x2a")))).decode()}, "key is not an RSA key"),
    ],
)
def test_a_record_that_can_verify_nothing_is_a_permerror_with_its_reason(tags: dict[str, str], reason: str) -> None:
    assert fault(written(tags).encode()) == reason


@pytest.mark.parametrize("record", [b"v=DKIM1;; p=x", b"omg", b"p=1; p=2", b"p=\x00"])
def test_a_record_that_is_no_tag_list_is_a_permerror(record: bytes) -> None:
    assert fault(record).startswith("key record: ")


def test_a_record_of_many_octets_is_not_read() -> None:
    assert "at most" in fault(b"p=" + b"A" * MAX_RECORD)


@pytest.mark.parametrize("services", ["*", "email", "tlsrpt : email", "other:*"])
def test_a_key_for_mail_or_for_all_is_used(services: str) -> None:
    assert read(rsa().record(s=services).encode()).kind == "rsa"


@pytest.mark.parametrize(
    ("bits", "exponent", "reason"),
    [
        (512, 17, "weak key: 512 bit RSA, at least 1024 are needed"),
        (1023, 17, "weak key: 1023 bit RSA, at least 1024 are needed"),
        (4097, 17, "key too large: 4097 bit RSA, at most 4096 are verified"),
        (16384, 16384, "key too large: 16384 bit RSA, at most 4096 are verified"),
        (4096, 34, "key exponent of 34 bit, at most 33 are verified"),
        (1024, 1024, "key exponent of 1024 bit, at most 33 are verified"),
    ],
)
def test_a_key_beyond_the_sizes_is_refused_by_policy(bits: int, exponent: int, reason: str) -> None:
    with pytest.raises(DkimFault) as caught:
        require(read(rsa_record(bits, exponent)), "rsa", "sha256")
    assert (caught.value.result, caught.value.reason) == (Result.POLICY, reason)


@pytest.mark.parametrize("bits", [1024, 1536, 2047, 2048, 4096])
def test_a_key_within_the_sizes_is_let_through(bits: int) -> None:
    require(read(rsa_record(bits, 33)), "rsa", "sha256")


@pytest.mark.parametrize("modulus", [b"\x80" + bytes(127), b"\xff" * 128])
@pytest.mark.parametrize("exponent", [b"\x00", b"\x01", b"\x02", b"\x03", b"\x01\x00\x01"])
def test_numbers_that_are_no_key_verify_nothing(modulus: bytes, exponent: bytes) -> None:
    sequence = der(0x30, der(2, b"\0" + modulus) + der(2, exponent))
    key = read(b"p=" + base64.b64encode(sequence))
    try:
        assert not verifies(key, b"\x01" * 128, bytes(32))
    except DkimFault as refused:
        assert refused.reason == "key is not a valid public key"  # noqa: PT017 - either is an answer


@given(st.binary(max_size=200))
def test_any_octets_are_a_key_or_a_fault(octets: bytes) -> None:
    try:
        key = read(b"p=" + base64.b64encode(octets))
        require(key, "rsa", "sha256")
    except DkimFault as refused:
        assert refused.reason  # noqa: PT017 - either is an answer


def ask(zone: dict[str, object], selector: str = "s1", domain: str = "example.com") -> int:
    return len(asyncio.run(fetch(ZoneLookup(zone), selector, domain)))


@pytest.mark.parametrize("zone", [{}, {"s1._domainkey.example.com": {"A": ["192.0.2.1"]}}])
def test_no_record_is_a_permerror(zone: dict[str, object]) -> None:
    with pytest.raises(DkimFault, match=r"no key at s1\._domainkey\.example\.com") as caught:
        ask(zone)
    assert caught.value.result is Result.PERMERROR


@pytest.mark.parametrize("word", ["TIMEOUT", "SERVFAIL"])
def test_no_answer_is_a_temperror(word: str) -> None:
    with pytest.raises(DkimFault, match=word) as caught:
        ask({"s1._domainkey.example.com": word})
    assert caught.value.result is Result.TEMPERROR


def test_records_of_other_kinds_beside_the_key_are_passed_over() -> None:
    assert ask({rsa().name: {"TXT": ["v=spf1 -all", rsa().record(), "omg"]}}) == 1


def test_a_name_too_long_for_dns_is_not_queried() -> None:
    with pytest.raises(DkimFault, match="too long"):
        ask({}, "s" * 60, ".".join(["d" * 60] * 4))


@pytest.mark.parametrize(
    ("text", "name"),
    [("Example.COM", "example.com"), ("_a.b-c.example", "_a.b-c.example"), ("bücher.example", "xn--bcher-kva.example")],
)
def test_a_domain_is_compared_in_lower_case_a_labels(text: str, name: str) -> None:
    assert hostname(text) == name


@pytest.mark.parametrize(
    "text", ["", ".", "a..b", "a.", "-a.b", "a-.b", "a b", "a@b", "a" * 64, "x." * 127 + "x", "�.b", "é" * 300]
)
def test_what_is_no_domain_name_is_a_permerror(text: str) -> None:
    with pytest.raises(DkimFault, match="not a domain name"):
        hostname(text)
