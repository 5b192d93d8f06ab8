"""What is logged of each kind of thing: the fields of its entry, from plain values; one function for writer and reader."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

Entry = dict[str, object]


class EntryKind(StrEnum):
    """What an entry of the log is about."""

    ISSUE = "issue"
    ROTATION = "rotation"
    MAIL = "mail"
    VERDICT = "verdict"
    EVENT = "event"
    STATEMENT = "statement"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class HitEntry:
    """What a mail meant at one address when it was judged; `codes` are those of the reasons."""

    canary: int
    address: str
    verdict: str
    confidence: float
    codes: tuple[str, ...]

    @property
    def value(self) -> Entry:
        """The value of its field."""
        return {
            "address": self.address, "verdict": self.verdict, "confidence": self.confidence, "reasons": list(self.codes),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class MailEntry:
    """A mail as it was received: digest of its octets, and the stored forms of envelope, proofs and DNS answers."""

    sha256: str
    size: int
    transaction: Mapping[str, Any]
    proofs: Mapping[str, Any]
    answers: Mapping[str, Any]
    hits: tuple[HitEntry, ...] = ()

    @property
    def fields(self) -> Entry:
        """The fields of its entry that never change: each recipient is one, so that it can be hidden."""
        around = {name: value for name, value in self.transaction.items() if name != "rcpt_to"}
        return {
            "octets": self.sha256, "size": self.size, "envelope": around, "proofs": self.proofs, "answers": self.answers,
            **{recipient_field(number): to for number, to in enumerate(self.transaction.get("rcpt_to", ()))},
        }  # fmt: skip

    @property
    def verdicts(self) -> Entry:
        """The fields of its entry that may change when it is judged again."""
        return {hit_field(hit.canary): hit.value for hit in self.hits}


def recipient_field(number: int) -> str:
    """Return the name of the field of a recipient."""
    return f"to {number}"


def hit_field(canary: int) -> str:
    """Return the name of the field of a verdict."""
    return f"hit {canary}"


def verdict_entry(sha256: str, hit: HitEntry) -> Entry:
    """Return the entry of a hit that was judged again."""
    return {"octets": sha256, **hit.value}


def issue_entry(row: Any, vendor: str) -> Entry:
    """Return the entry of an address that was issued: to whom, through what, when, and how hard it is to guess."""
    return {
        "address": row.address, "domain": row.domain, "vendor": vendor, "channel": row.channel,
        "generation": row.generation, "style": row.style, "bits": row.bits, "persona": row.persona,
        "issued": time_text(row.issued_at),
    }  # fmt: skip


def rotation_entry(address: str, at: datetime) -> Entry:
    """Return the entry of an address that a further one follows."""
    return {"address": address, "at": time_text(at)}


def event_entry(row: Any) -> Entry:
    """Return the entry of a line in the timeline of a case."""
    return {"case": row.case_id, "at": time_text(row.at), "kind": row.kind, "who": row.who, "text": row.text}


def statement_entry(row: Any) -> Entry:
    """Return the entry of what a party said about a case."""
    return {
        "case": row.case_id, "at": time_text(row.at), "party": row.party, "claims": row.claims, "text": row.text,
        "noted_at": time_text(row.noted_at), "noted_by": row.noted_by,
    }  # fmt: skip


def answer_entry(row: Any, vendor: str) -> Entry:
    """Return the entry of an owner's answer about a sender of a vendor."""
    return {"vendor": vendor, "at": time_text(row.at), "kind": row.kind, "who": row.who, "text": row.text}


def time_text(at: datetime) -> str:
    """Return a time in UTC, to the microsecond."""
    return at.astimezone(UTC).isoformat()


def codes_of(reasons: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the codes in the stored form of reasons; what rspamd thinks stands beside a verdict and is none of them."""
    return tuple(code for reason in reasons if (code := str(reason["code"])) != "rspamd")
