"""What the store knows of the recipients of some mails: read once for all of them."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from sqlmodel import Session

from canary.model.canary import Canary
from canary.model.party import Vendor
from canary.store.queries import attempts, canaries, vendors


class RecipientLookup:
    """Canaries by address, vendors by slug, guesses by domain, as they stand in one transaction."""

    def __init__(self, session: Session, addresses: Iterable[str]) -> None:
        """Look up the recipients of all mails that will be judged in this transaction."""
        self._session = session
        self._canaries = canaries.find_canaries(session, addresses)
        self._vendors = vendors.by_slug(session, {c.vendor for c in self._canaries.values() if c.vendor})
        self._guesses: dict[str, Counter[str]] = {}

    def reached(self, addresses: Iterable[str]) -> list[Canary]:
        """Return the canaries among the recipients of one mail, each once."""
        known = (self._canaries.get(address) for address in dict.fromkeys(a.lower() for a in addresses))
        return [canary for canary in known if canary is not None]

    def owner(self, canary: Canary) -> tuple[int, Vendor]:
        """Return the vendor of a canary with its row id; nobody, under 0, for a decoy."""
        return self._vendors[canary.vendor] if canary.vendor else (0, Vendor("", ""))

    def guesses(self, domain: str) -> Counter[str]:
        """Return how many never-issued recipients of a domain were tried, by the shape of their local part."""
        if domain not in self._guesses:
            self._guesses[domain] = attempts.guesses(self._session, domain)
        return self._guesses[domain]

    def ask(self, vendor: Vendor, keys: Iterable[str]) -> None:
        """Take note that the owner is about to be asked about senders, so that further mail of them is not charged."""
        if fresh := frozenset(keys) - vendor.pending:
            number, known = self._vendors[vendor.slug]
            self._vendors[vendor.slug] = number, replace(known, pending=known.pending | fresh)
