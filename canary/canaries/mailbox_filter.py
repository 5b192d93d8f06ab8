"""Rules for the owner's own mailbox: only who is known to write to an address may, all else goes to a folder.

Sieve is RFC 5228 with envelope, and fileinto with :create (RFC 5490); Gmail imports an Atom feed of filters.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

_AT_ONCE = 20
"""Addresses in one rule of Gmail, whose searches have an end."""


@dataclass(frozen=True, slots=True)
class AddressHolder:
    """A vendor, the addresses that it was given, and the domains that are known to write for it."""

    name: str
    addresses: tuple[str, ...]
    domains: tuple[str, ...]


def sieve_script(holders: Iterable[AddressHolder], folder: str) -> str:
    """Return a Sieve script with a rule for each vendor."""
    lines = [
        "# Mail to an address that comes from none of the senders known for it. From can be forged: this proves nothing.",
        'require ["envelope", "fileinto", "mailbox"];',
    ]
    for holder in holders:
        lines += ["", f"# {' '.join(holder.name.split())}"]
        lines += _sieve_rule(holder, folder) if holder.domains else ["# nobody is known to write for it, so all may"]
    return "\n".join((*lines, ""))


def gmail_filters(holders: Iterable[AddressHolder], label: str) -> str:
    """Return filters that Gmail imports."""
    entries = "".join(
        _gmail_entry(part, holder.domains, label)
        for holder in holders
        if holder.domains
        for part in _parts(holder.addresses)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:apps="http://schemas.google.com/apps/2006">\n'
        f"<title>Mail Filters</title>\n{entries}</feed>\n"
    )


def _sieve_rule(holder: AddressHolder, folder: str) -> Iterator[str]:
    addresses, domains = _strings(holder.addresses), _strings(holder.domains)
    below = _strings(f"*.{domain}" for domain in holder.domains)
    yield "if allof("
    yield f'  anyof(envelope :is "to" {addresses},'
    yield f'        header :contains ["to", "cc", "delivered-to", "x-original-to", "envelope-to"] {addresses}),'
    yield f'  not anyof(address :domain :is "from" {domains}, address :domain :matches "from" {below})) {{'
    yield f"  fileinto :create {_string(folder)};"
    yield "  stop;"
    yield "}"


def _gmail_entry(addresses: Sequence[str], domains: Sequence[str], label: str) -> str:
    values = {
        "hasTheWord": f"deliveredto:({' OR '.join(addresses)})",
        "doesNotHaveTheWord": f"from:({' OR '.join(domains)})",
        "label": label,
        "shouldArchive": "true",
    }
    properties = "".join(f"<apps:property name={quoteattr(n)} value={quoteattr(v)}/>\n" for n, v in values.items())
    return f'<entry>\n<category term="filter"/>\n<title>Mail Filter</title>\n<content/>\n{properties}</entry>\n'


def _parts(addresses: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(addresses), _AT_ONCE):
        yield addresses[start : start + _AT_ONCE]


def _strings(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(_string, texts))}]"


def _string(text: str) -> str:
    escaped = "".join(c for c in text if c.isprintable()).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
