"""Letters about a case: the owner's text if there is one, else the shipped one, filled with what is known."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from canary.cases import statements, workflow
from canary.cases.claims import Evidence
from canary.cases.conclusions import calls_for_action, conclusion_of
from canary.cases.letter_text import (
    KINDS,
    LANGUAGES,
    CitedMail,
    GivenAddress,
    LetterDraft,
    LetterFacts,
    OwnText,
    one_line,
)
from canary.cases.pack_record import newest_pack
from canary.judge.guess import odds
from canary.model.case import CaseState, Suspect, SuspectKind, percent
from canary.model.decision import Decision
from canary.model.proof import Result
from canary.package_data import config_folder
from canary.store.codec import envelope_of, proofs_of, suspects_of
from canary.store.queries import audit
from canary.store.queries.vendors import Unknown, supplier_names, supplier_row
from canary.store.tables import (
    CanaryRow,
    CaseRow,
    CaseVendorRow,
    HitRow,
    LetterRow,
    MailRow,
    SupplierLinkRow,
    VendorRow,
)

_CITED = 5
_GIVEN = 100
_HYPOTHESES = 4


def draft_letter(session: Session, number: int, to: str, language: str, now: datetime) -> LetterDraft:
    """Return what the letter of a case to `vendor:SLUG` or `supplier:SLUG` is written of, when no session is open.

    Raises Unknown for a party that it does not concern, and ValueError for a case in which no leak is likelier than one,
    unless a person confirmed it: nobody is asked to answer for what probably is no leak.
    """
    case = workflow.get_case(session, number)
    check_calls_for_action(case, "letter to write")
    kind, _, slug = to.partition(":")
    template = text_of(session, kind, language)
    return LetterDraft(template, _facts(session, case, kind, slug, now, leads=conclusion_of(case).leads))


def check_calls_for_action(case: CaseRow, what: str) -> None:
    """Raise ValueError where nobody is to be asked about a case: there is no such thing as `what` then."""
    if not calls_for_action(case):
        raise ValueError(
            f"case {case.id}: there is no {what}: {conclusion_of(case).headline} There is one as soon as a leak is likelier"
            f" than none, or once you set the case to {CaseState.CONFIRMED}"
        )


def vendor_facts(session: Session, number: int, slug: str, now: datetime) -> LetterFacts:
    """Return what a letter to a vendor of a case would use; raises Unknown where nothing in it concerns that vendor."""
    case = workflow.get_case(session, number)
    return _facts(session, case, "vendor", slug, now, leads=conclusion_of(case).leads)


def addressees(session: Session, number: int) -> tuple[tuple[str, str], ...]:
    """Return the parties that can be written to about a case, with their names: its vendors, then suspected suppliers."""
    case = workflow.get_case(session, number)
    vendors = session.exec(
        select(VendorRow.slug, VendorRow.name).join(CaseVendorRow).where(CaseVendorRow.case_id == number)
        .order_by(VendorRow.name).limit(50)
    )  # fmt: skip
    found = [(f"vendor:{slug}", name) for slug, name in vendors]
    return (*found, *((f"supplier:{slug}", name) for slug, name in suspected(session, case)))


def suspected(session: Session, case: CaseRow) -> list[tuple[str, str]]:
    """Return the suppliers that are suspected of a case, by slug and name, the likeliest first."""
    slugs = [
        s.id.partition("/")[0]
        for s in suspects_of(case.suspects)
        if s.kind in (SuspectKind.SUPPLIER, SuspectKind.ACCOUNT) and s.p >= 0.05
    ]
    names = supplier_names(session) if slugs else {}
    return [(slug, names[slug]) for slug in dict.fromkeys(slugs) if slug in names]


def text_of(session: Session, kind: str, language: str) -> str:
    """Return the text of a letter: the owner's, else the shipped one; raises Unknown where there is none."""
    _check_names(kind, language)
    row = session.get(LetterRow, (kind, language))
    return row.text if row else shipped(kind, language)


def shipped(kind: str, language: str) -> str:
    """Return the text of a letter that comes with the program."""
    _check_names(kind, language)
    return (config_folder() / "letters" / language / f"{kind}.txt").read_text(encoding="utf-8")


def change(session: Session, kind: str, language: str, own: OwnText, word: Decision) -> None:
    """Store the owner's text of a letter, or return to the shipped one where there is none."""
    _check_names(kind, language)
    row = session.get(LetterRow, (kind, language))
    if own.text:
        row = row or LetterRow(kind=kind, language=language, text=own.text, changed_at=word.at, changed_by=word.who)
        row.text, row.changed_at, row.changed_by = own.text, word.at, word.who
        session.add(row)
    elif row is not None:
        session.delete(row)
    audit.audit(session, word.at, word.who, "letter", f"{kind} {language}", "changed" if own.text else "as shipped")


def changed(session: Session) -> dict[tuple[str, str], LetterRow]:
    """Return the letters whose text the owner has changed."""
    return {(row.kind, row.language): row for row in session.exec(select(LetterRow))}


def _check_names(kind: str, language: str) -> None:
    if kind not in KINDS:
        raise Unknown(f"letter {kind!r} is not known: write to one of {', '.join(KINDS)}")
    if language not in LANGUAGES:
        raise Unknown(f"language {language!r} is not known: choose one of {', '.join(LANGUAGES)}")


def _facts(session: Session, case: CaseRow, kind: str, slug: str, now: datetime, *, leads: bool) -> LetterFacts:
    name, vendors = {"vendor": _vendor, "supplier": _clients}[kind](session, case, slug)
    evidence = statements.evidence_of(session, case)
    given = _given(session, vendors, evidence)
    if not given:
        raise Unknown(f"case {case.id}: nothing in it concerns {kind} {slug!r}; see `canary case show {case.id}`")
    mails, others = _mails(session, case, vendors), _members(session, case) - vendors
    said = _leaked_fields(evidence, mails)
    after, before = max(g.since for g in given), min(g.first for g in given)
    bounded = after < before and leads
    return LetterFacts(
        name, case.id or 0, now, given, _cited_mails(session, case, vendors), len(mails), len(others),
        after if bounded else None, before if bounded else None, list(said), len(set().union(*said.values())),
        _guess(evidence, {g.address for g in given}), _hypotheses(evidence.suspects, kind) if leads else (),
        newest_pack(session, case.id or 0),
    )  # fmt: skip


def _leaked_fields(evidence: Evidence, mails: set[int]) -> dict[str, set[int]]:
    """Return the leaked fields, each with the given mails that repeat it: a letter mentions no other mail."""
    found = {field.name: mails.intersection(field.mails) for field in evidence.fields if field.leaked}
    return {field: its for field, its in found.items() if its}


def _vendor(session: Session, case: CaseRow, slug: str) -> tuple[str, set[int]]:
    row = session.exec(select(VendorRow).where(VendorRow.slug == slug)).first()
    if row is None:
        raise Unknown(f"vendor {slug!r} is not known: see `canary vendor list`")
    return row.name, _members(session, case) & {row.id or 0}


def _clients(session: Session, case: CaseRow, slug: str) -> tuple[str, set[int]]:
    row = supplier_row(session, slug)
    told = session.exec(select(SupplierLinkRow.vendor_id).where(SupplierLinkRow.supplier_id == row.id))
    return row.name, _members(session, case) & set(told)


def _members(session: Session, case: CaseRow) -> set[int]:
    return set(session.exec(select(CaseVendorRow.vendor_id).where(CaseVendorRow.case_id == case.id)))


def _given(session: Session, vendors: set[int], evidence: Evidence) -> list[GivenAddress]:
    hit = {struck.address: struck.at for struck in evidence.struck}
    query = select(CanaryRow).where(col(CanaryRow.vendor_id).in_(vendors), col(CanaryRow.address).in_(hit))
    rows = session.exec(query.order_by(col(CanaryRow.issued_at), col(CanaryRow.id)).limit(_GIVEN)).all()
    return [GivenAddress(row.address, row.channel, row.issued_at, hit[row.address], row.undated) for row in rows]


def _of(case: CaseRow, vendors: set[int]) -> tuple[Any, Any, Any]:
    theirs = col(CanaryRow.vendor_id).in_(vendors)
    return HitRow.case_id == case.id, theirs, col(HitRow.verdict).in_(statements.LEAKED)


def _mails(session: Session, case: CaseRow, vendors: set[int]) -> set[int]:
    query = select(HitRow.mail_id).join(CanaryRow).where(*_of(case, vendors)).distinct()
    return {number for number in session.exec(query) if number is not None}


def _cited_mails(session: Session, case: CaseRow, vendors: set[int]) -> list[CitedMail]:
    query = select(MailRow, CanaryRow.address).join_from(HitRow, MailRow).join(CanaryRow).where(*_of(case, vendors))
    return [_cited(mail, to) for mail, to in session.exec(query.order_by(col(HitRow.at), col(HitRow.id)).limit(_CITED))]


def _cited(mail: MailRow, to: str) -> CitedMail:
    proofs, envelope = proofs_of(mail.proofs), envelope_of(mail.envelope, mail.received_at)
    dkim = proofs.dkim[0].result if proofs.dkim else Result.NONE
    sender = f"{mail.sender_name} <{mail.sender}>" if mail.sender_name else mail.sender
    return CitedMail(
        mail.received_at, to, one_line(sender), one_line(mail.subject), one_line(mail.message_id),
        one_line(envelope.mail_from), one_line(envelope.client.ip), proofs.spf.result.value, dkim.value,
        proofs.dmarc.result.value,
    )  # fmt: skip


def _guess(evidence: Evidence, addresses: set[str]) -> str:
    struck = [each for each in evidence.struck if each.address in addresses]
    return odds(max(s.chance.p for s in struck)) if struck and all(s.chance.hard for s in struck) else ""


def _hypotheses(suspects: Sequence[Suspect], kind: str) -> list[tuple[str, str]]:
    # A letter to a supplier names no suspected client of it, and one to a vendor no other vendor.
    told = (SuspectKind.SUPPLIER, SuspectKind.ACCOUNT, SuspectKind.OWNER, SuspectKind.NOBODY)
    kept = [s for s in suspects if s.kind in told or (kind == "vendor" and s.kind is SuspectKind.VENDOR)]
    return [(s.name, percent(s.p)) for s in kept[:_HYPOTHESES] if s.p >= 0.01]
