"""Addresses of machines: as text, the network each is counted under, and lists of networks."""

import ipaddress
from collections.abc import Callable, Iterable


def plain_ip(ip: str) -> str:
    """The address as text: `::ffff:192.0.2.1`, an IPv4 client at an IPv6 socket, as IPv4; no zone."""
    try:
        address = ipaddress.ip_address(ip.partition("%")[0])
    except ValueError:
        return ip
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def network(ip: str) -> str:
    """The network a client is counted under: /24 of IPv4, /48 of IPv6, empty where there is no address."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ""
    return str(ipaddress.ip_network((address, 24 if address.version == 4 else 48), strict=False))


def read_networks(names: Iterable[str]) -> Callable[[str], bool]:
    """Returns a test whether an address is in one of these networks; raises ValueError naming an invalid one."""
    networks = []
    for name in names:
        try:
            networks.append(ipaddress.ip_network(name.strip()))
        except ValueError as fault:
            raise ValueError(
                f"{name!r} is not an address or network ({fault}); write 192.0.2.1 or 192.0.2.0/24"
            ) from None

    if not networks:
        return lambda _: False

    def inside(ip: str) -> bool:
        try:
            address = ipaddress.ip_address(ip)
        except ValueError:
            return False
        return any(address in network for network in networks)

    return inside
