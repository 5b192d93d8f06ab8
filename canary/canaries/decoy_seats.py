"""Seats: a row's number tells when it was written, so new decoys and older canaries change places at random."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from sqlalchemy import Column, update
from sqlmodel import Session, col, select, text

from canary.canaries.decoy_making import DecoySurroundings, IssueSpan, make
from canary.judge.decoy_names import DecoyKind, kind_of
from canary.model.address import Draw
from canary.store.tables import CanaryRow
from canary.store.tables.base import metadata, random_seal


@dataclass(frozen=True, slots=True)
class Seats:
    """Every row's number with its time, in order; read once before any row moves."""

    numbers: Sequence[int]
    times: Sequence[datetime]

    def span(self, number: int) -> IssueSpan | None:
        """Return the time between the neighbours of a row, or None where numbers and times do not go together."""
        at = self.numbers.index(number)
        before, after = self.times[max(0, at - 1)], self.times[min(len(self.times) - 1, at + 1)]
        return IssueSpan(before, after) if before <= self.times[at] <= after else None


def read_seats(session: Session) -> Seats:
    """Read the numbers and times of all canaries, of which none may move or be read elsewhere until the commit."""
    if session.get_bind().dialect.name == "postgresql":
        # Whoever has looked up a canary and not yet written its hits must be through before numbers change hands.
        session.execute(text("LOCK TABLE canary IN ACCESS EXCLUSIVE MODE"))
    rows = session.exec(select(CanaryRow.id, CanaryRow.issued_at).order_by(col(CanaryRow.id))).all()
    return Seats([number or 0 for number, _ in rows], [at for _, at in rows])


def deal(ground: DecoySurroundings, seats: Seats, kind: DecoyKind, count: int, now: datetime) -> int:
    """Make so many decoys of a kind and seat them among the issued of that kind; return how many could be made.

    Of all rows of the kind, any are as likely to have the newest numbers: an issued one that has to go there leaves
    its seat to a decoy.
    """
    issued = [row for row in ground.issued if kind_of(row.bits) is kind]
    behind = _some(range(len(issued) + count), count, ground.draw)
    leaving = [issued[n] for n in behind if n < len(issued)]
    made = 0
    for turn in _some(range(count), count, ground.draw):
        made += _give_seat(ground, seats, leaving[turn], kind, now) if turn < len(leaving) else _add(ground, kind, now)
    return made


def _give_seat(ground: DecoySurroundings, seats: Seats, row: CanaryRow, kind: DecoyKind, now: datetime) -> bool:
    span = seats.span(row.id or 0) if row.persona else None
    decoy = make(ground, kind, span or _anywhere(ground, kind, now))
    if decoy is None:
        return False
    _change_places(ground.session, row, decoy)
    return True


def _add(ground: DecoySurroundings, kind: DecoyKind, now: datetime) -> bool:
    decoy = make(ground, kind, _anywhere(ground, kind, now))
    if decoy is not None:
        ground.session.add(decoy)
        ground.session.flush()
    return decoy is not None


def _anywhere(ground: DecoySurroundings, kind: DecoyKind, now: datetime) -> IssueSpan:
    """Return the time around any of the issued addresses, up to those before and after it."""
    same = [row for row in ground.issued if kind_of(row.bits) is kind] or ground.issued
    times = sorted(map(attrgetter("issued_at"), same))
    at = ground.draw(len(times))
    return IssueSpan(times[max(0, at - 1)], times[at + 1] if at + 1 < len(times) else max(now, times[at]))


def _change_places(session: Session, row: CanaryRow, decoy: CanaryRow) -> None:
    """Let a canary go on under a new number, with all that refers to it, and a decoy take its old one."""
    kept, taken = row.model_dump(exclude={"id"}), decoy.model_dump(exclude={"id"})
    row.address = f"moving.{random_seal().hex()}"  # no two rows may have an address at any time
    session.add(row)
    session.flush()
    moved = CanaryRow(**kept)
    session.add(moved)
    session.flush()
    for column in _referring():
        session.execute(update(column.table).where(column == row.id).values({column.name: moved.id}))
    row.sqlmodel_update(taken)
    session.add(row)
    session.flush()


def _referring() -> list[Column[int]]:
    canary = metadata.tables["canary"].c.id
    keys = (key for table in metadata.tables.values() for key in table.foreign_keys)
    return [key.parent for key in keys if key.column is canary]


def _some(numbers: range, count: int, draw: Draw) -> list[int]:
    """Draw some numbers, each once and in any order."""
    left = list(numbers)
    for n in range(count):
        other = n + draw(len(left) - n)
        left[n], left[other] = left[other], left[n]
    return left[:count]
