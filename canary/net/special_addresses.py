"""Addresses to which nothing is sent unless the owner allows it: those that IANA keeps for special purposes.

Source: the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890, RFC 8190), all rows, also those that are
reachable from everywhere: none of them is where a service takes alerts. Addresses in which an IPv4 address is
embedded are among them whatever that address is, as a translator on the way decides where they lead.
"""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class SpecialBlock:
    """A block of addresses with its name in the registry and the document that sets it aside."""

    network: Network
    name: str
    source: str


_REGISTRY = (
    ("0.0.0.0/8", "This network", "RFC 791"),
    ("10.0.0.0/8", "Private-Use", "RFC 1918"),
    ("100.64.0.0/10", "Shared Address Space", "RFC 6598"),
    ("127.0.0.0/8", "Loopback", "RFC 1122"),
    ("169.254.0.0/16", "Link Local", "RFC 3927"),
    ("172.16.0.0/12", "Private-Use", "RFC 1918"),
    ("192.0.0.0/24", "IETF Protocol Assignments", "RFC 6890"),
    ("192.0.2.0/24", "Documentation (TEST-NET-1)", "RFC 5737"),
    ("192.31.196.0/24", "AS112-v4", "RFC 7535"),
    ("192.52.193.0/24", "AMT", "RFC 7450"),
    ("192.88.99.0/24", "Deprecated (6to4 Relay Anycast)", "RFC 7526"),
    ("192.168.0.0/16", "Private-Use", "RFC 1918"),
    ("192.175.48.0/24", "Direct Delegation AS112 Service", "RFC 7534"),
    ("198.18.0.0/15", "Benchmarking", "RFC 2544"),
    ("198.51.100.0/24", "Documentation (TEST-NET-2)", "RFC 5737"),
    ("203.0.113.0/24", "Documentation (TEST-NET-3)", "RFC 5737"),
    ("224.0.0.0/4", "Multicast", "RFC 5771"),
    ("255.255.255.255/32", "Limited Broadcast", "RFC 919"),
    ("240.0.0.0/4", "Reserved", "RFC 1112"),
    ("::1/128", "Loopback Address", "RFC 4291"),
    ("::/128", "Unspecified Address", "RFC 4291"),
    ("::ffff:0:0/96", "IPv4-mapped Address", "RFC 4291"),
    ("::/96", "IPv4-Compatible Address", "RFC 4291"),
    ("64:ff9b::/96", "IPv4-IPv6 Translation (NAT64)", "RFC 6052"),
    ("64:ff9b:1::/48", "IPv4-IPv6 Translation (NAT64)", "RFC 8215"),
    ("100::/64", "Discard-Only Address Block", "RFC 6666"),
    ("100:0:0:1::/64", "Dummy IPv6 Prefix", "RFC 9780"),
    ("2001::/32", "Teredo", "RFC 4380"),
    ("2001::/23", "IETF Protocol Assignments", "RFC 2928"),
    ("2001:db8::/32", "Documentation", "RFC 3849"),
    ("2002::/16", "6to4", "RFC 3056"),
    ("2620:4f:8000::/48", "Direct Delegation AS112 Service", "RFC 7534"),
    ("3fff::/20", "Documentation", "RFC 9637"),
    ("5f00::/16", "Segment Routing (SRv6) SIDs", "RFC 9602"),
    ("fc00::/7", "Unique-Local", "RFC 4193"),
    ("fe80::/10", "Link-Local Unicast", "RFC 4291"),
    ("fec0::/10", "Site-Local Unicast (deprecated)", "RFC 3879"),
    ("ff00::/8", "Multicast", "RFC 4291"),
)
"""Block, name, source. A block stands before those that contain it."""

SPECIAL_BLOCKS = tuple(SpecialBlock(ip_network(block), name, source) for block, name, source in _REGISTRY)

_UNALLOCATED = SpecialBlock(IPv6Network("::/0"), "Not Global Unicast", "RFC 4291")
_GLOBAL_UNICAST = IPv6Network("2000::/3")


def special_block(address: str) -> SpecialBlock | None:
    """Return the block that an address belongs to, or None for one that is everybody's; a zone index is ignored."""
    plain = ip_address(address.partition("%")[0])
    for block in SPECIAL_BLOCKS:
        if plain in block.network:
            return block
    return _UNALLOCATED if isinstance(plain, IPv6Address) and plain not in _GLOBAL_UNICAST else None


def local_address(host: str) -> str:
    """Return the address at which this machine reaches what listens on a host."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - reached, not bound
