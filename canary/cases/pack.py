"""Making the evidence pack of a case: all that is known of it, with what proves it, in one file that anybody can verify."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlmodel import Session, col, select

from canary.attribute.priors import CARRIED_AS, RATES, Rates
from canary.cases import export, merge_split, statements
from canary.cases.case_group import observed_until
from canary.cases.conclusions import conclusion_of, reasons_explained
from canary.cases.pack_mails import PackedMails, pack_mails
from canary.cases.pack_privacy import OtherAddresses
from canary.cases.pack_world import concerned, decoys_at, names_of, without_others
from canary.cases.workflow import get_case
from canary.evidence.entries import EntryKind, answer_entry, event_entry, issue_entry, statement_entry, time_text
from canary.evidence.log_reading import LogProver, newest_row, prover_of, witnessed_for
from canary.evidence.pack_file import DOCUMENT, FORM, SUMMARY, WORLD, write_pack
from canary.evidence.sequencing import signing_key
from canary.evidence.summary import write_summary
from canary.judge.guess import RANDOM_BITS, Chance
from canary.judge.localpart import SPACE_BITS
from canary.model.case import SuspectKind
from canary.store.log_key import LogKey, log_key_of
from canary.store.queries import vendors
from canary.store.tables import (
    CanaryRow,
    CaseRow,
    CaseVendorRow,
    FormerSlugRow,
    HitRow,
    StatementRow,
    VendorEventRow,
    VendorRow,
)

ANSWERS = (
    "sender-learned", "sender-denied", "sender-declared", "sender-undone", "sender-retracted", "brand-added", "brand-removed",
)  # fmt: skip
MOST_RECORDS = 1000

Document = dict[str, Any]


class NoLog(ValueError):
    """There is no log with entries whose key is here, so that nothing could be proven."""


def make_pack(session: Session, number: int, now: datetime, kept: Sequence[str] = ()) -> bytes:
    """Return the file of the pack of a case; `kept` are checkpoints that somebody has and it shall continue.

    Whatever waits for its place in the log is not in it yet: it is sequenced before. Raises Unknown, NoLog.
    """
    case, key = get_case(session, number), log_key_of(session)
    newest = newest_row(session)
    if key is None or newest is None or not key.check(session):
        raise NoLog(
            f"case {number}: there is no log of evidence yet, and so nothing to prove it by; `canary worker` begins it"
        )
    return _PackMaker(session, case, now, key, prover_of(session, key)).write(kept)


@dataclass
class _PackMaker:
    """One case on its way into a pack."""

    session: Session
    case: CaseRow
    now: datetime
    key: LogKey
    log: LogProver

    @property
    def _number(self) -> int:
        return self.case.id or 0

    @cached_property
    def _hit(self) -> Sequence[CanaryRow]:
        """The addresses that were hit."""
        hit = select(HitRow.canary_id).where(HitRow.case_id == self._number)
        query = select(CanaryRow).where(col(CanaryRow.id).in_(hit)).order_by(CanaryRow.address)
        return self.session.exec(query.limit(statements.MOST)).all()

    @cached_property
    def _owners(self) -> dict[int, VendorRow]:
        mine = select(CaseVendorRow.vendor_id).where(CaseVendorRow.case_id == self._number)
        held = {row.vendor_id for row in self._hit}
        query = select(VendorRow).where(col(VendorRow.id).in_(mine) | col(VendorRow.id).in_(held))
        return {row.id or 0: row for row in self.session.exec(query)}

    @cached_property
    def _slugs(self) -> dict[int, list[str]]:
        """The short names of each vendor, its own first: under those of vendors that became part of it the log has more."""
        found = {number: [row.slug] for number, row in self._owners.items()}
        for former in self.session.exec(select(FormerSlugRow).where(col(FormerSlugRow.vendor_id).in_(found))):
            found[former.vendor_id].append(former.slug)
        return found

    @cached_property
    def _guard(self) -> OtherAddresses:
        return OtherAddresses(self.session, frozenset(row.address for row in self._hit))

    def write(self, kept: Sequence[str]) -> bytes:
        """Return the file."""
        mails = pack_mails(self.session, self._number, self.log, self._guard)
        world, said = self._attribution()
        document = {**self._document(mails, said)}
        private, verifier = signing_key(self.key)
        log, stamps = self._log(verifier.text, _positions(document), kept)
        file = _json({**document, "log": log})
        summary = write_summary(json.loads(file)).encode()
        members = {DOCUMENT: file, WORLD: world, SUMMARY: summary, **mails.files, **stamps}
        return write_pack(members, verifier.name, private)

    def _document(self, mails: PackedMails, said: Document) -> Document:
        case, evidence = self.case, statements.evidence_of(self.session, self.case)
        headline = conclusion_of(case, reasons_explained(self.session, [case]).get(self._number, "")).headline
        chances = {each.address: each.chance for each in evidence.struck}
        return {
            "form": FORM, "made": time_text(self.now), "size": self.log.checkpoint.size,
            "case": {"id": self._number, "summary": headline, "state": case.state, "opened": time_text(case.opened_at)},
            "addresses": [self._address(row) for row in self._hit], "quiet": {"count": len(evidence.quiet)},
            "mails": mails.documents, "mails_left_out": mails.left_out,
            "guessing": [_guessing(row, chances[row.address]) for row in self._hit if row.address in chances],
            **said, "statements": self._statements(), "events": self._events(), "answers": self._answers(),
        }  # fmt: skip

    def _address(self, row: CanaryRow) -> Document:
        entries = [issue_entry(row, slug) for slug in self._slugs[row.vendor_id]]
        entry, proof = self._logged(EntryKind.ISSUE, row.id, entries)
        return {**entry, "vendor_name": self._owners[row.vendor_id].name, "entry": proof}

    def _attribution(self) -> tuple[bytes, Document]:
        """Return the world of the case as a file, and what is computed from it."""
        from canary.attribute.assess import SourceNames  # noqa: PLC0415 - as much memory as all the rest of a process
        from canary.attribute.world import Source  # noqa: PLC0415
        from canary.attribute.world_document import rates_document, world_document  # noqa: PLC0415
        from canary.evidence.posterior import answer_case  # noqa: PLC0415
        from canary.store.queries.world import world_of  # noqa: PLC0415

        world = world_of(self.session, observed_until(self.session, self.now), [self._number])
        about = concerned(world, (row.slug for row in self._owners.values()))
        world, rates = without_others(world, about), self.session.info.get(CARRIED_AS, RATES)
        assert isinstance(rates, Rates)  # noqa: S101 - for the type checker
        file = _json(world_document(world))
        answer = answer_case(json.loads(file), json.loads(_json(rates_document(rates))))
        named = SourceNames(vendors.vendor_names(self.session) | vendors.supplier_names(self.session))
        names = names_of(answer, lambda kind, name: named(Source(SuspectKind(kind), name)))
        said = {"answer": answer, "names": names, "assumptions": rates_document(rates)}
        return file, {"attribution": said, "decoys": decoys_at(world, about.domains)}

    def _events(self) -> list[Document]:
        rows = export.timeline(self.session, self._number, MOST_RECORDS)
        return [self._record(EntryKind.EVENT, row.id, event_entry(row)) for row in rows]

    def _answers(self) -> list[Document]:
        query = select(VendorEventRow).where(
            col(VendorEventRow.vendor_id).in_(self._owners),
            col(VendorEventRow.kind).in_(ANSWERS),
            VendorEventRow.who != "canary",
        )
        rows = self.session.exec(query.order_by(col(VendorEventRow.at), col(VendorEventRow.id)).limit(MOST_RECORDS))
        return [
            self._record(EntryKind.ANSWER, row.id, *(answer_entry(row, slug) for slug in self._slugs[row.vendor_id]))
            for row in rows
        ]

    def _statements(self) -> list[Document]:
        answered = statements.plain(
            statements.answer_statements(self.session, self.case, statements.evidence_of(self.session, self.case))
        )
        parts = merge_split.parts_of(self.session, self._number)
        query = (
            select(StatementRow).where(col(StatementRow.case_id).in_(parts)).order_by(col(StatementRow.at)).limit(200)
        )
        return [
            {**self._record(EntryKind.STATEMENT, row.id, statement_entry(row)), "answered": _answered(said)}
            for row, said in zip(self.session.exec(query), answered, strict=False)
        ]

    def _record(self, kind: EntryKind, number: int | None, *entries: Document) -> Document:
        """Return a record with its entry of the log; its words are hidden where they name an address not in question."""
        text = self._guard.shown(str(entries[0]["text"]))
        entry, proof = self._logged(kind, number, entries, ("text",) if text is None else ())
        return {**entry, "text": text, "entry": proof}

    def _logged(
        self, kind: EntryKind, number: int | None, entries: Sequence[Document], hidden: Sequence[str] = ()
    ) -> tuple[Document, Document | None]:
        """Return a record as the log has it, under any of the names of its vendor, with what proves it; else as it is."""
        found = [(entry, self.log.entry(kind, number or 0, entry, hidden)) for entry in entries]
        return next((each for each in found if each[1] and "position" in each[1]), found[0])

    def _log(self, verifier: str, positions: list[int], kept: Sequence[str]) -> tuple[Document, dict[str, bytes]]:
        earlier, stamps = [], dict[str, bytes]()
        for size, note, held in witnessed_for(self.session, self.log, positions, kept):
            documents = []
            for at, stamp in enumerate(held, 1):
                token, roots = f"stamps/{size}-{at}.tsr", f"stamps/{size}-{at}.pem"
                stamps |= {token: bytes(stamp.token), roots: stamp.roots.encode()}
                documents.append({"authority": stamp.authority, "token": token, "roots": roots})
            earlier.append({"note": note, "size": size, "proof": self.log.continues(size), "stamps": documents})
        return {"key": verifier, "checkpoint": self.log.note, "earlier": earlier}, stamps


def _positions(document: Document) -> list[int]:
    """Return the places in the log of all entries of a document."""
    entries = [
        each["entry"] for part in ("addresses", "mails", "statements", "events", "answers") for each in document[part]
    ]
    entries += [hit["entry"] for mail in document["mails"] for hit in mail["hits"]]
    return sorted({int(entry["position"]) for entry in entries if entry and "position" in entry})


def _guessing(row: CanaryRow, chance: Chance) -> Document:
    """Return the arithmetic of guessing: the bits and the guesses that count against an address, and what follows."""
    drawn = row.bits >= RANDOM_BITS
    return {
        "address": row.address, "attempts": chance.attempts, "p": chance.p,
        "bits": row.bits if drawn else min(row.bits, SPACE_BITS[chance.shape]),
        "tried": chance.attempts if drawn else chance.tried,
    }  # fmt: skip


def _answered(said: Document) -> list[Document]:
    return [{name: claim[name] for name in ("claim", "outcome", "evidence")} for claim in said["claims"]]


def _json(document: object) -> bytes:
    return (json.dumps(document, indent=1, sort_keys=True, ensure_ascii=True, allow_nan=False) + "\n").encode("ascii")
