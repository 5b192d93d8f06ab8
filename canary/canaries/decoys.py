"""Decoys: addresses nobody was ever given, kept among the issued ones, and what came to them."""

import math
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from operator import attrgetter

from sqlalchemy import func
from sqlmodel import Session, col, select

from canary.canaries.decoy_making import DecoySurroundings, IssueSpan, hide, make
from canary.canaries.decoy_seats import deal, read_seats
from canary.judge.decoy_names import DecoyKind, kind_of
from canary.model.address import Draw
from canary.model.canary import CanaryState
from canary.model.verdict import Verdict
from canary.store.decoy_mac import decoy_mac_of
from canary.store.locks import Lock, lock
from canary.store.tables import CanaryRow, HitRow, KeyMarkRow

_NAME = "decoy"
_SAMPLE = 60
_BURST = timedelta(minutes=1)
_MOST = 10.0

_MEANINGS = {
    DecoyKind.RANDOM: "nobody guesses it, so it was taken on your own side, where all addresses are kept",
    DecoyKind.GUESSABLE: "somebody guesses addresses here, unless random decoys were hit as well",
}


@dataclass(frozen=True, slots=True)
class DecoyRequest:
    """How many decoys shall stand at a domain that has so many issued addresses at least."""

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
        """Say what it means by itself; `canary.attribute` weighs it together with all else that was hit."""
        return _MEANINGS[self.kind]


@dataclass(frozen=True, slots=True)
class DecoySummary:
    """The decoys of one domain: how many of each kind among how many issued addresses, and which were hit."""

    domain: str
    issued: int
    random: int
    guessable: int
    hit: tuple[DecoyHit, ...]


def ready(session: Session, *, anew: bool = False) -> str:
    """Make the key at first use; return in a line what is wrong with it, or nothing.

    `anew` forgets a key that is lost: what it sealed counts as issued from then on. Raises OSError and ValueError.
    """
    lock(session, Lock.DECOYS)
    seals, known = decoy_mac_of(session), session.get(KeyMarkRow, _NAME)
    if known is not None and not anew:
        return trouble(session)
    seals.make()
    session.merge(KeyMarkRow(name=_NAME, mark=seals.mark()))
    session.flush()
    return ""


def trouble(session: Session) -> str:
    """Say in a line that the key is missing or another one, and what follows; nothing if all is well."""
    seals, known = decoy_mac_of(session), session.get(KeyMarkRow, _NAME)
    if known is None or (seals.key() is not None and seals.mark() == known.mark):
        return ""
    what = "missing" if seals.key() is None else "not the one that made the decoys"
    return (
        f"decoy key {seals.file}: {what}; decoys count as issued addresses, and mail to them as their vendors' leaks:"
        " put your copy there"
    )


def accompany(session: Session, row: CanaryRow, draw: Draw) -> None:
    """Now and then write a decoy before an address that is about to be issued, so that their numbers mix."""
    luck = _luck(session, draw)
    if luck >= _MOST:
        return
    lately = session.exec(select(CanaryRow).order_by(col(CanaryRow.id).desc()).limit(_SAMPLE)).all()
    # What was adopted has times from long before it was written.
    times = sorted(known.issued_at for known in lately if known.persona and known.issued_at <= row.issued_at)
    if times and luck < _share(times, row.issued_at):
        tell = decoy_mac_of(session).tell
        drawn = [known for known in lately if known.persona and not tell(known)]
        issued = [known for known in drawn if known.domain == row.domain] + _around(session, row.domain, draw)
        _write(DecoySurroundings(session, row.domain, issued, draw), row, IssueSpan(times[-1], row.issued_at))


def accompany_adopted(session: Session, row: CanaryRow, taken: Container[str], draw: Draw) -> None:
    """Now and then write a decoy before an address that is about to be adopted; its time is anywhere among theirs.

    `taken` are all addresses that are about to be adopted.
    """
    if _luck(session, draw) >= 1:
        return
    around = _around(session, row.domain, draw)
    times = sorted(known.issued_at for known in around if known.persona is None)
    if times:
        at = draw(len(times))
        span = IssueSpan(times[max(0, at - 1)], times[min(at + 1, len(times) - 1)])
        _write(DecoySurroundings(session, row.domain, around, draw, taken), row, span)


def follow(session: Session, row: CanaryRow, draw: Draw, now: datetime) -> None:
    """Let decoys that stand beside a canary be rotated with it as often as others beside it are."""
    if decoy_mac_of(session).key() is None:
        return
    query = select(CanaryRow).where(
        CanaryRow.vendor_id == row.vendor_id, CanaryRow.channel == row.channel, CanaryRow.generation == row.generation,
        CanaryRow.state == CanaryState.ACTIVE.value,
    )  # fmt: skip
    beside = [each for each in session.exec(query) if (each.persona is None) is (row.persona is None)]
    tell = decoy_mac_of(session).tell
    rotatable = [each for each in beside if tell(each) and each.issued_at < now]
    for decoy in rotatable:
        if draw(max(1, len(beside) - len(rotatable))) == 0:
            _rotate(session, decoy, draw, now)


def maintain_decoys(session: Session, wanted: DecoyRequest, draw: Draw, now: datetime) -> int:
    """Make what is missing of the decoys at every domain, half of each kind; return how many were made.

    One that was hit has told all it can, and another takes its place.
    """
    lock(session, Lock.DECOYS)
    missing = _missing(session, wanted)
    if not missing:
        return 0
    seats, made = read_seats(session), 0
    for domain, kinds in missing.items():
        rows = session.exec(select(CanaryRow).where(CanaryRow.domain == domain)).all()
        tell = decoy_mac_of(session).tell
        ground = DecoySurroundings(session, domain, [row for row in rows if not tell(row)], draw)
        for row in (row for row in rows if row.vendor_id is None):
            hide(ground, row)
        made += sum(deal(ground, seats, kind, count, now) for kind, count in kinds.items())
    return made


def _missing(session: Session, wanted: DecoyRequest) -> dict[str, dict[DecoyKind, int]]:
    """Count what is missing at each domain of enough issued addresses; a decoy that has no vendor is to be hidden."""
    hit, tell = _hits(session), decoy_mac_of(session).tell
    issued, quiet, bare = Counter[str](), Counter[tuple[str, DecoyKind]](), set[str]()
    query = select(
        CanaryRow.id, CanaryRow.domain, CanaryRow.bits, CanaryRow.address, CanaryRow.vendor_id, CanaryRow.seal
    )  # type: ignore[call-overload]
    for row in session.execute(query):
        if not tell(row):
            issued[row.domain] += 1
        elif row.id not in hit:
            quiet[row.domain, kind_of(row.bits)] += 1
        if row.vendor_id is None:
            bare.add(row.domain)
    found = {}
    for domain in (domain for domain, number in sorted(issued.items()) if number >= wanted.least):
        short = {kind: count - quiet[domain, kind] for kind, count in _halves(wanted.count)}
        if bare & {domain} or any(number > 0 for number in short.values()):
            found[domain] = {kind: number for kind, number in short.items() if number > 0}
    return found


def standings(session: Session) -> list[DecoySummary]:
    """Tell how the decoys of each domain stand."""
    tell, hit = decoy_mac_of(session).tell, _hits(session)
    rows: dict[str, list[CanaryRow]] = {}
    for row in session.exec(select(CanaryRow).order_by(CanaryRow.domain, col(CanaryRow.id))):
        rows.setdefault(row.domain, []).append(row)
    return [_standing(domain, each, [row for row in each if tell(row)], hit) for domain, each in rows.items()]


def by_vendor(session: Session) -> Counter[int | None]:
    """Count the decoys under each vendor's number; they are looked for anew only when a canary was added."""
    seals = decoy_mac_of(session)
    mark = (*session.exec(select(func.count(), func.max(CanaryRow.id)).select_from(CanaryRow)).one(), seals.key())
    if seals.counted[0] != mark:
        query = select(CanaryRow.address, CanaryRow.vendor_id, CanaryRow.seal)
        found = Counter(row.vendor_id for row in session.execute(query) if seals.tell(row))
        seals.counted = (mark, found)
    return seals.counted[1]


def _standing(
    domain: str, rows: Sequence[CanaryRow], decoys: Sequence[CanaryRow], hit: dict[int, tuple[datetime, int]]
) -> DecoySummary:
    kinds = Counter(kind_of(row.bits) for row in decoys)
    struck = tuple(
        DecoyHit(row.address, kind_of(row.bits), *hit[row.id]) for row in decoys if row.id is not None and row.id in hit
    )
    return DecoySummary(
        domain, len(rows) - len(decoys), kinds[DecoyKind.RANDOM], kinds[DecoyKind.GUESSABLE],
        tuple(sorted(struck, key=attrgetter("first"))),
    )  # fmt: skip


def _hits(session: Session) -> dict[int, tuple[datetime, int]]:
    """Return the first hit and the number of hits of every canary at which a guess was seen: those are decoys."""
    query = select(HitRow.canary_id, func.min(HitRow.at), func.count()).where(HitRow.verdict == Verdict.GUESS.value)
    return {number: (first, count) for number, first, count in session.exec(query.group_by(col(HitRow.canary_id)))}


def _halves(count: int) -> Iterable[tuple[DecoyKind, int]]:
    return (DecoyKind.RANDOM, count - count // 2), (DecoyKind.GUESSABLE, count // 2)


def _luck(session: Session, draw: Draw) -> float:
    """Draw a number that is below 1 once for so many addresses as a decoy is made for; never, where none is made."""
    seals = decoy_mac_of(session)
    return draw(1000 * seals.every) / 1000 if seals.every and seals.key() else math.inf


def _share(times: Sequence[datetime], now: datetime) -> float:
    """Return by how much a decoy is likelier in this gap than in others, so that time between rows tells nothing.

    Addresses issued in one go are one like the other; among those issued one by one a longer gap has room for more.
    """
    gap = now - times[-1]
    if gap < _BURST:
        return 1.0
    longer = [b - a for a, b in pairwise((*times, now)) if b - a >= _BURST]
    return min(_MOST, gap * len(longer) / sum(longer, timedelta()))


def _around(session: Session, domain: str, draw: Draw) -> list[CanaryRow]:
    """Return some of the addresses issued at a domain, from all its time."""
    newest = session.exec(select(func.max(CanaryRow.id))).one() or 0
    numbers = {draw(newest) + 1 for _ in range(_SAMPLE)} if newest else set()
    rows = session.exec(select(CanaryRow).where(col(CanaryRow.id).in_(numbers), CanaryRow.domain == domain)).all()
    tell = decoy_mac_of(session).tell
    return [row for row in rows if not tell(row)]


def _write(ground: DecoySurroundings, row: CanaryRow, span: IssueSpan) -> None:
    if ground.issued and (decoy := make(ground, kind_of(row.bits), span)):
        ground.session.add(decoy)
        ground.session.flush()


def _rotate(session: Session, decoy: CanaryRow, draw: Draw, now: datetime) -> None:
    """Rotate a decoy a little before now: its successor has the time of its end, as others have."""
    newest: datetime | None = session.exec(
        select(func.max(CanaryRow.issued_at)).where(CanaryRow.issued_at <= now)
    ).one()
    ground = DecoySurroundings(session, decoy.domain, [decoy], draw)
    at = ground.moment(IssueSpan(max(newest or now, decoy.issued_at), now), whole=now.microsecond == 0)
    decoy.state, decoy.rotated_at = CanaryState.ROTATED.value, at
    session.add(decoy)
    # Whatever was thought of by hand is followed by what is drawn.
    if (heir := make(ground, DecoyKind.RANDOM, IssueSpan(at, at))) is not None:
        heir.generation, heir.channel = decoy.generation + 1, decoy.channel
        heir.issued_at, heir.state, heir.rotated_at = at, CanaryState.ACTIVE.value, None
        session.add(heir)
    session.flush()
