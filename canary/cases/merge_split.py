"""Merging and splitting cases by a person's decision, with all that is needed to undo it exactly."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, or_, select

from canary.campaigns.membership import campaign_row
from canary.cases import burning, records
from canary.cases.due import mark_due
from canary.cases.history import number_decision
from canary.cases.moving import hits_where, move_hits
from canary.cases.weigh import weigh_now
from canary.cases.workflow import get_active_case
from canary.model.case import OPEN, SETTLED, CaseState
from canary.model.decision import Decision
from canary.model.verdict import LEAKS
from canary.store.locks import Lock, lock
from canary.store.queries import mails
from canary.store.queries.vendors import Unknown, vendor_row
from canary.store.tables import CampaignHitRow, CanaryRow, CaseRow, CaseVendorRow, HitRow, MailRow, MoveRow

_CHUNK = 500
_KEPT = ("state", "outcome", "owner", "vendor_id", "merged_into")
_TIMES = ("opened_at", "last_hit_at", "aware_at")
_LEAKS = [verdict.value for verdict in LEAKS]


def merge(session: Session, number: int, other: int, word: Decision) -> MoveRow:
    """Merge another case into a case; raises Unknown, and ValueError where one of them is part of another case."""
    lock(session, Lock.CASES)
    into, part = get_active_case(session, number), get_active_case(session, other)
    if into is part:
        raise ValueError(f"case {number}: a case cannot be merged with itself; name another case to merge into it")
    move = _record_move(session, "merge", part, into, hits_where(session, HitRow.case_id == other), word)
    _take_over(session, part, into, move, word)
    _record(session, into, "merged", f"Case {other} became part of this case.", word)
    _record(session, part, "merged", f"Became part of case {number}.", word)
    _weigh(session, into, word)
    return move


def split_vendor(session: Session, number: int, vendor: str, word: Decision) -> CaseRow:
    """Make the hits at one vendor's addresses a separate case; raises Unknown, and ValueError where nothing is left."""
    row = vendor_row(session, vendor)
    theirs = col(HitRow.canary_id).in_(select(CanaryRow.id).where(CanaryRow.vendor_id == row.id))
    return _split(session, number, theirs, f"vendor {vendor}", word)


def split_campaign(session: Session, number: int, campaign: int, word: Decision) -> CaseRow:
    """Make the hits of one campaign a separate case; raises Unknown, and ValueError where nothing is left."""
    row = campaign_row(session, campaign)
    if row is None:
        raise Unknown(f"campaign {campaign}: there is none; see `canary campaign list`")
    its = col(HitRow.mail_id).in_(select(MailRow.id).where(MailRow.campaign_id == row.id))
    return _split(session, number, its, f"campaign {row.id}", word)


def undo(session: Session, number: int, word: Decision) -> MoveRow:
    """Take back the last merge or split of a case; raises ValueError without one, or where another came after it."""
    lock(session, Lock.CASES)
    move = next(iter(_moves(session, [number])), None)
    if move is None:
        raise ValueError(f"case {number}: nothing was merged or split here that could be undone")
    later = [m for m in _moves(session, [move.from_id, move.to_id]) if (m.id or 0) > (move.id or 0)]
    if later:
        first = later[0].from_id if later[0].to_id in (move.from_id, move.to_id) else later[0].to_id
        raise ValueError(f"case {number}: another move came after this one; undo that of case {first} first")
    move.undone_at = word.at
    {"merge": _unmerge, "split": _unsplit}[move.kind](session, move, word)
    for row in (session.get_one(CaseRow, move.from_id), session.get_one(CaseRow, move.to_id)):
        _record(
            session, row, "undone", f"The {move.kind} of cases {move.from_id} and {move.to_id} was taken back.", word
        )
        if records.has_evidence(session, row):
            _weigh(session, row, word)
    return move


def proposals(session: Session, number: int, most: int = 5) -> tuple[int, ...]:
    """Return open cases that share a campaign with an open one, unless a person split them apart."""
    mine = select(CampaignHitRow.campaign_id).where(
        CampaignHitRow.case_id == number, CampaignHitRow.campaign_id > 0, CampaignHitRow.leaks > 0
    )
    query = (
        select(CampaignHitRow.case_id)
        .join(CaseRow, col(CaseRow.id) == CampaignHitRow.case_id)
        .where(col(CampaignHitRow.campaign_id).in_(mine), CampaignHitRow.case_id != number, CampaignHitRow.leaks > 0)
        .where(col(CaseRow.state).in_(OPEN))
    )
    apart = {n for m in _moves(session, [number]) if m.kind == "split" for n in (m.from_id, m.to_id)}
    found = sorted(n for n in session.exec(query.distinct().limit(50)) if n not in apart)
    return tuple(found[:most])


def undoable(session: Session, number: int) -> bool:
    """Whether the last merge or split of a case can be undone here."""
    move = next(iter(_moves(session, [number])), None)
    return move is not None and _moves(session, [move.from_id, move.to_id])[0].id == move.id


def parts_of(session: Session, number: int) -> list[int]:
    """Return a case and all that became part of it, however far back."""
    found, fresh = [number], [number]
    while fresh:
        fresh = [n for n in session.exec(select(CaseRow.id).where(col(CaseRow.merged_into).in_(fresh))) if n]
        found += fresh
    return found


def _split(session: Session, number: int, chosen: Any, named: str, word: Decision) -> CaseRow:
    lock(session, Lock.CASES)
    case = get_active_case(session, number)
    hits = hits_where(session, (HitRow.case_id == number) & chosen)
    gone, left = _leaks(session, number, chosen), _leaks(session, number, ~chosen)
    if not gone or not left:
        what = "nothing" if not gone else "all that is in it"
        raise ValueError(f"case {number}: splitting off {named} would move {what}; name a part of it")
    new = CaseRow(
        vendor_id=gone[0][1], state=case.state, outcome=case.outcome, owner=case.owner, aware_at=case.aware_at,
        opened_at=gone[0][0], last_hit_at=gone[-1][0],
    )  # fmt: skip
    session.add(new)
    session.flush()
    _record_move(session, "split", case, new, hits, word)
    move_hits(session, hits, new)
    if case.vendor_id not in {vendor for _, vendor in left}:
        case.vendor_id = left[0][1]
    _follow_mail(session, word, case, new)
    _record(session, case, "split", f"What came of {named} is case {new.id} now.", word)
    _record(session, new, "split", f"Split off case {number}: {named}.", word)
    _weigh(session, case, word)
    _weigh(session, new, word)
    return new


def _take_over(session: Session, part: CaseRow, into: CaseRow, move: MoveRow, word: Decision) -> None:
    _open_with(into, part)
    move_hits(session, move.moved["hits"], into)
    _follow_mail(session, word, into)
    into.opened_at = min(into.opened_at, part.opened_at)
    into.aware_at = min(filter(None, (into.aware_at, part.aware_at)), default=None)
    into.owner = into.owner or part.owner
    part.state, part.outcome, part.merged_into = CaseState.CLOSED.value, "", into.id
    session.add_all([into, part])
    move.moved = {**move.moved, "after": _values(into)}


def _unmerge(session: Session, move: MoveRow, word: Decision) -> None:
    part, into = session.get_one(CaseRow, move.from_id), session.get_one(CaseRow, move.to_id)
    move_hits(session, hits_where(session, col(HitRow.case_id) == into.id, move.moved["hits"]), part)
    _restore(part, move.moved["from"])
    since = {name: value for name, value in _values(into).items() if move.moved["after"][name] != value}
    _restore(into, move.moved["to"] | since)
    _follow_mail(session, word, part, into)


def _unsplit(session: Session, move: MoveRow, word: Decision) -> None:
    case, new = session.get_one(CaseRow, move.from_id), session.get_one(CaseRow, move.to_id)
    move_hits(session, hits_where(session, col(HitRow.case_id) == new.id), case)
    case.vendor_id = move.moved["from"]["vendor_id"]
    _open_with(case, new)
    new.state, new.outcome, new.merged_into = CaseState.CLOSED.value, "", case.id
    session.add_all([case, new])
    _follow_mail(session, word, case)


def _open_with(case: CaseRow, part: CaseRow) -> None:
    """Open a case that takes over an open one; a settled one is investigated again."""
    if part.state in OPEN and case.state not in OPEN:
        case.state = CaseState.INVESTIGATING.value if case.state in SETTLED else part.state
        case.outcome, case.emptied = "", ""


def _follow_mail(session: Session, word: Decision, *cases: CaseRow) -> None:
    """Let cases have the vendors, the first and the last hit that their mail tells of; one without a leak hit is settled."""
    opening = mails.first_hits(session, [case.id or 0 for case in cases])
    for case in cases:
        case.opening_hit = opening.get(case.id or 0, case.opening_hit)
        found = _hit_vendors(session, case.id)
        _join(session, case, found)
        _leave(session, case, _vendors(session, case.id) - found)
        if found and case.vendor_id not in found:
            case.vendor_id = min(found)
        case.last_hit_at = records.last_hit_at(session, case)
        if not records.has_evidence(session, case):
            records.close_empty(session, case, word.at, word.who)
        session.add(case)
        burning.follow_state(session, case)
    session.flush()


def _record_move(
    session: Session, kind: str, source: CaseRow, target: CaseRow, hits: list[int], word: Decision
) -> MoveRow:
    moved = {"hits": hits, "from": _values(source), "to": _values(target)}
    move = MoveRow(
        kind=kind,
        from_id=source.id or 0,
        to_id=target.id or 0,
        at=word.at,
        who=word.who,
        note=word.note[:500],
        moved=moved,
    )
    session.add(move)
    return move


def _values(case: CaseRow) -> dict[str, Any]:
    times = {name: at.isoformat() if (at := getattr(case, name)) else None for name in _TIMES}
    return {name: getattr(case, name) for name in _KEPT} | times


def _restore(case: CaseRow, kept: dict[str, Any]) -> None:
    for name in _KEPT:
        setattr(case, name, kept[name])
    for name in _TIMES:
        setattr(case, name, datetime.fromisoformat(kept[name]) if kept[name] else None)


def _moves(session: Session, numbers: Iterable[int]) -> list[MoveRow]:
    """Return the moves of some cases that were not undone, the newest first."""
    touched = or_(col(MoveRow.from_id).in_(numbers), col(MoveRow.to_id).in_(numbers))
    query = select(MoveRow).where(touched, col(MoveRow.undone_at).is_(None))
    return list(session.exec(query.order_by(col(MoveRow.id).desc())))


def _leaks(session: Session, number: int, which: Any) -> list[tuple[datetime, int]]:
    """Return when leak hits of a case came and to which vendor, in order of time."""
    query = select(HitRow.at, CanaryRow.vendor_id).join(CanaryRow).where(HitRow.case_id == number, which)
    query = query.where(col(HitRow.verdict).in_(_LEAKS))
    return [(at, vendor or 0) for at, vendor in session.exec(query.order_by(col(HitRow.at), col(HitRow.id)))]


def _vendors(session: Session, number: int | None) -> set[int]:
    session.flush()
    return set(session.exec(select(CaseVendorRow.vendor_id).where(CaseVendorRow.case_id == number)))


def _hit_vendors(session: Session, number: int | None) -> set[int]:
    query = select(CanaryRow.vendor_id).join(HitRow).where(HitRow.case_id == number)
    return set(session.exec(query.distinct()))


def _join(session: Session, case: CaseRow, vendors: set[int]) -> None:
    for vendor in sorted(vendors - _vendors(session, case.id)):
        session.add(CaseVendorRow(case_id=case.id or 0, vendor_id=vendor))
    session.flush()


def _leave(session: Session, case: CaseRow, vendors: set[int]) -> None:
    for vendor in sorted(vendors):
        if (row := session.get(CaseVendorRow, (case.id, vendor))) is not None:
            session.delete(row)
    session.flush()


def _record(session: Session, case: CaseRow, kind: str, text: str, word: Decision) -> None:
    number_decision(session, word.who, word.at)
    records.add_decision(session, case, kind, f"{text} {word.note}".strip(), word)


def _weigh(session: Session, case: CaseRow, word: Decision) -> None:
    mark_due(session, [case.id or 0], word.at)
    weigh_now(session, [case.id or 0], word.at)
