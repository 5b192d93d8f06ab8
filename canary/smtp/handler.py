"""What is decided about a mail, as a handler of aiosmtpd: who may be written to, and that 250 means on the disk.

It works under any server of aiosmtpd; `CanarySMTP` also tells it of mails that were begun and never came.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

from aiosmtpd.lmtp import LMTP
from aiosmtpd.proxy_protocol import ProxyData
from aiosmtpd.smtp import SMTP, Session

from canary.canaries.address_cache import AddressCache
from canary.judge.localpart import shape_of
from canary.model.attempt import Attempt, AttemptKind, LocalShape
from canary.model.mail import Client
from canary.model.networks import network, plain_ip
from canary.smtp.admission import Event, Refusal, Ruling, folded, is_for_role, rule, unquoted
from canary.smtp.data import TOO_BIG
from canary.smtp.journal import Journal
from canary.smtp.role_mail import RoleQuota
from canary.smtp.transaction import Transaction
from canary.spool.envelope import client_text, envelope_text
from canary.spool.spool import Spool
from canary.spool.spool_file import SpoolFault, SpoolFull

log = logging.getLogger("canary.smtp")

FULL = "452 4.3.1 Insufficient system storage"
ROLES_FULL = "452 4.2.2 This mailbox accepts no more mail for now, try again later"
FAULT = "451 4.3.0 Temporary local problem, try again later"

_PATIENCE = 10  # unknown recipients of a session for which the store is always asked
_REFUSALS = {
    Ruling.UNKNOWN: ("550 5.1.1 No such user here", Event.UNKNOWN),
    Ruling.FOREIGN: ("550 5.7.1 Relaying denied", Event.FOREIGN),
    Ruling.MALFORMED: ("501 5.1.3 Bad recipient address syntax", Event.ERRORS),
}
_ATTEMPTS = {Ruling.UNKNOWN: AttemptKind.GUESS, Ruling.FOREIGN: AttemptKind.RELAY}
_ANNOUNCED = (
    "PIPELINING", "SIZE", "STARTTLS", "XCLIENT", "ENHANCEDSTATUSCODES", "8BITMIME", "CHUNKING", "SMTPUTF8",
)  # fmt: skip


class CanaryHandler:
    """Takes mail for issued addresses of `domains` (lower case), at most `most` recipients each, into the spool.

    `roles` counts mail to postmaster and abuse; it may be replaced by one that other handlers share.
    """

    def __init__(
        self,
        domains: frozenset[str],
        addresses: AddressCache,
        spool: Spool,
        clock: Callable[[], datetime],
        journal: Journal | None = None,
        most: int = 100,
    ) -> None:
        self.domains, self.addresses, self.spool, self.clock = domains, addresses, spool, clock
        self.journal, self.most, self.roles = journal or Journal(), most, RoleQuota()
        self._guesses: WeakKeyDictionary[Session, int] = WeakKeyDictionary()

    async def handle_PROXY(self, server: SMTP, session: Any, envelope: Any, header: ProxyData) -> bool:
        """Serves the client that the proxy names; a health check of the proxy (LOCAL) and others name none."""
        if header.command != 0 and header.protocol == 1 and header.src_port is not None:
            session.peer = (str(header.src_addr), header.src_port)
        return True

    async def handle_HELO(self, server: SMTP, session: Any, envelope: Any, hostname: str) -> str:
        """RFC 5321 4.1.1.1."""
        session.host_name = hostname
        return f"250 {server.hostname}"

    async def handle_EHLO(
        self, server: SMTP, session: Any, envelope: Any, hostname: str, lines: list[str]
    ) -> list[str]:
        """RFC 5321 4.1.1.1; AUTH is not announced, as aiosmtpd would after TLS: nobody submits mail here."""
        session.host_name = hostname
        offered = [line[4:] for line in lines[1:]] + [*getattr(server, "extensions", ())]
        named = {words.partition(" ")[0]: words for words in offered}
        shown = [named[word] for word in _ANNOUNCED if word in named]
        return [lines[0], *(f"250-{words}" for words in shown[:-1]), f"250 {shown[-1]}"]

    async def handle_VRFY(self, server: SMTP, session: Any, envelope: Any, address: str) -> str:
        """RFC 5321 3.5.3: we may say nothing, and do; that somebody asked is recorded."""
        wanted = folded(unquoted(address.strip("<> ")))
        ours = wanted.rpartition("@")[2] in self.domains
        self._note(AttemptKind.VERIFY, wanted if ours else "", session)
        return "252 2.5.2 Cannot VRFY user, but will accept message and attempt delivery"

    async def handle_MAIL(self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        """Begins a transaction, unless there is no space for a mail."""
        if self.spool.full:
            raise Refusal(FULL, Event.SPOOL)
        if not isinstance(envelope, Transaction):
            envelope = server.envelope = Transaction()
        envelope.mail_from, envelope.mail_options = address, options
        envelope.session = getattr(server, "name", "")
        envelope.protocol = "LMTP" if isinstance(server, LMTP) else "ESMTP" if session.extended_smtp else "SMTP"
        envelope.began = session.loop.time()
        return "250 2.1.0 OK"

    async def handle_RCPT(self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        """Accepts a recipient; every refusal is evidence of guessing or of an attempt to relay."""
        plain = unquoted(address)
        wanted = folded(plain)
        ruling = rule(wanted, self.domains, self.addresses.addresses)
        if ruling is Ruling.UNKNOWN:
            ruling = await self._look_again(session, wanted)
        if ruling is not Ruling.ACCEPT:
            if ruling in _ATTEMPTS:
                envelope.refused[ruling] = envelope.refused.get(ruling, 0) + 1
                self._note(_ATTEMPTS[ruling], wanted, session)
            raise Refusal(*_REFUSALS[ruling])
        if not envelope.rcpt_tos or wanted not in map(folded, envelope.rcpt_tos):
            if len(envelope.rcpt_tos) >= self.most:
                raise Refusal("452 4.5.3 Too many recipients", Event.RECIPIENTS)
            if is_for_role(wanted, self.addresses.addresses):
                self._admit_role(session, envelope.declared)
                envelope.roles.append(plain)
            envelope.rcpt_tos.append(plain)
        return "250 2.1.5 OK"

    async def handle_CONTENT(self, server: SMTP, session: Any, envelope: Any) -> None:
        """Whether there is space for a mail; `CanarySMTP` asks at DATA too, which may come long after MAIL."""
        if self.spool.full:
            raise Refusal(FULL, Event.SPOOL)
        envelope.largest = self.roles.limits.size if envelope.for_roles_only else None

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        """Answers when the mail is on the disk; the spool stores it whatever becomes of the client."""
        envelope.ended, envelope.size = session.loop.time(), len(envelope.content)
        if envelope.roles:
            self._settle_roles(session, envelope)
        self._describe(session, envelope)
        stored: Any = session.loop.create_future()
        self.spool.enqueue(envelope.text, envelope.content, lambda said: stored.done() or stored.set_result(said))
        envelope.content = None  # its memory is freed when it is stored
        answer = await stored
        if not isinstance(answer, SpoolFault):
            reply = f"250 2.0.0 OK: queued as {answer}"
            self.journal.record(envelope, session.loop.time(), reply, answer)
            return reply
        refusal = Refusal(FULL, Event.SPOOL) if isinstance(answer, SpoolFull) else Refusal(FAULT, Event.FAULT)
        self.journal.record(envelope, session.loop.time(), str(refusal)[:9])  # the spool has logged why
        raise refusal

    async def handle_exception(self, error: Exception) -> str:
        """Answers a refusal as it is, and a fault of ours as temporary, without a word of what it is."""
        if isinstance(error, Refusal):
            return str(error)
        log.error("failed at a command", exc_info=error)
        return FAULT

    def give_up(self, session: Any, envelope: Transaction, outcome: str, *, probed: bool) -> None:
        """Ends a transaction of which no mail is kept; `probed` says that the client broke it off."""
        if probed:
            for address in filter(self.addresses.addresses.__contains__, {folded(each) for each in envelope.rcpt_tos}):
                self._note(AttemptKind.PROBE, address, session)
        envelope.ended = session.loop.time()
        self._describe(session, envelope)
        self.journal.record(envelope, envelope.ended, outcome)

    def _describe(self, session: Any, envelope: Transaction) -> None:
        """Writes the envelope, once for spool and journal."""
        client = _client_text(*_client_facts(session))
        sender = "" if envelope.mail_from == "<>" else envelope.mail_from
        envelope.text = envelope_text(sender or "", envelope.rcpt_tos, client, self.clock())

    async def _look_again(self, session: Any, wanted: str) -> Ruling:
        """Decides again after another query, as the address may just have been issued; raises Refusal.

        While the store does not answer, nobody can know that it was never issued: then the client has to come again.
        """
        guesses = self._guesses[session] = self._guesses.get(session, 0) + 1
        certain = await self.addresses.look_again(patient=guesses <= _PATIENCE)
        ruling = rule(wanted, self.domains, self.addresses.addresses)
        if ruling is Ruling.UNKNOWN and not certain:
            raise Refusal(FAULT)
        return ruling

    def _admit_role(self, session: Any, size: int) -> None:
        """Raises Refusal for a role that may have no mail of this size, or no more mail today."""
        if size > self.roles.limits.size:
            raise Refusal(TOO_BIG, Event.SIZE)
        if not self.roles.has_room(*place_of(session)):
            raise Refusal(ROLES_FULL, Event.ROLES)

    def _settle_roles(self, session: Any, envelope: Transaction) -> None:
        """Counts mail to a role, now that it is here; one that may not come is only for the canaries among its recipients."""
        fits = envelope.size <= self.roles.limits.size
        if fits and self.roles.count(*place_of(session)):
            return
        if envelope.for_roles_only:
            refusal = Refusal(ROLES_FULL, Event.ROLES) if fits else Refusal(TOO_BIG, Event.SIZE)
            self.give_up(session, envelope, str(refusal)[:9], probed=False)
            raise refusal
        envelope.rcpt_tos = [address for address in envelope.rcpt_tos if address not in envelope.roles]

    def _note(self, kind: AttemptKind, address: str, session: Any) -> None:
        local, _, domain = address.rpartition("@")
        issued = address if address in self.addresses.addresses else ""
        shape = shape_of(local) if kind is AttemptKind.GUESS else LocalShape.UNKNOWN
        source = place_of(session)[1]
        self.spool.note(Attempt(kind, domain[:255], source, self.clock(), issued, shape))


def place_of(session: Any) -> tuple[str, str]:
    """The client's address and network; both empty at a Unix socket."""
    return _place(session.peer[0]) if isinstance(session.peer, tuple) else ("", "")


def client_of(session: Any) -> Client:
    """Who is at the other end, and how the connection is secured."""
    return Client(*_client_facts(session))


def _client_facts(session: Any) -> tuple[str, int, str, str | None]:
    port = session.peer[1] if isinstance(session.peer, tuple) else 0
    channel = session.ssl["ssl_object"] if session.ssl else None
    tls = f"{channel.version()} {channel.cipher()[0]}" if channel else None
    return place_of(session)[0], port, session.host_name or "", tls


@lru_cache(maxsize=1024)
def _client_text(ip: str, port: int, helo: str, tls: str | None) -> str:
    return client_text(Client(ip, port, helo, tls))


@lru_cache(maxsize=4096)
def _place(host: str) -> tuple[str, str]:
    ip = plain_ip(host)
    return ip, network(ip)
