"""The journal of transactions: one line of JSON for each, and counters."""

import json
import logging
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable

from canary.smtp.transaction import Transaction

log = logging.getLogger("canary.smtp")

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

# Seconds are from the MAIL, and from the last octet, to the reply. Formatted by hand: there is a line for every mail.
_LINE = (
    '{"session":"%s","protocol":"%s",%s,"refused":%s,"size":%d,"key":"%s","outcome":"%s","seconds":%.4f,"commit":%.4f}'
)


class Journal:
    """Writes each transaction to `emit`, with addresses masked if configured, and counts them.

    Without `emit` it goes to the log of the program.
    """

    def __init__(self, emit: Callable[[str], None] | None = None, *, mask: bool = False) -> None:
        self._emit = emit or log.info
        self.mask = mask
        self.outcomes: Counter[str] = Counter()
        self.kept = self.octets = self.recipients = 0
        self.commit_seconds = 0.0
        self.commit_counts = [0] * (len(SECONDS) + 1)

    def record(self, transaction: Transaction, now: float, outcome: str, key: str = "") -> None:
        """Writes the line of a transaction that is over, at a time of the loop.

        `outcome` is our reply, or our words for what happened instead; `key` is the spool's if the mail was kept.
        """
        commit = now - transaction.ended if key else 0.0
        if key:
            self._count(transaction, commit)
        else:
            code = outcome[:3]
            self.outcomes[code if code.isdecimal() else "none"] += 1
        envelope = _masked(transaction.text) if self.mask else transaction.text
        refused = json.dumps(transaction.refused) if transaction.refused else "{}"
        who, size = (transaction.session, transaction.protocol), transaction.size
        self._emit(_LINE % (*who, envelope[1:-1], refused, size, key, outcome, now - transaction.began, commit))

    def _count(self, transaction: Transaction, commit: float) -> None:
        self.kept += 1
        self.octets += transaction.size
        self.recipients += len(transaction.rcpt_tos)
        self.commit_seconds += commit
        self.commit_counts[bisect_left(SECONDS, commit)] += 1


def masked(address: str) -> str:
    """An address of which only the first letter and the domain can be read."""
    local, at, domain = address.rpartition("@")
    return f"{(local or domain)[:1]}***{at}{domain if at else ''}" if address else ""


def _masked(envelope: str) -> str:
    said = json.loads(envelope)
    hidden = {"mail_from": masked(said["mail_from"]), "rcpt_to": [masked(address) for address in said["rcpt_to"]]}
    return json.dumps(said | hidden, separators=(",", ":"))
