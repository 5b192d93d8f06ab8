"""Checks of DNS and of port 25, as far as a machine can know of itself."""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from datetime import timedelta

from canary.authenticate.dns_records import CheckedRecord, check_records, wanted_records
from canary.authenticate.lookup import Temporary
from canary.processes.doctor.clients import clients_since
from canary.processes.doctor.finding import CheckFailed, Examined, Note
from canary.processes.judging import lookups

SMTP_PORT = 25
_SECONDS = 3.0
_RECENT = timedelta(days=30)
_NEEDED = ("MX", "A")
"""Without these no mail arrives; the other records keep others from using the domain."""


def resolver(examined: Examined) -> str:
    """Ask DNS anything at all."""
    if examined.settings.dns.zone:
        return Note(f"the file {examined.settings.dns.zone} answers instead of DNS (dns.zone), which is for trials")
    name = next(iter(examined.settings.domains), "example.com")
    try:
        asyncio.run(_ask(examined, name, "MX"))
    except Temporary as fault:
        servers = ", ".join(examined.settings.dns.nameservers) or "those of /etc/resolv.conf"
        raise CheckFailed(
            f"no answer about {name} ({fault.word}) from {servers}: no sender can be checked; correct that file or the network,"
            " or set dns.nameservers"
        ) from None
    return "answers"


async def _ask(examined: Examined, name: str, kind: str) -> Sequence[object]:
    return (await lookups(examined.settings)()(name, kind)).records


def records(examined: Examined) -> str:
    """Compare the records of all domains with those that should be there."""
    settings = examined.settings
    wanted = [record for domain in settings.domains for record in wanted_records(domain, settings.smtp.hostname)]
    found = asyncio.run(check_records(lookups(settings)(), wanted))
    wrong = [record for record in found if not record.good and not _by_ipv6(examined, record)]
    if needed := [record for record in wrong if record.wanted.kind in _NEEDED]:
        raise CheckFailed("; ".join(_line(record) for record in needed))
    if wrong:
        return Note("; ".join(_line(record) for record in wrong))
    return f"{len(found)} records as they should be" if found else Note("no domain is set")


def _by_ipv6(examined: Examined, record: CheckedRecord) -> bool:
    return record.wanted.kind == "A" and bool(_addresses(examined, record.wanted.name))


def _line(record: CheckedRecord) -> str:
    wanted = record.wanted
    if record.fault:
        return f"{wanted.kind} of {wanted.name}: no answer ({record.fault})"
    found = f"is {record.found[0]}" if record.found else "is missing"
    value = "with the address of this machine" if wanted.kind == "A" else f"to {wanted.value}"
    return f"{wanted.kind} of {wanted.name} {found}: set it {value}"


def reverse(examined: Examined) -> str:
    """Ask for the names of the machine's addresses; who only receives needs none."""
    host = examined.settings.smtp.hostname
    addresses = _addresses(examined, host)
    if not addresses:
        return Note(f"{host} has no address yet")
    named = {address: _names(examined, address) for address in addresses}
    wrong = [address for address, names in named.items() if host not in names]
    if wrong:
        return Note(
            f"{wrong[0]} is not named {host} (PTR); receiving does not need it, but the provider of the address can set it"
        )
    return f"{', '.join(named)}: {host}"


def _names(examined: Examined, address: str) -> list[str]:
    try:
        found = asyncio.run(_ask(examined, ipaddress.ip_address(address).reverse_pointer, "PTR"))
    except Temporary:
        return []
    return [str(name).rstrip(".").lower() for name in found]


def _addresses(examined: Examined, host: str) -> list[str]:
    try:
        return [str(found) for kind in ("A", "AAAA") for found in asyncio.run(_ask(examined, host, kind))]
    except Temporary:
        return []


def port_25(examined: Examined) -> str:
    """Look for mail from outside, else try the port from inside, and say what that does not show."""
    came = clients_since(examined, examined.clock() - _RECENT)
    if came.outside:
        return f"mail came in from outside, last on {came.last:%Y-%m-%d}"
    host = examined.settings.smtp.hostname
    seen = [try_port(address, host) for address in _addresses(examined, host)]
    inside = "; ".join(seen) or f"{host} has no address yet"
    return Note(
        f"{inside}. Whether it is open from outside, past firewall and provider, cannot be known from here: send a mail from"
        f" any account elsewhere, or run `nc -w 5 {host} 25` on another network"
    )


def try_port(address: str, host: str, port: int = SMTP_PORT) -> str:
    """Say what is at the port of an address, as seen from here; raises CheckFailed where that is surely wrong."""
    try:
        with socket.create_connection((address, port), _SECONDS) as client:
            client.settimeout(_SECONDS)
            greeting = client.recv(200).decode("ascii", "replace").split("\r")[0]
    except OSError as fault:
        if isinstance(fault, ConnectionRefusedError) and _is_ours(address):
            raise CheckFailed(
                f"nothing listens on port {port} of {address}, which is this machine: lead it to the listener, by"
                " deploy/canary.socket, ports in deploy/compose.yaml, or smtp.listen"
            ) from None
        return f"from inside {address} does not answer on port {port}, which a router may cause"
    if greeting.startswith(f"220 {host} "):
        return f"from inside {address} leads to this listener"
    raise CheckFailed(
        f"port {port} of {address} is another mail server's, which says {greeting[:60]!r}: end that one, or let it hand the"
        " domain over to Canary"
    )


def _is_ours(address: str) -> bool:
    try:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as trial:
            trial.bind((address, 0))
    except OSError:
        return False
    return True
