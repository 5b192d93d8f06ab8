"""How a decoy comes to be: made after issued addresses around it, so that a dump of the store does not tell them apart."""

from collections.abc import Container, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import func
from sqlmodel import Session, col, select

from canary.judge.adoption import adopted_bits
from canary.judge.decoy_names import DecoyKind, kind_of, locals_like, person
from canary.model.address import Draw, Locale, locale_of, make_address, make_persona
from canary.model.canary import CanaryState, Style
from canary.store.decoy_mac import decoy_mac_of
from canary.store.tables import CanaryRow, VendorRow

_TWINS, _PLACES = 4, 12
_LATER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class IssueSpan:
    """Between which times a decoy shall seem to have been issued."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class DecoySurroundings:
    """Where decoys are made: a domain, issued addresses to take after, and chance; `taken` are about to be written."""

    session: Session
    domain: str
    issued: Sequence[CanaryRow]
    draw: Draw
    taken: Container[str] = ()

    def twin(self, kind: DecoyKind) -> CanaryRow:
        """Return an issued address of a kind, or of any kind if none was issued."""
        return self.pick([row for row in self.issued if kind_of(row.bits) is kind] or self.issued)

    def pick(self, rows: Sequence[CanaryRow]) -> CanaryRow:
        """Return any of some rows."""
        return rows[self.draw(len(rows))]

    def moment(self, span: IssueSpan, *, whole: bool) -> datetime:
        """Return any time in a span, in whole seconds if need be."""
        length = max(0, int((span.until - span.since) / timedelta(microseconds=1)))
        at = span.since + timedelta(microseconds=self.draw(length + 1))
        return at.replace(microsecond=0) if whole else at


def make(ground: DecoySurroundings, kind: DecoyKind, span: IssueSpan) -> CanaryRow | None:
    """Make a decoy of a kind, or return None where every address like it is taken; it is not written yet."""
    twins = [ground.twin(kind) for _ in range(_TWINS)]
    # Another place for the same twin before another twin: what is rarely free would otherwise be rare among decoys.
    tries = [(twin, strict) for strict in (True, False) for twin in twins for _ in range(_PLACES)]
    return next((row for twin, strict in tries if (row := _try(ground, kind, span, twin, strict))), None)


def _try(
    ground: DecoySurroundings, kind: DecoyKind, span: IssueSpan, twin: CanaryRow, strict: bool
) -> CanaryRow | None:
    vendor_id, channel = _place(ground, twin)
    owner = ground.session.get_one(VendorRow, vendor_id)
    row = (
        _row(ground, kind, twin, owner) if strict or twin.persona else _by_hand(ground, kind, twin, owner, longer=True)
    )
    # An address that was adopted was in use before its vendor was written down; no other is given to who is unknown.
    since = max(span.since, owner.created_at) if row is not None and row.persona else span.since
    if row is None or since > span.until:
        return None
    at = ground.moment(IssueSpan(since, span.until), whole=twin.issued_at.microsecond == 0)
    row.channel, row.issued_at = channel, max(since, at)
    return _staged(ground, row)


def hide(ground: DecoySurroundings, row: CanaryRow) -> None:
    """Give a decoy that has no vendor yet all that issued addresses have."""
    twin = ground.twin(kind_of(row.bits))
    row.vendor_id, row.channel = _place(ground, twin)
    if twin.persona and row.style != Style.PLAUSIBLE:  # whose persona would have to be the one in the address
        row.persona = row.persona or asdict(make_persona(ground.draw, _locale(twin)))
    row.seal = decoy_mac_of(ground.session).seal(row.address)
    ground.session.add(row)
    ground.session.flush()


def _row(ground: DecoySurroundings, kind: DecoyKind, twin: CanaryRow, owner: VendorRow) -> CanaryRow | None:
    if kind_of(twin.bits) is not kind:
        return _unlike_any(ground, kind, owner)
    if twin.persona is None:
        return _by_hand(ground, kind, twin, owner)
    mailbox = twin.address.partition("+")[0] if twin.style == Style.PLUS else "me"
    return _drawn(ground, owner, Style(twin.style), mailbox, _locale(twin))


def _locale(twin: CanaryRow) -> Locale:
    return locale_of((twin.persona or {}).get("phone", ""))


def _drawn(
    ground: DecoySurroundings, owner: VendorRow, style: Style, mailbox: str = "me", locale: Locale = Locale.EN
) -> CanaryRow | None:
    made = make_address(style, owner.name, ground.domain, ground.draw, mailbox, locale)
    return _free(ground, made.address, owner, style.value, made.bits, asdict(made.persona))


def _by_hand(
    ground: DecoySurroundings, kind: DecoyKind, twin: CanaryRow, owner: VendorRow, *, longer: bool = False
) -> CanaryRow | None:
    """Take after an address that somebody thought of; a longer one is free where those like it are taken."""
    its = ground.session.get_one(VendorRow, twin.vendor_id)
    for local in locals_like(twin.address.rpartition("@")[0], its.name, owner.name, ground.draw, longer=longer):
        address = f"{local}@{ground.domain}"
        bits = adopted_bits(address)
        if kind_of(bits) is kind and (row := _free(ground, address, owner, twin.style, bits, None)):
            return row
    return None


def _unlike_any(ground: DecoySurroundings, kind: DecoyKind, owner: VendorRow) -> CanaryRow | None:
    """Make an address of a kind of which none was issued: it hides among its like only."""
    if kind is DecoyKind.RANDOM:
        return _drawn(ground, owner, Style.TAGGED)
    address = f"{person(ground.draw)}@{ground.domain}"
    bits = adopted_bits(address)
    return _free(ground, address, owner, Style.TAGGED.value, bits, None) if kind_of(bits) is kind else None


def _free(
    ground: DecoySurroundings, address: str, owner: VendorRow, style: str, bits: float, persona: dict[str, str] | None
) -> CanaryRow | None:
    known = select(CanaryRow.id).where(CanaryRow.address == address)
    if address in ground.taken or ground.session.exec(known).first() is not None:
        return None
    return CanaryRow(
        address=address, domain=ground.domain, vendor_id=owner.id, style=style, bits=bits, persona=persona,
        issued_at=owner.created_at, seal=decoy_mac_of(ground.session).seal(address),
    )  # fmt: skip


def _place(ground: DecoySurroundings, twin: CanaryRow) -> tuple[int, str]:
    """Return vendor and channel for a decoy: those of an address like it, or a place of its own where that has one."""
    # Rotation makes many addresses in one place, and yet that place was chosen once.
    first = [row for row in ground.issued if row.generation == 1 and (row.persona is None) is (twin.persona is None)]
    twin = ground.pick(first or [twin])
    if _number(ground, twin.vendor_id, twin.channel) == 1:
        for _ in range(_PLACES):
            vendor, channel = ground.pick(ground.issued).vendor_id, ground.pick(ground.issued).channel
            if not _number(ground, vendor, channel):
                return vendor or 0, channel
    return twin.vendor_id or 0, twin.channel


def _number(ground: DecoySurroundings, vendor: int | None, channel: str) -> int:
    query = select(func.count()).select_from(CanaryRow).where(CanaryRow.vendor_id == vendor)
    return ground.session.exec(query.where(CanaryRow.channel == channel)).one()


def _staged(ground: DecoySurroundings, row: CanaryRow) -> CanaryRow:
    """Let a decoy be of the generation of its time, and rotated since if those issued beside it were."""
    query = select(CanaryRow).where(CanaryRow.vendor_id == row.vendor_id, CanaryRow.channel == row.channel)
    given = [r for r in ground.session.exec(query.order_by(col(CanaryRow.generation)).limit(500)) if r.vendor_id]
    before = [r for r in given if r.issued_at <= row.issued_at] or given[:1]
    row.generation = max((r.generation for r in before), default=1)
    beside = [r for r in before if r.generation == row.generation and (r.persona is None) is (row.persona is None)]
    fate = ground.pick(beside) if beside else row
    if fate.state == CanaryState.ROTATED and fate.rotated_at is not None and fate.rotated_at > row.issued_at:
        since = max(row.issued_at, fate.rotated_at - _LATER)
        row.rotated_at = ground.moment(IssueSpan(since, fate.rotated_at), whole=fate.rotated_at.microsecond == 0)
        row.state = CanaryState.ROTATED.value
    return row
