"""The second opinion: after a mail is committed and judged, rspamd is asked and its symbols become a reason.

It runs beside the pipeline and never in it: neither its cost nor a server that hangs delays a verdict.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from canary.judge.rspamd import read_opinion, second_opinion
from canary.model.mail import RawMail
from canary.net.http import Unreachable
from canary.net.rspamd import Unanswered
from canary.store.database import Database
from canary.store.queries import rspamd_results

log = logging.getLogger("canary.pipeline.rspamd_check")

BATCH = 20
FRESH = timedelta(days=1)
"""Older mails are not checked: what rspamd looks up changes, and imports would keep it busy for days."""
REST = timedelta(minutes=1)


class RspamdClient(Protocol):
    """The client of rspamd, as far as it is needed here."""

    def check(self, raw: RawMail) -> str:
        """Return its answer; raises Unreachable or Unanswered."""


@dataclass(slots=True)
class RspamdChecker:
    """Asks about mails that are due; after a failure of the server it rests for a minute."""

    store: Database
    adviser: RspamdClient
    clock: Callable[[], datetime]
    resting: datetime | None = None

    def ask_due(self) -> int:
        """Ask about some mails and return how many were settled; stops at the first that was not answered."""
        if self.resting and self.clock() < self.resting:
            return 0
        with self.store.reading() as session:
            due = rspamd_results.unasked(session, self.clock() - FRESH, BATCH)
        settled = 0
        for mail_id in due:
            if not self._ask(mail_id):
                self.resting = self.clock() + REST
                break
            settled += 1
        return settled

    def _ask(self, mail_id: int) -> bool:
        """Ask about one mail; if the server is unreachable it is left for later, any other failure settles it."""
        with self.store.reading() as session:
            raw = rspamd_results.as_received(session, mail_id)
        because, fault = None, "" if raw else "its content is gone"
        try:
            if raw is not None:
                because = second_opinion(read_opinion(self.adviser.check(raw)))
        except Unreachable as missing:
            log.warning("%s; asking again in a minute", missing)
            return False
        except (Unanswered, ValueError) as unusable:
            fault = str(unusable)
            log.warning("no second opinion on mail %d: %s", mail_id, fault)
        with self.store.writing() as session:
            rspamd_results.keep_opinion(session, mail_id, self.clock(), because, fault)
        return not fault
