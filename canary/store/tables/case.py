"""Cases: their vendors, their timeline, and what people recorded about them."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index
from sqlmodel import Field

from canary.store.tables.base import Row, Time

_PLAIN: dict[str, Any] = {"sqlite_with_rowid": False}


class CaseRow(Row, table=True):
    """A suspected leak; `vendor_id` is the vendor whose hit opened it, `opening_hit` that hit.

    `decision` is the number of the newest decision on cases when it was opened. Where mail reopened a settled case,
    `reopened` holds that number at the time, and the state and outcome before. `emptied` is the state of a case when
    mail judged again left it without a leak: it returns to that state if its first mail turns out to be a leak after all.

    `evidence` numbers what the hits of a case have been, `revised` is its number when they last changed otherwise than by
    further mail, `weighed` the number that the newest weighing took in; `due_at` is since when one is due, `leak` how
    likely it found a leak to be behind the hits, `told` whether people were told of it while it was watched. `touched`
    means that a person decided or recorded something about it, `quiet` that all of its mail came from archives, so that
    it alerts nobody.
    """

    __tablename__ = "leak_case"
    id: int | None = Field(default=None, primary_key=True)
    vendor_id: int = Field(foreign_key="vendor.id", index=True)
    state: str = Field(default="new", index=True)
    outcome: str = Field(default="")
    owner: str = Field(default="")
    aware_at: datetime | None = Field(default=None, sa_type=Time)
    merged_into: int | None = None
    opening_hit: int = Field(default=0)
    decision: int = Field(default=0)
    reopened: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    emptied: str = Field(default="")
    touched: bool = Field(default=False)
    told: bool = Field(default=False)
    quiet: bool = Field(default=False)
    evidence: int = Field(default=0)
    revised: int = Field(default=0)
    weighed: int = Field(default=0)
    due_at: datetime | None = Field(default=None, sa_type=Time, index=True)
    leak: float = Field(default=0.0)
    opened_at: datetime = Field(sa_type=Time)
    last_hit_at: datetime = Field(sa_type=Time, index=True)
    suspects: object = Field(default=[], sa_type=JSON)
    findings: object = Field(default={}, sa_type=JSON)


class CaseDecisionRow(Row, table=True):
    """A person's decision on a case or a campaign: hits that had their case by then keep it, whatever is learned later."""

    __tablename__ = "case_decision"
    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=Time)
    who: str


class CaseVendorRow(Row, table=True):
    """A vendor whose canaries were hit in a case; the newest open one takes the vendor's next leak hits."""

    __tablename__ = "case_vendor"
    case_id: int = Field(primary_key=True, foreign_key="leak_case.id")
    vendor_id: int = Field(primary_key=True, foreign_key="vendor.id", index=True)


class CaseEventRow(Row, table=True):
    """One line of a case's timeline: what happened, when, and by whom."""

    __tablename__ = "case_event"
    id: int | None = Field(default=None, primary_key=True)
    case_id: int = Field(foreign_key="leak_case.id", index=True)
    at: datetime = Field(sa_type=Time)
    kind: str
    who: str = "canary"
    text: str = ""


class StatementRow(Row, table=True):
    """What a party said about a case: who, when, in which claims; `noted_by` recorded it."""

    __tablename__ = "case_statement"
    id: int | None = Field(default=None, primary_key=True)
    case_id: int = Field(foreign_key="leak_case.id", index=True)
    at: datetime = Field(sa_type=Time)
    party: str
    claims: object = Field(default=[], sa_type=JSON)
    text: str = ""
    noted_at: datetime = Field(sa_type=Time)
    noted_by: str


class CaseLinkRow(Row, table=True):
    """A link by which a vendor reads its part of a case and answers; its token is computed and never stored."""

    __tablename__ = "case_link"
    id: int | None = Field(default=None, primary_key=True)
    case_id: int = Field(foreign_key="leak_case.id", index=True)
    vendor_id: int = Field(foreign_key="vendor.id", index=True)
    made_by: str
    at: datetime = Field(sa_type=Time)
    ends: datetime = Field(sa_type=Time)
    revoked_at: datetime | None = Field(default=None, sa_type=Time)
    opened_at: datetime | None = Field(default=None, sa_type=Time)
    answers: int = 0


class TaskRow(Row, table=True):
    """A task of a case's checklist that somebody ticked."""

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
    """The text of a letter as the owner changed it, instead of the shipped one."""

    __tablename__ = "letter"
    kind: str = Field(primary_key=True)
    language: str = Field(primary_key=True)
    text: str
    changed_at: datetime = Field(sa_type=Time)
    changed_by: str


class CaseNotificationRow(Row, table=True):
    """What alerts have said about a case, so that only changes are reported; `remind_at` ends with an acknowledgement."""

    __tablename__ = "case_notification"
    __table_args__ = (Index("ix_case_notification_remind_at", "remind_at"),)
    case_id: int = Field(primary_key=True, foreign_key="leak_case.id")
    topic: str
    told: dict[str, Any] = Field(default={}, sa_type=JSON)
    remind_at: datetime | None = Field(default=None, sa_type=Time)
    reminders: int = 0
    acknowledged_at: datetime | None = Field(default=None, sa_type=Time)
    acknowledged_by: str = ""
    resolved_at: datetime | None = Field(default=None, sa_type=Time, index=True)


class SuspectHistoryRow(Row, table=True):
    """How probable a suspect of a case was when the case was weighed as of a time."""

    __tablename__ = "suspect_history"
    __table_args__ = (Index("ix_suspect_history_suspect", "kind", "suspect", "at"), _PLAIN)
    case_id: int = Field(primary_key=True, foreign_key="leak_case.id")
    at: datetime = Field(primary_key=True, sa_type=Time)
    kind: str = Field(primary_key=True)
    suspect: str = Field(primary_key=True)
    p: float
