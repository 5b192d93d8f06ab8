"""Who may be written to, and under which network a client counts."""

import pytest

from canary.model.networks import network, plain_ip, read_networks
from canary.smtp.admission import Ruling, folded, network_to_evict, rule, take_token, unquoted

DOMAINS = frozenset({"example.net", "example.org"})
ISSUED = frozenset({"play-x7k2@example.net", "me+shop-q1@example.org", "gone@elsewhere.test"})


@pytest.mark.parametrize(
    ("address", "ruling"),
    [
        ("play-x7k2@example.net", Ruling.ACCEPT),
        ("Play-X7K2@Example.NET", Ruling.ACCEPT),
        ("me+shop-q1@example.org", Ruling.ACCEPT),
        ("me@example.org", Ruling.UNKNOWN),
        ("playx7k2@example.net", Ruling.UNKNOWN),
        ("play.x7k2@example.net", Ruling.UNKNOWN),
        ("play-x7k2+tag@example.net", Ruling.UNKNOWN),
        ("play-x7\u212a2@example.net", Ruling.UNKNOWN),
        (" play-x7k2@example.net", Ruling.UNKNOWN),
        ("play-x7k2@example.org", Ruling.UNKNOWN),
        ("postmaster@example.net", Ruling.ACCEPT),
        ("ABUSE@example.org", Ruling.ACCEPT),
        ("Postmaster", Ruling.ACCEPT),
        ("abuse", Ruling.MALFORMED),
        ("play-x7k2", Ruling.MALFORMED),
        ("@example.net", Ruling.MALFORMED),
        ("play-x7k2@", Ruling.MALFORMED),
        ("", Ruling.MALFORMED),
        ("play-x7k2@example.net.", Ruling.FOREIGN),
        ("play-x7k2@sub.example.net", Ruling.FOREIGN),
        ("postmaster@elsewhere.test", Ruling.FOREIGN),
        ("gone@elsewhere.test", Ruling.FOREIGN),
        ("a%elsewhere.test@example.net", Ruling.UNKNOWN),
        ("play-x7k2@example.net@elsewhere.test", Ruling.FOREIGN),
        ("postmaster@[127.0.0.1]", Ruling.FOREIGN),
    ],
)
def test_only_issued_addresses_and_the_roles_of_our_domains_are_admitted(address: str, ruling: Ruling) -> None:
    assert rule(folded(address), DOMAINS, ISSUED) is ruling


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ('"play-x7k2"@example.net', "play-x7k2@example.net"),
        (r'"pl\ay"@example.net', "play@example.net"),
        ('"a@b"@example.net', "a@b@example.net"),
        ("play@example.net", "play@example.net"),
        ('"', '"'),
        ('""@example.net', "@example.net"),
        ('"half@example.net', '"half@example.net'),
    ],
)
def test_a_quoted_local_part_names_the_same_mailbox_as_the_plain_one(written: str, plain: str) -> None:
    assert unquoted(written) == plain


def test_folding_changes_ascii_letters_only() -> None:
    assert folded("ÄA\u212a\udc80") == "Äa\u212a\udc80"


@pytest.mark.parametrize(
    ("ip", "expected"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2::5", "2001:db8:1::/48"),
        ("", ""),
        ("unix", ""),
    ],
)
def test_clients_are_counted_by_network(ip: str, expected: str) -> None:
    assert network(ip) == expected


@pytest.mark.parametrize(
    ("ip", "expected"),
    [("::ffff:192.0.2.7", "192.0.2.7"), ("fe80::1%eth0", "fe80::1"), ("2001:DB8::1", "2001:db8::1"), ("", "")],
)
def test_a_client_address_is_written_plainly(ip: str, expected: str) -> None:
    assert plain_ip(ip) == expected


def test_a_minutes_allowance_may_be_taken_at_once_and_grows_back_evenly() -> None:
    due: float | None = 0.0
    for _ in range(6):
        assert due is not None
        due = take_token(due, 1000.0, 6)
    assert due == 1060.0
    assert take_token(due, 1000.0, 6) is None
    assert take_token(due, 1009.0, 6) is None
    assert take_token(due, 1010.0, 6) == 1070.0


def test_an_allowance_of_nothing_is_no_limit() -> None:
    assert take_token(0.0, 1000.0, 0) == 0.0


@pytest.mark.parametrize(
    ("places", "newcomer", "gives"),
    [
        ({"a": 3, "b": 1}, "c", "a"),
        ({"a": 2, "b": 2}, "b", ""),
        ({"a": 3}, "a", ""),
        ({"a": 1}, "b", ""),
        ({}, "a", ""),
    ],
)
def test_only_a_network_with_two_places_more_gives_one_up(places: dict[str, int], newcomer: str, gives: str) -> None:
    assert network_to_evict(places, newcomer) == gives


def test_networks_are_recognised_by_address() -> None:
    inside = read_networks(["192.0.2.0/24", "2001:db8::1"])
    addresses = ("192.0.2.9", "192.0.3.9", "2001:db8::1", "2001:db8::2", "", "x")
    assert [inside(ip) for ip in addresses] == [True, False, True, False, False, False]


@pytest.mark.parametrize("name", ["192.0.2.1/24", "mx.example.net", ""])
def test_an_invalid_network_is_reported_with_the_cure(name: str) -> None:
    with pytest.raises(ValueError, match="not an address or network.*write 192.0.2.1 or"):
        read_networks([name])
