"""Adoption: addresses that were given away before Canary was used become canaries of the vendors they name."""

import asyncio
import csv
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from canary.importing.archive import Reader
from canary.importing.progress import Entry, ImportProgress, to_json
from canary.importing.stored_authentication import TrustedReceivers, fetch, look_at_all
from canary.judge.adoption import SAMPLE, AdoptionProposal, Left, SenderSighting, Sighting, mail_order, propose
from canary.judge.bulk import bulk_signs
from canary.judge.localpart import shape_of
from canary.judge.organisation import organisation
from canary.judge.providers import ProviderRegistry
from canary.model.attempt import Attempt, AttemptKind
from canary.model.authenticated import AuthenticatedMail
from canary.model.canary import Style
from canary.model.identity import Proof
from canary.model.party import Vendor
from canary.pipeline.story import Context
from canary.store.database import Database
from canary.store.issued_addresses import known_addresses
from canary.store.queries import attempts, canaries, vendors

MAX_MAP = 10 << 20
STEP = 1000
SMALL = 256 * 1024
_ALIGNED = (Proof.DKIM_ALIGNED, Proof.SPF_ALIGNED)


@dataclass(frozen=True, slots=True)
class VendorMap:
    """What the owner says about addresses: vendor and channel of each; `faults` are the rows that cannot be used."""

    told: Mapping[str, tuple[str, str]]
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be adopted: the addresses of which domains, and what the owner says of some; who is to be believed."""

    domains: frozenset[str]
    told: Mapping[str, tuple[str, str]]
    witness: TrustedReceivers


def read_map(path: Path) -> VendorMap:
    """Read rows of address, vendor and channel; raises OSError and ValueError for anything that is not such a file."""
    if path.stat().st_size > MAX_MAP:
        raise ValueError(f"{path}: more than {MAX_MAP >> 20} MB: name a CSV file of address,vendor,channel")
    told, faults = dict[str, tuple[str, str]](), list[str]()
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        rows = csv.reader(file)
        for row in _rows(rows, path, faults):
            fault = _fault(row)
            if fault and not (rows.line_num == 1 and row[0].strip().lower() == "address"):
                faults.append(f"{path}, line {rows.line_num}: {fault}")
            elif not fault:
                told[row[0].strip().lower()] = (row[1].strip(), row[2].strip() if len(row) > 2 else "")
    return VendorMap({a: (v, c or "signup") for a, (v, c) in told.items()}, tuple(faults))


def _rows(rows: Iterator[list[str]], path: Path, faults: list[str]) -> Iterator[list[str]]:
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as fault:
            faults.append(f"{path}: {fault}: write address,vendor,channel")
            return
        if any(cell.strip() for cell in row):
            yield row


def _fault(row: list[str]) -> str:
    address = row[0].strip()
    local, at, domain = address.rpartition("@")
    if not (at and local and "." in domain) or len(address) > 320 or any(c.isspace() for c in address):
        return f"{address[:60]!r} is not an address: write address,vendor,channel"
    if len(row) < 2 or not row[1].strip():
        return f"{address[:60]!r} has no vendor: write address,vendor,channel"
    if len(row) > 3 or any(len(cell) > 200 or not cell.isprintable() for cell in row):
        return f"{address[:60]!r} is followed by more than vendor and channel: write address,vendor,channel"
    return ""


def proposals(
    parts: Context, ledger: ImportProgress, reader: Reader, asked: Asked
) -> tuple[list[AdoptionProposal], list[Left]]:
    """Return for every address that is not issued yet its likeliest vendor, or why it is left alone."""
    with parts.store.reading() as session:
        known = vendors.list_vendors(session)
        issued = {canary.address for canary in canaries.list_canaries(session)}
    found = (each for each in ledger.addresses() if each[0] not in issued and _is_asked(each[0], asked))
    wanted = [Sighting(*each) for each in found]
    return mail_order(asyncio.run(_infer(parts, (ledger, reader), wanted, (asked, known))))


def _is_asked(address: str, asked: Asked) -> bool:
    return address in asked.told or address.rpartition("@")[2] in asked.domains


async def _infer(
    parts: Context, where: tuple[ImportProgress, Reader], wanted: Sequence[Sighting], by: tuple[Asked, Sequence[Vendor]]
) -> list[AdoptionProposal | Left]:
    asked, known = by
    made: list[AdoptionProposal | Left] = []
    for each in wanted:
        seen = await _seen(parts, where, each, asked.witness)
        sighting = Sighting(each.address, each.first, each.mails, tuple(seen))
        made.append(propose(sighting, known, asked.told.get(each.address)))
    return made


async def _seen(
    parts: Context, where: tuple[ImportProgress, Reader], each: Sighting, witness: TrustedReceivers
) -> list[SenderSighting]:
    ledger, reader = where
    seen: list[SenderSighting] = []
    for entries in _by_size(ledger.first_mails(each.address, SAMPLE)):
        raws = [fetch(reader, ledger, entry, "sample") for entry in entries]
        found = await look_at_all(parts, [raw for raw in raws if raw is not None], witness)
        seen += [_who(finding, parts.book) for finding in found if isinstance(finding, AuthenticatedMail)]
    return sorted(seen, key=lambda who: who.at)


def _by_size(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """Group mails: small ones together, each large one alone."""
    yield [entry for entry in entries if entry.place.length <= SMALL]
    yield from ([entry] for entry in entries if entry.place.length > SMALL)


def _who(finding: AuthenticatedMail, book: ProviderRegistry) -> SenderSighting:
    """Return the proven organisation of the From, and the claimed one; a platform of many tenants proves none."""
    who = finding.identity
    proven = organisation(who.domain) if who.proof in _ALIGNED and not who.shared else ""
    claim = "" if book.is_shared(who.claim) else organisation(who.claim)
    return SenderSighting(finding.raw.envelope.received, proven, claim, bool(bulk_signs(finding.mail)))


def count_guesses(store: Database, ledger: ImportProgress, domains: Collection[str]) -> int:
    """Count every address of some domains that was not adopted as one guess, once for each archive; return how many.

    An archive of everything that came to a domain shows how it is guessed at, which decides what few bits are worth.
    """
    with store.reading() as session:
        issued = (known_addresses(session, "") or ("", frozenset()))[1]
    missed = sorted((first, to) for to, first, _ in ledger.addresses() if to not in issued)
    guesses = [_guess(to, first) for first, to in missed if to.rpartition("@")[2] in domains]
    numbered = list(enumerate(guesses, 1))
    for start in range(0, len(numbered), STEP):
        with store.writing() as session:
            attempts.take_attempts(session, f"import-{ledger.file.stem}", numbered[start : start + STEP])
    return len(numbered)


def _guess(address: str, at: datetime) -> Attempt:
    local, _, domain = address.rpartition("@")
    return Attempt(AttemptKind.GUESS, domain, "", at, shape=shape_of(local))


def accept(ledger: ImportProgress, made: Collection[AdoptionProposal]) -> None:
    """Store what the owner agreed to, so that an interrupted import continues with it."""
    rows = [{**asdict(each), "issued": each.issued.isoformat()} for each in made]
    with ledger.writing():
        ledger.note("accepted", to_json(rows))


def accepted(ledger: ImportProgress) -> list[AdoptionProposal]:
    """Return what the owner agreed to."""
    rows: list[dict[str, Any]] = json.loads(ledger.fact("accepted") or "[]")
    return [replace(AdoptionProposal(**row), **_typed(row)) for row in rows]


def _typed(row: Mapping[str, Any]) -> dict[str, Any]:
    issued = datetime.fromisoformat(row["issued"])
    return {"issued": issued, "style": Style(row["style"]), "domains": tuple(row["domains"])}
