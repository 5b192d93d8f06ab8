"""Who sent a mail that was stored long ago: as its receiver found out then, or as DNS can still prove."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from canary.authenticate.authenticate import authenticate
from canary.authenticate.iprev import verified_name
from canary.authenticate.lookup import RecordingLookup
from canary.authenticate.message import split
from canary.authenticate.results.trusted import read_results
from canary.authenticate.retrospective import believed_late
from canary.importing.archive import Reader
from canary.importing.progress import Entry, ImportProgress
from canary.judge.identity import identify
from canary.mail.parse import parse
from canary.model.authenticated import AuthenticatedMail
from canary.model.mail import RawMail
from canary.pipeline.story import Context

FRESH = timedelta(days=3)
"""How old a mail may be for DNS to be as it was when the mail came."""


@dataclass(frozen=True, slots=True)
class TrustedReceivers:
    """What the authentication of stored mail goes by: the receivers whose results are trusted, and the present time."""

    writers: tuple[str, ...]
    now: datetime


def fetch(reader: Reader, ledger: ImportProgress, entry: Entry, key: str) -> RawMail | None:
    """Read a mail where it was found; None if it is no longer there."""
    content = ledger.content(entry.id) if entry.place.member else reader.reread(entry.place, entry.sha)
    return RawMail(key, entry.envelope, content) if content is not None else None


async def look(parts: Context, raw: RawMail, witness: TrustedReceivers) -> AuthenticatedMail:
    """Parse and authenticate a stored mail."""
    mail, message = await asyncio.to_thread(parse, raw.content), split(raw.content)
    envelope = raw.envelope
    told = read_results(message, witness.writers) if witness.writers else None
    if told is not None:
        return AuthenticatedMail(raw, mail, told, identify(mail, told, envelope, parts.book), {})
    lookup = RecordingLookup(parts.lookup())
    proofs = await authenticate(message, envelope, lookup, envelope.received)
    fresh = envelope.client.ip and witness.now - envelope.received <= FRESH
    host = await verified_name(envelope.client.ip, lookup) if fresh else ""
    proofs = proofs if fresh else believed_late(proofs)
    return AuthenticatedMail(raw, mail, proofs, identify(mail, proofs, envelope, parts.book, host), lookup.answers)


async def look_at_all(
    parts: Context, raws: Sequence[RawMail], witness: TrustedReceivers
) -> list[AuthenticatedMail | BaseException]:
    """Authenticate several mails at once; the fault of one takes its place."""
    return list(await asyncio.gather(*(look(parts, raw, witness) for raw in raws), return_exceptions=True))
