"""What is due in a spool, in batches: a faulty mail waits and the others pass; a store that is down stops all."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from canary.model.attempt import Attempt
from canary.model.authenticated import AuthenticatedMail
from canary.model.mail import RawMail
from canary.pipeline.attempts import process_attempts
from canary.pipeline.story import Context, parse_and_authenticate, process_batch
from canary.store.database import is_down

log = logging.getLogger("canary.pipeline")

BATCH = 50
DNS_WAITS = tuple(timedelta(minutes=m) for m in (1, 5, 20, 60))
"""How long a mail waits for DNS when its verdict hangs on an answer that failed for the moment."""


class Inbox(Protocol):
    """What the pipeline asks of a spool."""

    @property
    def uid(self) -> str:
        """The permanent name of the spool."""

    def waiting(self, limit: int, now: datetime) -> list[RawMail]:
        """Return mails that are due, oldest first."""

    def done(self, keys: Sequence[str]) -> None:
        """Forget mails for good."""

    def postpone(self, key: str, until: datetime, fault: str) -> None:
        """Let a mail wait until a time, and record why."""

    def tries(self, key: str) -> int:
        """Return how often a mail was postponed."""

    def attempts(self, limit: int) -> list[tuple[int, Attempt]]:
        """Return numbered attempts, oldest first."""

    def forget_attempts(self, upto: int) -> None:
        """Forget attempts up to a number."""


async def run_pending(context: Context, inbox: Inbox) -> int:
    """Process every mail that is due, and all attempts; return how many mails were tried.

    A fault of one mail lets that mail wait and the others pass; a store that is down raises, and all wait.
    """
    await asyncio.to_thread(_take_attempts, context, inbox)
    waiting = await asyncio.to_thread(inbox.waiting, BATCH, context.clock())
    # DNS is asked for all of them at once; they are written in the order in which they came.
    found = await asyncio.gather(*(parse_and_authenticate(context, raw) for raw in waiting), return_exceptions=True)
    for raw, fault in zip(waiting, found, strict=True):
        if isinstance(fault, BaseException):
            await asyncio.to_thread(_fail, context, inbox, raw, fault)
    await asyncio.to_thread(
        commit_batch, context, inbox, [each for each in found if isinstance(each, AuthenticatedMail)]
    )
    return len(waiting)


def commit_batch(context: Context, inbox: Inbox, found: Sequence[AuthenticatedMail]) -> None:
    """Commit what was found out in one transaction, then let the spool forget the mails.

    If that fails, each mail gets a transaction of its own, so that the faulty one waits and the others pass.
    """
    patient = {f.raw.key for f in found if f.proofs.unsettled and inbox.tries(f.raw.key) < len(DNS_WAITS)}
    try:
        unsettled = process_batch(context, found, patient) if found else frozenset()
    except Exception as fault:
        if is_down(fault):
            raise
        if len(found) == 1:
            return _fail(context, inbox, found[0].raw, fault)
        for each in found:
            commit_batch(context, inbox, [each])
        return None
    inbox.done([f.raw.key for f in found if f.raw.key not in unsettled])
    context.on_stage("done")
    for each in found:
        if each.raw.key in unsettled:
            _postpone(context, inbox, each.raw, "DNS could not answer")
    return None


def _take_attempts(context: Context, inbox: Inbox) -> None:
    """Count the attempts of a spool in the store, each once, then let the spool forget them."""
    if numbered := inbox.attempts(1000):
        process_attempts(context.store, inbox.uid, numbered)
        inbox.forget_attempts(numbered[-1][0])


def _fail(context: Context, inbox: Inbox, raw: RawMail, fault: BaseException) -> None:
    """Let a mail wait that could not be processed, and record why."""
    if not isinstance(fault, Exception) or is_down(fault):
        raise fault
    log.error("mail %s: %s; it stays in the spool and is tried again", raw.key, type(fault).__name__, exc_info=fault)
    _postpone(context, inbox, raw, f"{type(fault).__name__}: {fault}"[:300])


def _postpone(context: Context, inbox: Inbox, raw: RawMail, fault: str) -> None:
    until = context.clock() + DNS_WAITS[min(inbox.tries(raw.key), len(DNS_WAITS) - 1)]
    inbox.postpone(raw.key, until, fault)
