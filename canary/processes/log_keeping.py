"""Keeping the log of evidence: giving leaves their places, having its state stamped, and showing it to others."""

import logging
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509

from canary.evidence import stamp, witnessing
from canary.evidence.sequencing import sequence_waiting
from canary.net.http import AddressRefused, Http, Unreachable
from canary.settings import Settings
from canary.store.database import Database
from canary.store.log_key import LogKeyError

log = logging.getLogger("canary.processes.log_keeping")

NEWEST = "checkpoint"
"""The file in the published folder that has the newest state of the log; those before are beside it, by their size."""


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority that stamps time: its name, where it is asked, and its root certificates if they are not in its stamps."""

    name: str
    url: str
    roots: Path | None = None

    def root_certificates(self, token: bytes) -> list[x509.Certificate]:
        """Return the certificates that trust in its stamps ends at; raises StampError, OSError."""
        return stamp.read_certificates(self.roots.read_bytes()) if self.roots else stamp.embedded_roots(token)


@dataclass(frozen=True, slots=True)
class LogKeeper:
    """What keeps the log of a store; `publish` is a folder."""

    store: Database
    clock: Callable[[], datetime]
    authorities: Sequence[Authority] = ()
    publish: Path | None = None
    allow_private: bool = False

    @property
    def has_witnesses(self) -> bool:
        """Whether anybody else gets to know the state of the log."""
        return bool(self.authorities or self.publish)

    def sequence(self) -> int:
        """Give all waiting leaves their places; return how many there were."""
        try:
            return sequence_waiting(self.store, self.clock())
        except LogKeyError as fault:
            log.warning("%s; until then no entry of the log gets its place", fault)
            return 0

    def witness(self) -> None:
        """Publish the state of the log, and have it stamped by each authority that has not stamped it yet."""
        self.sequence()
        if self.publish:
            self._publish(self.publish)
        with self.store.reading() as session:
            due = witnessing.unstamped(session, [authority.name for authority in self.authorities])
        if due:
            checkpoint, names = due
            with closing(Http(allow_private=self.allow_private, clock=self.clock)) as http:
                for authority in self.authorities:
                    if authority.name in names:
                        self._stamp(http, authority, checkpoint.size, checkpoint.text)

    def _publish(self, folder: Path) -> None:
        with self.store.writing() as session:
            note = witnessing.publish_newest(session, self.clock())
        if note:
            folder.mkdir(parents=True, exist_ok=True)
            size = note.split("\n")[1]
            for name in (size, NEWEST):
                fresh = folder / f".{name}.new"
                fresh.write_text(note, encoding="utf-8")
                fresh.chmod(0o644)
                fresh.replace(folder / name)

    def _stamp(self, http: Http, authority: Authority, size: int, text: str) -> None:
        asked = stamp.stamp_request(text)
        try:
            answer = http.post(authority.url, asked.as_bytes(), {"Content-Type": stamp.QUERY, "Accept": stamp.REPLY})
            roots = authority.root_certificates(answer.body)
            made = stamp.check_stamp(answer.body, text, roots, asked)
        except (AddressRefused, Unreachable, stamp.StampError, OSError) as fault:
            log.warning(
                "authority %s: gave no time stamp that holds (%s); it is asked again in an hour", authority.name, fault
            )
            return
        with self.store.writing() as session:
            witnessing.add_stamp(session, size, authority.name, answer.body, roots, made.at)


def log_keeper(settings: Settings, store: Database, clock: Callable[[], datetime]) -> LogKeeper:
    """Build what keeps the log of an installation."""
    evidence = settings.evidence
    authorities = [Authority(name, each.url, each.roots) for name, each in evidence.authorities.items()]
    return LogKeeper(store, clock, authorities, evidence.publish, settings.alert.allow_private)
