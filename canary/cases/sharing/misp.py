"""A case as a MISP event for one's own organisation, marked TLP:AMBER, with an `email` object for each mail.

Source: https://www.misp-standard.org/rfc/misp-standard-core.html and the template of the object. Nothing in it is marked
for detection: that is for those to decide who share it.
"""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from canary.cases.sharing.facts import SharedCase, SharedMail

Document = dict[str, Any]

_OWN, _INHERITED = "0", "5"
_TEMPLATE = {
    "name": "email", "meta-category": "network", "template_uuid": "a0c666e0-fc65-4be8-b48f-3423d788b552",
    "template_version": "19", "description": "Email object describing an email with meta-information",
}  # fmt: skip
_DELIVERY = "Payload delivery"
MAPPING: tuple[tuple[str, str, str, Callable[[SharedMail], tuple[str, ...]]], ...] = (
    ("from", "email-src", _DELIVERY, lambda mail: (mail.sender,)),
    ("from-display-name", "email-src-display-name", _DELIVERY, lambda mail: (mail.sender_name,)),
    ("return-path", "email-src", _DELIVERY, lambda mail: (mail.envelope_sender,)),
    ("to", "email-dst", _DELIVERY, lambda mail: mail.to),
    ("subject", "email-subject", _DELIVERY, lambda mail: (mail.subject,)),
    ("message-id", "email-message-id", _DELIVERY, lambda mail: (mail.message_id,)),
    ("received-header-ip", "ip-src", "Network activity", lambda mail: (mail.client,)),
)
"""The attributes of the object, by relation, type and category, and what of a mail each is."""


def misp_event(case: SharedCase) -> Document:
    """Return the event of a case."""
    vendors = [_vendor(case, slug, name) for slug, name in case.vendors.items()]
    addresses = [_attribute(case, f"address {a.address}", "email-dst", _DELIVERY, a.address,
                            f"given to {a.vendor}, issued {a.issued:%Y-%m-%d}") for a in case.addresses]  # fmt: skip
    return {
        "Event": {
            "uuid": _uuid(case, "event"), "info": f"Suspected leak of e-mail addresses, case {case.number}: {case.summary}",
            "date": f"{case.opened.astimezone(UTC):%Y-%m-%d}", "timestamp": _seconds(case.last), "threat_level_id": "2",
            "analysis": "1", "distribution": _OWN, "published": False, "Tag": [{"name": "tlp:amber"}],
            "Attribute": [*vendors, *addresses, *_pack(case)], "Object": [_object(case, mail) for mail in case.mails],
        }
    }  # fmt: skip


def _vendor(case: SharedCase, slug: str, name: str) -> Document:
    comment = "Addresses that were given to it are in question; what is believed is a hypothesis"
    return _attribute(case, f"vendor {slug}", "text", "Other", name, comment)


def _pack(case: SharedCase) -> list[Document]:
    if case.pack is None:
        return []
    comment = f"evidence pack, resting on a log of {case.pack.size} entries with the root {case.pack.root}"
    return [_attribute(case, "pack", "sha256", "External analysis", case.pack.sha256, comment)]


def _object(case: SharedCase, mail: SharedMail) -> Document:
    about = f"mail {mail.id}"
    attributes = [
        {**_attribute(case, f"{about} {relation} {value}", kind, category, value), "object_relation": relation}
        for relation, kind, category, read in MAPPING
        for value in read(mail)
        if value
    ]
    comment = (
        f"{mail.verdict}; SHA-256 of the octets {mail.sha256}; received {mail.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    )
    return {
        **_TEMPLATE, "uuid": _uuid(case, about), "timestamp": _seconds(mail.at), "distribution": _INHERITED,
        "comment": comment, "Attribute": attributes,
    }  # fmt: skip


def _attribute(case: SharedCase, about: str, kind: str, category: str, value: str, comment: str = "") -> Document:
    return {
        "uuid": _uuid(case, f"attribute {about}"), "type": kind, "category": category, "value": value, "to_ids": False,
        "distribution": _INHERITED, "comment": comment, "timestamp": _seconds(case.last),
    }  # fmt: skip


def _uuid(case: SharedCase, name: str) -> str:
    return str(UUID(bytes=hashlib.sha256(f"{case.uid} misp {name}".encode()).digest()[:16], version=4))


def _seconds(at: datetime) -> str:
    return str(int(at.timestamp()))
