"""Which addresses were ever issued, as a receiver asks: by plain SQL, so that it loads neither tables nor sessions.

The store counts its addresses by ranges of their numbers (`canary_range`, kept by triggers), which are random: how many
there are in a range, and the sum of their numbers, says nothing that the rows do not say. Who remembers the counts reads
only the ranges that have changed.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, bindparam, make_url, text

from canary.store.engine import engine_for, file_of
from canary.store.identity import Guard
from canary.store.notify_watch import watch_for

if TYPE_CHECKING:
    from sqlmodel import Session

_BITS, _RANGES_IN_ALL, _NONE = 41, 4096, (0, 0)
"""A range has the numbers that differ in so many bits at most."""

_STEP = 10_000
_MARK = text("SELECT coalesce(sum(canaries), 0), coalesce(sum(digest), 0) FROM canary_range")
_RANGES = text("SELECT number, canaries, digest FROM canary_range WHERE canaries > 0 ORDER BY number")
_ADDRESSES = text("SELECT address FROM canary WHERE id >= :first AND id < :end")

_OF_VENDORS = text("SELECT vendor_id, canaries FROM vendor_canaries WHERE vendor_id IN :vendors").bindparams(
    bindparam("vendors", expanding=True)
)

Ranges = Mapping[int, tuple[int, int]]
"""Of each range that has addresses, how many, and the sum of their numbers."""


@dataclass(frozen=True, slots=True)
class AddressNews:
    """Some issued addresses, how many there are in all, and with the last of them the mark of the whole answer."""

    total: int
    addresses: list[str]
    mark: str = ""


class IssuedAddresses:
    """The issued addresses in the store behind a URL."""

    def __init__(self, url: str, *, busy_seconds: float = 10, guard: Guard | None = None) -> None:
        """Connect to nothing yet, and never to a store that the guard refuses."""
        parsed = make_url(url)
        self._engine = engine_for(parsed, busy_seconds=busy_seconds, guard=guard)
        if file_of(parsed) is None:
            self._engine = self._engine.execution_options(isolation_level="REPEATABLE READ")
        self._watch = watch_for(self._engine)
        self._known: tuple[str, Ranges] = ("", {})

    def fetch(self, mark: str) -> Iterator[AddressNews]:
        """Yield the addresses that were issued since a mark, or all where it is none that was given last.

        Others of the same range come again. Nothing is yielded while the mark says that nothing has changed.
        """
        with self._engine.connect() as connection:
            if mark and read_mark(connection) == mark:
                return
            ranges = read_ranges(connection)
            before = self._known[1] if mark and mark == self._known[0] else {}
            yield from _read_news(connection, ranges, before)
        self._known = _mark_of(ranges), ranges

    def changed(self) -> bool:
        """Whether the store may hold more than at the last look."""
        return self._watch.changed()

    def close(self) -> None:
        """Give all connections back."""
        self._watch.close()
        self._engine.dispose()


def read_mark(at: "Connection | Session") -> str:
    """Return what stands for all issued addresses: another as soon as there is one more or one less."""
    total, digest = at.execute(_MARK).one()
    return f"{int(total)}-{int(digest)}"


def count_addresses(at: "Connection | Session") -> int:
    """Count the issued addresses, decoys with them, without going through them."""
    return int(at.execute(_MARK).one()[0])


def count_addresses_of(at: "Connection | Session", vendors: Collection[int]) -> Counter[int]:
    """Count the addresses, decoys with them, under the number of each of some vendors, without going through them."""
    return Counter({number: int(count) for number, count in at.execute(_OF_VENDORS, {"vendors": list(vendors)})})


def every_address(at: "Connection | Session") -> frozenset[str]:
    """Return every issued address, decoys with them."""
    return frozenset(at.execute(text("SELECT address FROM canary")).scalars())


def read_ranges(at: "Connection | Session") -> Ranges:
    """Return how many addresses there are by ranges of their numbers."""
    return {number: (int(canaries), int(digest)) for number, canaries, digest in at.execute(_RANGES)}


def range_of(canary: int) -> int:
    """Return the range of a canary's number."""
    return canary >> _BITS


def begin_of(number: int) -> int:
    """Return the lowest number of a canary in a range."""
    return number << _BITS


def _mark_of(ranges: Ranges) -> str:
    return f"{sum(count for count, _ in ranges.values())}-{sum(digest for _, digest in ranges.values())}"


def _read_news(connection: Connection, ranges: Ranges, before: Ranges) -> Iterator[AddressNews]:
    total = sum(count for count, _ in ranges.values())
    for first, last in changed_runs(ranges, before):
        numbers = {"first": begin_of(first), "end": begin_of(last + 1)}
        yield AddressNews(total, list(connection.execute(_ADDRESSES, numbers).scalars()))
    yield AddressNews(total, [], _mark_of(ranges))


def changed_runs(ranges: Ranges, before: Ranges) -> Iterator[tuple[int, int]]:
    """Yield the first and last of ranges that are read together; who knows nothing yet gets all, whatever was counted."""
    run: list[int] = []
    held = 0
    for number in range(_RANGES_IN_ALL) if not before else sorted(ranges.keys() | before.keys()):
        count = ranges.get(number, _NONE)[0]
        same = bool(before) and before.get(number) == ranges.get(number)
        if run and (same or held + count > _STEP):
            yield run[0], run[-1]
            run, held = [], 0
        if not same:
            run.append(number)
            held += count
    if run:
        yield run[0], run[-1]
