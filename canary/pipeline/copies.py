"""A mail that comes by several ways, or is read from a mailbox twice after a crash, is one mail.

Mails that both came by our own listener are never copies: how often somebody sends is a fact about the sender.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlmodel import Session

from canary.model.authenticated import AuthenticatedMail
from canary.store.queries.mails import stored_copies
from canary.store.queries.recipients import reached_addresses


def without_copies(session: Session, found: Sequence[AuthenticatedMail]) -> list[AuthenticatedMail]:
    """Return mails in their order, each for those recipients only whose canary has no copy of it yet."""
    ways = stored_copies(session, {each.digest for each in found if each.digest})
    if not ways and not any(each.raw.envelope.inlet for each in found):
        return list(found)
    reached = reached_addresses(session, {to for each in found for to in each.raw.envelope.rcpt_to})
    fresh = (_fresh(each, reached, ways) if each.digest else each for each in found)
    return [each for each in fresh if each is not None]


def _fresh(
    found: AuthenticatedMail, reached: Mapping[str, str], ways: dict[tuple[str, str], set[str]]
) -> AuthenticatedMail | None:
    """Return a mail for the recipients that have no copy, None where all have one; note by which way it came to each."""
    envelope = found.raw.envelope
    held = {to: (found.digest, reached[to.lower()]) for to in envelope.rcpt_to if to.lower() in reached}
    copies = {to for to, key in held.items() if _is_copy(envelope.inlet, ways.get(key, frozenset()))}
    if not copies:
        rest: tuple[str, ...] = envelope.rcpt_to
    elif copies == held.keys():
        return None
    else:
        rest = tuple(to for to in envelope.rcpt_to if to not in copies)
    for to, key in held.items():
        if to in rest:
            ways.setdefault(key, set()).add(envelope.inlet)
    return found if not copies else replace(found, raw=replace(found.raw, envelope=replace(envelope, rcpt_to=rest)))


def _is_copy(inlet: str, ways: set[str] | frozenset[str]) -> bool:
    return bool(ways) and (bool(inlet) or any(ways))
