"""When a vendor should have stopped writing: after contract, erasure request or unsubscription, with days of grace."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from canary.judge.bulk import bulk_signs
from canary.model.mail import ParsedMail
from canary.model.party import RelationshipEnds
from canary.model.verdict import Reason, StatedReason, state_reason


@dataclass(frozen=True, slots=True)
class Ending:
    """One kind of end: its usual grace, and whether it ends bulk mail only."""

    reason: Reason
    grace: timedelta
    bulk: bool = False


ENDINGS: dict[str, Ending] = {
    "erasure": Ending(Reason.AFTER_ERASURE, timedelta(days=30)),
    "contract": Ending(Reason.AFTER_CONTRACT, timedelta(days=30)),
    "unsubscribed": Ending(Reason.AFTER_UNSUBSCRIBE, timedelta(days=10), bulk=True),
}
"""By field of `RelationshipEnds`: erasure within a month (GDPR 12 (3)), unsubscribing in ten days (CAN-SPAM 5 (a)(4))."""

LATE = {ending.reason: name for name, ending in ENDINGS.items()}
"""The field of `RelationshipEnds` that each reason is about."""


def overdue(mail: ParsedMail, endings: RelationshipEnds, at: datetime) -> tuple[StatedReason, ...]:
    """Return the ends that this mail of the vendor comes after; none within the days of grace."""
    return tuple(_overdue(mail, endings, at)) if endings != _NONE else ()


_NONE = RelationshipEnds()


def _overdue(mail: ParsedMail, endings: RelationshipEnds, at: datetime) -> Iterator[StatedReason]:
    for name, ending in ENDINGS.items():
        since: datetime | None = getattr(endings, name)
        grace = ending.grace if endings.grace is None else endings.grace
        if since is None or at <= since + grace or (ending.bulk and not bulk_signs(mail)):
            continue
        yield state_reason(ending.reason, days=(at - since).days, since=f"{since:%Y-%m-%d}")
