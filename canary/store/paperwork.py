"""What is kept on the desk of a case: statements, ticked tasks, moves between cases, and letters as their owner wrote them."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field

from canary.store.rows import Row, Time


class StatementRow(Row, table=True):
    """What a party said of a case: who, when, in which claims; `noted_by` wrote it down."""

    __tablename__ = "case_statement"
    id: int | None = Field(default=None, primary_key=True)
    case_id: int = Field(foreign_key="leak_case.id", index=True)
    at: datetime = Field(sa_type=Time)
    party: str
    claims: list[dict[str, Any]] = Field(default=[], sa_type=JSON)
    text: str = ""
    noted_at: datetime = Field(sa_type=Time)
    noted_by: str


class TaskRow(Row, table=True):
    """A point of a case's checklist that somebody ticked."""

    __tablename__ = "case_task"
    case_id: int = Field(primary_key=True, foreign_key="leak_case.id")
    code: str = Field(primary_key=True)
    done_at: datetime = Field(sa_type=Time)
    by: str


class MoveRow(Row, table=True):
    """Hits that a person moved from one case to another; `moved` holds what is needed to undo it exactly."""

    __tablename__ = "case_move"
    id: int | None = Field(default=None, primary_key=True)
    kind: str
    from_id: int = Field(foreign_key="leak_case.id", index=True)
    to_id: int = Field(foreign_key="leak_case.id", index=True)
    at: datetime = Field(sa_type=Time)
    who: str
    note: str = ""
    moved: dict[str, Any] = Field(default={}, sa_type=JSON)
    undone_at: datetime | None = Field(default=None, sa_type=Time)


class LetterRow(Row, table=True):
    """The text of a letter as the owner changed it, instead of the one that comes with the program."""

    __tablename__ = "letter"
    kind: str = Field(primary_key=True)
    language: str = Field(primary_key=True)
    text: str
    changed_at: datetime = Field(sa_type=Time)
    changed_by: str
