"""Where every inlet hands its mails over: into the durable spool, if they reach a canary.

An inlet says "done" to the other side only after `accept` has returned; whenever it raises SpoolFault the other side
keeps the mail and comes again.
"""

from collections.abc import Callable, Collection, Container, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from canary.judge.localpart import shape_of
from canary.model.attempt import Attempt, AttemptKind, LocalShape
from canary.model.mail import Envelope, Trust
from canary.model.networks import network, plain_ip
from canary.model.plus_sign import plus_readings
from canary.spool.receipts import Receipt
from canary.spool.spool import Spool
from canary.spool.spool_file import SpoolFault, SpoolFull

MAX_RECIPIENTS = 100
_JUST_NOW = timedelta(minutes=1)


class IntakeResult(StrEnum):
    """What became of a mail: `kept` in the spool, or not wanted, as none of its recipients is a canary, or too big."""

    KEPT = "kept"
    ELSEWHERE = "elsewhere"
    UNISSUED = "unissued"
    TOO_BIG = "too-big"


class AddressSource(Protocol):
    """The issued addresses, as a receiver has them."""

    @property
    def addresses(self) -> Container[str]:
        """Those that are known, in lower case."""

    async def look_again(self, *, patient: bool) -> bool:
        """Ask the store again; return whether it answered."""


@dataclass(frozen=True, slots=True)
class IntakePolicy:
    """Which mail is taken: to these domains, in lower case, and of at most so many octets."""

    domains: frozenset[str]
    max_size: int


class Intake:
    """Takes mail of inlets into a spool that was started in this event loop."""

    def __init__(
        self, spool: Spool, issued: AddressSource, policy: IntakePolicy, clock: Callable[[], datetime]
    ) -> None:
        """Write into the spool what reaches one of the issued addresses."""
        self.spool, self.issued, self.policy, self.clock = spool, issued, policy, clock

    async def accept(
        self,
        envelope: Envelope,
        content: bytes,
        ranks: Sequence[int] = (),
        own: Collection[str] = (),
        on_kept: Callable[[str], object] = lambda _: None,
        receipt: Receipt | None = None,
    ) -> IntakeResult:
        """Store a mail durably for those of its recipients that are canaries; raises SpoolFault to try again later.

        `ranks` are those of `canary.importing.envelope_recovery.Origin`, of an envelope that was recovered: the best rank
        that names a canary counts. Recipients at our domains that were never issued count as guesses where somebody
        vouches that the mail was for them; `own` are addresses of the mailbox itself. Of two mails with one receipt the
        first is stored, and the second, if it is not the same again, raises ReceiptUsed. `on_kept` is called with the key.
        """
        if len(content) > self.policy.max_size:
            return IntakeResult.TOO_BIG
        ranked = _ranked(envelope, ranks)
        wanted = {to: rank for to, rank in ranked.items() if self._is_ours(to)}
        if not wanted:
            return IntakeResult.ELSEWHERE
        reached = await self._reached(wanted, envelope.received)
        if envelope.trust is not Trust.CLAIMED:
            for missed in {to for to, rank in wanted.items() if not rank} - set(reached) - set(own):
                self.note_attempt(AttemptKind.GUESS, missed, envelope.client.ip)
        if not reached:
            return IntakeResult.UNISSUED
        best = min(wanted[to] for to in reached)
        named = tuple(to for to in reached if wanted[to] == best)
        if self.spool.full:
            raise SpoolFull(f"spool {self.spool.path} has no space now")
        on_kept(await self.spool.keep(replace(envelope, rcpt_to=named), content, receipt))
        return IntakeResult.KEPT

    def note_attempt(self, kind: AttemptKind, address: str, client: str = "") -> None:
        """Record that a recipient was tried and no mail kept for it; a flood is added up."""
        local, _, domain = address.lower().rpartition("@")
        issued = address.lower() if address.lower() in self.issued.addresses else ""
        shape = shape_of(local) if kind is AttemptKind.GUESS else LocalShape.UNKNOWN
        source = network(plain_ip(client)) if client else ""
        self.spool.note(Attempt(kind, domain[:255], source, self.clock(), issued, shape))

    async def reaches(self, address: str) -> bool:
        """Whether a recipient is a canary; raises SpoolFault while nobody can know."""
        return self._is_ours(address.lower()) and bool(await self._reached([address.lower()], self.clock()))

    def _is_ours(self, address: str) -> bool:
        local, at, domain = address.rpartition("@")
        return bool(local and at) and domain in self.policy.domains

    async def _reached(self, wanted: Collection[str], received: datetime) -> list[str]:
        reached = [to for to in wanted if self._is_issued(to)]
        if len(reached) == len(wanted):
            return reached
        # What has just come may be for an address that has just been issued.
        certain = await self.issued.look_again(patient=self.clock() - received < _JUST_NOW)
        reached = [to for to in wanted if self._is_issued(to)]
        if not reached and not certain:
            raise SpoolFault("the store does not answer, so nobody can know whether the address was issued")
        return reached

    def _is_issued(self, address: str) -> bool:
        issued = self.issued.addresses
        return address in issued or any(reading in issued for reading in plus_readings(address))


def _ranked(envelope: Envelope, ranks: Sequence[int]) -> dict[str, int]:
    """Return the recipients in lower case, each with the best rank by which it is named."""
    found: dict[str, int] = {}
    for to, rank in zip(envelope.rcpt_to[:MAX_RECIPIENTS], ranks or [0] * len(envelope.rcpt_to), strict=False):
        found[to.lower()] = min(rank, found.get(to.lower(), rank))
    return found
