"""The receiving side: what belongs to us, and the host outside that handed a mail over."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from canary.authenticate.forwarder_registry import ForwarderRegistry
from canary.authenticate.message import Field, Message
from canary.authenticate.results.trusted import border_hop
from canary.mail.received import Hop, Trusted, trusted_hop
from canary.model.domain_names import is_within
from canary.model.mail import Client, ParsedMail

MAX_FIELDS = 400
"""Header fields that a trace is looked for in; real mail has a hundred."""


@dataclass(frozen=True, slots=True)
class ReceivingSide:
    """What belongs to us: domains, machines, the receivers whose results are trusted, and who may forward to us.

    `domains` are in lower case. The `writers`, and the hosts among the `trusted`, may seal a chain of ARC as well.
    """

    domains: frozenset[str] = frozenset()
    trusted: Trusted = field(default_factory=Trusted)
    writers: tuple[str, ...] = ()
    forwarders: ForwarderRegistry = field(default_factory=ForwarderRegistry)

    def is_own(self, domain: str) -> bool:
        """Whether a domain is one of ours, or below one."""
        name = domain.lower().rstrip(".")
        return any(is_within(name, own) for own in self.domains)

    def with_receivers(self, names: Iterable[str]) -> "ReceivingSide":
        """Return this side where hosts of these names, of receivers that are trusted, wrote the topmost lines."""
        receivers = tuple(name.lower() for name in names)
        hosts = tuple(dict.fromkeys((*self.trusted.hosts, *receivers)))
        return replace(self, trusted=replace(self.trusted, hosts=hosts), writers=(*self.writers, *receivers))


def receiving_hop(message: Message, side: ReceivingSide, peer: Client | None = None) -> Hop | None:
    """Return the host that handed a mail to our side; None where no line that we believe shows it.

    With a `peer` it spoke to us just now; without one the mail was stored, by a host of ours or a trusted receiver.
    """
    lines = tuple((each.key.decode(), _written(each)) for each in message.fields[:MAX_FIELDS])
    hop = trusted_hop(ParsedMail(headers=lines), side.trusted, peer)
    return hop or (border_hop(message, side.writers) if peer is None else None)


def _written(each: Field) -> str:
    return each.value.decode("utf-8", "replace") if each.key == b"received" else ""
