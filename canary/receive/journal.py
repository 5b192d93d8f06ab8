"""What the receiver says about each transaction: one line of JSON, and numbers that add up."""

import json
import logging
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

log = logging.getLogger("canary.smtp")

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Transaction(NamedTuple):
    """One MAIL and what became of it; seconds are from the MAIL and from the end of the octets to the reply.

    `envelope` is JSON as the spool has it, with so many `recipients`; `outcome` is our reply, or our words for what
    happened instead; `key` is the spool's if it was kept; `refused` counts the recipients that were not taken, by
    ruling; `protocol` is SMTP, ESMTP or LMTP.
    """

    session: str
    envelope: str
    recipients: int
    outcome: str
    size: int = 0
    key: str = ""
    refused: Mapping[str, int] = MappingProxyType({})
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
        """The line, written by hand around the envelope: there is one for every mail."""
        envelope = _masked(told.envelope) if self.mask else told.envelope
        return (
            f'{{"session":"{told.session}","protocol":"{told.protocol}",{envelope[1:-1]},'
            f'"refused":{json.dumps(told.refused) if told.refused else "{}"},"size":{told.size:d},'
            f'"key":"{told.key}","outcome":"{told.outcome}",'
            f'"seconds":{told.seconds:.4f},"commit":{told.commit:.4f}}}'
        )

    def _count(self, transaction: Transaction) -> None:
        if not transaction.key:
            code = transaction.outcome[:3]
            self.outcomes[code if code.isdecimal() else "none"] += 1
            return
        self.outcomes["kept"] += 1
        self.octets += transaction.size
        self.recipients += transaction.recipients
        self.commit_seconds += transaction.commit
        self.commit_counts[bisect_left(SECONDS, transaction.commit)] += 1


def masked(address: str) -> str:
    """An address of which only the first letter and the domain can be read."""
    local, at, domain = address.rpartition("@")
    return f"{(local or domain)[:1]}***{at}{domain if at else ''}" if address else ""


def _masked(envelope: str) -> str:
    said = json.loads(envelope)
    hidden = {"mail_from": masked(said["mail_from"]), "rcpt_to": [masked(address) for address in said["rcpt_to"]]}
    return json.dumps(said | hidden, separators=(",", ":"))
