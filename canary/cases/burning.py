"""Which addresses count as leaked: those that leak hits of open cases burn, since the first of these."""

from collections.abc import Iterable

from sqlalchemy import func, update
from sqlmodel import Session, col, select

from canary.canaries import lifecycle
from canary.model.case import OPEN, UNDECIDED
from canary.model.verdict import LEAKS
from canary.store.tables import CaseRow, HitRow

_LEAKS = sorted(verdict.value for verdict in LEAKS)


def follow_state(session: Session, case: CaseRow) -> None:
    """Let the hits of an open case burn their addresses, and those of one that is watched or explained burn nothing.

    What a settled case burned while it was open stays burned.
    """
    if case.state in OPEN:
        burn_addresses(session, case.id or 0)
    elif case.state in UNDECIDED:
        free_addresses(session, case.id or 0)


def burn_addresses(session: Session, case: int) -> None:
    """Let the leak hits of a case burn their addresses."""
    _set_burning(session, case, burns=True)


def free_addresses(session: Session, case: int) -> None:
    """Let the hits of a case burn nothing: what nothing else burned gets its former state back."""
    _set_burning(session, case, burns=False)


def set_burned(session: Session, canaries: Iterable[int]) -> None:
    """Set since when canaries count as burned, by the hits that burn them."""
    session.flush()
    for canary in sorted(canaries):
        query = select(func.min(HitRow.at)).where(HitRow.canary_id == canary, col(HitRow.verdict).in_(_LEAKS))
        lifecycle.set_burned_by_leaks(session, canary, session.exec(query.where(col(HitRow.burns).is_(True))).one())


def _set_burning(session: Session, case: int, *, burns: bool) -> None:
    session.flush()
    changed = (col(HitRow.case_id) == case, col(HitRow.verdict).in_(_LEAKS), col(HitRow.burns).is_(not burns))
    canaries = set(session.exec(select(HitRow.canary_id).where(*changed).distinct()))
    session.execute(
        update(HitRow).where(*changed).values(burns=burns), execution_options={"synchronize_session": False}
    )
    set_burned(session, canaries)
