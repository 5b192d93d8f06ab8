"""What was seen of a sender before, at the addresses of all vendors: what a thief can neither write nor prove."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class SignerUse(StrEnum):
    """How a signing domain was seen at a vendor's address.

    Beside the vendor's own proof, in the vendor's name on the first day of an address, or in mail that waits for an
    answer.
    """

    PROVEN = "proven"
    FRESH = "fresh"
    ASKED = "asked"


@dataclass(frozen=True, slots=True)
class SignedMail:
    """That mail at a vendor's address was signed by a domain: by which, how, and since when.

    `organisation` is the one of the From address.
    """

    signer: str
    vendor: str
    organisation: str
    use: SignerUse
    since: datetime


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """What was known of a mail's sender when it came.

    `first_writer` is the key of who wrote first to the address, on the day it was given, empty while nobody has.
    `linked` are domains that the vendor's own proven mail links or replies to. `signed` is what the domains that signed
    the mail had signed before at addresses of other vendors.
    """

    first_writer: str = ""
    linked: frozenset[str] = frozenset()
    signed: tuple[SignedMail, ...] = field(default=())

    def parties_of(self, signer: str, uses: Collection[SignerUse]) -> int:
        """Count the unrelated parties for which a domain signed so: those of one house write from one domain."""
        seen = [mail for mail in self.signed if mail.signer == signer and mail.use in uses]
        return min(len({mail.organisation for mail in seen}), len({mail.vendor for mail in seen}))

    def asked_at(self, signer: str) -> int:
        """Count the vendors at whose addresses a domain signed what waits for an answer."""
        return len({mail.vendor for mail in self.signed if mail.signer == signer and mail.use is SignerUse.ASKED})


@dataclass(frozen=True, slots=True)
class ShownByMail:
    """What one judged mail at one address adds to the track records."""

    first_writer: str = ""
    linked: tuple[str, ...] = ()
    signed: tuple[SignedMail, ...] = ()


NOTHING_SEEN = TrackRecord()
NOTHING_SHOWN = ShownByMail()
