"""Decoys: addresses nobody was ever given, among the issued ones, and what came to them."""

from collections import Counter
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise, repeat
from operator import attrgetter
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from canary.canaries.decoy_making import (
    BURST,
    DecoySurroundings,
    IssueSpan,
    is_confirmed,
    is_like,
    like_in_store,
    make_decoy,
)
from canary.judge.decoy_names import DecoyKind, kind_of
from canary.judge.guess import RANDOM_BITS
from canary.model.address import Draw
from canary.model.canary import CanaryState
from canary.model.verdict import Verdict
from canary.store.decoy_mac import DecoyCount, decoy_mac_of
from canary.store.issued_addresses import begin_of, changed_runs, range_of, read_mark, read_ranges
from canary.store.locks import Lock, lock
from canary.store.queries.canaries import merge_address_index
from canary.store.tables import CanaryRow, HitRow
from canary.store.tables.base import HIGHEST_CANARY

_SAMPLE, _MANY = 100, 5000
_MOST_LIKELY = 10.0

_MEANINGS = {
    DecoyKind.RANDOM: "nobody guesses it, so it was taken on your own side, where all addresses are kept",
    DecoyKind.GUESSABLE: "somebody guesses addresses here, unless random decoys were hit as well",
}


@dataclass(frozen=True, slots=True)
class DecoyRequest:
    """How many decoys shall stand at each domain that has so many issued addresses at least."""

    count: int
    least: int = 1


@dataclass(frozen=True, slots=True)
class DecoyHit:
    """What came to one decoy: since when, and how often."""

    address: str
    kind: DecoyKind
    first: datetime
    hits: int

    @property
    def meaning(self) -> str:
        """What it means by itself; `canary.attribute` weighs it together with all else that was hit."""
        return _MEANINGS[self.kind]


@dataclass(frozen=True, slots=True)
class DecoySummary:
    """The decoys of one domain: how many of each kind among how many issued addresses, and which were hit."""

    domain: str
    issued: int
    random: int
    guessable: int
    hit: tuple[DecoyHit, ...]

    def count_unhit(self, kind: DecoyKind) -> int:
        """Count the decoys of a kind to which nothing came yet."""
        made = self.random if kind is DecoyKind.RANDOM else self.guessable
        return made - sum(hit.kind is kind for hit in self.hit)


def maintain_decoys(session: Session, wanted: DecoyRequest, draw: Draw, now: datetime) -> int:
    """Make what is missing of the decoys at every domain, half of each kind; return how many were made.

    A decoy that was hit has told all it can: it stays, and another one is made beside it.
    """
    lock(session, Lock.DECOYS)
    made = sum(_add_later(session, domain, kind, draw, now) for domain, kind in _missing(session, wanted))
    if made:
        merge_address_index(session)
    return made


def add_decoy_beside(session: Session, row: CanaryRow, draw: Draw, reserved: Container[str] = ()) -> None:
    """Write a decoy beside some of the addresses that are about to be written, so that decoys are of all ages.

    Beside an issued address it is dated after the newest one, and so stands in order; beside an adopted one, anywhere
    among the adopted. `reserved` are all addresses that are about to be written.
    """
    mac = decoy_mac_of(session)
    every = mac.one_in(session)
    if not every or mac.key() is None:
        return
    span, likely = (None, 1.0) if row.persona is None else _gap_before(session, row)
    if draw(1000 * every) >= 1000 * likely:
        return
    kind = kind_of(row.bits)
    like = [each for each in _sample_issued(session, row.domain, draw, kind) if is_like(each, row)]
    if like:
        _add(DecoySurroundings(session, row.domain, like, draw, row.issued_at, reserved), kind, span)


def rotate_decoys_beside(session: Session, row: CanaryRow, draw: Draw, now: datetime) -> None:
    """Rotate decoys that stand beside a canary with it, as often as others beside it are."""
    mac = decoy_mac_of(session)
    active = CanaryRow.state == CanaryState.ACTIVE.value
    query = select(CanaryRow).where(*_place(row), active, like_in_store(row))
    beside = session.exec(query).all() if mac.key() is not None else ()
    decoys = [each for each in beside if mac.is_decoy(each) and each.issued_at < now]
    for decoy in decoys:
        if draw(max(1, len(beside) - len(decoys))) == 0:
            _rotate(session, decoy, draw, now)


def publish_decoys_beside(session: Session, row: CanaryRow, published: bool | None, draw: Draw) -> None:
    """Let decoys be shown in public, or no longer, with a canary to which this happens now, as often as others are.

    Those beside it follow it as others there do; one that stands alone follows any at its domain.
    """
    if decoy_mac_of(session).key() is None:
        return
    alike = (
        CanaryRow.domain == row.domain, CanaryRow.state == row.state, like_in_store(row),
        col(CanaryRow.published).is_not_distinct_from(row.published),
    )  # fmt: skip
    beside = _drawn_decoys(session, [*alike, *_place(row)], draw)
    alone = [each for each in _drawn_decoys(session, alike, draw) if not _is_beside_issued(session, each, alike)]
    for decoy in beside + alone:
        decoy.published = published


def decoy_summaries(session: Session) -> list[DecoySummary]:
    """Count the issued addresses and the decoys of each domain, and say what came to the decoys."""
    guesses, counts, hit = _guesses(session), dict[str, Counter[DecoyKind | None]](), dict[str, list[DecoyHit]]()
    for row, is_decoy in _every_canary(session):
        kind = kind_of(row.bits) if is_decoy else None
        counts.setdefault(row.domain, Counter())[kind] += 1
        if kind and row.id in guesses:
            hit.setdefault(row.domain, []).append(DecoyHit(row.address, kind, *guesses[row.id]))
    return [
        DecoySummary(
            domain, count[None], count[DecoyKind.RANDOM], count[DecoyKind.GUESSABLE],
            tuple(sorted(hit.get(domain, ()), key=attrgetter("first"))),
        )
        for domain, count in sorted(counts.items())
    ]  # fmt: skip


def count_by_vendor(session: Session) -> Counter[int]:
    """Count the decoys under each vendor's number; they are looked for again only where a canary was added."""
    mac = decoy_mac_of(session)
    if mac.key() is None:
        return Counter()
    mark, counted = read_mark(session), mac.counted if mac.counted.key == mac.key() else DecoyCount()
    if counted.mark != mark:
        ranges = read_ranges(session)
        found, total = dict(counted.by_range), Counter(counted.total)
        for first, last in changed_runs(ranges, counted.ranges):
            for number in range(first, last + 1):
                total.subtract(found.pop(number, Counter()))
            for row in _decoys_between(session, first, last):
                found.setdefault(range_of(row.id), Counter())[row.vendor_id] += 1
            total.update(sum((found[number] for number in range(first, last + 1) if number in found), Counter()))
        mac.counted = counted = DecoyCount(mac.key(), mark, ranges, found, +total)
    return counted.total


def _decoys_between(session: Session, first: int, last: int) -> Iterator[Any]:
    """Go through the decoys whose numbers are in some ranges."""
    number, is_decoy = col(CanaryRow.id), decoy_mac_of(session).is_decoy
    query: Any = select(CanaryRow.id, CanaryRow.address, CanaryRow.vendor_id, CanaryRow.mac)
    begin, end = begin_of(first), begin_of(last + 1)
    return filter(is_decoy, session.execute(query.where(number >= begin, number < end)))


def _drawn_decoys(session: Session, alike: Sequence[Any], draw: Draw) -> list[CanaryRow]:
    """Draw decoys among addresses of one kind, each as often as any issued one of these is drawn when one of them is."""
    rows, is_decoy = _sample(session, alike, draw, _MANY), decoy_mac_of(session).is_decoy
    decoys = [row for row in rows if is_decoy(row)]
    return [decoy for decoy in decoys if draw(max(1, len(rows) - len(decoys))) == 0]


def _is_beside_issued(session: Session, decoy: CanaryRow, alike: Sequence[Any]) -> bool:
    rows = session.exec(select(CanaryRow).where(*alike, *_place(decoy)).limit(_SAMPLE))
    return not all(map(decoy_mac_of(session).is_decoy, rows))


def _place(row: CanaryRow) -> tuple[Any, ...]:
    """Select the addresses that are beside one."""
    return (
        CanaryRow.vendor_id == row.vendor_id, CanaryRow.channel == row.channel, CanaryRow.generation == row.generation,
    )  # fmt: skip


def _missing(session: Session, wanted: DecoyRequest) -> Iterator[tuple[str, DecoyKind]]:
    guessable = wanted.count // 2
    for each in decoy_summaries(session):
        if each.issued >= wanted.least:
            for kind, share in ((DecoyKind.RANDOM, wanted.count - guessable), (DecoyKind.GUESSABLE, guessable)):
                yield from repeat((each.domain, kind), share - each.count_unhit(kind))


def _add_later(session: Session, domain: str, kind: DecoyKind, draw: Draw, now: datetime) -> bool:
    """Write a decoy that is dated somewhere among the addresses of its like, of which some may be years old."""
    issued = _sample_issued(session, domain, draw, kind) or _sample_issued(session, domain, draw)
    return _add(DecoySurroundings(session, domain, issued, draw, now), kind, None)


def _add(around: DecoySurroundings, kind: DecoyKind, span: IssueSpan | None) -> bool:
    decoy = make_decoy(around, kind, span)
    if decoy is not None:
        around.session.add(decoy)
        around.session.flush()
    return decoy is not None


def _gap_before(session: Session, row: CanaryRow) -> tuple[IssueSpan | None, float]:
    """Return the time since the newest address, and by how much a decoy is likelier in it than beside any address.

    Addresses issued in one go are one like the other; among those issued one by one a longer gap has room for more, so
    that the time between addresses tells nothing.
    """
    at = col(CanaryRow.issued_at)
    query = (
        select(CanaryRow.issued_at).where(at <= row.issued_at, like_in_store(row)).order_by(at.desc()).limit(_SAMPLE)
    )
    times = (row.issued_at, *session.exec(query))
    if len(times) == 1:
        return None, 0.0
    gaps = [later - earlier for later, earlier in pairwise(times)]
    longer = [gap for gap in gaps if gap >= BURST]
    likely = min(_MOST_LIKELY, gaps[0] * len(longer) / sum(longer, timedelta())) if gaps[0] >= BURST else 1.0
    return IssueSpan(times[1], times[0]), likely


def _sample_issued(session: Session, domain: str, draw: Draw, kind: DecoyKind | None = None) -> Sequence[CanaryRow]:
    """Return some of the addresses issued at a domain: as numbers are random, those from any number on will do."""
    bits = col(CanaryRow.bits)
    which: list[Any] = [CanaryRow.domain == domain, is_confirmed()]
    if kind is not None:
        which.append(bits >= RANDOM_BITS if kind is DecoyKind.RANDOM else bits < RANDOM_BITS)
    rows = _sample(session, which, draw, _SAMPLE)
    is_decoy = decoy_mac_of(session).is_decoy
    return [row for row in rows if not is_decoy(row)]


def _sample(session: Session, which: Sequence[Any], draw: Draw, most: int) -> list[CanaryRow]:
    """Return some of the addresses that are selected, or all where there are no more: those from any number on."""
    number, start = col(CanaryRow.id), 1 + draw(HIGHEST_CANARY)
    query = select(CanaryRow).where(*which).order_by(number)
    rows = list(session.exec(query.where(number >= start).limit(most)))
    return rows + list(session.exec(query.where(number < start).limit(most - len(rows))))


def _every_canary(session: Session) -> Iterator[tuple[Any, bool]]:
    """Go through all canaries but tentative ones, with whether each is a decoy; only what counting needs is read."""
    is_decoy = decoy_mac_of(session).is_decoy
    query: Any = select(
        CanaryRow.id, CanaryRow.domain, CanaryRow.bits, CanaryRow.address, CanaryRow.vendor_id, CanaryRow.mac
    ).where(is_confirmed())  # type: ignore[call-overload]
    return ((row, is_decoy(row)) for row in session.execute(query))


def _guesses(session: Session) -> dict[int, tuple[datetime, int]]:
    """Return the first hit and the number of hits of every canary at which a guess was seen: those are decoys."""
    query = select(HitRow.canary_id, func.min(HitRow.at), func.count()).where(HitRow.verdict == Verdict.GUESS.value)
    return {number: (first, count) for number, first, count in session.exec(query.group_by(col(HitRow.canary_id)))}


def _rotate(session: Session, decoy: CanaryRow, draw: Draw, now: datetime) -> None:
    """Rotate a decoy a little before now: its successor has the time of its end, as others have."""
    newest: datetime = session.exec(select(func.max(CanaryRow.issued_at)).where(CanaryRow.issued_at <= now)).one()
    around = DecoySurroundings(session, decoy.domain, [decoy], draw, now)
    at = around.pick_time(IssueSpan(newest, now))
    decoy.state, decoy.rotated_at = CanaryState.ROTATED.value, at
    session.add(decoy)
    # An address that was thought of by hand is followed by one that is drawn.
    heir = make_decoy(around, DecoyKind.RANDOM, IssueSpan(at, at))
    if heir is not None:
        heir.generation, heir.channel, heir.published = decoy.generation + 1, decoy.channel, decoy.published
        heir.issued_at, heir.state, heir.rotated_at = at, CanaryState.ACTIVE.value, None
        session.add(heir)
    session.flush()
