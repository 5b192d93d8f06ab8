"""The client's verified reverse name: the name of its address, if that name leads back to it (RFC 8601 2.7.3)."""

from ipaddress import IPv4Address, IPv6Address, ip_address

from canary.authenticate.lookup import Lookup, Temporary

MAX_NAMES = 3


async def verified_name(ip: str, lookup: Lookup) -> str:
    """Return the first reverse name of an address that leads back to it; empty when there is none or DNS failed."""
    try:
        address = ip_address(ip)
    except ValueError:
        return ""
    if not address.is_global:
        return ""
    try:
        names = (await lookup(address.reverse_pointer, "PTR")).records[:MAX_NAMES]
        for name in names:
            if await _leads_back(str(name), address, lookup):
                return str(name).rstrip(".").lower()
    except Temporary:
        pass
    return ""


async def _leads_back(name: str, address: IPv4Address | IPv6Address, lookup: Lookup) -> bool:
    found = (await lookup(name, "A" if address.version == 4 else "AAAA")).records
    return any(_same(str(record), address) for record in found)


def _same(text: str, address: IPv4Address | IPv6Address) -> bool:
    try:
        return ip_address(text) == address
    except ValueError:
        return False
