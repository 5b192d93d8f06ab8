"""The registry of mail providers: how each is recognised, and where its customer's account is found; checked data."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from canary.judge.organisation import normal
from canary.judge.safe_regex import read_shape

MAX_VALUE = 2000

Network = IPv4Network | IPv6Network


class ProviderError(ValueError):
    """The registry of mail providers has faults; `faults` names entry, key, value and cure of each."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class AccountRule:
    """Where a provider writes its customer's account: the groups of `shape`, joined by dots, are the account.

    `place` is `envelope` (the whole reverse-path), `signer` (DKIM d=), `selector` (DKIM s=) or a header name.
    """

    place: str
    shape: re.Pattern[str]

    def read(self, value: str) -> str | None:
        """Return the account that a value contains, empty if none."""
        found = self.shape.fullmatch(value.strip()[:MAX_VALUE])
        account = ".".join(group for group in found.groups() if group) if found else ""
        return account[:100] or None


@dataclass(frozen=True, slots=True)
class Provider:
    """A mail provider: the fields from `dkim` to `through` prove it, those after `rides` are marks that can be copied.

    `hosts` are verified reverse names of its machines; `through` are its own accounts at other providers, each
    `slug/account`, and `rides` the slugs of all providers that it sends through.
    """

    slug: str
    name: str
    source: tuple[str, ...]
    dkim: tuple[str, ...] = ()
    envelope: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()
    through: tuple[str, ...] = ()
    rides: tuple[str, ...] = ()
    headers: tuple[tuple[str, re.Pattern[str]], ...] = ()
    feedback_id: re.Pattern[str] | None = None
    unsubscribe: tuple[str, ...] = ()
    account: tuple[AccountRule, ...] = ()


@dataclass(frozen=True, slots=True)
class ProviderRegistry:
    """All providers, and the domains that prove a platform but never one of its tenants."""

    providers: tuple[Provider, ...] = ()
    platforms: frozenset[str] = frozenset()
    _signers: Mapping[str, Provider] = field(default_factory=dict)
    _envelopes: Mapping[str, Provider] = field(default_factory=dict)
    _hosts: Mapping[str, Provider] = field(default_factory=dict)
    _networks: Mapping[int, Mapping[int, Mapping[int, Provider]]] = field(default_factory=dict)
    _holders: Mapping[str, Provider] = field(default_factory=dict)

    def signer(self, domain: str) -> Provider | None:
        """Return the provider that signs as this domain."""
        return _above(domain, self._signers)

    def bouncer(self, domain: str) -> Provider | None:
        """Return the provider whose bounces go to this domain."""
        return _above(domain, self._envelopes)

    def machine(self, ip: str, host: str = "") -> Provider | None:
        """Return the provider whose machine has this address, or this verified reverse name."""
        try:
            address = ip_address(ip.partition("%")[0])
        except ValueError:
            return _above(host, self._hosts)
        number, held = int(address), self._networks.get(address.version, {})
        found = (of_size.get(number >> rest) for rest, of_size in held.items())
        return next(filter(None, found), None) or _above(host, self._hosts)

    def holder(self, account: str) -> Provider | None:
        """Return the provider that holds this account, `slug/account`, at another one."""
        return self._holders.get(account)

    def is_shared(self, domain: str) -> bool:
        """Whether a domain proves a platform of many tenants, never one of them."""
        return any(name in self.platforms for name in _parents(domain))


def read_suppliers(data: Mapping[str, object]) -> ProviderRegistry:
    """Turn the parsed `suppliers.toml` into the registry; raises `ProviderError` with all faults at once."""
    unknown = sorted(data.keys() - _REQUIRED.keys())
    faults = [f"suppliers.toml: {key}: unknown table; write [[supplier]] or [[shared]]" for key in unknown]
    entries = list(_entries(data, "supplier", _SUPPLIER, faults))
    shared = list(_entries(data, "shared", _SHARED, faults))
    if not faults:
        faults += _clashes(entries)
    if faults:
        raise ProviderError(faults)
    providers = tuple(Provider(**entry) for entry in entries)
    platforms = {domain for entry in shared for domain in entry["domains"]}
    platforms |= {domain for p in providers for domain in (*p.dkim, *p.envelope)}
    return ProviderRegistry(
        providers,
        frozenset(platforms),
        {domain: p for p in providers for domain in p.dkim},
        {domain: p for p in providers for domain in p.envelope},
        {domain: p for p in providers for domain in p.hosts},
        _by_size(providers),
        {account: p for p in providers for account in p.through},
    )


def _by_size(providers: Sequence[Provider]) -> Mapping[int, Mapping[int, Mapping[int, Provider]]]:
    """Return who holds a network: by version, by the bits that do not count (the fewest first), by those that do."""
    held: dict[int, dict[int, dict[int, Provider]]] = {4: {}, 6: {}}
    networks = [(network, provider) for provider in providers for network in provider.networks]
    for network, provider in sorted(networks, key=lambda each: -each[0].prefixlen):
        rest = network.max_prefixlen - network.prefixlen
        of_size = held[network.version].setdefault(rest, {})
        of_size.setdefault(int(network.network_address) >> rest, provider)
    return held


def _above(domain: str, known: Mapping[str, Provider]) -> Provider | None:
    return next((known[name] for name in _parents(domain) if name in known), None)


def _parents(domain: str) -> Iterator[str]:
    """Yield a domain and those above it, but the top-level one."""
    labels = normal(domain).split(".")
    for at in range(len(labels) - 1):
        yield ".".join(labels[at:])


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("write a text that is not empty")
    return value


def _shape(value: object) -> re.Pattern[str]:
    return read_shape(_text(value))


def _slug(value: object) -> str:
    slug = _text(value)
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,40}", slug):
        raise ValueError("write lower-case letters, digits and hyphens")
    return slug


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError("write a list of texts that is not empty")
    return tuple(_text(item) for item in value)


def _domains(value: object) -> tuple[str, ...]:
    domains = _texts(value)
    for domain in domains:
        if not re.fullmatch(r"(?:[a-z0-9_-]{1,63}\.)+[a-z][a-z0-9-]+", domain):
            raise ValueError(f'"{domain}" is not a domain; write lower case, no "*" and no final dot')
    return domains


def _networks(value: object) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(text) for text in _texts(value))
    except ValueError as error:
        raise ValueError(f'{error}; write networks like "198.51.100.0/24"') from None


def _shapes(value: object) -> tuple[tuple[str, re.Pattern[str]], ...]:
    if not isinstance(value, dict):
        raise TypeError('write a table of header names and shapes like { "X-Id" = "[0-9]++" }')
    return tuple((_text(name), _shape(shape)) for name, shape in value.items())


def _rules(value: object) -> tuple[AccountRule, ...]:
    if not isinstance(value, list):
        raise TypeError('write a list of rules like [{ in = "envelope", shape = "b-([0-9]++)@.*+" }]')
    return tuple(_rule(rule) for rule in value)


def _rule(value: object) -> AccountRule:
    if not isinstance(value, dict) or value.keys() != {"in", "shape"}:
        raise ValueError('a rule has "in" (envelope, signer, selector or a header name) and "shape", nothing else')
    rule = AccountRule(_text(value["in"]).lower(), _shape(value["shape"]))
    if not rule.shape.groups:
        raise ValueError(f'"{rule.shape.pattern}" has no group; put parentheses around the account')
    return rule


_SUPPLIER: dict[str, Callable[[object], object]] = {
    "slug": _slug,
    "name": _text,
    "source": _texts,
    "dkim": _domains,
    "envelope": _domains,
    "hosts": _domains,
    "networks": _networks,
    "through": _texts,
    "rides": _texts,
    "headers": _shapes,
    "feedback_id": _shape,
    "unsubscribe": _domains,
    "account": _rules,
}
_SHARED: dict[str, Callable[[object], object]] = {"name": _text, "source": _texts, "domains": _domains}
_REQUIRED = {"supplier": ("slug", "name", "source"), "shared": ("name", "source", "domains")}
_PROOFS = {"dkim", "envelope", "hosts", "networks", "through"}


def _entries(
    data: Mapping[str, object], table: str, keys: Mapping[str, Callable[[object], object]], faults: list[str]
) -> Iterator[dict[str, Any]]:
    """Read the entries of a table; what is wrong goes to `faults`, so that all faults are known at once."""
    entries = data.get(table, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        faults.append(f"suppliers.toml: {table}: not a list of tables; write [[{table}]] before each entry")
        return
    for number, entry in enumerate(entries, 1):
        label = f"suppliers.toml: {table} {entry.get('slug') or entry.get('name') or f'number {number}'}"
        faults += [f"{label}: {key}: missing; every entry needs it" for key in _REQUIRED[table] if key not in entry]
        if table == "supplier" and not entry.keys() & _PROOFS:
            faults.append(f"{label}: nothing would prove it; write one of {', '.join(sorted(_PROOFS))}")
        yield {key: read for key, value in entry.items() if (read := _read(label, key, value, keys, faults))}


def _read(
    label: str, key: str, value: object, keys: Mapping[str, Callable[[object], object]], faults: list[str]
) -> object:
    if key not in keys:
        faults.append(f"{label}: {key}: unknown key; the keys are {', '.join(keys)}")
        return None
    try:
        return keys[key](value)
    except (TypeError, ValueError) as error:
        faults.append(f"{label}: {key} = {str(value)[:100]!r}: {error}")
        return None


def _clashes(entries: list[dict[str, Any]]) -> Iterator[str]:
    slugs = Counter(entry["slug"] for entry in entries)
    for slug in (slug for slug, count in slugs.items() if count > 1):
        yield f"suppliers.toml: supplier {slug}: slug: used by two entries; give each its own"
    for entry in entries:
        for key in ("rides", "through"):
            for other in (name for name in entry.get(key, ()) if name.partition("/")[0] not in slugs):
                yield f'suppliers.toml: supplier {entry["slug"]}: {key} = "{other}": no such supplier; write its slug'
    for key in ("dkim", "envelope", "hosts", "through"):
        held = Counter(domain for entry in entries for domain in set(entry.get(key, ())))
        for domain in (domain for domain, count in held.items() if count > 1):
            holders = ", ".join(entry["slug"] for entry in entries if domain in entry.get(key, ()))
            yield f'suppliers.toml: supplier {holders}: {key} = "{domain}": held by several; keep it in one'
