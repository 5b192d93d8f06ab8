"""A mail that comes by several ways, or is read from a mailbox twice after a crash, is one mail.

Mails that both came by our own listener are never copies: how often somebody sends is a fact about the sender.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlmodel import Session

from canary.model.authenticated import AuthenticatedMail
from canary.store.queries.mails import copies_by_inlets, has_copy
from canary.store.queries.recipients import reached_addresses


def without_copies(session: Session, found: Sequence[AuthenticatedMail]) -> list[AuthenticatedMail]:
    """Return mails in their order, each for those recipients only whose canary has no copy of it yet."""
    by_inlets = copies_by_inlets(session, {each.digest for each in found if each.digest})
    if not by_inlets and not any(each.raw.envelope.inlet for each in found):
        return list(found)
    reached = reached_addresses(session, {to for each in found for to in each.raw.envelope.rcpt_to})
    copies = _Copies(session, reached, by_inlets)
    fresh = (copies.fresh(each) if each.digest else each for each in found)
    return [each for each in fresh if each is not None]


@dataclass(frozen=True, slots=True)
class _Copies:
    """Which mails have come, as (digest, address of the canary): `_by_inlets` by any but our listener, `_own` by that."""

    _session: Session
    _reached: Mapping[str, str]
    _by_inlets: set[tuple[str, str]]
    _own: set[tuple[str, str]] = field(default_factory=set)

    def fresh(self, found: AuthenticatedMail) -> AuthenticatedMail | None:
        """Return a mail for the recipients that have no copy, None where all have one; it is a copy from now on."""
        envelope = found.raw.envelope
        held = {to: (found.digest, self._reached[to.lower()]) for to in envelope.rcpt_to if to.lower() in self._reached}
        copies = {to for to, key in held.items() if self._is_copy(envelope.inlet, key)}
        (self._by_inlets if envelope.inlet else self._own).update(key for to, key in held.items() if to not in copies)
        if not copies:
            return found
        if copies == held.keys():
            return None
        rest = tuple(to for to in envelope.rcpt_to if to not in copies)
        return replace(found, raw=replace(found.raw, envelope=replace(envelope, rcpt_to=rest)))

    def _is_copy(self, inlet: str, key: tuple[str, str]) -> bool:
        if key in self._by_inlets:
            return True
        return bool(inlet) and (key in self._own or has_copy(self._session, *key))
