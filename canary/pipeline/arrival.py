"""How a mail came to our border: the host outside that brought it, as far as somebody who is trusted saw that host."""

from dataclasses import replace
from datetime import datetime, timedelta

from canary.authenticate.message import Message
from canary.authenticate.retrospective import believed_late, believed_without_client
from canary.authenticate.vouching.recipients import addressees
from canary.authenticate.vouching.side import ReceivingSide, receiving_hop
from canary.mail.received import Hop, is_private
from canary.model.authenticated import UNKNOWN_CLIENT
from canary.model.mail import Envelope, Trust
from canary.pipeline.authentication import Arrival

FRESH = timedelta(days=3)
"""How old a mail may be for DNS to be as it was when the mail came."""


LONG_PAST = timedelta(days=14)
"""What lay in a mailbox for longer alerts nobody: it was read when the mailbox was set up, or after a very long outage."""


def is_long_past(envelope: Envelope, now: datetime) -> bool:
    """Whether a mail was delivered elsewhere so long ago that nobody wants to be called for it."""
    return not envelope.trust.sees_client and now - envelope.received > LONG_PAST


def arrival_of(
    message: Message, envelope: Envelope, side: ReceivingSide, now: datetime
) -> tuple[Arrival, ReceivingSide]:
    """Return how a mail came to our border, and our side as the inlet that brought it sees it.

    Where a connection was seen, here or by a server's hook, the envelope is what it was. Else the client is the one that
    the inlet knows or that a line of its own receivers shows; where nobody vouches for any, it is unknown.
    """
    if envelope.trust.sees_client:
        at_border, hop = border_envelope(message, envelope, side)
        return Arrival(at_border, hop, at_border.rcpt_to), side
    ours = side.with_receivers(envelope.receivers) if envelope.trust is Trust.RECEIVER else side
    return _handed_on(message, envelope, ours, now), ours


def border_envelope(message: Message, envelope: Envelope, side: ReceivingSide) -> tuple[Envelope, Hop | None]:
    """Return the envelope as it was at our border: behind a machine of ours, the client is the one it took the mail from.

    Where our own machine does not say, the client is unknown, and nothing is held against the sender for that.
    """
    configured, peer = side.trusted.networks or side.trusted.hosts, envelope.client
    hop = receiving_hop(message, side, peer) if configured else None if is_private(peer.ip) else Hop(peer)
    return replace(envelope, client=hop.client if hop else UNKNOWN_CLIENT), hop


def stored_arrival(message: Message, envelope: Envelope, side: ReceivingSide, now: datetime) -> Arrival:
    """Return how a mail in an archive came, whose envelope was recovered from what the receivers of our side wrote."""
    hop = receiving_hop(message, side)
    fresh = bool(envelope.client.ip) and now - envelope.received <= FRESH
    delivered = addressees(message, hop, side).delivered
    return Arrival(envelope, hop, delivered, is_fresh=fresh, late=believed_late)


def _handed_on(message: Message, envelope: Envelope, side: ReceivingSide, now: datetime) -> Arrival:
    vouched = envelope.trust is Trust.RECEIVER
    hop = receiving_hop(message, side) if vouched else None
    if vouched and envelope.client.ip and not is_private(envelope.client.ip):
        hop = hop or Hop(envelope.client)
        client = envelope.client
    else:
        client = hop.client if hop else UNKNOWN_CLIENT
    is_old = now - envelope.received > FRESH
    return Arrival(
        replace(envelope, client=client),
        hop,
        addressees(message, hop, side).delivered or envelope.rcpt_to,
        is_fresh=bool(client.ip) and not is_old,
        late=believed_late if is_old else believed_without_client,
    )
