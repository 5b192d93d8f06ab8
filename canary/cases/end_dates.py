"""When vendors should stop writing: set by the owner, applied to past mail, and recorded."""

from collections.abc import Mapping
from datetime import datetime

from sqlmodel import Session

from canary.cases.rejudge import RejudgeOutcome, decide_about, own_since, rejudge
from canary.cases.replay import RejudgeCause
from canary.judge.lifecycle import ENDINGS
from canary.model.party import RelationshipEnds
from canary.store.queries import audit
from canary.store.queries.vendors import get_vendor, vendor_row

COLUMNS = {"contract": "contract_ends", "erasure": "erasure_requested", "unsubscribed": "unsubscribed"}
"""The column of each field of `RelationshipEnds`; option and key in the vendor file have the same name."""


def set_endings(
    session: Session, vendor: str, told: Mapping[str, datetime | None], who: str, now: datetime
) -> RejudgeOutcome:
    """Set or clear (None) ends of a vendor, by field of `RelationshipEnds`; its own mail since is judged again."""
    row = vendor_row(session, vendor)
    before = get_vendor(session, vendor).endings
    changed = {name: at for name, at in told.items() if getattr(before, name) != at}
    if not changed:
        return RejudgeOutcome()
    decide_about(session, row.id or 0)
    for name, at in changed.items():
        setattr(row, COLUMNS[name], at)
    session.add(row)
    text = "; ".join(
        f"{COLUMNS[name].replace('_', ' ')} {f'{at:%Y-%m-%d}' if at else 'no longer'}" for name, at in changed.items()
    )
    return _apply(session, row.id or 0, (before, RejudgeCause(f"{row.name}: {text}.", who, now)), vendor)


def set_grace(session: Session, vendor: str, days: int | None, who: str, now: datetime) -> RejudgeOutcome:
    """Set the days of grace after every end of a vendor; None restores the usual ones."""
    row = vendor_row(session, vendor)
    if row.grace_days == days:
        return RejudgeOutcome()
    decide_about(session, row.id or 0)
    before = get_vendor(session, vendor).endings
    row.grace_days = days
    session.add(row)
    told = "the usual days of grace" if days is None else f"{days} days of grace"
    return _apply(session, row.id or 0, (before, RejudgeCause(f"{row.name}: {told}.", who, now)), vendor)


def _apply(
    session: Session, vendor_id: int, change: tuple[RelationshipEnds, RejudgeCause], vendor: str
) -> RejudgeOutcome:
    before, cause = change
    session.flush()
    after = get_vendor(session, vendor).endings
    since = [at for ends in (before, after) for name in ENDINGS if (at := getattr(ends, name))]
    outcome = rejudge(session, vendor_id, own_since(min(since)), cause) if since else RejudgeOutcome()
    audit.note(session, vendor_id, cause.at, "endings", cause.text, cause.who)
    audit.audit(session, cause.at, cause.who, "endings", vendor, f"{cause.text} {outcome}")
    session.flush()
    return outcome
