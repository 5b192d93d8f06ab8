"""Alerts go to no address that is kept for a special purpose, however it is written."""

from ipaddress import ip_network

import pytest

from canary.net.http import AddressGuard, AddressRefused
from canary.net.special_addresses import SPECIAL_BLOCKS, special_block

EMBEDDED = {
    "IPv4-compatible": "::169.254.169.254",
    "IPv4-mapped": "::ffff:169.254.169.254",
    "NAT64": "64:ff9b::169.254.169.254",
    "NAT64 of a network": "64:ff9b:1::a9fe:a9fe",
    "6to4": "2002:a9fe:a9fe::1",
    "Teredo": "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "to a public address": "64:ff9b::8.8.8.8",
}
REGISTERED = """
    0.0.0.0/8 0.0.0.0/32 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.0.0/29
    192.0.0.8/32 192.0.0.9/32 192.0.0.10/32 192.0.0.170/32 192.0.0.171/32 192.0.2.0/24 192.31.196.0/24 192.52.193.0/24
    192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 240.0.0.0/4
    255.255.255.255/32 ::1/128 ::/128 ::ffff:0:0/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23
    2001::/32 2001:1::1/128 2001:1::2/128 2001:1::3/128 2001:2::/48 2001:3::/32 2001:4:112::/48 2001:10::/28 2001:20::/28
    2001:30::/28 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20 5f00::/16 fc00::/7 fe80::/10
""".split()
"""Every row of both registries of IANA."""


@pytest.mark.parametrize("address", EMBEDDED.values(), ids=EMBEDDED)
def test_an_address_in_which_an_ipv4_address_is_embedded_is_refused(address: str) -> None:
    with pytest.raises(AddressRefused, match="a private address"):
        AddressGuard(allow_private=False).resolve(address, 443)


@pytest.mark.parametrize("block", REGISTERED)
def test_the_first_and_the_last_address_of_every_registered_block_are_refused(block: str) -> None:
    network = ip_network(block)
    assert special_block(str(network[0]))
    assert special_block(str(network[-1]))


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "9.255.255.255", "172.32.0.1", "223.255.255.255", "2606:4700::1111", "2001:200::1", "2a00::1"],
)
def test_an_address_of_everybody_is_allowed(address: str) -> None:
    assert AddressGuard(allow_private=False).resolve(address, 443) == address


@pytest.mark.parametrize(
    "written", ["127.1", "0x7f.0.0.1", "2130706433", "0177.0.0.1", "::1", "fe80::1%1", "ff02::1", "4000::1", "::2"]
)
def test_another_way_to_write_an_address_leads_nowhere_else(written: str) -> None:
    with pytest.raises(AddressRefused):
        AddressGuard(allow_private=False).resolve(written, 443)


def test_a_refusal_names_the_block_and_its_source() -> None:
    with pytest.raises(
        AddressRefused, match=r"^64:ff9b::1: a private address \(IPv4-IPv6 Translation \(NAT64\), RFC 6052\); set "
    ):
        AddressGuard(allow_private=False).resolve("64:ff9b::1", 443)


def test_no_block_is_hidden_by_one_that_comes_before() -> None:
    for block in SPECIAL_BLOCKS:
        assert special_block(str(block.network[block.network.num_addresses // 2])) == block
