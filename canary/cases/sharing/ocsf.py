"""A case as OCSF 1.7 events: a Detection Finding (2004), and an Email Activity (4009) for each mail.

Source: https://schema.ocsf.io/1.7.0. Times are milliseconds of the epoch.
"""

from datetime import datetime
from typing import Any

from canary import __version__
from canary.cases.sharing.facts import SharedCase, SharedMail
from canary.model.case import SETTLED, CaseState

Document = dict[str, Any]

VERSION = "1.7.0"
_SHA256, _INBOUND, _RECEIVE, _UPDATE = 3, 1, 2, 2
_NEW, _IN_PROGRESS, _RESOLVED = 1, 2, 4
_INFORMATIONAL, _LOW, _MEDIUM, _HIGH = 1, 2, 3, 4


def ocsf_events(case: SharedCase) -> list[Document]:
    """Return the events of a case, the finding first."""
    return [_finding(case), *(_activity(case, mail) for mail in case.mails)]


def _finding(case: SharedCase) -> Document:
    return {
        **_head(case, "finding", 2, 2004, _UPDATE), "time": _milliseconds(case.last), "severity_id": _severity(case.leak),
        "status_id": _status(case.state), "confidence_score": round(case.leak * 100), "message": case.summary,
        "finding_info": {
            "uid": case.uid, "title": f"Suspected leak of e-mail addresses, case {case.number}", "desc": case.summary,
            "created_time": _milliseconds(case.opened), "last_seen_time": _milliseconds(case.last),
            "related_events": [{"uid": _uid(case, mail), "type_uid": 400900 + _RECEIVE} for mail in case.mails],
            "related_events_count": len(case.mails) + case.mails_left_out,
        },
        "unmapped": {
            "vendors": dict(case.vendors),
            "addresses": [
                {"address": a.address, "vendor": a.vendor, "issued": _milliseconds(a.issued), "first": _milliseconds(a.first)}
                for a in case.addresses
            ],
            **({"pack": {"sha256": case.pack.sha256, "log": {"size": case.pack.size, "root": case.pack.root}}} if case.pack else {}),
        },
    }  # fmt: skip


def _activity(case: SharedCase, mail: SharedMail) -> Document:
    return {
        **_head(case, f"mail {mail.id}", 4, 4009, _RECEIVE), "time": _milliseconds(mail.at), "severity_id": _INFORMATIONAL,
        "direction_id": _INBOUND, "email": _email(mail), "email_auth": _filled(
            {"spf": mail.spf, "dkim": mail.dkim, "dkim_domain": mail.dkim_domain, "dmarc": mail.dmarc}
        ),
        "protocol_name": "SMTP", "raw_data_hash": {"algorithm_id": _SHA256, "algorithm": "SHA-256", "value": mail.sha256},
        "message": f"{mail.verdict} ({mail.confidence:.3f})",
        **({"src_endpoint": {"ip": mail.client}} if mail.client else {}),
    }  # fmt: skip


def _email(mail: SharedMail) -> Document:
    return _filled(
        {"from": mail.sender, "smtp_from": mail.envelope_sender, "to": list(mail.to), "smtp_to": list(mail.to),
         "subject": mail.subject, "message_uid": mail.message_id, "uid": mail.sha256}
    )  # fmt: skip


def _head(case: SharedCase, name: str, category: int, kind: int, activity: int) -> Document:
    metadata = {
        "version": VERSION, "uid": f"{case.uid} {name}", "correlation_uid": case.uid,
        "product": {"name": "Canary", "vendor_name": "Canary", "version": __version__},
    }  # fmt: skip
    return {
        "category_uid": category, "class_uid": kind, "activity_id": activity, "type_uid": kind * 100 + activity,
        "metadata": metadata,
    }  # fmt: skip


def _uid(case: SharedCase, mail: SharedMail) -> str:
    return f"{case.uid} mail {mail.id}"


def _filled(fields: Document) -> Document:
    return {name: value for name, value in fields.items() if value}


def _severity(leak: float) -> int:
    return next(
        (level for least, level in ((0.9, _HIGH), (0.5, _MEDIUM), (0.3, _LOW)) if leak >= least), _INFORMATIONAL
    )


def _status(state: str) -> int:
    if state in SETTLED or state == CaseState.EXPLAINED:
        return _RESOLVED
    return _NEW if state in (CaseState.NEW, CaseState.WATCHED) else _IN_PROGRESS


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
