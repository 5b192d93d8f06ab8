"""The mails of a case as a pack has them: octets, envelope, proofs, DNS answers and verdicts, with their entries of the log."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, func, select

from canary.cases.pack_privacy import OtherAddresses
from canary.evidence.entries import EntryKind, HitEntry, MailEntry, codes_of, hit_field, recipient_field, verdict_entry
from canary.evidence.log_reading import LogProver
from canary.store.codec import reasons_of
from canary.store.queries import mails
from canary.store.tables import CanaryRow, HitRow, MailRow

MOST_MAILS, MOST_OCTETS = 1000, 200 * 1024 * 1024
"""So many mails are in a pack at the most, the earliest; octets are in it as far as all of them are no longer than this."""

NOT_KEPT = "it is no longer kept"
NAMES_OTHERS = "it names an address that is not in question"
TOO_MUCH = "there is no room for it"

Document = dict[str, Any]


@dataclass(slots=True)
class PackedMails:
    """The mails of a case: their documents, the octets by the names of their files, and how many did not fit."""

    documents: list[Document]
    files: dict[str, bytes]
    left_out: int


def pack_mails(session: Session, case: int, log: LogProver, guard: OtherAddresses) -> PackedMails:
    """Return the mails of a case, the earliest first."""
    of_case = select(HitRow.mail_id).where(HitRow.case_id == case, col(HitRow.mail_id).is_not(None)).distinct()
    total = session.exec(select(func.count()).select_from(of_case.subquery())).one()
    rows = session.exec(
        select(MailRow)
        .where(col(MailRow.id).in_(of_case))
        .order_by(col(MailRow.received_at), col(MailRow.id))
        .limit(MOST_MAILS)
    ).all()
    made = PackedMails([], {}, total - len(rows))
    room = MOST_OCTETS
    for number, row in enumerate(rows, 1):
        packer = _MailPacker(session, case, log, guard, row)
        name = f"{number:04}"
        octets, withheld = packer.octets(room)
        if octets is not None:
            room -= len(octets)
            made.files[f"mails/{name}.eml"] = octets
        file = f"mails/{name}.eml" if octets is not None else ""
        made.documents.append({"name": name, "file": file, "withheld": withheld, **packer.document()})
    return made


@dataclass(frozen=True, slots=True)
class _MailPacker:
    """One mail on its way into a pack."""

    session: Session
    case: int
    log: LogProver
    guard: OtherAddresses
    row: MailRow

    @property
    def _number(self) -> int:
        return self.row.id or 0

    def octets(self, room: int) -> tuple[bytes | None, str]:
        """Return a mail as it came, or why it is not shown."""
        found = mails.octets(self.session, self._number)
        if found is None:
            return None, NOT_KEPT
        if len(found) > room:
            return None, TOO_MUCH
        if self.guard.mail_names_others(found, mails.parsed(self.session, self._number)):
            return None, NAMES_OTHERS
        return found, ""

    def document(self) -> Document:
        """Return what is known of the mail; recipients that are not in question are left out."""
        row, hits = self.row, self._hits()
        stored: Any = row.envelope
        entry = MailEntry(
            row.sha256, row.size, stored, _plain(row.proofs), row.answers, tuple(_entry_of(*each) for each in hits)
        )
        hidden = [
            recipient_field(at) for at, to in enumerate(stored.get("rcpt_to", ())) if not self.guard.is_in_question(to)
        ]
        logged = self.log.entry(EntryKind.MAIL, self._number, {**entry.fields, **entry.verdicts}, hidden)
        shown = [to if self.guard.is_in_question(to) else None for to in stored.get("rcpt_to", ())]
        return {
            "key": row.key, "sha256": row.sha256, "size": row.size, "envelope": {**stored, "rcpt_to": shown},
            "proofs": _plain(row.proofs), "answers": row.answers, "entry": logged,
            "hits": [self._hit(hit, canary, logged) for hit, canary in hits],
        }  # fmt: skip

    def _hits(self) -> Sequence[tuple[HitRow, CanaryRow]]:
        query = select(HitRow, CanaryRow).join(CanaryRow, col(CanaryRow.id) == HitRow.canary_id)
        query = query.where(HitRow.mail_id == self._number, HitRow.case_id == self.case)
        return self.session.exec(query.order_by(col(HitRow.id))).all()

    def _hit(self, hit: HitRow, canary: CanaryRow, logged: Document | None) -> Document:
        entry = _entry_of(hit, canary)
        opened = (logged or {}).get("open", {}).get("fields", {})
        again = None
        if hit_field(entry.canary) not in opened:
            again = self.log.entry(EntryKind.VERDICT, hit.id or 0, verdict_entry(self.row.sha256, entry))
        why = [text for reason in reasons_of(hit.reasons) if (text := self.guard.shown(reason.text))]
        return {"canary": entry.canary, **entry.value, "why": why, "entry": again}


def _entry_of(hit: HitRow, canary: CanaryRow) -> HitEntry:
    return HitEntry(canary.id or 0, canary.address, hit.verdict, hit.confidence, codes_of(_reasons(hit.reasons)))


def _reasons(stored: Any) -> Iterable[Document]:
    found: Iterable[Document] = stored
    return found


def _plain(stored: Any) -> Document:
    found: Document = stored
    return found
