"""Attempts: how hard a domain is being guessed at, counted once each."""

from collections.abc import Sequence

from sqlalchemy import func
from sqlmodel import Session, select

from canary.model.attempt import Attempt, AttemptKind
from canary.store.tables import AttemptRow, TakenRow


def take_attempts(session: Session, spool: str, numbered: Sequence[tuple[int, Attempt]]) -> None:
    """Count the attempts of a spool, leaving out those up to the number that was taken over before."""
    taken = session.get(TakenRow, spool) or TakenRow(spool=spool)
    for number, attempt in numbered:
        if number > taken.upto:
            _count(session, attempt)
            taken.upto = number
    session.add(taken)
    session.flush()


def guesses(session: Session, domain: str) -> int:
    """Return how many never-issued recipients of a domain were tried so far."""
    query = select(func.sum(AttemptRow.count)).where(AttemptRow.domain == domain, AttemptRow.kind == AttemptKind.GUESS)
    return int(session.exec(query).one() or 0)


def _count(session: Session, attempt: Attempt) -> None:
    hour = attempt.at.replace(minute=0, second=0, microsecond=0)
    # The domain of a relay try is the stranger's choice: under one name, the table cannot be made to grow.
    domain = "" if attempt.kind is AttemptKind.RELAY else attempt.domain
    row = session.exec(
        select(AttemptRow).where(
            AttemptRow.domain == domain,
            AttemptRow.source == attempt.source,
            AttemptRow.kind == attempt.kind.value,
            AttemptRow.hour == hour,
        )
    ).first()
    row = row or AttemptRow(domain=domain, source=attempt.source, kind=attempt.kind.value, hour=hour)
    row.count += attempt.count
    session.add(row)
    session.flush()
