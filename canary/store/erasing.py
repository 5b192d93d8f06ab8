"""Erasing a person from the store: every table is gone through in short steps, and a step is one transaction.

What a column holds decides what becomes of it, not what it is called: all texts and all JSON are read, so that no
table is forgotten. Counts, verdicts, digests and proofs stay. Begun again, it goes on with what is left.
"""

import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import JSON, Column, RowMapping, String, Table, delete, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from canary.model.data_subject import DataSubject
from canary.store.database import Database
from canary.store.locks import Lock, lock
from canary.store.log_key import forget_openings
from canary.store.tables import CampaignMailRow, CampaignRow, HitRow, MailContentRow, MailRow, OutboxRow
from canary.store.tables.base import metadata

STEP = 200
"""So many rows are read at a time, and changed in one transaction at the most."""

STAYING: Mapping[str, str] = {
    "user_account": "a user of this installation: canary user remove NAME",
    "token": "a token of a user: canary user remove NAME",
    "canary": "an address of yours",
    "vendor": "a vendor, as you named it",
    "former_slug": "a vendor, as you named it",
    "vendor_brand": "a name of a vendor: canary vendor set SLUG --drop-brand NAME",
    "vendor_domain": "a domain of a vendor",
    "supplier": "a supplier",
    "former_supplier": "a supplier, as it was called",
    "supplier_domain": "a domain of a supplier",
    "entered": "what an administrator entered in the browser: Setup",
    "lease": "a running process",
    "node_role": "a running process",
    "key_fingerprint": "a key",
}
"""Tables in which a person is counted and not replaced, and what such a row is: it is not there because somebody wrote."""

_LOGGED = {"case_event": "event", "case_statement": "statement", "vendor_event": "answer"}
"""Tables whose rows are in the log, and what their entries are called there: nobody can open these any more."""

_MAIL, _CONTENT, _CAMPAIGN, _SHOWN, _OUTBOX, _HIT = (
    metadata.tables[str(row.__tablename__)]
    for row in (MailRow, MailContentRow, CampaignRow, CampaignMailRow, OutboxRow, HitRow)
)
_OTHERS = [table for table in metadata.sorted_tables if table not in (_MAIL, _CONTENT)]
ROLES = ("sender", "recipient", "header", "text", "octets")
"""How a mail may concern a person: it wrote it, it was written to, or it is mentioned; the first that holds counts."""


@dataclass(slots=True)
class Traces:
    """What mentions a person: mails by role, and rows by table; those of `staying` tables are not replaced."""

    mails: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    staying: Counter[str] = field(default_factory=Counter)

    @property
    def tables(self) -> set[str]:
        """The tables in which anything is, or was, replaced."""
        return set(self.rows) | ({"mail", "mail_content", "campaign", "campaign_mail"} if self.mails else set())


def find_traces(store: Database, who: DataSubject) -> Traces:
    """Return what the store has of a person; nothing is changed."""
    return _go_through(store, who, None)


def erase_traces(store: Database, who: DataSubject, after_step: Callable[[], object] = lambda: None) -> Traces:
    """Replace a person in the whole store; return what was. `after_step` is called after each transaction."""
    return _go_through(store, who, after_step)


def _go_through(store: Database, who: DataSubject, after_step: Callable[[], object] | None) -> Traces:
    # Mails come last: what they say leads to the words that are repeated elsewhere, also when this was stopped half-way.
    traces, search = Traces(), _Search(who, _own_subjects(store, who))
    for table in filter(_may_name_somebody, _OTHERS):
        for batch in _batches(store, table):
            changing = [row for row in batch if search.changes(table, row)]
            (traces.staying if table.name in STAYING else traces.rows)[table.name] += len(changing)
            if changing and after_step and table.name not in STAYING:
                _replace(store, table, changing, search)
                after_step()
    for batch in _batches(store, _MAIL):
        concerned = {
            row["id"]: role for row in batch if (role := _role(row, who) or _in_content(store, row["id"], who))
        }
        traces.mails.update(concerned.values())
        if concerned and after_step:
            with store.writing() as session:
                lock(session, Lock.CASES)
                for number, role in concerned.items():
                    _redact_mail(session, number, role, search)
            after_step()
    return Traces(+traces.mails, +traces.rows, +traces.staying)


def _own_subjects(store: Database, who: DataSubject) -> frozenset[str]:
    """Return the subjects of the mails that a person wrote, as others repeat them."""
    batches = _batches(store, _MAIL)
    written = (row["subject"] for batch in batches for row in batch if _role(row, who) == ROLES[0])
    return frozenset(form for subject in written if subject != who.mark for form in (subject, subject[:300]) if form)


@dataclass(frozen=True, slots=True)
class _Search:
    """What is replaced: the person anywhere, and the subjects of mails that the person wrote where subjects are repeated."""

    who: DataSubject
    subjects: frozenset[str]

    def changes(self, table: Table, row: RowMapping) -> dict[str, Any]:
        """Return the columns of a row that mention the person, as they are without."""
        return {name: new for name, new in self.replaced(table, row).items() if new != row[name]}

    def replaced(self, table: Table, row: RowMapping) -> dict[str, Any]:
        """Return all columns of a row that hold words, without the person."""
        values = ((column.name, row[column.name]) for column in table.columns if _has_words(column))
        new = {name: self.who.replace_in_json(value) for name, value in values if value}
        if table is _CAMPAIGN and row["subject"] in self.subjects:
            new["subject"] = self.who.mark
        if table is _OUTBOX and row["fact"].get("subject") in self.subjects:
            new["fact"] = {**new["fact"], "subject": self.who.mark}
        return new


def _batches(store: Database, table: Table) -> Iterator[Sequence[RowMapping]]:
    """Read a table in the order of its key; nothing is open while a batch is looked at."""
    key = list(table.primary_key)
    query, last = select(table).order_by(*key).limit(STEP), None
    while True:
        with store.reading() as session:
            following = query if last is None else query.where(tuple_(*key) > tuple_(*last))
            batch = session.execute(following).mappings().all()
        if not batch:
            return
        yield batch
        last = [batch[-1][column.name] for column in key]


def _role(row: RowMapping, who: DataSubject) -> str:
    if not who.may_be_in(json.dumps([row[name] for name in _WORDS], ensure_ascii=False)):
        return ""
    envelope, headers = row["envelope"] or {}, (row["parts"] or {}).get("headers", ())
    named = {name: [value for at, value in headers if at.lower() in name] for name in (_FROM, _TO)}
    back = str(envelope.get("mail_from", ""))
    # A return path that has the person's address within it names the recipient (VERP).
    wrote, within = ([back], []) if who.replace_in(back).startswith(who.mark) else ([], [back])
    held = (
        [row["sender"], row["sender_name"], *wrote, *named[_FROM]],
        [*map(str, envelope.get("rcpt_to", ())), *within, *named[_TO]],
        [row["subject"], row["message_id"], *(value for _, value in headers)],
        [row["text"], *_strings([row["parts"], row["identity"], row["proofs"], row["envelope"], row["answers"]])],
    )
    return next((role for role, words in zip(ROLES, held, strict=False) if any(map(who.is_in, words))), "")


_WORDS = [column.name for column in _MAIL.columns if column.name not in ("id", "received_at", "campaign_id")]
_FROM = frozenset({"from", "sender", "reply-to"})
_TO = frozenset({"to", "cc", "bcc", "delivered-to", "x-original-to"})


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (each for name, inner in value.items() for each in (str(name), *_strings(inner)))
    elif isinstance(value, list):
        yield from (each for inner in value for each in _strings(inner))


def _in_content(store: Database, number: int, who: DataSubject) -> str:
    with store.reading() as session:
        content = session.execute(select(_CONTENT.c.content).where(_CONTENT.c.mail_id == number)).scalar()
    return "octets" if content and who.is_in_octets(zlib.decompress(content)) else ""


def _redact_mail(session: Session, number: int, role: str, search: _Search) -> None:
    """Delete the octets of a mail and replace the person in the rest; one that the person wrote or got has no text left."""
    who, own = search.who, role == "sender"
    row = session.execute(select(_MAIL).where(_MAIL.c.id == number).with_for_update()).mappings().one_or_none()
    if row is None:
        return
    values, parts = search.replaced(_MAIL, row), row["parts"] or {}
    headers = [[name, who.replace_in_header(name, value, own=own)] for name, value in parts.get("headers", ())]
    values["parts"] = {**who.replace_in_json(parts), "headers": headers}
    if role in ROLES[:2]:
        values["text"] = ""
    if own:
        values |= {"subject": who.mark, "sender_name": who.mark}
        session.execute(update(_SHOWN).where(_SHOWN.c.mail_id == number).values(features=[], links=[]))
    session.execute(update(_MAIL).where(_MAIL.c.id == number).values(values))
    session.execute(delete(_CONTENT).where(_CONTENT.c.mail_id == number))
    hits = session.execute(select(_HIT.c.id).where(_HIT.c.mail_id == number)).scalars()
    forget_openings(session, "mail", [number])
    forget_openings(session, "verdict", list(hits))


def _replace(store: Database, table: Table, rows: Sequence[RowMapping], search: _Search) -> None:
    with store.writing() as session:
        lock(session, Lock.CASES)
        for row in rows:
            same = [column == row[column.name] for column in table.primary_key]
            now = session.execute(select(table).where(*same).with_for_update()).mappings().one_or_none()
            if now is None or not (values := search.changes(table, now)):
                continue
            try:
                with session.begin_nested():
                    session.execute(update(table).where(*same).values(values))
                    if table.name in _LOGGED:
                        forget_openings(session, _LOGGED[table.name], [now["id"]])
            except IntegrityError:  # the same row under another spelling was replaced before
                session.execute(delete(table).where(*same))


def _may_name_somebody(table: Table) -> bool:
    return any(map(_has_words, table.columns))


def _has_words(column: Column[Any]) -> bool:
    kind = getattr(column.type, "impl", column.type)
    return isinstance(kind, String | JSON) and not column.foreign_keys
