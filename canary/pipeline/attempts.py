"""Attempts: guesses are counted, and a probe becomes a hit without a mail, which joins an open case."""

from collections.abc import Sequence

from sqlmodel import Session

from canary.cases.assign import NOWHERE, CaseAssigner, CaseHit
from canary.cases.history import StoredCases
from canary.cases.keep_hits import AssignedHit, keep_hits
from canary.judge.guess import chance_of_guess
from canary.judge.probe import came_from, judge_probe
from canary.model.attempt import Attempt, AttemptKind
from canary.store.database import Database
from canary.store.locks import Lock, lock
from canary.store.queries import attempts, probes
from canary.store.queries.recipients import NOBODY, read_recipients


def process_attempts(store: Database, spool: str, numbered: Sequence[tuple[int, Attempt]]) -> None:
    """Count the numbered attempts of a spool in the store, each once."""
    with store.writing() as session:
        fresh = attempts.take_attempts(session, spool, numbered)
        # Asking about an address by VRFY is a list check too.
        probed = [a for a in fresh if a.kind in (AttemptKind.PROBE, AttemptKind.VERIFY) and a.address]
        if probed:
            lock(session, Lock.CASES)
        for probe in probed:
            process_probe(session, probe)


def process_probe(session: Session, probe: Attempt) -> None:
    """Write a probe as a hit; the vendor's own hosts do not probe."""
    recipients = read_recipients(session, [probe.address])
    canary = recipients.canaries.get(probe.address)
    if canary is None or came_from(probe.source, probes.own_clients(session, canary.id, probe.at)):
        return
    if probes.seen_before(session, canary.id, probe):
        return
    guesses = recipients.guesses[canary.domain]
    judgement = judge_probe(canary, probe.source, chance_of_guess(canary, guesses.total(), guesses))
    vendor_id, vendor = recipients.vendors[canary.vendor] if canary.vendor else NOBODY
    stored, bearing = StoredCases(session), CaseHit(vendor_id, vendor.name, canary.id, probe.at, leak=False)
    bears = judgement.bears_on_a_case and not canary.tentative
    made = CaseAssigner(stored).assign(bearing) if bears else NOWHERE
    hit = AssignedHit(None, canary.id, probe.at, judgement, vendor_id=vendor_id, vendor=vendor.name, made=made)
    keep_hits(session, stored, [hit])
    probes.keep_probe(session, canary.id, probe)
