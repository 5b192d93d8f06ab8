"""The registry of mail providers: how each is recognised, and where its customer's account is found; checked data."""

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from canary.judge.organisation import normal
from canary.judge.platforms import NO_PLATFORMS, PlatformRegistry
from canary.judge.safe_regex import read_shape
from canary.model.domain_names import nearest, parents
from canary.model.party import Supplier
from canary.model.registry_rows import (
    RegistryError,
    RegistryFile,
    RegistryRow,
    RowForm,
    read_domains,
    read_flag,
    read_rows,
    read_slug,
    read_text,
    read_texts,
    repeated,
)

MAX_VALUE = 2000

Network = IPv4Network | IPv6Network


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
    `slug/account`, and `rides` the slugs of all providers that it sends through. `by_contract` means that accounts are
    opened by contract only, and not by anybody within the hour.
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
    by_contract: bool = False


@dataclass(frozen=True, slots=True)
class ProviderRegistry:
    """All providers, the domains that prove a platform but never one of its tenants, and the services for merchants."""

    providers: tuple[Provider, ...] = ()
    platforms: frozenset[str] = frozenset()
    services: PlatformRegistry = NO_PLATFORMS
    _signers: Mapping[str, Provider] = field(default_factory=dict)
    _envelopes: Mapping[str, Provider] = field(default_factory=dict)
    _hosts: Mapping[str, Provider] = field(default_factory=dict)
    _networks: Mapping[int, Mapping[int, Mapping[int, Provider]]] = field(default_factory=dict)
    _holders: Mapping[str, Provider] = field(default_factory=dict)
    _by_contract: frozenset[str] = frozenset()

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

    def is_by_contract(self, slug: str) -> bool:
        """Whether a provider opens accounts by contract only."""
        return slug in self._by_contract

    def is_shared(self, domain: str) -> bool:
        """Whether a domain proves a platform of many tenants, never one of them."""
        return any(name in self.platforms for name in parents(normal(domain)))


def read_suppliers(data: Mapping[str, object], own: Sequence[RegistryFile] = ()) -> ProviderRegistry:
    """Turn the parsed `suppliers.toml` and files of the owner's into the registry; raises `RegistryError` with all faults.

    A row of the owner's replaces the shipped one with its slug.
    """
    faults: list[str] = []
    tables = read_rows((RegistryFile("suppliers.toml", data), *own), _FORMS, faults)
    suppliers, shared = tables["supplier"], tables["shared"]
    if not faults:
        faults += (*_strangers(suppliers), *repeated(suppliers, ("dkim", "envelope", "hosts", "through")))
    if faults:
        raise RegistryError(faults)
    return registry_of(
        tuple(Provider(**row.values) for row in suppliers), {d for row in shared for d in row.values["domains"]}
    )


def registry_of(
    providers: tuple[Provider, ...], shared: Set[str], services: PlatformRegistry = NO_PLATFORMS
) -> ProviderRegistry:
    """Return the registry of some providers; where two hold the same, the later one does."""
    return ProviderRegistry(
        providers,
        frozenset(shared) | {domain for p in providers for domain in (*p.dkim, *p.envelope)},
        services,
        {domain: p for p in providers for domain in p.dkim},
        {domain: p for p in providers for domain in p.envelope},
        {domain: p for p in providers for domain in p.hosts},
        _by_size(providers),
        {account: p for p in providers for account in p.through},
        frozenset(p.slug for p in providers if p.by_contract),
    )


def with_declared(book: ProviderRegistry, declared: Sequence[Supplier]) -> ProviderRegistry:
    """Return the registry with suppliers that the owner declared; the domains of one that is there are added to its own."""
    known = {provider.slug: provider for provider in book.providers}
    mine = {
        supplier.slug: _proven_by(
            known.get(supplier.slug, Provider(supplier.slug, supplier.name, ("the owner",))), supplier.domains
        )
        for supplier in declared
    }
    # What the owner says comes last, so that it prevails.
    rest = tuple(provider for provider in book.providers if provider.slug not in mine)
    return registry_of((*rest, *mine.values()), book.platforms, book.services)


def _proven_by(provider: Provider, domains: tuple[str, ...]) -> Provider:
    return replace(
        provider,
        dkim=(*provider.dkim, *domains),
        envelope=(*provider.envelope, *domains),
        hosts=(*provider.hosts, *domains),
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
    return nearest(normal(domain), known)


def _shape(value: object) -> re.Pattern[str]:
    return read_shape(read_text(value))


def _networks(value: object) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(text) for text in read_texts(value))
    except ValueError as error:
        raise ValueError(f'{error}; write networks like "198.51.100.0/24"') from None


def _shapes(value: object) -> tuple[tuple[str, re.Pattern[str]], ...]:
    if not isinstance(value, dict):
        raise TypeError('write a table of header names and shapes like { "X-Id" = "[0-9]++" }')
    return tuple((read_text(name), _shape(shape)) for name, shape in value.items())


def _rules(value: object) -> tuple[AccountRule, ...]:
    if not isinstance(value, list):
        raise TypeError('write a list of rules like [{ in = "envelope", shape = "b-([0-9]++)@.*+" }]')
    return tuple(_rule(rule) for rule in value)


def _rule(value: object) -> AccountRule:
    if not isinstance(value, dict) or value.keys() != {"in", "shape"}:
        raise ValueError('a rule has "in" (envelope, signer, selector or a header name) and "shape", nothing else')
    rule = AccountRule(read_text(value["in"]).lower(), _shape(value["shape"]))
    if not rule.shape.groups:
        raise ValueError(f'"{rule.shape.pattern}" has no group; put parentheses around the account')
    return rule


_FORMS = {
    "supplier": RowForm(
        {
            "slug": read_slug, "name": read_text, "source": read_texts, "dkim": read_domains, "envelope": read_domains,
            "hosts": read_domains, "networks": _networks, "through": read_texts, "rides": read_texts, "headers": _shapes,
            "feedback_id": _shape, "unsubscribe": read_domains, "account": _rules, "by_contract": read_flag,
        },
        ("slug", "name", "source"),
        ("dkim", "envelope", "hosts", "networks", "through"),
    ),
    "shared": RowForm({"name": read_text, "source": read_texts, "domains": read_domains}, ("name", "source", "domains")),
}  # fmt: skip


def _strangers(suppliers: Sequence[RegistryRow]) -> Iterator[str]:
    """Yield a fault for each supplier that a row names and that is not there."""
    slugs = {row.slug for row in suppliers}
    for row in suppliers:
        for key in ("rides", "through"):
            for other in (name for name in row.values.get(key, ()) if name.partition("/")[0] not in slugs):
                yield f'{row.label}: {key} = "{other}": no such supplier; write its slug'
