"""The registry of forwarders: what proves each, and the headers in which it states who wrote to whom; checked data.

A forwarder carries mail from where it was sent to where it is kept. It is never a vendor and never the writer, and what
it states counts only where it is proven; `marks` can be copied by anybody.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from canary.model.domain_names import nearest
from canary.model.registry_rows import (
    RegistryError,
    RegistryFile,
    RegistryRow,
    RowForm,
    read_domains,
    read_flag,
    read_headers,
    read_one_of,
    read_rows,
    read_slug,
    read_text,
    read_texts,
    repeated,
)


class ForwarderKind(StrEnum):
    """What a forwarder does with mail."""

    ALIAS = "alias"
    RELAY = "relay"
    MAILBOX = "mailbox"
    LIST = "list"
    SCHEME = "scheme"


class Rewrite(StrEnum):
    """How an address still shows another one after a forwarder rewrote it.

    `srs` is SRS0=hash=day=domain=local@forwarder, `equals` alias+local=domain@forwarder, `at` local_at_domain_tld_x@forwarder
    or the display name "local at domain", `via` the display name "local@domain [via Forwarder]", `caf`
    forwarding+caf_=local=domain@forwarder, `prvs` prvs=tag=local@domain, `verp` list-bounces+local=domain@list. The last
    four but `prvs` name the reader or the forwarding mailbox, not the writer, save for `via`.
    """

    SRS = "srs"
    EQUALS = "equals"
    AT = "at"
    VIA = "via"
    CAF = "caf"
    PRVS = "prvs"
    VERP = "verp"


@dataclass(frozen=True, slots=True)
class Forwarder:
    """A forwarder: `dkim`, `envelope`, `hosts` and `seals` prove it, `addresses` are the domains it gives to its users.

    Header names are in lower case: those that state the original From (`sender`), the original reverse-path
    (`envelope_sender`), the address it was sent to (`recipient`), the results of authentication (`results`) and the
    client (`client`). `arc` means that an owner may trust its seals, `hides` that the From it shows is not the writer's.
    A `scheme` is nobody's own, so that nothing proves it.
    """

    slug: str
    name: str
    kind: ForwarderKind
    source: tuple[str, ...]
    dkim: tuple[str, ...] = ()
    envelope: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    seals: tuple[str, ...] = ()
    arc: bool = False
    addresses: tuple[str, ...] = ()
    sender: tuple[str, ...] = ()
    envelope_sender: tuple[str, ...] = ()
    recipient: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    client: tuple[str, ...] = ()
    rewrites: tuple[Rewrite, ...] = ()
    marks: tuple[str, ...] = ()
    hides: bool = False


@dataclass(frozen=True, slots=True)
class ForwarderRegistry:
    """All forwarders, looked up by what proves them."""

    forwarders: tuple[Forwarder, ...] = ()
    _signers: Mapping[str, Forwarder] = field(default_factory=dict)
    _envelopes: Mapping[str, Forwarder] = field(default_factory=dict)
    _hosts: Mapping[str, Forwarder] = field(default_factory=dict)
    _seals: Mapping[str, Forwarder] = field(default_factory=dict)
    _held: Mapping[str, Forwarder] = field(default_factory=dict)

    def signer(self, domain: str) -> Forwarder | None:
        """Return the forwarder that signs as this domain."""
        return _above(domain, self._signers)

    def bouncer(self, domain: str) -> Forwarder | None:
        """Return the forwarder that this domain of a reverse-path belongs to."""
        return _above(domain, self._envelopes)

    def machine(self, host: str) -> Forwarder | None:
        """Return the forwarder whose machine has this verified reverse name."""
        return _above(host, self._hosts)

    def sealer(self, domain: str) -> Forwarder | None:
        """Return the forwarder that seals as this domain (ARC d=)."""
        return _above(domain, self._seals)

    def holder_of(self, domain: str) -> Forwarder | None:
        """Return the forwarder that any kind of use of this domain belongs to: such a domain is never a vendor's."""
        return _above(domain, self._held)

    def carrier_of(self, domain: str) -> Forwarder | None:
        """Return the forwarder that a domain serves to carry other people's mail: such a domain is never a vendor's.

        Who forwards among other business, such as a registrar, is a vendor under the name of its machines.
        """
        row = self.holder_of(domain)
        if row is None:
            return None
        names = (
            *row.addresses,
            *row.dkim,
            *(row.envelope if row.kind in (ForwarderKind.ALIAS, ForwarderKind.LIST) else ()),
        )
        return row if _above(domain, dict.fromkeys(names, row)) else None

    def marked(self, headers: Collection[str]) -> tuple[Forwarder, ...]:
        """Return the forwarders of which some header, in lower case, is a mark; a hint that proves nothing."""
        return tuple(each for each in self.forwarders if not set(each.marks).isdisjoint(headers))


def read_forwarders(data: Mapping[str, object], own: Sequence[RegistryFile] = ()) -> ForwarderRegistry:
    """Turn the parsed `forwarders.toml` and files of the owner's into the registry; raises `RegistryError` with all faults.

    A row of the owner's replaces the shipped one with its slug.
    """
    faults: list[str] = []
    rows = read_rows((RegistryFile("forwarders.toml", data), *own), _FORMS, faults)["forwarder"]
    if not faults:
        faults += (*_unproven(rows), *repeated(rows, ("dkim", "envelope", "hosts", "seals", "addresses")))
    if faults:
        raise RegistryError(faults)
    forwarders = tuple(Forwarder(**row.values) for row in rows)
    return ForwarderRegistry(
        forwarders,
        {domain: each for each in forwarders for domain in each.dkim},
        {domain: each for each in forwarders for domain in each.envelope},
        {domain: each for each in forwarders for domain in each.hosts},
        {domain: each for each in forwarders for domain in each.seals},
        {
            d: each
            for each in forwarders
            for d in (*each.hosts, *each.seals, *each.envelope, *each.dkim, *each.addresses)
        },
    )


def _unproven(rows: Sequence[RegistryRow]) -> list[str]:
    proofs = ("dkim", "envelope", "hosts", "seals")
    bare = (row for row in rows if row.values["kind"] is not ForwarderKind.SCHEME)
    return [
        f"{row.label}: nothing would prove it; write one of {', '.join(proofs)}"
        for row in bare
        if not row.values.keys() & set(proofs)
    ]


def _above(domain: str, held: Mapping[str, Forwarder]) -> Forwarder | None:
    return nearest(domain.strip().lower().removesuffix("."), held)


def _kind(value: object) -> ForwarderKind:
    return ForwarderKind(read_one_of(tuple(ForwarderKind))(value))


def _rewrites(value: object) -> tuple[Rewrite, ...]:
    return tuple(Rewrite(read_one_of(tuple(Rewrite))(each)) for each in read_texts(value))


_FORMS = {
    "forwarder": RowForm(
        {
            "slug": read_slug, "name": read_text, "kind": _kind, "source": read_texts, "dkim": read_domains,
            "envelope": read_domains, "hosts": read_domains, "seals": read_domains, "arc": read_flag,
            "addresses": read_domains, "sender": read_headers, "envelope_sender": read_headers,
            "recipient": read_headers, "results": read_headers, "client": read_headers, "rewrites": _rewrites,
            "marks": read_headers, "hides": read_flag,
        },
        ("slug", "name", "kind", "source"),
    )
}  # fmt: skip
