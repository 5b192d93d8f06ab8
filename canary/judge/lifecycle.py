"""When a vendor should have fallen silent: after its contract, an erasure request or an unsubscription, with days of grace."""

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
"""By the field of `Endings`: erasure within a month (GDPR art. 12 (3)), unsubscribing within ten days (CAN-SPAM 5 (a)(4))."""

LATE = {ending.reason: name for name, ending in ENDINGS.items()}
"""The field of `Endings` that each reason speaks of."""


def overdue(mail: ParsedMail, endings: RelationshipEnds, at: datetime) -> tuple[StatedReason, ...]:
    """Say which ends this mail of the vendor comes after; within the grace it comes after none."""
    return tuple(_overdue(mail, endings, at)) if endings != _NONE else ()


_NONE = RelationshipEnds()


def _overdue(mail: ParsedMail, endings: RelationshipEnds, at: datetime) -> Iterator[StatedReason]:
    for name, ending in ENDINGS.items():
        since: datetime | None = getattr(endings, name)
        grace = ending.grace if endings.grace is None else endings.grace
        if since is None or at <= since + grace or (ending.bulk and not bulk_signs(mail)):
            continue
        yield state_reason(ending.reason, days=(at - since).days, since=f"{since:%Y-%m-%d}")
