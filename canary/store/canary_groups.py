"""How many canaries there are of each kind, kept in the process: attribution asks for it at every case it weighs.

Whether a canary is a decoy only the key can tell, so this is never stored. It is read once, in steps, and then follows
the store: rows are only ever added, and the few that change are counted (`CanaryChangeRow`).
"""

import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Pool, Row, func, text
from sqlmodel import Session, col, select

from canary.store.decoy_mac import decoy_mac_of
from canary.store.issued_addresses import count_addresses
from canary.store.tables import CanaryChangeRow, CanaryRow

_STEP = 10_000
_WEEK = timedelta(days=7)
_BEGIN = datetime(2000, 1, 3, tzinfo=UTC)
_COLUMNS: tuple[Any, ...] = (
    CanaryRow.id, CanaryRow.address, CanaryRow.mac, CanaryRow.vendor_id, CanaryRow.channel, CanaryRow.domain,
    CanaryRow.bits, CanaryRow.published, CanaryRow.issued_at, CanaryRow.generation, CanaryRow.persona,
    CanaryRow.tentative, CanaryRow.undated,
)  # fmt: skip
Ids = NDArray[np.int64]


class CanaryKind(NamedTuple):
    """What canaries of one group have in common; a decoy has no vendor, and `persona` names the details it has.

    Tentative ones are evidence of nothing: they are counted, so that rows are told from those not counted yet, and never
    read.
    """

    vendor: int | None
    channel: str
    domain: str
    bits: float
    persona: frozenset[str]
    week: int
    tentative: bool = False


@dataclass(frozen=True, slots=True)
class AlikeCanaries:
    """So many canaries of one kind, and when they were issued in the mean."""

    kind: CanaryKind
    count: int
    issued: datetime


@dataclass(frozen=True, slots=True)
class SingleCanary:
    """One canary for itself; `published` is what was said of it, None where its vendor's word holds.

    One that is `undated` was given away at some time before `issued`.
    """

    id: int
    kind: CanaryKind
    issued: datetime
    generation: int
    published: bool | None
    undated: bool = False


@dataclass(slots=True)
class _Counted:
    """What was counted: each canary's group, and of each group how many there are and the sum of their ages."""

    change: int = 0
    key: bytes | None = None
    ids: Ids = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    group_of: Ids = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    kinds: list[CanaryKind] = field(default_factory=list)
    places: dict[CanaryKind, int] = field(default_factory=dict)
    counts: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    newest: datetime = _BEGIN

    def add(self, steps: Iterable[Sequence[SingleCanary]]) -> None:
        """Count more canaries."""
        counted = (np.array([(row.id, self._count(row)) for row in rows], dtype=np.int64) for rows in steps)
        added = np.concatenate((np.zeros((0, 2), dtype=np.int64), *counted))
        ids, group_of = np.concatenate((self.ids, added[:, 0])), np.concatenate((self.group_of, added[:, 1]))
        order = np.argsort(ids, kind="stable")
        self.ids, self.group_of = ids[order], group_of[order]

    def _count(self, row: SingleCanary) -> int:
        place = self.places.setdefault(row.kind, len(self.kinds))
        if place == len(self.kinds):
            self.kinds.append(row.kind)
            self.counts.append(0)
            self.seconds.append(0.0)
        self.counts[place] += 1
        self.seconds[place] += (row.issued - _BEGIN).total_seconds()
        self.newest = max(self.newest, row.issued)
        return place

    def group(self, canary: int) -> int | None:
        """Return the group of a canary, None where it was not counted."""
        place = int(np.searchsorted(self.ids, canary))
        return int(self.group_of[place]) if place < len(self.ids) and self.ids[place] == canary else None

    def missing(self, ids: Collection[int]) -> list[int]:
        """Return those of some canaries that were not counted."""
        asked = np.fromiter(ids, np.int64, len(ids))
        places = np.searchsorted(self.ids, asked)
        there = places < len(self.ids)
        there[there] = self.ids[places[there]] == asked[there]
        return [int(each) for each in asked[~there]]


class CanaryGroups:
    """The canaries of one store by kind, for all threads of the process."""

    def __init__(self) -> None:
        """Read nothing yet."""
        self._lock = threading.Lock()
        self._counted = _Counted()

    def read(
        self, session: Session, now: datetime, apart: Collection[int]
    ) -> tuple[list[SingleCanary], list[AlikeCanaries]]:
        """Return the canaries issued by now: some for themselves, the rest in groups.

        The first is for itself, and so are those of which something else was said than of their vendor's others.

        What this transaction has written counts as well, and is forgotten again.
        """
        with self._lock:
            counted, beyond = self._counted_for(session)
            single = {row.id: row for ids in _steps(self._apart(session, apart)) for row in _rows(session, ids)}
            later = [row for ids in _steps(self._later(session, now)) for row in _rows(session, ids)]
            left = [*single.values(), *(row for row in later if row.id not in single)]
            groups = list(_without(counted, left, _week(now)))
        shown = (row for row in (single | beyond).values() if not row.kind.tentative)
        return [row for row in shown if row.issued <= now], groups

    def _counted_for(self, session: Session) -> tuple[_Counted, dict[int, SingleCanary]]:
        """What was counted, brought up to date, and the rows that only this transaction sees."""
        counted = self._counted
        if _is_behind(counted, session):
            # Should reading fail half-way, everything is counted again.
            self._counted = _Counted()
            with _committed(session) as committed:
                counted = self._counted = _followed(counted, committed)
        if _change(session) != counted.change:
            return _followed(_Counted(), session), {}
        if _number(session) <= len(counted.ids):
            return counted, {}
        beyond = list(_missing(counted, session))
        return counted, {row.id: row for ids in _steps(beyond) for row in _rows(session, ids)}

    @staticmethod
    def _apart(session: Session, apart: Collection[int]) -> list[int]:
        published = select(CanaryRow.id).where(text("published IS NOT NULL"))
        first = select(CanaryRow.id).order_by(col(CanaryRow.issued_at), col(CanaryRow.id)).limit(1)
        return sorted({*apart, *_ids(session, published), *_ids(session, first)})

    @staticmethod
    def _later(session: Session, now: datetime) -> list[int]:
        """The canaries that are dated later in the week of now."""
        end = _BEGIN + (_week(now) + 1) * _WEEK
        return _ids(session, select(CanaryRow.id).where(col(CanaryRow.issued_at) > now, col(CanaryRow.issued_at) < end))


def groups_of(session: Session) -> CanaryGroups:
    """Return the groups of the store of a session."""
    with _OPENING:
        return _OF_STORES.setdefault(session.get_bind().engine.pool, CanaryGroups())


_OPENING = threading.Lock()
_OF_STORES: "WeakKeyDictionary[Pool, CanaryGroups]" = WeakKeyDictionary()
"""Of each store that is open, by what all its sessions share."""


def _committed(session: Session) -> Session:
    """A session that sees what is committed; what is read in a transaction that writes may be rolled back."""
    bind = session.get_bind()
    options = {"writing": False}
    return Session(bind.engine.execution_options(**options), info=dict(session.info))


def _is_behind(counted: _Counted, session: Session) -> bool:
    return (
        len(counted.ids) != _number(session)
        or counted.change != _change(session)
        or counted.key != decoy_mac_of(session).key()
    )


def _number(session: Session) -> int:
    return count_addresses(session)


def _change(session: Session) -> int:
    return session.scalar(select(func.max(CanaryChangeRow.number))) or 0


def _followed(counted: _Counted, session: Session) -> _Counted:
    """Count what was added, or everything again where rows have changed."""
    number, change, key = _number(session), _change(session), decoy_mac_of(session).key()
    if (change, key) != (counted.change, counted.key) or number < len(counted.ids):
        counted = _Counted(change, key)
    if len(counted.ids):
        # Nearly all are dated as they are written; decoys may be dated before.
        recent = _ids(session, select(CanaryRow.id).where(col(CanaryRow.issued_at) >= counted.newest))
        _add(counted, session, counted.missing(recent))
    if len(counted.ids) < number:
        _add(counted, session, list(_missing(counted, session)))
    return counted


def _ids(session: Session, query: Any) -> list[int]:
    return list(session.scalars(query))


def _missing(counted: _Counted, session: Session) -> Iterator[int]:
    """Go through all canaries in steps, by number, and yield what was not counted."""
    numbers, last = select(CanaryRow.id).order_by(col(CanaryRow.id)).limit(_STEP), 0
    while ids := _ids(session, numbers.where(col(CanaryRow.id) > last)):
        last = ids[-1]
        yield from counted.missing(ids)


def _add(counted: _Counted, session: Session, missing: Sequence[int]) -> None:
    counted.add(_rows(session, ids) for ids in _steps(missing))


def _rows(session: Session, ids: Sequence[int]) -> list[SingleCanary]:
    is_decoy = decoy_mac_of(session).is_decoy
    query: Any = select(*_COLUMNS).where(col(CanaryRow.id).in_(ids))
    return [_single(row, decoy=is_decoy(row)) for row in session.execute(query)]


def _single(row: "Row[Any]", *, decoy: bool) -> SingleCanary:
    persona = frozenset(key for key, value in (row.persona or {}).items() if value)
    vendor = None if decoy else row.vendor_id
    kind = CanaryKind(vendor, row.channel, row.domain, row.bits, persona, _week(row.issued_at), row.tentative)
    return SingleCanary(row.id, kind, row.issued_at, row.generation, row.published, row.undated)


def _without(counted: _Counted, left: Sequence[SingleCanary], last: int) -> Iterator[AlikeCanaries]:
    """Yield the groups up to a week, without some of their canaries."""
    fewer: dict[int, tuple[int, float]] = {}
    for row in left:
        if (place := counted.group(row.id)) is not None:
            count, seconds = fewer.get(place, (0, 0.0))
            fewer[place] = count + 1, seconds + (row.issued - _BEGIN).total_seconds()
    for place, kind in enumerate(counted.kinds):
        count, seconds = fewer.get(place, (0, 0.0))
        number = counted.counts[place] - count
        if number > 0 and kind.week <= last and not kind.tentative:
            mean = (counted.seconds[place] - seconds) / number
            yield AlikeCanaries(kind, number, _BEGIN + timedelta(seconds=mean))


def _week(at: datetime) -> int:
    return (at - _BEGIN) // _WEEK


def _steps(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[first : first + _STEP] for first in range(0, len(ids), _STEP))
