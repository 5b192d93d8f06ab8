"""From rows back to facts: what was found out about a mail when it came, so that it can be judged again."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any, TypeVar

from canary.attribute.inference.fields import counts_as_leaked
from canary.model.identity import Identity, Proof
from canary.model.mail import Client, Envelope
from canary.model.proof import ArcResult, DkimResult, DmarcResult, Proofs, Result, SpfResult
from canary.store.tables import CaseRow

Fact = TypeVar("Fact", SpfResult, DkimResult, DmarcResult, ArcResult, Client, Identity)


def identity_of(kept: Mapping[str, Any]) -> Identity:
    """Return who had proved to have sent a mail."""
    found = {
        **kept,
        "proof": Proof(kept.get("proof", Proof.NONE)),
        "domains": tuple(kept.get("domains", ())),
        "carriers": tuple((str(slug), str(name)) for slug, name in kept.get("carriers", ())),
    }
    return _fact(Identity, found)


def proofs_of(kept: Mapping[str, Any]) -> Proofs:
    """Return what the mechanisms had said."""
    return Proofs(
        _result(SpfResult, kept.get("spf", {})),
        tuple(_result(DkimResult, signature) for signature in kept.get("dkim", ())),
        _result(DmarcResult, kept.get("dmarc", {})),
        _result(ArcResult, kept.get("arc", {})),
    )


def envelope_of(kept: Mapping[str, Any], received: datetime) -> Envelope:
    """Return the transaction in which a mail had come."""
    client = _fact(Client, {"ip": "", **(kept.get("client") or {})})
    return Envelope(str(kept.get("mail_from", "")), tuple(kept.get("rcpt_to", ())), client, received)


def _result(kind: type[Fact], kept: Mapping[str, Any]) -> Fact:
    return _fact(kind, {**kept, "result": Result(kept.get("result", Result.NONE))})


def _fact(kind: type[Fact], kept: Mapping[str, Any]) -> Fact:
    # What an older version kept may know fewer fields, a newer one more.
    known = {field.name for field in fields(kind)}
    return kind(**{name: value for name, value in kept.items() if name in known})


def suspects_of(case: CaseRow) -> tuple[tuple[str, float], ...]:
    """Return the likeliest suspects of a case by name."""
    return tuple((str(s["name"]), float(s["p"])) for s in case.suspects[:5])


def window_of(findings: Mapping[str, Any]) -> tuple[datetime, datetime] | None:
    """Return the time in which the leak most likely happened."""
    window = findings.get("window")
    return (_time(window["from_90"]), _time(window["to_90"])) if window else None


def leaked_fields(findings: Mapping[str, Any]) -> tuple[str, ...]:
    """Return which fields of the personas count as leaked."""
    fields: Iterable[Mapping[str, Any]] = findings.get("fields") or ()
    return tuple(str(found["field"]) for found in fields if counts_as_leaked(float(found["p"])))


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
