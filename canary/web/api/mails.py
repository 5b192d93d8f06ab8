"""Mails over the API: what came, who is proven to have sent it, and the octets as a file."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import Response
from pydantic import BaseModel, JsonValue

from canary.judge.grounds import Ground
from canary.store.codec import envelope_json, envelope_of, identity_of, proofs_json, proofs_of
from canary.store.queries.mails import octets, parsed, rows
from canary.store.tables import MailRow
from canary.views.api_queries import Among, hits_of_mails, mails_before
from canary.views.sender_words import SenderWord, words_at
from canary.web.api.hits import HitOut
from canary.web.api.hits import show as show_hit
from canary.web.api.schema import (
    LIMIT,
    At,
    Counted,
    Cursor,
    Limit,
    ListPage,
    Number,
    Word,
    call,
    moment,
    page,
    timed_by,
)
from canary.web.pages.mailfiles import raw_mail
from canary.web.rendering import PageContext, or_404
from canary.web.routes import Role, WebRoute


class IdentityOut(BaseModel):
    """Who the sender proved to be; everything is empty where nothing was proven."""

    domain: str
    proof: str
    esp: str
    account: str


class MailOut(BaseModel):
    """One mail in a list: what it says about itself is unproven, `identity` is proven."""

    id: int
    received: datetime
    sha256: str
    size: int
    subject: str
    sender: str
    sender_name: str
    message_id: str
    identity: IdentityOut
    campaign: int | None


class AttachmentOut(BaseModel):
    """An attachment by name, type, size and digest; it is never opened."""

    name: str
    type: str
    size: int
    sha256: str


class WordOut(BaseModel):
    """What can be answered about the sender of a mail at a vendor; `limit` is what to know before approving it."""

    vendor: str
    sender: str
    ground: Ground
    state: str
    can_undo: bool
    limit: str


class MailWhole(MailOut):
    """One mail with everything that is stored except its octets; `proofs` and `envelope` are as they were recorded.

    `whose` is what can be answered about its sender, at each vendor whose addresses it reached.
    """

    text: str
    headers: list[tuple[str, str]]
    links: list[str]
    attachments: list[AttachmentOut]
    oddities: list[str]
    envelope: dict[str, JsonValue]
    proofs: dict[str, JsonValue]
    hits: list[HitOut]
    whose: list[WordOut]


class MailsApi:
    """The calls about mails."""

    def __init__(self, frame: PageContext) -> None:
        """Answer calls in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (
            call("GET", "/mails", Role.VIEWER, self.mails),
            call("GET", "/mails/{mail_id}", Role.VIEWER, self.mail),
            call("GET", "/mails/{mail_id}/raw", Role.VIEWER, self.raw, media="message/rfc822"),
        )

    def mails(
        self, cursor: Cursor = None, limit: Limit = LIMIT, domain: Word = "", campaign: Counted = None, since: At = None,
        until: At = None,
    ) -> ListPage[MailOut]:  # fmt: skip
        """List mails, newest first; `domain` is that of the proven sender."""
        among = Among(domain=domain.lower(), campaign=campaign, since=since, until=until)
        with self._frame.database.reading() as session:
            found = mails_before(session, timed_by(cursor), limit + 1, among)
        return page(found, limit, lambda row: MailOut(**_listed(row)), lambda row: moment(row.received_at, row.id or 0))

    def mail(self, mail_id: Number) -> MailWhole:
        """Return one mail, and what it means at each canary it reached."""
        with self._frame.database.reading() as session:
            found = or_404(rows(session, [mail_id]).get(mail_id) if parsed(session, mail_id) is not None else None)
            hits = hits_of_mails(session, [mail_id]).get(mail_id, [])
            whose = words_at(session, identity_of(found.identity), {fact.vendor for fact in hits if fact.vendor})
        parts = found.parts
        return MailWhole(
            **_listed(found), text=found.text, headers=[(name, value) for name, value in parts.get("headers", ())],
            links=parts.get("links", []), attachments=[_attachment(each) for each in parts.get("attachments", ())],
            oddities=parts.get("oddities", []), envelope=envelope_json(envelope_of(found.envelope, found.received_at)),
            proofs=proofs_json(proofs_of(found.proofs)),
            hits=[show_hit(fact) for fact in hits],
            whose=[_word(word) for at in whose for word in at.words],
        )  # fmt: skip

    def raw(self, mail_id: Number) -> Response:
        """Return a mail exactly as it came, as a file."""
        with self._frame.database.reading() as session:
            return raw_mail(or_404(octets(session, mail_id)), mail_id)


def _listed(row: MailRow) -> dict[str, Any]:
    who = identity_of(row.identity)
    named = IdentityOut(domain=who.domain, proof=who.proof.value, esp=who.esp or "", account=who.account or "")
    return {
        "id": row.id, "received": row.received_at, "sha256": row.sha256, "size": row.size, "subject": row.subject,
        "sender": row.sender, "sender_name": row.sender_name, "message_id": row.message_id,
        "identity": named, "campaign": row.campaign_id,
    }  # fmt: skip


def _word(word: SenderWord) -> WordOut:
    return WordOut(
        vendor=word.vendor, sender=word.key, ground=word.ground, state=word.state, can_undo=word.before != "", limit=word.limit
    )  # fmt: skip


def _attachment(kept: Mapping[str, Any]) -> AttachmentOut:
    return AttachmentOut(
        name=kept.get("name", ""), type=kept.get("type", ""), size=kept.get("size", 0), sha256=kept.get("sha256", "")
    )
