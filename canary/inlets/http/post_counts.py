"""How it goes with each service that posts: counted in memory, and written for others to read from time to time."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from http import HTTPStatus

from canary.http_inlet_settings import LABEL
from canary.inlets.http.posted_mail import PostRefused
from canary.inlets.ledger import InletLedger, Phase


@dataclass(frozen=True, slots=True)
class ServiceCount:
    """Mails since the last writing, and what was refused last, if nothing came since."""

    kept: int = 0
    skipped: int = 0
    phase: Phase = Phase.WATCHING
    said: str = ""


@dataclass
class PostCounts:
    """The counts of all services by their name."""

    services: tuple[str, ...]
    _counts: dict[str, ServiceCount] = field(default_factory=dict)

    def count(self, service: str, *, kept: bool) -> None:
        """Count a mail that was answered for good; whatever was wrong before is over."""
        before = self._counts.get(service, ServiceCount())
        self._counts[service] = ServiceCount(before.kept + kept, before.skipped + (not kept))

    def refuse(self, service: str, refused: PostRefused) -> None:
        """Note a refusal. Trouble is only what is known to be that: anybody may be refused as a stranger."""
        before = self._counts.get(service, ServiceCount())
        ours = refused.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        said = str(refused) if ours else f"a post was refused with {refused.status}: {refused}"
        if ours or before.phase is Phase.WATCHING:
            phase = Phase.TROUBLE if ours else Phase.WATCHING
            self._counts[service] = replace(before, phase=phase, said=said)

    def write(self, ledger: InletLedger, now: datetime) -> None:
        """Write how it goes, and start again from zero; raises OSError."""
        for service in self.services:
            count = self._counts.get(service, ServiceCount())
            self._counts[service] = replace(count, kept=0, skipped=0)
            if count.kept or count.skipped:
                ledger.note_mails(label(service), count.kept, count.skipped, now)
            ledger.note_phase(label(service), count.phase, now, count.said)


def label(service: str) -> str:
    """Return the name under which the state of a service is noted, which no mailbox has."""
    return f"{LABEL}{service}"
