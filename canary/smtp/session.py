"""What each SMTP command does here and how it is answered (RFC 5321): recipients, then one mail, then 250."""

# ruff: noqa: ARG002 - a verb's method is called like the verb, and gets an argument whether it takes one or not

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from canary.judge.localpart import shape_of
from canary.model.attempt import Attempt, AttemptKind, LocalShape
from canary.model.mail import Client
from canary.smtp.admission import Event, Ruling, folded, network, rule, unquoted
from canary.smtp.bdat import ChunkReader, chunk_size
from canary.smtp.connection import Service
from canary.smtp.connection_limits import ConnectionLimits
from canary.smtp.data import Body, DataReader
from canary.smtp.dialogue import FAULT, Dialogue, Reply
from canary.smtp.paths import Refusal, check_parameters, split_path
from canary.smtp.proxy_protocol import ATTRIBUTES, read_xclient
from canary.smtp.transaction import Draft
from canary.spool.envelope import client_text, envelope_text
from canary.spool.spool_file import SpoolFault, SpoolFull

FULL = "452 4.3.1 Insufficient system storage"

_PATIENCE = 10  # unknown recipients of a session for which the store is always asked
_REFUSALS = {
    Ruling.UNKNOWN: ("550 5.1.1 No such user here", Event.UNKNOWN),
    Ruling.FOREIGN: ("550 5.7.1 Relaying denied", Event.FOREIGN),
    Ruling.MALFORMED: ("501 5.1.3 Bad recipient address syntax", Event.ERRORS),
}
_ATTEMPTS = {Ruling.UNKNOWN: AttemptKind.GUESS, Ruling.FOREIGN: AttemptKind.RELAY}


class Session(Dialogue):
    """An SMTP session, one verb a method; `_draft` is the transaction that a MAIL has begun."""

    def __init__(self, service: Service, crowd: ConnectionLimits, name: str) -> None:
        super().__init__(service, crowd, name)
        self._protocol = "SMTP"
        self._draft: Draft | None = None
        self._guesses = 0
        self._described, self._description = Client(""), ""

    @property
    def greeting(self) -> str:
        """RFC 5321 4.2: our name, and no word of the program."""
        return f"220 {self._service.hostname} ESMTP"

    # The verbs.

    def method(self, verb: str) -> Callable[..., Reply] | None:
        """The method for a verb."""
        return SMTP_VERBS.get(verb)

    def helo(self, argument: str) -> Reply:
        """RFC 5321 4.1.1.1."""
        self._meet(argument, "SMTP")
        return f"250 {self._service.hostname}"

    def ehlo(self, argument: str) -> Reply:
        """RFC 5321 4.1.1.1; what we announce is what we do."""
        self._meet(argument, "ESMTP")
        return self._abilities()

    def mail(self, argument: str) -> Reply:
        """RFC 5321 4.1.1.2."""
        if not self._client.helo:
            raise Refusal("503 5.5.1 Send EHLO first")
        if self._draft:
            raise Refusal("503 5.5.1 Nested MAIL command")
        sender, parameters = split_path("FROM:", argument)
        if parameters:
            check_parameters(parameters, self._service.limits)
        if self._service.spool.full:
            raise Refusal(FULL, Event.SPOOL)
        if not_now := self._crowd.admit_mail(self):
            raise Refusal(not_now)
        self._draft = Draft(self.name, self._protocol, sender, self._heard)
        return "250 2.1.0 OK"

    def rcpt(self, argument: str) -> Reply:
        """RFC 5321 4.1.1.3; every refusal is evidence of guessing or of an attempt to relay."""
        draft = self._draft
        if draft is None:
            raise Refusal("503 5.5.1 Send MAIL first")
        if draft.chunks:
            raise Refusal("503 5.5.1 BDAT has begun this mail")
        given, parameters = split_path("TO:", argument)
        if parameters:
            raise Refusal("555 5.5.4 Parameter not recognised")
        address = unquoted(given)
        known = folded(address)
        ruling = self._rule(known)
        if ruling is Ruling.UNKNOWN:
            return self._loop.create_task(self._look_again(draft, known, address))
        return self._admit(draft, known, address, ruling)

    def data(self, argument: str) -> Reply:
        """RFC 5321 4.1.1.4; the mail is durable when its end is answered 250, whatever becomes of the client."""
        if not (self._draft and self._draft.recipients):
            raise Refusal("503 5.5.1 Send RCPT first")
        if self._draft.chunks:
            raise Refusal("503 5.5.1 BDAT has begun this mail")
        if argument:
            raise Refusal("501 5.5.4 DATA takes no argument")
        if self._service.spool.full:
            self.forget()
            raise Refusal(FULL, Event.SPOOL)
        self._body = DataReader(self._service.limits.size)
        return "354 End data with <CR><LF>.<CR><LF>"

    def bdat(self, argument: str) -> Reply:
        """RFC 3030 2; it is answered when its octets have been read, whatever the answer."""
        announced = chunk_size(argument)
        if announced is None:
            # Nobody can tell where the next command begins; it must not be looked for in the middle of a mail.
            self.dismiss(Event.ERRORS, "421 4.7.0 Size of chunk not understood")
            return None
        size, last = announced
        if size > self._service.limits.discard:
            self.dismiss(Event.DISCARD, "421 4.3.4 Message far too big")
            return None
        draft = self._draft
        if draft is None or not draft.recipients:
            self._body = ChunkReader.for_nothing(size, "503 5.5.1 Send RCPT first")
        elif draft.chunks is None and self._service.spool.full:
            self.forget()
            self._body = ChunkReader.for_nothing(size, FULL)
        else:
            self._body = draft.chunks = draft.chunks or ChunkReader(self._service.limits.size)
            draft.chunks.expect(size, last=last)
        return None if size else self.receive(self._body)

    def rset(self, argument: str) -> Reply:
        """RFC 5321 4.1.1.5."""
        _forbid(argument)
        self.abandon()
        return "250 2.0.0 OK"

    def noop(self, argument: str) -> Reply:
        """RFC 5321 4.1.1.9."""
        return "250 2.0.0 OK"

    def quit(self, argument: str) -> Reply:
        """RFC 5321 4.1.1.10."""
        _forbid(argument)
        self.hang_up("221 2.0.0 Bye")
        return None

    def starttls(self, argument: str) -> Reply:
        """RFC 3207 4."""
        _forbid(argument)
        if self._service.tls is None:
            raise Refusal("502 5.5.1 Command not implemented")
        if self._client.tls:
            raise Refusal("503 5.5.1 TLS is already in use")
        self.secure(self._service.tls)
        return None

    def vrfy(self, argument: str) -> Reply:
        """RFC 5321 3.5.3: we may say nothing, and do; that somebody asked is recorded."""
        self._asked_for(argument)
        return "252 2.5.2 Cannot VRFY user, but will accept message and attempt delivery"

    def expn(self, argument: str) -> Reply:
        """RFC 5321 3.5.3: there are no lists."""
        self._asked_for(argument)
        raise Refusal("502 5.5.1 Command not implemented")

    def auth(self, argument: str) -> Reply:
        """Nobody submits mail here."""
        raise Refusal("502 5.5.1 Command not implemented")

    def help(self, argument: str) -> Reply:
        """RFC 5321 4.1.1.8."""
        return "214 2.0.0 See RFC 5321"

    def xclient(self, argument: str) -> Reply:
        """Postfix's XCLIENT: a machine of ours names its client, and everything starts again with a greeting."""
        if not self._may_xclient:
            raise Refusal("500 5.5.2 Command not recognised")
        if self._draft:
            raise Refusal("503 5.5.1 A mail has begun")
        self._client = read_xclient(argument, self._client)
        self._crowd.leave(self)
        self.network = network(self._client.ip)
        self.greet()
        return None

    # Their steps.

    def _meet(self, name: str, protocol: str) -> None:
        if not name:
            raise Refusal("501 5.5.4 Syntax: EHLO hostname")
        self.abandon()
        self._client, self._protocol = replace(self._client, helo=name), protocol

    def _abilities(self) -> str:
        lines = [self._service.hostname, "PIPELINING", f"SIZE {self._service.limits.size}"]
        lines += ["STARTTLS"] if self._service.tls and not self._client.tls else []
        lines += [f"XCLIENT {' '.join(ATTRIBUTES)}"] if self._may_xclient else []
        lines += ["ENHANCEDSTATUSCODES", "8BITMIME", "CHUNKING"]
        return "".join(f"250-{line}\r\n" for line in lines) + "250 SMTPUTF8"

    def _rule(self, known: str) -> Ruling:
        return rule(known, self._service.domains, self._service.book.addresses)

    async def _look_again(self, draft: Draft, known: str, address: str) -> str:
        """Decides again after another query, as the address may just have been issued; raises Refusal.

        While the store does not answer, nobody can know that it was never issued: then the client has to come again.
        """
        certain = await self._service.book.look_again(patient=self._guesses < _PATIENCE)
        ruling = self._rule(known)
        if ruling is Ruling.UNKNOWN and not certain:
            raise Refusal(FAULT)
        return self._admit(draft, known, address, ruling)

    def _admit(self, draft: Draft, known: str, address: str, ruling: Ruling) -> str:
        if ruling is not Ruling.ACCEPT:
            if ruling in _ATTEMPTS:
                self._guesses += 1
                draft.refused[ruling] = draft.refused.get(ruling, 0) + 1
                self._note(_ATTEMPTS[ruling], known)
            raise Refusal(*_REFUSALS[ruling])
        if known not in draft.recipients and len(draft.recipients) >= self._service.limits.recipients:
            raise Refusal("452 4.5.3 Too many recipients", Event.RECIPIENTS)
        draft.recipients.setdefault(known, address)
        draft.accepted += 1
        return "250 2.1.5 OK"

    def _asked_for(self, argument: str) -> None:
        address = folded(unquoted(argument.strip("<> ")))
        ours = address.rpartition("@")[2] in self._service.domains
        self._note(AttemptKind.VERIFY, address if ours else "")

    def _note(self, kind: AttemptKind, address: str) -> None:
        local, _, domain = address.rpartition("@")
        issued = address if address in self._service.book.addresses else ""
        shape = shape_of(local) if kind is AttemptKind.GUESS else LocalShape.UNKNOWN
        self._service.spool.note(Attempt(kind, domain[:255], self.network, self._service.clock(), issued, shape))

    # The transaction.

    @property
    def in_transaction(self) -> bool:
        """Whether a MAIL has been accepted and nothing has ended it."""
        return self._draft is not None or self.storing

    @property
    def held(self) -> int:
        """The octets of a mail still being read."""
        body = self._unfinished
        return body.held if body else 0

    def shed(self) -> int:
        """Drops that mail, to be sent again later."""
        body = self._unfinished
        return body.drop(FULL) if body else 0

    @property
    def _unfinished(self) -> Body | None:
        return self._body or (self._draft.chunks if self._draft else None)

    def abandon(self) -> None:
        """Ends a transaction that no mail followed: its canaries were probed, unless it is we who stop."""
        draft = self._draft
        if draft:
            if not self.leaving:
                for address in draft.recipients.keys() & self._service.book.addresses:
                    self._note(AttemptKind.PROBE, address)
            self._end(draft)
            self._tell(draft, "no mail followed")
        self.forget()

    def forget(self) -> None:
        """Starts over, as after a mail."""
        self._crowd.hold(-self.held)
        self._draft = self._body = None

    def receive(self, body: Body) -> Reply:
        """Answers the end of the octets: a chunk at once, a mail when it is durable."""
        draft = self._draft
        if draft is None or not body.last:
            self._body = None
            if body.refusal:
                raise _refused(body.refusal)
            return f"250 2.0.0 {body.read} octets received"
        draft.size = body.read
        self._end(draft)
        if body.refusal:
            self._tell(draft, body.refusal[:9])
            self.forget()
            raise _refused(self.each(body.refusal, draft))
        self._store(draft, body)
        return None

    def each(self, reply: str, draft: Draft) -> str:
        """What is answered to a whole mail: one reply for all its recipients (RFC 5321 4.1.1.4)."""
        return reply

    def _end(self, draft: Draft) -> None:
        """Records when the last octet came, and writes the envelope."""
        if self._described is not self._client:
            self._described, self._description = self._client, client_text(self._client)
        now = self._service.clock()
        draft.ended = self._heard
        draft.envelope = envelope_text(draft.sender, draft.recipients.values(), self._description, now)

    def _store(self, draft: Draft, body: Body) -> None:
        """Passes the mail to the spool, which stores it whatever becomes of the client."""
        held, content = body.held, body.content()
        draft.size = len(content)
        self._service.spool.enqueue(draft.envelope, content, partial(self._stored, draft, held))
        self.storing = self._waiting = True
        self._draft = self._body = None  # its memory is freed when it is stored

    def _stored(self, draft: Draft, held: int, answer: str | SpoolFault) -> None:
        self.storing = False
        self._crowd.hold(-held)
        self.part()
        self.resume(self._acknowledge, (draft, answer))

    def _acknowledge(self, stored: tuple[Draft, str | SpoolFault]) -> str:
        draft, answer = stored
        if isinstance(answer, SpoolFault):
            full = isinstance(answer, SpoolFull)
            self._crowd.count(self, Event.SPOOL if full else Event.FAULT)
            reply, key = FULL if full else FAULT, ""  # the spool has logged why
        else:
            reply, key = f"250 2.0.0 OK: queued as {answer}", answer
            self.commands = 0
        self._tell(draft, reply[:9], key)
        return self.each(reply, draft)

    def _tell(self, draft: Draft, outcome: str, key: str = "") -> None:
        self._service.journal.tell(draft, self._loop.time(), outcome, key)


def _forbid(argument: str) -> None:
    if argument:
        raise Refusal("501 5.5.4 No argument is allowed")


def _refused(reply: str) -> Refusal:
    return Refusal(reply, Event.SIZE if reply.startswith("552") else None)


SMTP_VERBS: Mapping[str, Callable[..., Reply]] = {
    "HELO": Session.helo, "EHLO": Session.ehlo, "MAIL": Session.mail, "RCPT": Session.rcpt, "DATA": Session.data,
    "BDAT": Session.bdat, "RSET": Session.rset, "NOOP": Session.noop, "QUIT": Session.quit,
    "STARTTLS": Session.starttls, "VRFY": Session.vrfy, "EXPN": Session.expn, "AUTH": Session.auth,
    "HELP": Session.help, "XCLIENT": Session.xclient,
}  # fmt: skip
