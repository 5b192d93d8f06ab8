"""What the receiver says about each transaction: one line of JSON, and numbers that add up."""

import json
import logging
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from json.encoder import encode_basestring_ascii as _quoted

from canary.model.mail import Envelope

log = logging.getLogger("canary.smtp")

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Transaction:
    """One MAIL and what became of it; seconds are from the MAIL and from the end of the octets to the reply.

    `outcome` is the reply, or what happened instead; `key` is the spool's if it was kept; `refused` counts the
    recipients that were not taken, by ruling; `protocol` is SMTP, ESMTP or LMTP.
    """

    session: str
    envelope: Envelope
    outcome: str
    size: int = 0
    key: str = ""
    refused: Mapping[str, int] = field(default_factory=dict)
    protocol: str = "SMTP"
    seconds: float = 0.0
    commit: float = 0.0


class Journal:
    """Tells each transaction to `emit`, with addresses masked if asked for, and counts them.

    Without `emit` it goes to the log of the program.
    """

    def __init__(self, emit: Callable[[str], None] | None = None, *, mask: bool = False) -> None:
        self._emit = emit or log.info
        self.mask = mask
        self.outcomes: Counter[str] = Counter()
        self.octets = 0
        self.recipients = 0
        self.commit_seconds = 0.0
        self.commit_counts = [0] * (len(SECONDS) + 1)

    def tell(self, transaction: Transaction) -> None:
        """Writes the line of a transaction that is over."""
        self._count(transaction)
        self._emit(self._line(transaction))

    def _line(self, told: Transaction) -> str:
        """The line, written by hand: there is one for every mail, and this takes a third of the time."""
        mask = masked if self.mask else str
        envelope, client = told.envelope, told.envelope.client
        recipients = ", ".join([_quoted(mask(recipient)) for recipient in envelope.rcpt_to])
        return (
            f'{{"at": "{envelope.received.isoformat()}", "session": {_quoted(told.session)}, '
            f'"protocol": {_quoted(told.protocol)}, "client": {_quoted(client.ip)}, "port": {client.port:d}, '
            f'"helo": {_quoted(client.helo)}, "tls": {_quoted(client.tls) if client.tls else "null"}, '
            f'"from": {_quoted(mask(envelope.mail_from))}, "to": [{recipients}], '
            f'"refused": {json.dumps(told.refused) if told.refused else "{}"}, "size": {told.size:d}, '
            f'"key": {_quoted(told.key)}, "outcome": {_quoted(told.outcome)}, '
            f'"seconds": {told.seconds:.4f}, "commit": {told.commit:.4f}}}'
        )

    def _count(self, transaction: Transaction) -> None:
        if not transaction.key:
            code = transaction.outcome[:3]
            self.outcomes[code if code.isdecimal() else "none"] += 1
            return
        self.outcomes["kept"] += 1
        self.octets += transaction.size
        self.recipients += len(transaction.envelope.rcpt_to)
        self.commit_seconds += transaction.commit
        self.commit_counts[bisect_left(SECONDS, transaction.commit)] += 1


def masked(address: str) -> str:
    """An address of which only the first letter and the domain can be read."""
    local, at, domain = address.rpartition("@")
    return f"{(local or domain)[:1]}***{at}{domain if at else ''}" if address else ""
