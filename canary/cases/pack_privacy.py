"""What of other addresses is in a text: a pack never burns an address of the owner that is not in question."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from sqlmodel import Session, col, select

from canary.model.mail import ParsedMail
from canary.store.tables import CanaryRow

MOST = 20_000
"""So many addresses in a text are looked at; one with more is not shown."""

# Only looks at what follows the local part: in "u?e=ann.lee@in.example" the "e" has a domain of its own, so to speak.
_ADDRESS = re.compile(r"([\w.+\-]{1,64})(?=[@=]([a-z0-9\-]{1,63}(?:\.[a-z0-9\-]{1,63}){1,8}))")
_AT_ONCE = 500


@dataclass(frozen=True)
class OtherAddresses:
    """Knows which addresses a case is about, in lower case, and finds others of the owner."""

    session: Session
    in_question: frozenset[str]

    @cached_property
    def _domains(self) -> frozenset[str]:
        return frozenset(self.session.exec(select(CanaryRow.domain).distinct()).all())

    def is_in_question(self, address: str) -> bool:
        """Whether a case is about an address."""
        return address.lower() in self.in_question

    def names_others(self, *texts: str) -> bool:
        """Whether texts name an address of the owner that the case is not about, issued or a decoy."""
        named = set[str]()
        for text in texts:
            named |= self._ours(text)
            if len(named) > MOST:
                return True
        left = sorted(named - self.in_question)
        return any(self._is_one(left[at : at + _AT_ONCE]) for at in range(0, len(left), _AT_ONCE))

    def mail_names_others(self, octets: bytes, mail: ParsedMail | None) -> bool:
        """Whether a mail names such an address, in its octets or in what is read in them."""
        read = [*_texts(mail)] if mail else []
        return self.names_others(octets.decode("latin-1").replace("=40", "@").replace("%40", "@"), *read)

    def shown(self, text: str) -> str | None:
        """Return a text, or None where it names such an address."""
        return None if self.names_others(text) else text

    def _ours(self, text: str) -> set[str]:
        # An address may be written as part of another one, as in return paths: each end of the local part is looked at.
        return {
            f"{local[at:]}@{domain}"
            for local, domain in _ADDRESS.findall(text.lower())
            if domain in self._domains
            for at in (0, *(found.end() for found in re.finditer(r"[+\-=.]", local)))
            if local[at:]
        }

    def _is_one(self, addresses: list[str]) -> bool:
        found = self.session.exec(select(CanaryRow.id).where(col(CanaryRow.address).in_(addresses)).limit(1)).first()
        return found is not None


def _texts(mail: ParsedMail) -> Iterable[str]:
    yield from (value for _, value in mail.headers)
    yield from (mail.text, mail.html, *mail.links)
    yield from (box.address for box in (*mail.senders, *mail.recipients))
