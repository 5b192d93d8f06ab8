"""How a decoy is made: it resembles issued addresses around it, so that a dump of the store does not tell them apart."""

from collections.abc import Container, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import ColumnElement, null
from sqlmodel import Session, col, select

from canary.judge.adoption import adopted_bits
from canary.judge.decoy_names import DecoyKind, kind_of, locals_like, person
from canary.model.address import Address, Draw, locale_of, make_address, parts_of, with_parts
from canary.model.canary import CanaryState, Style
from canary.store.decoy_mac import decoy_mac_of
from canary.store.tables import CanaryRow, VendorRow
from canary.store.tables.base import draw_canary_id

BURST = timedelta(minutes=1)
"""Addresses that follow each other faster were issued in one go."""

_MODELS, _PLACES = 4, 12
_NEIGHBOURS = 3
_ROTATED_BEFORE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class IssueSpan:
    """Between which times a decoy shall seem to have been issued."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class DecoySurroundings:
    """Where a decoy is made: a domain, issued addresses to resemble, randomness and the time.

    `issued` are of the kind of the decoy unless none of that kind was issued; `reserved` are about to be written.
    """

    session: Session
    domain: str
    issued: Sequence[CanaryRow]
    draw: Draw
    now: datetime
    reserved: Container[str] = ()

    def pick_row(self, rows: Sequence[CanaryRow]) -> CanaryRow:
        """Return any of some rows."""
        return rows[self.draw(len(rows))]

    def pick_time(self, span: IssueSpan) -> datetime:
        """Return any time in a span, in whole seconds if that is how it ends."""
        length = max(0, int((span.until - span.since) / timedelta(microseconds=1)))
        at = span.since + timedelta(microseconds=self.draw(length + 1))
        return at if span.until.microsecond else max(span.since, at.replace(microsecond=0))


def make_decoy(around: DecoySurroundings, kind: DecoyKind, span: IssueSpan | None = None) -> CanaryRow | None:
    """Make a decoy of a kind, or return None where every address like it is in use; it is not written yet.

    Without a span it is dated somewhere among the addresses of its like.
    """
    models = [around.pick_row(around.issued) for _ in range(_MODELS)]
    # Another place for the same model before another model: what is rarely free would otherwise be rare among decoys.
    tries = [(model, longer) for longer in (False, True) for model in models for _ in range(_PLACES)]
    return next((row for model, longer in tries if (row := _try(around, kind, span, model, longer))), None)


def is_like(row: CanaryRow, other: CanaryRow) -> bool:
    """Whether both addresses were drawn, or both thought of by hand: those have no persona."""
    return (row.persona is None) is (other.persona is None)


def like_in_store(row: CanaryRow) -> ColumnElement[bool]:
    """Select the addresses that are like one; no decoy is like a tentative one."""
    persona = col(CanaryRow.persona)
    return (persona.is_(null()) if row.persona is None else persona.is_not(null())) & is_confirmed()


def is_confirmed() -> ColumnElement[bool]:
    """Select the addresses that are not tentative."""
    return col(CanaryRow.tentative).is_(False)


def _try(
    around: DecoySurroundings, kind: DecoyKind, span: IssueSpan | None, model: CanaryRow, longer: bool
) -> CanaryRow | None:
    vendor_id, channel = _choose_place(around, model)
    owner = around.session.get_one(VendorRow, vendor_id)
    candidates = _resemble(around, kind, model, owner, longer=longer)
    row = next((each for each in candidates if kind_of(each.bits) is kind and not _is_used(around, each.address)), None)
    if row is None:
        return None
    span = span or _span_among_like(around, row, owner)
    # An address thought of by hand was in use before its vendor was written down; none is issued to an unknown vendor.
    since = max(span.since, owner.created_at) if row.persona else span.since
    if since > span.until:
        return None
    row.channel, row.issued_at = channel, around.pick_time(IssueSpan(since, span.until))
    return _with_generation(around, row)


def _resemble(
    around: DecoySurroundings, kind: DecoyKind, model: CanaryRow, owner: VendorRow, *, longer: bool
) -> Iterator[CanaryRow]:
    """Make addresses like one that was issued; where none of the kind was, they hide among decoys only."""
    alike, draw = kind_of(model.bits) is kind, around.draw
    if alike and model.persona is None:
        its = around.session.get_one(VendorRow, model.vendor_id)
        local = model.address.rpartition("@")[0]
        # A longer one is free where those like it are in use.
        for made in locals_like(local, its.name, owner.name, draw, longer=longer):
            yield _row(around, owner, f"{made}@{around.domain}", Style(model.style))
    elif not alike and kind is DecoyKind.GUESSABLE:
        yield _row(around, owner, f"{person(draw)}@{around.domain}", Style.TAGGED)
    else:
        style = Style(model.style) if alike else Style.TAGGED
        mailbox = model.address.partition("+")[0] if style is Style.PLUS else "me"
        locale = locale_of((model.persona or {}).get("phone", ""))
        drawn = make_address(style, owner.name, around.domain, draw, mailbox, locale)
        drawn = replace(drawn, persona=with_parts(drawn.persona, parts_of(model.persona), draw))
        yield _row(around, owner, drawn.address, style, drawn)


def _row(
    around: DecoySurroundings, owner: VendorRow, address: str, style: Style, drawn: Address | None = None
) -> CanaryRow:
    return CanaryRow(
        id=draw_canary_id(around.draw), address=address, domain=around.domain, vendor_id=owner.id or 0, style=style.value,
        bits=drawn.bits if drawn else adopted_bits(address), persona=asdict(drawn.persona) if drawn else None,
        issued_at=around.now, mac=decoy_mac_of(around.session).mac(address),
    )  # fmt: skip


def _is_used(around: DecoySurroundings, address: str) -> bool:
    used = select(CanaryRow.id).where(CanaryRow.address == address)
    return address in around.reserved or around.session.exec(used).first() is not None


def _choose_place(around: DecoySurroundings, model: CanaryRow) -> tuple[int, str]:
    """Return vendor and channel for a decoy: those of an address like it, or a place of its own where that has one."""
    # Rotation makes many addresses in one place, and yet that place was chosen once.
    first = [row for row in around.issued if row.generation == 1 and is_like(row, model)]
    model = around.pick_row(first or [model])
    if _count_at(around, model.vendor_id, model.channel) == 1:
        for _ in range(_PLACES):
            vendor_id, channel = around.pick_row(around.issued).vendor_id, around.pick_row(around.issued).channel
            if not _count_at(around, vendor_id, channel):
                return vendor_id, channel
    return model.vendor_id, model.channel


def _count_at(around: DecoySurroundings, vendor_id: int, channel: str) -> int:
    """Count the addresses in a place; none, one or more is all that is asked."""
    query = select(CanaryRow.id).where(CanaryRow.vendor_id == vendor_id, CanaryRow.channel == channel, is_confirmed())
    return len(around.session.exec(query.limit(2)).all())


def _span_among_like(around: DecoySurroundings, row: CanaryRow, owner: VendorRow) -> IssueSpan:
    """Return a gap between two addresses of one origin, so that decoys lie neither closer nor farther than others.

    One that was issued in one go with another leaves a short gap, and is as frequent among decoys; elsewhere a longer
    gap has room for more.
    """
    like = [each for each in around.issued if is_like(each, row)]
    if not like:
        return IssueSpan(owner.created_at, max(around.now, owner.created_at))
    times = _times_near(around, around.pick_row(like))
    if len(times) == 1:
        return IssueSpan(times[0], max(around.now, times[0]))
    gaps = [IssueSpan(*pair) for pair in pairwise(times)]
    gap = gaps[around.draw(len(gaps))]
    if gap.until - gap.since < BURST:
        return gap
    at = around.pick_time(IssueSpan(times[0], times[-1]))
    return next(gap for gap in gaps if at <= gap.until)


def _times_near(around: DecoySurroundings, row: CanaryRow) -> list[datetime]:
    """Return when a row and its neighbours in time were issued, in order."""
    at = col(CanaryRow.issued_at)
    like = select(CanaryRow.issued_at).where(CanaryRow.domain == around.domain, like_in_store(row))
    before = around.session.exec(like.where(at <= row.issued_at).order_by(at.desc()).limit(_NEIGHBOURS + 1))
    after = around.session.exec(like.where(at > row.issued_at).order_by(at).limit(_NEIGHBOURS))
    return sorted((*before, *after))


def _with_generation(around: DecoySurroundings, row: CanaryRow) -> CanaryRow:
    """Let a decoy be of the generation of its time, and rotated since, or shown in public, if those issued beside it were."""
    query: Any = select(  # type: ignore[call-overload]
        CanaryRow.generation, CanaryRow.issued_at, CanaryRow.state, CanaryRow.rotated_at, CanaryRow.persona,
        CanaryRow.published, CanaryRow.undated,
    )  # fmt: skip
    query = query.where(CanaryRow.vendor_id == row.vendor_id, CanaryRow.channel == row.channel, is_confirmed())
    given = around.session.execute(query.order_by(CanaryRow.generation).limit(500)).all()
    before = [each for each in given if each.issued_at <= row.issued_at] or given[:1]
    row.generation = max((each.generation for each in before), default=1)
    beside = [e for e in before if e.generation == row.generation and (e.persona is None) is (row.persona is None)]
    other = beside[around.draw(len(beside))] if beside else row
    # One of another age had more or less time to be shown.
    nearest: Any = min(beside or around.issued, key=lambda each: abs(each.issued_at - row.issued_at))
    row.published, row.undated = nearest.published, nearest.undated
    if other.state == CanaryState.ROTATED and other.rotated_at is not None and other.rotated_at > row.issued_at:
        since = max(row.issued_at, other.rotated_at - _ROTATED_BEFORE)
        row.rotated_at = around.pick_time(IssueSpan(since, other.rotated_at))
        row.state = CanaryState.ROTATED.value
    return row
