"""Who sent a mail that was stored long ago: as its receiver found out then, or as DNS can still prove."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from canary.authenticate.lookup import RecordingLookup
from canary.authenticate.message import split
from canary.authenticate.same_mail import mail_digest
from canary.authenticate.vouching.side import ReceivingSide
from canary.importing.archive import Reader
from canary.importing.progress import Entry, ImportProgress
from canary.model.authenticated import AuthenticatedMail
from canary.model.mail import RawMail
from canary.pipeline.arrival import stored_arrival
from canary.pipeline.authentication import AuthenticationGrounds, authenticate_mail
from canary.pipeline.story import Context


@dataclass(frozen=True, slots=True)
class TrustedReceivers:
    """What the authentication of stored mail goes by: our side with the receivers it trusts, and the present time."""

    side: ReceivingSide
    now: datetime


def fetch(reader: Reader, ledger: ImportProgress, entry: Entry, key: str) -> RawMail | None:
    """Read a mail where it was found; None if it is no longer there."""
    content = ledger.content(entry.id) if entry.place.member else reader.reread(entry.place, entry.sha)
    return RawMail(key, entry.envelope, content) if content is not None else None


async def look(parts: Context, raw: RawMail, witness: TrustedReceivers) -> AuthenticatedMail:
    """Parse and authenticate a stored mail."""
    mail, message = await parts.parse(raw.content), split(raw.content)
    lookup = RecordingLookup(parts.lookup())
    arrival = stored_arrival(message, raw.envelope, witness.side, witness.now)
    grounds = AuthenticationGrounds(parts.book, witness.side)
    mail, proofs, identity = await authenticate_mail(message, mail, arrival, lookup, grounds)
    return AuthenticatedMail(raw, mail, proofs, identity, lookup.answers, digest=mail_digest(message))


async def look_at_all(
    parts: Context, raws: Sequence[RawMail], witness: TrustedReceivers
) -> list[AuthenticatedMail | BaseException]:
    """Authenticate several mails at once; the fault of one takes its place."""
    return list(await asyncio.gather(*(look(parts, raw, witness) for raw in raws), return_exceptions=True))
