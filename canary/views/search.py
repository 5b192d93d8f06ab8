"""Search over everything: vendors, suppliers, addresses, senders and mails with some words, the newest first.

SQLite keeps full-text tables by triggers, PostgreSQL indexes of words; the migration makes both. All words must be
found. On SQLite the text of a mail is searched for whole words, everything else for their beginnings of up to eight
letters: each such length has an index, so that no beginning is too common to search for. A longer word is searched for
as it is, and by its first eight letters only if that finds nothing.
"""

import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, col

from canary.model.case import CaseState
from canary.store.tables import CanaryRow, CaseRow, CaseVendorRow, HitRow, MailRow, SenderRow, SupplierRow, VendorRow
from canary.views.models import CanaryLine, CaseLine
from canary.views.view_queries import PAGE, canary_query, case_lines, choose, read_canaries

GROUP = 10
"""How many vendors, suppliers, addresses and senders are shown at most."""

MOST_WORDS, LONGEST, BEGINNING = 8, 64, 8
_TOP = 2**62


@dataclass(frozen=True, slots=True)
class Name:
    """A vendor or supplier that was found."""

    slug: str
    name: str


@dataclass(frozen=True, slots=True)
class FoundSender:
    """A sender of a vendor, decided or not."""

    key: str
    state: str
    vendor: str
    slug: str


@dataclass(frozen=True, slots=True)
class FoundMail:
    """A mail that was found; sender and subject are as hostile as the mail. One that reached no canary has no verdicts."""

    mail: int
    at: datetime
    subject: str
    sender: str
    proven: str
    verdicts: tuple[str, ...]
    vendors: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class SearchPage:
    """What was found, by kind; `older` is the key of the next page of mails."""

    words: tuple[str, ...]
    vendors: tuple[Name, ...] = ()
    suppliers: tuple[Name, ...] = ()
    cases: tuple[CaseLine, ...] = ()
    canaries: tuple[CanaryLine, ...] = ()
    senders: tuple[FoundSender, ...] = ()
    mails: tuple[FoundMail, ...] = ()
    older: int | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing was found."""
        return not (self.vendors or self.suppliers or self.cases or self.canaries or self.senders or self.mails)


def search(session: Session, said: str, before: int | None = None) -> SearchPage:
    """Find everything with all of some words; later pages, before a key, hold mails only."""
    # PostgreSQL keeps the marks of letters.
    words = words_of(said, marks=session.get_bind().dialect.name == "postgresql")
    if not words:
        return SearchPage(words)
    found = _mails(session, words, before or _TOP)
    older = found[PAGE - 1] if len(found) > PAGE else None
    mails = _mail_lines(session, found[:PAGE])
    if before is not None:
        return SearchPage(words, mails=mails, older=older)
    vendors = _names(session, VendorRow, "words_vendor", words)
    return SearchPage(
        words, vendors, _names(session, SupplierRow, "words_supplier", words), _cases(session, words, vendors),
        _canaries(session, words), _senders(session, words), mails, older,
    )  # fmt: skip


def _cases(session: Session, words: Sequence[str], vendors: Sequence[Name]) -> tuple[CaseLine, ...]:
    """Return the case whose number was asked for, as `7` or `case 7`, else the newest cases of the vendors found."""
    number = words[-1] if words[:-1] in ((), ("case",)) else ""
    if number.isascii() and number.isdigit() and len(number) < 10:
        chosen = col(CaseRow.id) == int(number)
    else:
        slugs = [vendor.slug for vendor in vendors]
        member = choose(CaseVendorRow.case_id).join(VendorRow).where(col(VendorRow.slug).in_(slugs))
        chosen = col(CaseRow.id).in_(member)
    query = choose(CaseRow).where(chosen, col(CaseRow.state) != CaseState.WATCHED).order_by(col(CaseRow.id).desc())
    return case_lines(session, query.limit(GROUP))


def words_of(said: str, *, marks: bool = False) -> tuple[str, ...]:
    """Split a query into words as the indexes have them: letters and digits, with or without diacritics."""
    plain = unicodedata.normalize("NFC" if marks else "NFKD", said[: MOST_WORDS * LONGEST]).lower()
    kept = "".join(c for c in plain if not unicodedata.combining(c))
    runs = groupby(kept, key=lambda c: unicodedata.category(c)[0] in "LN")
    found = ("".join(run)[:LONGEST] for is_word, run in runs if is_word)
    return tuple(dict.fromkeys(found))[:MOST_WORDS]


def mails_with(session: Session, said: str, most: int) -> list[int]:
    """Return the newest mails that have all words of a text in their sender, subject or proven domain, or further on."""
    postgresql = session.get_bind().dialect.name == "postgresql"
    words = words_of(said, marks=postgresql)
    return _numbers(session, "words_mail" if postgresql else "words_head", words, most) if words else []


def _mails(session: Session, words: Sequence[str], before: int) -> list[int]:
    bounds = {"before": before, "most": PAGE + 1}
    if session.get_bind().dialect.name == "postgresql":
        return _postgresql(session, "words_mail", words, bounds)
    whole = _sqlite(session, "words_mail", [f'"{word}"' for word in words], bounds)
    found = {*whole, *_sqlite(session, "words_head", _beginnings(words), bounds)}
    found = found or {*_sqlite(session, "words_head", _beginnings(words, loose=True), bounds)}
    return sorted(found, reverse=True)[: PAGE + 1]


def _numbers(session: Session, index: str, words: Sequence[str], most: int = GROUP) -> list[int]:
    """Return the newest rows that have all words; of canaries, whose numbers are random, any of them."""
    bounds = {"before": _TOP, "most": most}
    if session.get_bind().dialect.name == "postgresql":
        return _postgresql(session, index, words, bounds)
    found = _sqlite(session, index, _beginnings(words), bounds)
    return found or _sqlite(session, index, _beginnings(words, loose=True), bounds)


def _beginnings(words: Sequence[str], *, loose: bool = False) -> list[str]:
    # In quotes a word has no special meaning, not even NEAR, OR and NOT.
    shown = (word[:BEGINNING] if loose else word for word in words)
    return [f'"{word}"*' if 1 < len(word) <= BEGINNING else f'"{word}"' for word in shown]


def _sqlite(session: Session, index: str, quoted: Sequence[str], bounds: dict[str, int]) -> list[int]:
    said = " ".join(quoted)
    try:
        return list(session.execute(_MATCH[index], {"said": said, **bounds}).scalars())
    except DBAPIError as fault:
        if "fts5" not in str(fault.orig):
            raise
        return []  # letters newer than the tables of SQLite are no letters there


def _postgresql(session: Session, index: str, words: Sequence[str], bounds: dict[str, int]) -> list[int]:
    said = " & ".join(f"'{word}':*" if len(word) > 1 else f"'{word}'" for word in words)
    return list(session.execute(_QUERY[index], {"said": said, **bounds}).scalars())


def _names(session: Session, row: Any, index: str, words: Sequence[str]) -> tuple[Name, ...]:
    found = _numbers(session, index, words)
    query = choose(row.slug, row.name).where(col(row.id).in_(found)).order_by(col(row.name))
    return tuple(Name(slug, name) for slug, name in session.execute(query))


def _canaries(session: Session, words: Sequence[str]) -> tuple[CanaryLine, ...]:
    # Some of those that are found may be decoys, which are skipped.
    found = _numbers(session, "words_canary", words, most=5 * GROUP)
    return read_canaries(session, canary_query().where(col(CanaryRow.id).in_(found)), GROUP)


def _senders(session: Session, words: Sequence[str]) -> tuple[FoundSender, ...]:
    found = _numbers(session, "words_sender", words)
    query = choose(SenderRow.key, SenderRow.state, VendorRow.name, VendorRow.slug).join_from(SenderRow, VendorRow)
    query = query.where(col(SenderRow.id).in_(found)).order_by(col(SenderRow.key), col(VendorRow.slug))
    return tuple(FoundSender(*row) for row in session.execute(query))


def _mail_lines(session: Session, numbers: Collection[int]) -> tuple[FoundMail, ...]:
    row = MailRow
    query = choose(row.id, row.received_at, row.subject, row.sender, row.identity_domain).where(
        col(row.id).in_(numbers)
    )
    reached = choose(HitRow.mail_id, HitRow.verdict, VendorRow.slug, VendorRow.name).join_from(HitRow, CanaryRow)
    reached = reached.outerjoin(VendorRow).where(col(HitRow.mail_id).in_(numbers)).order_by(col(HitRow.id))
    verdicts: dict[int, dict[str, None]] = {}
    vendors: dict[int, dict[Name, None]] = {}
    for mail, verdict, slug, name in session.execute(reached):
        verdicts.setdefault(mail, {})[verdict] = None
        if slug and verdict != "guess":  # at a decoy, which belongs to no vendor
            vendors.setdefault(mail, {})[Name(slug, name)] = None
    return tuple(
        FoundMail(number, at, subject, sender, proven, tuple(verdicts.get(number, ())), tuple(vendors.get(number, ())))
        for number, at, subject, sender, proven in session.execute(query.order_by(col(row.id).desc()))
    )


_HEAD = "subject || ' ' || sender_name || ' ' || sender || ' ' || identity_domain"
_SAID = {
    "words_mail": ("mail", f"{_HEAD} || ' ' || substr(text, 1, 8192)"),
    "words_vendor": ("vendor", "name || ' ' || slug"),
    "words_supplier": ("supplier", "name || ' ' || slug"),
    "words_canary": ("canary", "address"),
    "words_sender": ("sender", "key"),
}
# The names are ours; what was typed is bound.
_MATCH = {
    name: text(f"SELECT rowid FROM {name} WHERE {name} MATCH :said AND rowid < :before ORDER BY rowid DESC LIMIT :most")  # noqa: S608
    for name in ("words_head", *_SAID)
}
_QUERY = {
    name: text(
        f"SELECT id FROM {table} WHERE to_tsvector('simple', translate({said}, '@.-_+/:', '       '))"  # noqa: S608
        " @@ to_tsquery('simple', :said) AND id < :before ORDER BY id DESC LIMIT :most"
    )
    for name, (table, said) in _SAID.items()
}
