"""From facts to the JSON in rows and back: one reader and one writer for each kind of fact.

The columns that hold such JSON are typed `object`, so that nothing but a reader here can look into them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any, TypeVar

from canary.model.case import Explanation, Findings, LeakWindow, Observation, Suspect, SuspectHits, SuspectKind
from canary.model.claim import Claim, ClaimCode
from canary.model.identity import Identity, Proof
from canary.model.mail import Attachment, Client, Enclosed, Envelope, Mailbox, OwnWords, ParsedMail, Trust
from canary.model.proof import ArcResult, DkimResult, DmarcResult, Proofs, Result, SpfResult
from canary.model.verdict import FactValue, Reason, StatedReason

Fact = TypeVar(
    "Fact", SpfResult, DkimResult, DmarcResult, ArcResult, Client, Identity, Suspect, SuspectHits, Attachment
)

_NO_FILE = {"name": "", "type": "", "size": 0, "sha256": ""}


def identity_of(stored: Any) -> Identity:
    """Return the identity that a mail was proven to come from."""
    found = {
        **stored,
        "proof": Proof(stored.get("proof", Proof.NONE)),
        **{name: tuple(stored.get(name, ())) for name in ("domains", "merchants", "named")},
        "carriers": tuple((str(slug), str(name)) for slug, name in stored.get("carriers", ())),
    }
    return _fact(Identity, found)


def identity_json(who: Identity) -> dict[str, Any]:
    """Return the stored form of the identity that a mail was proven to come from."""
    return _json(who)


def proofs_of(stored: Any) -> Proofs:
    """Return the results of SPF, DKIM, DMARC and ARC."""
    return Proofs(
        _result(SpfResult, stored.get("spf", {})),
        tuple(_result(DkimResult, signature) for signature in stored.get("dkim", ())),
        _result(DmarcResult, stored.get("dmarc", {})),
        _result(ArcResult, stored.get("arc", {})),
    )


def proofs_json(proofs: Proofs) -> dict[str, Any]:
    """Return the stored form of the results of SPF, DKIM, DMARC and ARC."""
    return {
        "spf": _json(proofs.spf),
        "dkim": [_json(signature) for signature in proofs.dkim],
        "dmarc": _json(proofs.dmarc),
        "arc": _json(proofs.arc),
    }


def envelope_of(stored: Any, received: datetime) -> Envelope:
    """Return the transaction in which a mail had come."""
    client = _fact(Client, {"ip": "", **(stored.get("client") or {})})
    return Envelope(
        str(stored.get("mail_from", "")), tuple(stored.get("rcpt_to", ())), client, received,
        Trust(stored.get("trust", Trust.WIRE)), str(stored.get("inlet", "")), tuple(stored.get("receivers", ())),
    )  # fmt: skip


def envelope_json(envelope: Envelope) -> dict[str, Any]:
    """Return the stored form of the transaction in which a mail came."""
    return {
        "mail_from": envelope.mail_from,
        "rcpt_to": list(envelope.rcpt_to),
        "client": _json(envelope.client),
        "received": envelope.received.isoformat(),
        "trust": envelope.trust.value,
        "inlet": envelope.inlet,
        "receivers": list(envelope.receivers),
    }


def parsed_json(mail: ParsedMail) -> dict[str, Any]:
    """Return the stored form of what was read in a mail."""
    return {
        "headers": mail.headers,
        "subject": mail.subject,
        "senders": [(box.name, box.address) for box in mail.senders],
        "recipients": [(box.name, box.address) for box in mail.recipients],
        "date": mail.date.isoformat() if mail.date else None,
        "message_id": mail.message_id,
        "type": mail.type,
        "text": mail.text,
        "html": mail.html,
        "links": mail.links,
        "attachments": [_json(file) for file in mail.attachments],
        "oddities": mail.oddities,
        "enclosed": [(inner.type, inner.fields) for inner in mail.enclosed],
        "own": (mail.own.text, mail.own.links) if mail.own else None,
    }


def parsed_of(stored: Any) -> ParsedMail:
    """Return what was read in a mail."""
    own = stored.get("own")
    return ParsedMail(
        headers=_pairs(stored.get("headers", ())),
        subject=str(stored.get("subject", "")),
        senders=tuple(Mailbox(*pair) for pair in _pairs(stored.get("senders", ()))),
        recipients=tuple(Mailbox(*pair) for pair in _pairs(stored.get("recipients", ()))),
        date=datetime.fromisoformat(stored["date"]) if stored.get("date") else None,
        message_id=str(stored.get("message_id", "")),
        type=str(stored.get("type", "text/plain")),
        text=str(stored.get("text", "")),
        html=str(stored.get("html", "")),
        links=tuple(map(str, stored.get("links", ()))),
        attachments=tuple(_fact(Attachment, {**_NO_FILE, **file}) for file in stored.get("attachments", ())),
        oddities=tuple(map(str, stored.get("oddities", ()))),
        enclosed=tuple(Enclosed(str(kind), _pairs(fields)) for kind, fields in stored.get("enclosed", ())),
        own=OwnWords(str(own[0]), tuple(map(str, own[1]))) if own else None,
    )


def _pairs(stored: Iterable[Any]) -> tuple[tuple[str, str], ...]:
    return tuple((str(first), str(second)) for first, second in stored)


def reasons_of(stored: Any) -> tuple[StatedReason, ...]:
    """Return why a verdict was reached."""
    return tuple(StatedReason(Reason(reason["code"]), _facts(reason.get("facts", {}))) for reason in stored)


def _facts(stored: Mapping[str, Any]) -> dict[str, FactValue]:
    return {name: value if isinstance(value, str) else tuple(value) for name, value in stored.items()}


def reasons_json(reasons: Iterable[StatedReason]) -> list[dict[str, Any]]:
    """Return the stored form of reasons: codes and facts, no sentences."""
    return [{"code": reason.code.value, "facts": dict(reason.facts)} for reason in reasons]


def suspects_of(stored: Any) -> tuple[Suspect, ...]:
    """Return the suspects of a case, the likeliest first."""
    return tuple(_fact(Suspect, {**suspect, "kind": SuspectKind(suspect["kind"])}) for suspect in stored)


def suspects_json(suspects: Iterable[Suspect]) -> list[dict[str, Any]]:
    """Return the stored form of suspects, which commands and the export of a case show as it is."""
    return [_json(suspect) for suspect in suspects]


def findings_of(stored: Any) -> Findings:
    """Return what was found about a case besides its suspects."""
    return Findings(
        _window(stored.get("window")),
        {str(found["field"]): float(found["p"]) for found in stored.get("fields", ())},
        tuple(tuple(map(str, names)) for names in stored.get("twins", ())),
        tuple(
            Explanation(str(why["suspect"]), _observations(why["for"]), _observations(why["against"]))
            for why in stored.get("why", ())
        ),
        datetime.fromisoformat(stored["weighed"]) if stored.get("weighed") else None,
        str(stored.get("caution", "")),
        tuple(_hits(hits) for hits in stored.get("hit_counts", ())),
    )


def _hits(stored: Mapping[str, Any]) -> SuspectHits:
    kind, first, within = SuspectKind(stored["kind"]), stored["first"], timedelta(seconds=stored.get("within", 0))
    return _fact(SuspectHits, {**stored, "kind": kind, "first": datetime.fromisoformat(first), "within": within})


def _window(stored: Mapping[str, Any] | None) -> LeakWindow | None:
    return LeakWindow(*(datetime.fromisoformat(stored[name]) for name in _NAMES[LeakWindow])) if stored else None


def _observations(stored: Iterable[Mapping[str, Any]]) -> tuple[Observation, ...]:
    return tuple(Observation(str(seen["text"]), float(seen["weight"])) for seen in stored)


def findings_json(found: Findings) -> dict[str, Any]:
    """Return the stored form of findings, which commands, the API and the export of a case show as it is."""
    weighed = {"weighed": found.assessed_at.isoformat()} if found.assessed_at else {}
    return {
        "window": _window_json(found.window) if found.window else None,
        "fields": [{"field": name, "p": p} for name, p in found.fields.items()],
        "twins": [list(names) for names in found.indistinguishable],
        "why": [
            {
                "suspect": why.suspect,
                "for": [_json(seen) for seen in why.speaks_for],
                "against": [_json(seen) for seen in why.speaks_against],
            }
            for why in found.explanations
        ],
        **({"caution": found.caution} if found.caution else {}),
        **({"hit_counts": [_hits_json(hits) for hits in found.hits]} if found.hits else {}),
        **weighed,
    }


def _hits_json(hits: SuspectHits) -> dict[str, Any]:
    return {**_json(hits), "first": hits.first.isoformat(), "within": hits.within.total_seconds()}


def _window_json(window: LeakWindow) -> dict[str, Any]:
    return {name: getattr(window, name).isoformat() for name in _NAMES[LeakWindow]} | {"two_events": window.two_events}


def claims_of(stored: Any) -> tuple[Claim, ...]:
    """Return what a statement claims."""
    return tuple(_claim(claim) for claim in stored)


def _claim(stored: Mapping[str, Any]) -> Claim:
    times = {name: datetime.fromisoformat(stored[name]) for name in ("since", "until") if name in stored}
    return Claim(ClaimCode(stored["code"]), str(stored.get("detail", "")), **times)


def claim_json(claim: Claim) -> dict[str, Any]:
    """Return the stored form of a claim, which commands and the export of a case show as it is."""
    times = {name: at.isoformat() for name in ("since", "until") if (at := getattr(claim, name))}
    return {"code": claim.code.value, "detail": claim.detail[:200], **times}


def _result(kind: type[Fact], stored: Mapping[str, Any]) -> Fact:
    return _fact(kind, {**stored, "result": Result(stored.get("result", Result.NONE))})


def _fact(kind: type[Fact], stored: Mapping[str, Any]) -> Fact:
    # An older version may have stored fewer fields, a newer one more.
    return kind(**{name: stored[name] for name in _NAMES[kind] if name in stored})


def _json(fact: Any) -> dict[str, Any]:
    # Flat facts only: JSON writes tuples as lists, and the members of an enumeration as their values.
    return {name: getattr(fact, name) for name in _NAMES[type(fact)]}


_NAMES: dict[type[Any], tuple[str, ...]] = {
    kind: tuple(field.name for field in fields(kind))
    for kind in (
        SpfResult,
        DkimResult,
        DmarcResult,
        ArcResult,
        Client,
        Identity,
        Suspect,
        SuspectHits,
        LeakWindow,
        Observation,
        Attachment,
    )
}
