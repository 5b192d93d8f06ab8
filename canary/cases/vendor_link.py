"""Links by which a vendor reads what concerns it in a case, and answers: signed, expiring, revocable and recorded.

A link shows the vendor's own addresses and the mail to them; nobody else's addresses, and no other vendor.
"""

import hmac
import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from canary.cases import letters, records, statements, workflow
from canary.cases.letter_text import CitedMail, LetterFacts
from canary.cases.pack_privacy import OtherAddresses
from canary.model.claim import PartyStatement
from canary.model.decision import Decision
from canary.store.log_key import LogKeyError, log_key_of
from canary.store.queries.audit import audit
from canary.store.queries.vendors import Unknown
from canary.store.tables import CaseLinkRow, VendorRow

DAYS, MOST_DAYS = 30, 180
ANSWERS, LONGEST = 5, 4000
"""So many answers may be given by one link, and an answer has so many characters at the most."""

_MOST = 20
_TOKEN = re.compile(r"([1-9][0-9]{0,8})\.([0-9a-f]{32})")
_NOT_SHOWN = "(not shown: it names another address)"
_AGAIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class OpenLink:
    """What a link shows: facts about the vendor's part of a case, and how many answers may still be given."""

    id: int
    case: int
    ends: datetime
    left: int
    facts: LetterFacts


def make_link(session: Session, number: int, slug: str, days: int, word: Decision) -> tuple[CaseLinkRow, str]:
    """Make a link for a vendor of a case; return it with its token. Raises ValueError, Unknown and LogKeyError."""
    case = workflow.get_active_case(session, number)
    letters.check_calls_for_action(case, "link to make")
    if not 1 <= days <= MOST_DAYS:
        raise ValueError(f"case {number}: {days} days: a link is open for 1 to {MOST_DAYS} days")
    if len(usable_links(session, number, word.at)) >= _MOST:
        raise ValueError(f"case {number}: {_MOST} links are open; revoke one of them first")
    facts = letters.vendor_facts(session, number, slug, word.at)
    vendor = session.exec(select(VendorRow).where(VendorRow.slug == slug)).one()
    ends = word.at.replace(microsecond=0) + timedelta(days=days)
    row = CaseLinkRow(case_id=number, vendor_id=vendor.id or 0, made_by=word.who, at=word.at, ends=ends)
    session.add(row)
    session.flush()
    token = _token(session, row)
    records.add_decision(
        session, case, "link", f"Link {row.id} made for {facts.to}, open until {ends:%d %b %Y %H:%M} UTC.", word
    )
    return row, token


def revoke_link(session: Session, number: int, link: int, word: Decision) -> str:
    """Revoke a link of a case, and return that in words; raises Unknown where there is none that is open."""
    row = session.get(CaseLinkRow, link)
    if row is None or row.case_id != number or row.revoked_at is not None:
        raise Unknown(f"case {number}: it has no open link {link}; see the page of the case")
    row.revoked_at = word.at
    session.add(row)
    records.add_decision(session, workflow.get_case(session, number), "link", f"Link {link} revoked.", word)
    return f"link {link} revoked"


def usable_links(session: Session, number: int, now: datetime) -> tuple[tuple[CaseLinkRow, str], ...]:
    """Return the links of a case that are open, each with the name of its vendor."""
    query = select(CaseLinkRow, VendorRow.name).join(VendorRow).where(CaseLinkRow.case_id == number)
    usable = query.where(col(CaseLinkRow.revoked_at).is_(None), col(CaseLinkRow.ends) > now)
    return tuple(session.exec(usable.order_by(col(CaseLinkRow.id)).limit(_MOST)))


def open_link(session: Session, token: str, now: datetime) -> OpenLink | None:
    """Return what a token shows, None if it is wrong, expired or revoked."""
    if (row := _find(session, token, now)) is None:
        return None
    try:
        facts = _facts(session, row, now)
    except (Unknown, ValueError):
        return None  # the case has become part of another, is likely no leak, or has nothing about the vendor any more
    return OpenLink(row.id or 0, row.case_id, row.ends, ANSWERS - row.answers, facts)


def note_opened(session: Session, link: int, now: datetime) -> None:
    """Write into the audit log that a link was opened, once a day."""
    row = session.get_one(CaseLinkRow, link)
    if row.opened_at is None or now - row.opened_at >= _AGAIN:
        row.opened_at = now
        session.add(row)
        text = "The link of a vendor was opened."
        audit(session, now, f"link {link}", "case-link-opened", f"case {row.case_id}", text)


def answer_by_link(session: Session, found: OpenLink, text: str, now: datetime) -> None:
    """Record an answer as a statement of the vendor; raises ValueError for an empty, overlong or surplus one."""
    if len(text.strip()) > LONGEST:
        raise ValueError(f"The answer is longer than {LONGEST} characters; shorten it, or say where the rest is.")
    if not text.strip():
        raise ValueError("The answer is empty; write what you have to say.")
    if found.left <= 0:
        raise ValueError(f"{ANSWERS} answers were given by this link; ask those who sent it for another one.")
    row = session.get_one(CaseLinkRow, found.id)
    row.answers += 1
    session.add(row)
    said = PartyStatement(found.facts.to, now, (), text)
    statements.add_statement(session, found.case, said, Decision(f"link {found.id}", now))


def _find(session: Session, token: str, now: datetime) -> CaseLinkRow | None:
    read = _TOKEN.fullmatch(token)
    row = session.get(CaseLinkRow, int(read[1])) if read else None
    if row is None or row.revoked_at is not None or row.ends <= now:
        return None
    return row if hmac.compare_digest(_token(session, row), token) else None


def _token(session: Session, row: CaseLinkRow) -> str:
    if (key := log_key_of(session)) is None:
        raise LogKeyError(f"case {row.case_id}: links are signed with the key of the log, and there is none here yet")
    signed = f"vendor link {row.id} {row.case_id} {row.vendor_id} {int(row.ends.timestamp())}"
    return f"{row.id}.{key.alias(signed)}"


def _facts(session: Session, row: CaseLinkRow, now: datetime) -> LetterFacts:
    letters.check_calls_for_action(workflow.get_active_case(session, row.case_id), "link to read")
    vendor = session.get_one(VendorRow, row.vendor_id)
    facts = letters.vendor_facts(session, row.case_id, vendor.slug, now)
    guard = OtherAddresses(session, frozenset(given.address.lower() for given in facts.given))
    return replace(facts, seen=[_guarded(mail, guard) for mail in facts.seen], others=0, hypotheses=())


def _guarded(mail: CitedMail, guard: OtherAddresses) -> CitedMail:
    def shown(text: str) -> str:
        return _NOT_SHOWN if guard.shown(text) is None else text

    return replace(
        mail, sender=shown(mail.sender), subject=shown(mail.subject), message_id=shown(mail.message_id),
        envelope_sender=shown(mail.envelope_sender),
    )  # fmt: skip
