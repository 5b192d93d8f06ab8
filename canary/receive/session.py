"""What each SMTP command means here and what it is answered (RFC 5321): recipients, then one mail, then 250."""

# ruff: noqa: N802, ARG002 - a verb is found by its method's name, and gets an argument whether it takes one or not

import asyncio
import logging
from dataclasses import replace

from canary.judge.localpart import shape_of
from canary.model.attempt import Attempt, AttemptKind, LocalShape
from canary.model.mail import Envelope
from canary.receive.admission import Ruling, folded, rule, unquoted
from canary.receive.connection import FAULT, Connection, Service
from canary.receive.crowd import Crowd
from canary.receive.data import DataReader
from canary.receive.path import Refusal, check_parameters, split_path
from canary.receive.spoolfile import SpoolFull

log = logging.getLogger("canary.smtp")

FULL = "452 4.3.1 Insufficient system storage"

_CHUNK = 1024 * 1024
_PATIENCE = 10  # unknown recipients of a session for whom the store is asked for certain
_REFUSALS = {
    Ruling.UNKNOWN: "550 5.1.1 No such user here",
    Ruling.FOREIGN: "550 5.7.1 Relaying denied",
    Ruling.MALFORMED: "501 5.1.3 Bad recipient address syntax",
}
_ATTEMPTS = {Ruling.UNKNOWN: AttemptKind.GUESS, Ruling.FOREIGN: AttemptKind.RELAY}


class Session(Connection):
    """An SMTP session, one verb a method; `_recipients` maps each in lower case to how it was written."""

    def __init__(self, service: Service, crowd: Crowd, name: str) -> None:
        super().__init__(service, crowd, name)
        self._sender: str | None = None
        self._recipients: dict[str, str] = {}
        self._refused = self._guesses = 0
        self._data: DataReader | None = None

    # The transaction.

    @property
    def in_transaction(self) -> bool:
        """Whether a MAIL has been accepted and nothing has ended it."""
        return self._sender is not None or self.storing

    @property
    def held(self) -> int:
        """The octets of a mail still being read."""
        return self._data.held if self._data else 0

    def shed(self) -> int:
        """Lets go of that mail, to be sent again later."""
        return self._data.drop(FULL) if self._data else 0

    def abandon(self) -> None:
        """Ends a transaction that no mail followed: its canaries were probed, unless it is we who stop."""
        if self._sender is not None:
            if not self.leaving:
                for address in self._recipients.keys() & self._service.book.addresses:
                    self._note(AttemptKind.PROBE, address)
            self._report(self._envelope(), "no mail followed")
        self.forget()

    def forget(self) -> None:
        """Starts over, as after a mail."""
        self._crowd.hold(-self.held)
        self._data = None
        self._sender, self._recipients = None, {}

    def _set_rset_state(self) -> None:
        self.abandon()

    def _envelope(self) -> Envelope:
        now = self._service.clock()
        return Envelope(self._sender or "", tuple(self._recipients.values()), self._client, now)

    def _note(self, kind: AttemptKind, address: str) -> None:
        local, _, domain = address.rpartition("@")
        known = address if kind is AttemptKind.PROBE else ""
        shape = shape_of(local) if kind is AttemptKind.GUESS else LocalShape.UNKNOWN
        self._service.spool.note(Attempt(kind, domain[:255], self.network, self._service.clock(), known, shape))

    def _report(self, envelope: Envelope, outcome: str, size: int = 0, key: str = "-") -> None:
        client = envelope.client
        log.info(
            "session=%s client=%s port=%d helo=%r tls=%r from=%r to=%r refused=%d size=%d key=%s outcome=%r",
            self.name,
            client.ip,
            client.port,
            client.helo,
            client.tls or "",
            envelope.mail_from,
            ",".join(envelope.rcpt_to),
            self._refused,
            size,
            key,
            outcome,
        )

    # The verbs.

    async def smtp_HELO(self, argument: str) -> str:
        """RFC 5321 4.1.1.1."""
        self._meet(argument)
        return f"250 {self.hostname}"

    async def smtp_EHLO(self, argument: str) -> str:
        """RFC 5321 4.1.1.1; what we announce is what we do."""
        self._meet(argument)
        lines = [self.hostname, "PIPELINING", f"SIZE {self._service.limits.size}"]
        lines += ["STARTTLS"] if self.tls_context and not self._tls_protocol else []
        lines += ["ENHANCEDSTATUSCODES", "8BITMIME"]
        return "".join(f"250-{line}\r\n" for line in lines) + "250 SMTPUTF8"

    async def smtp_MAIL(self, argument: str) -> str:
        """RFC 5321 4.1.1.2."""
        if not self._client.helo:
            raise Refusal("503 5.5.1 Send EHLO first")
        if self._sender is not None:
            raise Refusal("503 5.5.1 Nested MAIL command")
        sender, parameters = split_path("FROM:", argument)
        check_parameters(parameters, self._service.limits)
        if self._service.spool.full:
            raise Refusal(FULL)
        self._sender, self._refused = sender, 0
        return "250 2.1.0 OK"

    async def smtp_RCPT(self, argument: str) -> str:
        """RFC 5321 4.1.1.3; every no is evidence of guessing or of a try to relay."""
        if self._sender is None:
            raise Refusal("503 5.5.1 Send MAIL first")
        given, parameters = split_path("TO:", argument)
        if parameters:
            raise Refusal("555 5.5.4 Parameter not recognised")
        address = unquoted(given)
        await self._admit(address)
        known = folded(address) in self._recipients
        if not known and len(self._recipients) >= self._service.limits.recipients:
            raise Refusal("452 4.5.3 Too many recipients")
        self._recipients.setdefault(folded(address), address)
        return "250 2.1.5 OK"

    async def smtp_DATA(self, argument: str) -> str:
        """RFC 5321 4.1.1.4; the mail is durable when this answers 250, whatever becomes of the client."""
        if not self._recipients:
            raise Refusal("503 5.5.1 Send RCPT first")
        if argument:
            raise Refusal("501 5.5.4 DATA takes no argument")
        if self._service.spool.full:
            self.forget()
            raise Refusal(FULL)
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        data = await self._read_mail()
        envelope = self._envelope()
        if data.refusal:
            self._report(envelope, data.refusal, data.read)
            self.forget()
            raise Refusal(data.refusal)
        self._data, self.storing = None, True  # what it holds is the store's to give back
        self.forget()
        return await asyncio.shield(self._store(envelope, data))

    async def smtp_RSET(self, argument: str) -> str:
        """RFC 5321 4.1.1.5."""
        self._forbid(argument)
        self._set_rset_state()
        return "250 2.0.0 OK"

    async def smtp_NOOP(self, argument: str) -> str:
        """RFC 5321 4.1.1.9."""
        return "250 2.0.0 OK"

    async def smtp_QUIT(self, argument: str) -> None:
        """RFC 5321 4.1.1.10."""
        self._forbid(argument)
        self.hang_up("221 2.0.0 Bye")

    async def smtp_STARTTLS(self, argument: str) -> None:
        """RFC 3207 4; what was said in the clear counts for nothing afterwards."""
        self._forbid(argument)
        if self.tls_context is None:
            raise Refusal("502 5.5.1 Command not implemented")
        if self._tls_protocol:
            raise Refusal("503 5.5.1 TLS is already in use")
        await super().smtp_STARTTLS("")

    async def smtp_VRFY(self, argument: str) -> str:
        """RFC 5321 3.5.3: allowed to say nothing, and so we do; but who asks for an address checks a list."""
        address = folded(unquoted(argument.strip().removeprefix("<").removesuffix(">")))
        if address in self._service.book.addresses:
            self._note(AttemptKind.PROBE, address)
        return "252 2.5.2 Cannot VRFY user, but will accept message and attempt delivery"

    async def smtp_EXPN(self, argument: str) -> str:
        """RFC 5321 3.5.3: there are no lists."""
        raise Refusal("502 5.5.1 Command not implemented")

    async def smtp_AUTH(self, argument: str) -> str:
        """Nobody submits mail here."""
        raise Refusal("502 5.5.1 Command not implemented")

    async def smtp_HELP(self, argument: str) -> str:
        """RFC 5321 4.1.1.8."""
        return "214 2.0.0 See RFC 5321"

    # Their steps.

    def _meet(self, name: str) -> None:
        if not name:
            raise Refusal("501 5.5.4 Syntax: EHLO hostname")
        self._set_rset_state()
        self._client = replace(self._client, helo=name)

    def _forbid(self, argument: str) -> None:
        if argument:
            raise Refusal("501 5.5.4 No argument is allowed")

    async def _admit(self, address: str) -> None:
        """Raises Refusal unless the address takes mail, after another look if it may just have been issued.

        While the store does not answer nobody can say that it was never issued: then it is told to come again.
        """
        book, domains = self._service.book, self._service.domains
        ruling = rule(address, domains, book.addresses)
        if ruling is Ruling.UNKNOWN:
            certain = await book.look_again(patient=self._guesses < _PATIENCE)
            ruling = rule(address, domains, book.addresses)
            if ruling is Ruling.UNKNOWN and not certain:
                raise Refusal(FAULT)
        if ruling in _ATTEMPTS:
            self._refused += 1
            self._guesses += 1
            self._note(_ATTEMPTS[ruling], folded(address))
        if ruling in _REFUSALS:
            raise Refusal(_REFUSALS[ruling])

    async def _read_mail(self) -> DataReader:
        """Reads to the end of the mail, keeping no more of it than its limit and the memory of all allow."""
        data = self._data = DataReader(self._service.limits.size)
        rest = None
        while rest is None:
            chunk = await self._reader.read(_CHUNK)
            if not chunk:
                raise ConnectionResetError
            before = data.held
            rest = data.feed(chunk)
            self._crowd.hold(data.held - before)
            if data.read > self._service.limits.discard:
                self.hang_up("421 4.3.4 Message far too big")
                raise ConnectionAbortedError
        # The reader was emptied; feed_data would refuse what came before the end of the stream.
        self._reader._buffer.extend(rest)  # type: ignore[attr-defined]  # noqa: SLF001
        return data

    async def _store(self, envelope: Envelope, data: DataReader) -> str:
        """Answers only when the spool has it; never cancelled by the client's going, and never raises."""
        held, content, key = data.held, data.content(), "-"
        try:
            key = await self._service.spool.keep(envelope, content)
            reply, self.commands = f"250 2.0.0 OK: queued as {key}", 0
        except SpoolFull:
            reply = FULL
        except OSError:
            reply = FAULT  # the spool has said why
        except Exception:
            log.exception("session=%s could not store a mail", self.name)
            reply = FAULT
        self._report(envelope, reply[:9], len(content), key)
        self._crowd.hold(-held)
        self.storing = False
        self.part()
        return reply
