"""A look at this machine: whether it listens, how long its certificate lasts, whether its spools grow, what it set aside."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509

ENDING = timedelta(days=14)
GROWING = 5
"""A spool that grew at so many checks in a row is reported."""

RECENT = timedelta(days=1)
"""So long a mail that was set aside is reported."""

FEW = 100
"""So few waiting mails do not count."""


@dataclass
class HealthCheck:
    """Checks repeatedly, as growth shows only over time; `listening` returns None where no listener ever ran.

    `set_aside` counts the mails since a time that brought a worker down; `spools` returns sentences on spools and mailboxes
    that nobody works on, by subject.
    """

    listening: Callable[[], bool | None]
    backlogs: Callable[[], Mapping[str, int]]
    certificate: Path | None = None
    set_aside: Callable[[datetime], int] = lambda _: 0
    spools: Callable[[], Mapping[str, str]] = dict
    _before: dict[str, int] = field(default_factory=dict)
    _grew: dict[str, int] = field(default_factory=dict)

    def look(self, now: datetime) -> dict[str, str]:
        """Return what is wrong, as sentences by subject."""
        return dict(self._ailments(now))

    def _ailments(self, now: datetime) -> Iterator[tuple[str, str]]:
        if self.listening() is False:
            yield "listener", "The mail listener has not reported lately; mail may be lost"
        if self.certificate and (told := _certificate(self.certificate, now)):
            yield "certificate", told
        if count := self.set_aside(now - RECENT):
            yield "set aside", f"Mail that brought the worker down was set aside: {count:,} in a day; see Set aside"
        yield from self.spools().items()
        try:
            backlogs = self.backlogs()
        except OSError as fault:
            yield "spool", f"A spool cannot be read ({type(fault).__name__}); its mails wait"
            return
        for name, count in backlogs.items():
            if self._grows(name, count):
                yield f"spool {name}", f"The spool {name} keeps growing: {count:,} mails wait for a worker"

    def _grows(self, name: str, count: int) -> bool:
        more = count > self._before.get(name, 0) and count > FEW
        # Once reported it stays reported until the spool is nearly empty.
        held = self._grew.get(name, 0) >= GROWING and count > FEW
        self._grew[name] = self._grew.get(name, 0) + 1 if more or held else 0
        self._before[name] = count
        return self._grew[name] >= GROWING


def _certificate(path: Path, now: datetime) -> str:
    try:
        ends = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    except (OSError, ValueError) as fault:
        return f"The certificate {path} cannot be read ({type(fault).__name__}); senders get none"
    if ends > now + ENDING:
        return ""
    return f"The certificate {path} {'ended' if ends <= now else 'ends'} on {ends:%-d %B %Y}"
