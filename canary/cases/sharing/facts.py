"""The facts of a case that may be given on: who wrote to which addresses, and what is believed of it.

An address that others learn of is burnt. So each is hashed with a key unless the owner allows it, and no text of a mail
is given on that names one of the owner's addresses.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from ipaddress import ip_address
from typing import Any

from sqlmodel import Session, col, func, select

from canary.cases.conclusions import conclusion_of, reasons_explained
from canary.cases.letter_text import CitedPack, one_line
from canary.cases.pack_privacy import OtherAddresses
from canary.cases.pack_record import newest_pack
from canary.cases.statements import LEAKED
from canary.cases.workflow import get_case
from canary.model.proof import Result
from canary.store.codec import envelope_of, proofs_of
from canary.store.log_key import LogKey, LogKeyError, log_key_of
from canary.store.tables import CanaryRow, CaseRow, HitRow, MailRow, VendorRow

MOST_MAILS, MOST_ADDRESSES = 1000, 2000
_LONGEST, _TELLING = 500, 4
_MAILBOX = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.]{1,64}@[A-Za-z0-9\-]{1,63}(?:\.[A-Za-z0-9\-]{1,63}){1,8}")
_HASHED = "hashed.invalid"
"""The domain of hashed addresses, which nobody can have (RFC 2606): so they are addresses wherever one must be."""


@dataclass(frozen=True, slots=True)
class SharedAddress:
    """An address that was hit, or `HASH@hashed.invalid` for it; who it was given to, and the first mail of somebody else."""

    address: str
    vendor: str
    issued: datetime
    first: datetime


@dataclass(frozen=True, slots=True)
class SharedMail:
    """A mail of a case, `sha256` of its octets; a text is empty where there is none, and where it names an own address."""

    id: int
    at: datetime
    sha256: str
    to: tuple[str, ...]
    verdict: str
    confidence: float
    sender: str
    sender_name: str
    envelope_sender: str
    subject: str
    message_id: str
    client: str
    helo: str
    spf: str
    dkim: str
    dkim_domain: str
    dmarc: str


@dataclass(frozen=True, slots=True)
class SharedCase:
    """A case to be given on, with the newest evidence pack of it.

    `uid` is the same in every export and nowhere else, `vendors` has names by slug.
    """

    uid: str
    number: int
    state: str
    summary: str
    leak: float
    opened: datetime
    last: datetime
    vendors: Mapping[str, str]
    addresses: tuple[SharedAddress, ...]
    mails: tuple[SharedMail, ...]
    mails_left_out: int
    pack: CitedPack | None


def shared_case(session: Session, number: int, *, plain: bool = False) -> SharedCase:
    """Gather a case, with its first 1,000 mails; `plain` gives its addresses on as they are.

    Raises Unknown, and LogKeyError where the key that addresses are hashed with is missing.
    """
    case, key = get_case(session, number), log_key_of(session)
    if key is None:
        raise LogKeyError(f"case {number}: addresses are hashed with the key of the log, and there is none here yet")
    key.check(session)
    return _CaseReader(session, case, key, plain).read()


@dataclass
class _CaseReader:
    """One case while its facts are gathered."""

    session: Session
    case: CaseRow
    key: LogKey
    plain: bool

    @cached_property
    def _hit(self) -> dict[str, tuple[CanaryRow, datetime]]:
        """The addresses that were hit, each with its row and its first hit."""
        first = func.min(HitRow.at)
        query: Any = (
            select(CanaryRow, first).join_from(CanaryRow, HitRow).where(*self._of()).group_by(col(CanaryRow.id))
        )
        rows = self.session.execute(query.order_by(first, col(CanaryRow.id)).limit(MOST_ADDRESSES))
        return {row.address: (row, at) for row, at in rows}

    @cached_property
    def _guard(self) -> OtherAddresses:
        return OtherAddresses(self.session, frozenset(map(str.lower, self._hit)) if self.plain else frozenset())

    @cached_property
    def _local_parts(self) -> tuple[str, ...]:
        """What gives an address away without its domain; one of two or three letters is part of any word."""
        every = {address.lower().rpartition("@")[0] for address in self._hit}
        return () if self.plain else tuple(local for local in every if len(local) >= _TELLING)

    def read(self) -> SharedCase:
        """Return the facts."""
        case, number = self.case, self.case.id or 0
        names = self._vendors()
        mails = self._mails()
        counted = self.session.exec(select(func.count(func.distinct(HitRow.mail_id))).where(*self._of())).one()
        return SharedCase(
            self.key.alias(f"case {number}"), number, case.state,
            conclusion_of(case, reasons_explained(self.session, [case]).get(number, "")).headline, case.leak,
            case.opened_at, case.last_hit_at, dict(names.values()),
            tuple(SharedAddress(self._shown(row.address), names[row.vendor_id][0], row.issued_at, at)
                  for row, at in self._hit.values() if row.vendor_id in names),
            mails, counted - len(mails), newest_pack(self.session, number),
        )  # fmt: skip

    def _of(self) -> tuple[Any, Any]:
        return HitRow.case_id == self.case.id, col(HitRow.verdict).in_(LEAKED)

    def _vendors(self) -> dict[int, tuple[str, str]]:
        held = {row.vendor_id for row, _ in self._hit.values()}
        query = select(VendorRow).where(col(VendorRow.id).in_(held)).order_by(VendorRow.slug)
        return {row.id or 0: (row.slug, row.name) for row in self.session.exec(query)}

    def _mails(self) -> tuple[SharedMail, ...]:
        numbers = select(HitRow.mail_id).where(*self._of(), col(HitRow.mail_id).is_not(None)).distinct()
        first = self.session.exec(numbers.order_by(col(HitRow.mail_id)).limit(MOST_MAILS)).all()
        hits: dict[int, list[tuple[HitRow, str]]] = {}
        query = select(HitRow, CanaryRow.address).join_from(HitRow, CanaryRow).where(*self._of())
        for hit, address in self.session.exec(query.where(col(HitRow.mail_id).in_(first)).order_by(col(HitRow.id))):
            hits.setdefault(hit.mail_id or 0, []).append((hit, address))
        rows = self.session.exec(select(MailRow).where(col(MailRow.id).in_(hits)).order_by(col(MailRow.id)))
        return tuple(self._mail(row, hits[row.id or 0]) for row in rows)

    def _mail(self, row: MailRow, hits: list[tuple[HitRow, str]]) -> SharedMail:
        envelope, proofs = envelope_of(row.envelope, row.received_at), proofs_of(row.proofs)
        surest = max((hit for hit, _ in hits), key=lambda hit: hit.confidence)
        passed = [each for each in proofs.dkim if each.result is Result.PASS] or proofs.dkim
        dkim = passed[0] if passed else None
        return SharedMail(
            row.id or 0, row.received_at, row.sha256, tuple(dict.fromkeys(self._shown(to) for _, to in hits)),
            surest.verdict, surest.confidence, self._mailbox(row.sender), self._text(row.sender_name),
            self._mailbox(envelope.mail_from), self._text(row.subject), self._text(row.message_id),
            _client(envelope.client.ip), self._text(envelope.client.helo), proofs.spf.result.value,
            dkim.result.value if dkim else Result.NONE.value, self._text(dkim.domain) if dkim else "",
            proofs.dmarc.result.value,
        )  # fmt: skip

    def _shown(self, address: str) -> str:
        return address if self.plain else f"{self.key.alias(address.lower())}@{_HASHED}"

    def _text(self, text: str) -> str:
        low = text.lower()
        named = any(local in low for local in self._local_parts) or self._guard.names_others(text)
        return "" if named else one_line(text, _LONGEST)

    def _mailbox(self, text: str) -> str:
        return self._text(text) if _MAILBOX.fullmatch(text) else ""


def _client(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        return ""
