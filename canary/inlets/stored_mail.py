"""Mail that lies in a mailbox: its envelope, as far as the receiver that put it there wrote it on top."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from canary.authenticate.forwarder_registry import ForwarderRegistry
from canary.importing.envelope_recovery import Hints, Origin, border, origin
from canary.mail.received import Trusted
from canary.model.mail import Trust


@dataclass(frozen=True, slots=True)
class MailboxSide:
    """Whose mailbox it is: our domains and machines, the hosts that received its mail, and who may forward to us."""

    domains: frozenset[str]
    trusted: Trusted
    receivers: tuple[str, ...]
    forwarders: ForwarderRegistry


def recovered_envelope(
    content: bytes, inlet: str, delivered: datetime | None, side: MailboxSide, clock: Callable[[], datetime]
) -> Origin | None:
    """Return the envelope of a mail in a mailbox, or None where nothing in it names an address of ours.

    `delivered` is when the mailbox says it came. Without receivers that are trusted, nobody vouches for any of it.
    """
    where = border(side.domains, side.trusted, side.receivers, clock(), side.forwarders)
    found = origin(content, Hints(delivered=delivered), where)
    if found is None:
        return None
    trust = Trust.RECEIVER if side.receivers else Trust.CLAIMED
    return replace(found, envelope=replace(found.envelope, trust=trust, inlet=inlet, receivers=side.receivers))
