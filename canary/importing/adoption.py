"""Adoption: addresses that were given away before Canary was used become canaries of the vendors they name."""

import asyncio
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from canary.importing.archive import Reader
from canary.importing.progress import Entry, ImportProgress, to_json
from canary.importing.stored_authentication import TrustedReceivers, fetch, look_at_all
from canary.judge.adoption import (
    AddressDraft,
    AdoptionProposal,
    Left,
    mail_order,
    propose,
    settle,
)
from canary.judge.adoption_rules import LAST, SAMPLE, MapRow, SenderSighting, Sighting
from canary.judge.bulk import bulk_signs
from canary.judge.localpart import shape_of
from canary.judge.organisation import is_never_vendor, organisation
from canary.judge.senders import is_confirmation
from canary.judge.tag import MAX_DISPLAY
from canary.model.attempt import Attempt, AttemptKind
from canary.model.authenticated import AuthenticatedMail
from canary.model.canary import Style
from canary.model.identity import Proof
from canary.model.party import Vendor
from canary.pipeline.story import Context
from canary.store.database import Database
from canary.store.issued_addresses import every_address
from canary.store.queries import attempts, canaries, vendors

STEP = 1000
SMALL = 256 * 1024
_ALIGNED = (Proof.DKIM_ALIGNED, Proof.SPF_ALIGNED)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be adopted: the addresses of which domains, and what the owner says of some; who is to be believed.

    `own` are all domains of the owner.
    """

    domains: frozenset[str]
    told: Mapping[str, MapRow]
    witness: TrustedReceivers
    own: frozenset[str] = frozenset()


def proposals(
    parts: Context, ledger: ImportProgress, reader: Reader, asked: Asked
) -> tuple[list[AdoptionProposal], list[Left]]:
    """Return for every address that is not issued yet its likeliest vendor, or why it is left alone."""
    with parts.store.reading() as session:
        known = vendors.list_vendors(session)
        issued = {canary.address for canary in canaries.list_canaries(session)}
    seen = (Sighting(*each) for each in ledger.addresses() if _is_asked(each[0], asked))
    wanted = [each for each in seen if each.address not in issued]
    drafts = asyncio.run(_infer(parts, (ledger, reader), wanted, (asked, known)))
    return mail_order(settle(drafts, _mailboxes(wanted), known))


def _is_asked(address: str, asked: Asked) -> bool:
    return address in asked.told or address.rpartition("@")[2] in asked.domains


def _mailboxes(wanted: Iterable[Sighting]) -> frozenset[str]:
    """Return the mailboxes that plus addresses are tags of."""
    tagged = (each.address.rpartition("@") for each in wanted if "+" in each.address)
    return frozenset(f"{local.partition('+')[0]}@{domain}" for local, _, domain in tagged)


async def _infer(
    parts: Context, where: tuple[ImportProgress, Reader], wanted: Sequence[Sighting], by: tuple[Asked, Sequence[Vendor]]
) -> list[AddressDraft]:
    asked, known = by
    drafts: list[AddressDraft] = []
    for each in wanted:
        seen = await _seen(parts, where, where[0].first_mails(each.address, SAMPLE), asked)
        only = each.mails > len(seen) and len({one.proven for one in seen}) == 1
        last = await _seen(parts, where, where[0].last_mails(each.address, LAST), asked) if only else []
        drafts.append(propose(replace(each, seen=tuple(seen), last=tuple(last)), known, asked.told.get(each.address)))
    return drafts


async def _seen(
    parts: Context, where: tuple[ImportProgress, Reader], entries: Sequence[Entry], asked: Asked
) -> list[SenderSighting]:
    ledger, reader = where
    seen: list[SenderSighting] = []
    for step in _by_size(entries):
        raws = [fetch(reader, ledger, entry, "sample") for entry in step]
        found = await look_at_all(parts, [raw for raw in raws if raw is not None], asked.witness)
        seen += [_who(each, parts, asked) for each in found if isinstance(each, AuthenticatedMail)]
    return sorted(seen, key=lambda who: who.at)


def _by_size(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """Group mails: small ones together, each large one alone."""
    yield [entry for entry in entries if entry.place.length <= SMALL]
    yield from ([entry] for entry in entries if entry.place.length > SMALL)


def _who(finding: AuthenticatedMail, parts: Context, asked: Asked) -> SenderSighting:
    """Return the proven organisation of the From, and the claimed one; what can be no vendor's domain is neither, and no name."""
    who, mail = finding.identity, finding.mail
    own, carrier = asked.own | asked.domains, parts.forwarders.carrier_of
    proven = who.proof in _ALIGNED and not who.shared and not is_never_vendor(who.domain, own, carrier)
    nobodys = is_never_vendor(who.claim, own, carrier)
    claimed = not parts.book.is_shared(who.claim) and not nobodys
    return SenderSighting(
        finding.raw.envelope.received, organisation(who.domain) if proven else "",
        organisation(who.claim) if claimed else "", bool(bulk_signs(mail)), "" if nobodys else mail.sender.name[:MAX_DISPLAY],
        is_confirmation(mail.subject),
    )  # fmt: skip


def count_guesses(store: Database, ledger: ImportProgress, domains: Collection[str]) -> int:
    """Count every address of some domains that was not adopted as one guess, once for each archive; return how many.

    An archive of everything that came to a domain shows how it is guessed at, which decides what few bits are worth.
    """
    with store.reading() as session:
        issued = every_address(session)
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
