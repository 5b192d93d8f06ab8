"""A case as a STIX 2.1 bundle, marked TLP:AMBER: an incident, the vendors in question, and each mail as it was observed.

Source: https://docs.oasis-open.org/cti/stix/v2.1/os/stix-v2.1-os.html. Identifiers of addresses and hosts are those of
section 2.9, so that they are the same ones in everybody's data; all others are of our own making, and stay the same.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from canary import __version__
from canary.cases.letter_text import CitedPack
from canary.cases.sharing.facts import SharedCase, SharedMail

Document = dict[str, Any]

_OBSERVABLES = UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
_AMBER: Document = {
    "type": "marking-definition", "spec_version": "2.1", "id": "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82",
    "created": "2017-01-20T00:00:00.000Z", "definition_type": "tlp", "name": "TLP:AMBER", "definition": {"tlp": "amber"},
}  # fmt: skip


def stix_bundle(case: SharedCase) -> Document:
    """Return the bundle of a case."""
    domain = _DomainObjects(case)
    incident, vendors = domain.incident(), [domain.vendor(slug, name) for slug, name in case.vendors.items()]
    objects = [_AMBER, domain.author, incident, *vendors]
    objects += [
        domain.relation(incident, vendor, "gave addresses to; what is believed is a hypothesis") for vendor in vendors
    ]
    if case.addresses:
        objects.append(domain.note(incident))
    for mail in case.mails:
        seen = list(_observables(case, mail))
        observed = domain.observed(mail, [each["id"] for each in seen])
        objects += [*seen, observed, domain.relation(observed, incident, "is a mail of")]
    different = {each["id"]: each for each in objects}
    return {"type": "bundle", "id": _id("bundle", case.uid, "bundle"), "objects": list(different.values())}


class _DomainObjects:
    """Makes the objects of a case that are no observables."""

    def __init__(self, case: SharedCase) -> None:
        self._case = case
        self.author = self._made("identity", "canary", name=f"Canary {__version__}", identity_class="system")

    def incident(self) -> Document:
        case = self._case
        return self._made(
            "incident", "incident", name=f"Suspected leak of e-mail addresses, case {case.number}",
            description=case.summary, confidence=round(case.leak * 100), labels=[case.state],
            **({"external_references": [_reference(case.pack)]} if case.pack else {}),
        )  # fmt: skip

    def vendor(self, slug: str, name: str) -> Document:
        return self._made("identity", f"vendor {slug}", name=name, identity_class="organization")

    def note(self, about: Document) -> Document:
        lines = [
            f"{a.address}: given to {a.vendor}, issued {_time(a.issued)}, first mail of somebody else {_time(a.first)}"
            for a in self._case.addresses
        ]
        left_out = [f"{self._case.mails_left_out} further mails are left out"] if self._case.mails_left_out else []
        return self._made("note", "addresses", abstract="The addresses in question", content="\n".join(lines + left_out), object_refs=[about["id"]])  # fmt: skip

    def observed(self, mail: SharedMail, seen: Sequence[str]) -> Document:
        at = _time(mail.at)
        return self._made(
            "observed-data", f"mail {mail.id}", first_observed=at, last_observed=at, number_observed=1, object_refs=seen,
            confidence=round(mail.confidence * 100), labels=[mail.verdict],
        )  # fmt: skip

    def relation(self, source: Document, target: Document, description: str) -> Document:
        name = f"{source['id']} {target['id']}"
        return self._made(
            "relationship", name, relationship_type="related-to", source_ref=source["id"], target_ref=target["id"],
            description=description,
        )  # fmt: skip

    def _made(self, kind: str, thing: str, /, **fields: object) -> Document:
        head = {
            "type": kind, "spec_version": "2.1", "id": _id(kind, self._case.uid, thing), "created": _time(self._case.opened),
            "modified": _time(max(self._case.opened, self._case.last)), "object_marking_refs": [_AMBER["id"]],
        }  # fmt: skip
        return {**head, **fields}


def _reference(pack: CitedPack) -> Document:
    log = f"Evidence pack, resting on a log of {pack.size} entries with the root {pack.root}"
    return {"source_name": "canary", "description": log, "hashes": {"SHA-256": pack.sha256}}


def _observables(case: SharedCase, mail: SharedMail) -> Iterator[Document]:
    """Yield the mail as a message and as octets, after the addresses and the host that it refers to."""
    named = {
        address: _observable("email-addr", value=address)
        for address in (mail.sender, mail.envelope_sender, *mail.to)
        if address
    }
    yield from named.values()
    if mail.client:
        yield _observable("ipv6-addr" if ":" in mail.client else "ipv4-addr", value=mail.client)
    yield _observable("file", hashes={"SHA-256": mail.sha256})
    refs = {"from_ref": mail.sender, "sender_ref": mail.envelope_sender}
    texts = {"subject": mail.subject, "message_id": mail.message_id}
    yield {
        "type": "email-message", "spec_version": "2.1", "id": _id("email-message", case.uid, f"message {mail.id}"),
        "is_multipart": False, **{name: named[address]["id"] for name, address in refs.items() if address},
        "to_refs": [named[address]["id"] for address in mail.to], **{name: text for name, text in texts.items() if text},
    }  # fmt: skip


def _observable(kind: str, **fields: object) -> Document:
    name = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return {"type": kind, "spec_version": "2.1", "id": f"{kind}--{uuid5(_OBSERVABLES, name)}", **fields}


def _id(kind: str, uid: str, name: str) -> str:
    return f"{kind}--{UUID(bytes=hashlib.sha256(f'{uid} {name}'.encode()).digest()[:16], version=4)}"


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
