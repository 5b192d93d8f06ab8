"""The DNS questions of one SPF judgement: bounded in number, and never more than needed (RFC 7208 4.6.4, 5.5)."""

from ipaddress import IPv4Address, IPv6Address, ip_address

from canary.authenticate.lookup import NOTHING, DnsAnswer, Lookup, Temporary, dns_name
from canary.authenticate.spf.macro import SpfSender, expand_name, needs_proven_name, reverse_name
from canary.authenticate.spf.record import Broken, Mechanism

MAX_TERMS = 10
MAX_VOID = 2
MAX_HOSTS = 10
"""Limits: terms that ask DNS, such terms without an answer, and hosts of one MX or PTR answer."""


def address(text: str) -> IPv4Address | IPv6Address | None:
    """Return an address, None for anything else; IPv4 as a dual-stack socket shows it is IPv4 (5)."""
    try:
        ip = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return ip.ipv4_mapped or ip if isinstance(ip, IPv6Address) else ip


class Asking:
    """One judgement's questions: how many are left, and what is known about the client's names."""

    def __init__(self, lookup: Lookup, sender: SpfSender) -> None:
        self.sender = sender
        self.kind = "A" if sender.ip.version == 4 else "AAAA"
        self._lookup = lookup
        self._terms = 0
        self._voids = 0
        self._proven: dict[str, bool] = {}

    async def ask(self, name: str, kind: str) -> DnsAnswer:
        """Ask DNS; a name with a local part beyond ASCII matches nothing (RFC 8616 4)."""
        return await self._lookup(name, kind) if name.isascii() else NOTHING

    async def ask_term(self, mechanism: Mechanism, domain: str, kind: str) -> DnsAnswer:
        """Ask a mechanism's question, which counts as a term, and as a void one when it brings nothing."""
        self.count_term()
        answer = await self.ask(await self.target(mechanism, domain), kind)
        self.count_void(void=not answer.records)
        return answer

    def count_term(self) -> None:
        """Count a term that asks DNS; raises `Broken` beyond the limit."""
        self._terms += 1
        if self._terms > MAX_TERMS:
            raise Broken(f"more than {MAX_TERMS} terms ask DNS (RFC 7208 4.6.4)")

    def count_void(self, *, void: bool) -> None:
        """Count a term whose question had no answer; raises `Broken` beyond the limit."""
        self._voids += void
        if self._voids > MAX_VOID:
            raise Broken(f"more than {MAX_VOID} terms ask DNS for nothing (RFC 7208 4.6.4)")

    async def target(self, mechanism: Mechanism, domain: str) -> str:
        """Return the name a mechanism is about: its own, or the domain being judged."""
        return await self.expand(mechanism.domain, domain) if mechanism.domain else domain

    async def expand(self, text: str, domain: str) -> str:
        """Return a domain-spec as a name."""
        return expand_name(text, await self.values(text, domain))

    async def values(self, text: str, domain: str) -> dict[str, str]:
        """Return the values of the macros in a text; only %{p} costs questions."""
        proven = await self._proven_name(dns_name(domain)) if needs_proven_name(text) else ""
        return self.sender.values(domain, proven)

    async def names(self) -> list[str]:
        """Return the names the client's address claims; an error of DNS counts as none (5.5)."""
        try:
            answer = await self.ask(reverse_name(self.sender.ip), "PTR")
        except Temporary:
            return []
        return [name for record in answer.records[:MAX_HOSTS] if (name := dns_name(str(record)))]

    async def proves(self, name: str) -> bool:
        """Whether a claimed name points back to the client; a name that cannot be resolved does not (5.5)."""
        if name not in self._proven:
            try:
                records = (await self.ask(name, self.kind)).records
            except Temporary:
                records = ()
            self._proven[name] = self.sender.ip in {address(str(record)) for record in records}
        return self._proven[name]

    async def _proven_name(self, domain: str) -> str:
        """Return the value of %{p}: the proven name nearest to the domain (7.3)."""
        names = sorted(await self.names(), key=lambda name: (name != domain, not name.endswith(f".{domain}")))
        for name in names:
            if await self.proves(name):
                return name
        return "unknown"
