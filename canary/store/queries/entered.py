"""What was entered in the browser, by section and name."""

from datetime import datetime

from sqlmodel import Session, col, select

from canary.model.entered import EnteredValues
from canary.store.queries.vendors import Unknown
from canary.store.tables import EnteredRow

MOST = 200
"""So many entries there may be in all."""


def entries(session: Session) -> tuple[EnteredValues, ...]:
    """Return all that was entered, by section and name."""
    query = select(EnteredRow).order_by(EnteredRow.section, EnteredRow.name).limit(MOST)
    return tuple(EnteredValues(row.section, row.name, row.plain, row.sealed) for row in session.exec(query))


def put_entry(session: Session, new: EnteredValues, who: str, now: datetime) -> None:
    """Write an entry in place of what was entered before; raises ValueError where there are too many."""
    row = session.get(EnteredRow, (new.section, new.name))
    if row is None and len(session.exec(select(col(EnteredRow.name)).limit(MOST)).all()) == MOST:
        raise ValueError(f"{new.section} {new.name}: {MOST} entries are the most there may be; remove one first")
    session.merge(
        EnteredRow(section=new.section, name=new.name, plain=dict(new.plain), sealed=new.sealed, who=who[:100], at=now)
    )
    session.flush()


def remove_entry(session: Session, section: str, name: str) -> None:
    """Remove an entry; raises Unknown."""
    row = session.get(EnteredRow, (section, name))
    if row is None:
        raise Unknown(f"{section} {name}: was not entered in the browser")
    session.delete(row)
    session.flush()
