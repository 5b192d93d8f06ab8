"""What is due in a spool, in batches: a faulty mail waits and the others pass; a store that is down stops all.

A mail may bring down the process that works on it, so the spool notes what is begun. After a crash all else goes first;
what was not finished twice goes alone, and after a third time the mail is judged without being read.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Protocol

from canary.model.attempt import Attempt
from canary.model.authenticated import AuthenticatedMail
from canary.model.mail import RawMail
from canary.pipeline.attempts import process_attempts
from canary.pipeline.story import Context, authenticate_envelope, parse_and_authenticate, process_batch
from canary.store.database import is_down

log = logging.getLogger("canary.pipeline")

BATCH = 50
DNS_WAITS = tuple(timedelta(minutes=m) for m in (1, 5, 20, 60))
"""How long a mail waits for DNS when its verdict hangs on an answer that failed for the moment."""


Reading = Callable[[Context, RawMail], Awaitable[AuthenticatedMail]]

UNFINISHED = (((1, 1), BATCH), ((2, 2), 1), ((3, 1_000_000_000), 1))
"""How often mails were begun and not finished (from, to), and how many of these are worked on at once."""
SET_ASIDE_AFTER = 3


class Inbox(Protocol):
    """What the pipeline asks of a spool."""

    @property
    def uid(self) -> str:
        """The permanent name of the spool."""

    def waiting(self, limit: int, now: datetime) -> list[RawMail]:
        """Return mails that are due and were never begun, oldest first."""

    def unfinished(self, limit: int, now: datetime, times: Sequence[int]) -> list[RawMail]:
        """Return mails that are due and were begun so often, from the first number to the last."""

    def begin(self, keys: Sequence[str], now: datetime) -> None:
        """Note that work on mails begins."""

    def withdraw(self, keys: Sequence[str]) -> None:
        """Take back that work on mails began."""

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
    """Process mails that are due, and all attempts; return how many mails were tried.

    A fault of one mail lets that mail wait and the others pass; a store that is down raises, and all wait.
    """
    await asyncio.to_thread(_take_attempts, context, inbox)
    now = context.clock()
    waiting = await asyncio.to_thread(inbox.waiting, BATCH, now)
    tried = await _work_on(context, inbox, waiting, parse_and_authenticate)
    for times, most in UNFINISHED:
        waiting = await asyncio.to_thread(inbox.unfinished, most, now, times)
        read = parse_and_authenticate if times[0] < SET_ASIDE_AFTER else authenticate_envelope
        tried += await _work_on(context, inbox, waiting, read)
    return tried


async def _work_on(context: Context, inbox: Inbox, waiting: Sequence[RawMail], read: Reading) -> int:
    if not waiting:
        return 0
    keys = [raw.key for raw in waiting]
    await asyncio.to_thread(inbox.begin, keys, context.clock())
    try:
        await _process(context, inbox, waiting, read)
    except Exception:
        # Neither the store nor the spool is the fault of a mail.
        with suppress(OSError):
            await asyncio.to_thread(inbox.withdraw, keys)
        raise
    return len(waiting)


async def _process(context: Context, inbox: Inbox, waiting: Sequence[RawMail], read: Reading) -> None:
    # DNS is asked for all of them at once; they are written in the order in which they came.
    found = await asyncio.gather(*(read(context, raw) for raw in waiting), return_exceptions=True)
    for raw, fault in zip(waiting, found, strict=True):
        if isinstance(fault, BaseException):
            await asyncio.to_thread(_fail, context, inbox, raw, fault)
    await asyncio.to_thread(
        commit_batch, context, inbox, [each for each in found if isinstance(each, AuthenticatedMail)]
    )


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
            inbox.withdraw([each.raw.key])
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
