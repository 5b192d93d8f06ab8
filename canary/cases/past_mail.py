"""Past mail that a decision concerns: judged again at once, or slice by slice where it is much.

A slice is a transaction: mail that comes in waits for no more than that, and cases are as they should be for what was
judged by then. What follows is in the store, so that it goes on after a crash.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, true
from sqlmodel import Session, col, select

from canary.cases.rejudge import RejudgeOutcome, count_hits, hits_after, of_sender, rejudge
from canary.cases.replay import RejudgeCause
from canary.cases.weigh import weigh_all
from canary.store.database import Database
from canary.store.locks import Lock, lock
from canary.store.tables import HitRow, RejudgeJobRow, VendorRow

AT_ONCE = 300
"""So many hits are judged again in the transaction of the decision, which takes about a second."""

SLICE = 300


@dataclass(frozen=True, slots=True)
class OwnerWord:
    """Who decided about a vendor, and when; past mail of more hits than `at_once` is not judged again at once."""

    who: str
    at: datetime
    at_once: int = AT_ONCE

    def cause(self, text: str) -> RejudgeCause:
        """Return it as the cause of what follows from it, in words."""
        return RejudgeCause(text, self.who, self.at)


@dataclass(frozen=True, slots=True)
class PastMail:
    """Past mail of a vendor that is being judged again: of a sender, or with an empty key all; `done` of `count` hits."""

    vendor: str
    name: str
    key: str
    done: int
    count: int
    since: datetime


def judge_past_mail(
    session: Session, vendor_id: int, key: str, cause: RejudgeCause, at_once: int = AT_ONCE
) -> RejudgeOutcome:
    """Judge the past mail of a sender again, or with an empty key all of the vendor's; what is too much follows."""
    which = _concerned_by(key)
    count = count_hits(session, vendor_id, which)
    session.execute(delete(RejudgeJobRow).where(_job(vendor_id, key)))
    if count <= at_once:
        return rejudge(session, vendor_id, which, cause)
    newest = session.exec(select(func.max(HitRow.id))).one() or 0
    session.add(
        RejudgeJobRow(
            vendor_id=vendor_id, key=key, text=cause.text, who=cause.who[:100], at=cause.at, last=newest, count=count
        )
    )
    session.flush()
    return RejudgeOutcome(waiting=count)


def judge_next_slice(store: Database, most: int = SLICE) -> bool:
    """Judge the next past mails again that wait for it; return whether there were any."""
    with store.reading() as session:
        if not under_way(session, 1):
            return False
    with store.writing() as session:
        lock(session, Lock.CASES)
        job = session.exec(select(RejudgeJobRow).order_by(col(RejudgeJobRow.id)).limit(1)).first()
        if job is not None:
            _judge_slice(session, job, most)
    return job is not None


def work_off(store: Database, most: int = SLICE, slices: int = 10_000) -> None:
    """Judge past mails again that wait for it, slice after slice."""
    for _ in range(slices):
        if not judge_next_slice(store, most):
            return


def settle(store: Database, now: datetime) -> None:
    """Do all at once that a decision left for later: judge past mails again that wait for it, then weigh the cases."""
    work_off(store)
    weigh_all(store, now)


def under_way(session: Session, most: int = 10) -> list[PastMail]:
    """Return the past mail that is being judged again, in the order of the decisions."""
    query = select(RejudgeJobRow, VendorRow.slug, VendorRow.name).join(VendorRow)
    found = session.exec(query.order_by(col(RejudgeJobRow.id)).limit(most))
    return [PastMail(slug, name, job.key, job.done, job.count, job.at) for job, slug, name in found]


def _judge_slice(session: Session, job: RejudgeJobRow, most: int) -> None:
    which = _concerned_by(job.key) & (col(HitRow.id) <= job.last)
    hits = hits_after(session, job.vendor_id, which, job.upto, most)
    if hits:
        cause = RejudgeCause(job.text, job.who, job.at, at_once=False)
        rejudge(session, job.vendor_id, which & col(HitRow.id).between(hits[0], hits[-1]), cause)
        job.upto, job.done = hits[-1], job.done + len(hits)
        session.add(job)
    if len(hits) < most:
        session.delete(job)


def _concerned_by(key: str) -> ColumnElement[bool]:
    return of_sender(key) if key else true()


def _job(vendor_id: int, key: str) -> ColumnElement[bool]:
    return (col(RejudgeJobRow.vendor_id) == vendor_id) & (col(RejudgeJobRow.key) == key)
