"""Attempts: how often addresses of a domain were guessed, by shape; each counted once."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlmodel import Session, select

from canary.model.attempt import Attempt, AttemptKind
from canary.store.tables import AttemptRow, GuessRow, SpoolPositionRow
from canary.store.tables.base import Row
from canary.store.upsert import insert_for, sums

_Key = TypeVar("_Key", bound=tuple[Any, ...])


def take_attempts(session: Session, spool: str, numbered: Sequence[tuple[int, Attempt]]) -> list[Attempt]:
    """Count the attempts of a spool and return them, without those up to the number that was counted before."""
    taken = session.get(SpoolPositionRow, spool) or SpoolPositionRow(spool=spool)
    fresh = [attempt for number, attempt in numbered if number > taken.upto]
    for keys, count in _summed((_hour(a), a.count) for a in fresh):
        _add(session, AttemptRow, dict(zip(("domain", "source", "kind", "hour"), keys, strict=True)), count)
    tried = (((a.domain, a.shape.value), a.count) for a in fresh if a.kind is AttemptKind.GUESS)
    for (domain, shape), count in _summed(tried):
        _add(session, GuessRow, {"domain": domain, "shape": shape}, count)
    taken.upto = max(taken.upto, *(number for number, _ in numbered), 0)
    session.add(taken)
    session.flush()
    return fresh


def guesses(session: Session, domain: str) -> Counter[str]:
    """Count the never-issued recipients of a domain that were tried so far, by the shape of their local part."""
    rows = session.exec(select(GuessRow.shape, GuessRow.count).where(GuessRow.domain == domain)).all()
    return Counter(dict(rows))


def _hour(attempt: Attempt) -> tuple[str, str, str, datetime]:
    hour = attempt.at.replace(minute=0, second=0, microsecond=0)
    # The domain of a relay attempt is the stranger's choice: under one name, nobody can make the table grow.
    domain = "" if attempt.kind is AttemptKind.RELAY else attempt.domain
    return domain, attempt.source, attempt.kind.value, hour


def _summed(counts: Iterable[tuple[_Key, int]]) -> list[tuple[_Key, int]]:
    """Add up equal attempts, in one order, so that workers that count the same never wait for each other in a circle."""
    sums: Counter[_Key] = Counter()
    for key, count in counts:
        sums[key] += count
    return sorted(sums.items())


def _add(session: Session, kind: type[Row], keys: Mapping[str, Any], count: int) -> None:
    """Add to a count in one statement, so that no worker overwrites the count of another."""
    row = insert_for(session, kind).values(**keys, count=count)
    session.execute(row.on_conflict_do_update(index_elements=list(keys), set_=sums(row, "count")))
