"""What each SMTP command does here (RFC 5321); HELO, EHLO, NOOP and RSET are aiosmtpd's own, by the handler's hooks."""

from aiosmtpd.smtp import MISSING

from canary.smtp.admission import Event, Refusal
from canary.smtp.connection import Connection
from canary.smtp.data import Body, ChunkReader, DataReader, chunk_size
from canary.smtp.handler import client_of
from canary.smtp.paths import check_parameters, split_path
from canary.smtp.xclient import ATTRIBUTES, read_xclient


class CanarySMTP(Connection):
    """An SMTP session, one verb a method."""

    @property
    def extensions(self) -> list[str]:
        """What is announced besides aiosmtpd's own."""
        words = ["PIPELINING", "ENHANCEDSTATUSCODES", "CHUNKING"]
        return [*words, f"XCLIENT {' '.join(ATTRIBUTES)}"] if self.may_xclient else words

    async def smtp_MAIL(self, arg: str) -> None:
        """RFC 5321 4.1.1.2; there parameters after HELO lose the mail, and a size of `²` is a fault.

        Its paths are read by private parts of `email`, which take 68 us (.5 here) and raise IndexError for `<`.
        """
        if not self.session.host_name:
            raise Refusal("503 5.5.1 Send EHLO first")
        if self.envelope.mail_from:
            raise Refusal("503 5.5.1 Nested MAIL command")
        sender, parameters = split_path("FROM:", arg)
        if parameters:
            check_parameters(parameters, self._limits)
        if not_now := self._clients.admit_mail(self):
            raise Refusal(not_now)
        options = [parameter.upper() for parameter in parameters]
        status = await self._call_handler_hook("MAIL", sender or "<>", options)
        if status is MISSING:
            self.envelope.mail_from, self.envelope.mail_options, status = sender or "<>", options, "250 2.1.0 OK"
        self._answer(status)

    async def smtp_RCPT(self, arg: str) -> None:
        """RFC 5321 4.1.1.3; replaced as MAIL is, and as there is no end to the recipients there."""
        envelope = self.envelope
        if not envelope.mail_from:
            raise Refusal("503 5.5.1 Send MAIL first")
        if envelope.chunks:
            raise Refusal("503 5.5.1 BDAT has begun this mail")
        address, parameters = split_path("TO:", arg)
        if parameters:
            raise Refusal("555 5.5.4 Parameter not recognised")
        status = await self._call_handler_hook("RCPT", address, [])
        if status is MISSING:
            envelope.rcpt_tos.append(address)
            status = "250 2.1.5 OK"
        envelope.accepted += status[0] == "2"
        self._answer(status)

    async def smtp_DATA(self, arg: str) -> None:
        """RFC 5321 4.1.1.4; the mail is durable when its end is answered 250, whatever becomes of the client.

        There each line is found, checked, logged, copied three times and kept by itself: 2.5 ms for a mail of 64 KB. A
        line without an end grows without bound, one of more than 1001 octets is a 500 for the whole mail.
        """
        if self.envelope.chunks:
            raise Refusal("503 5.5.1 BDAT has begun this mail")
        if arg and self.envelope.rcpt_tos:
            raise Refusal("501 5.5.4 DATA takes no argument")
        await self._begin_content()
        self._answer("354 End data with <CR><LF>.<CR><LF>")
        if await self._read(body := DataReader(self._largest)):
            await self._finish(body)

    async def smtp_BDAT(self, arg: str) -> None:
        """RFC 3030 2, unknown there; it is answered when its octets have been read, whatever the answer."""
        size, last = chunk_size(arg)
        if size > self._limits.discard:
            raise Refusal("421 4.3.4 Message far too big", Event.DISCARD)
        refusal = None
        try:
            if self.envelope.chunks is None:
                await self._begin_content()
                self.envelope.chunks = ChunkReader(self._largest)
        except Refusal as reason:
            refusal = reason  # its octets come all the same
        body = self.envelope.chunks or ChunkReader(0)
        body.expect(size)
        if size and not await self._read(body):
            return
        if refusal:
            raise refusal
        if last:
            await self._finish(body)
        elif body.refusal:
            raise Refusal(body.refusal)
        else:
            self._answer(f"250 2.0.0 {body.read} octets received")

    async def smtp_QUIT(self, arg: str) -> None:
        """RFC 5321 4.1.1.10; there the connection is closed before replies that wait for each other are sent."""
        if arg:
            raise Refusal("501 5.5.4 No argument is allowed")
        self.hang_up("221 2.0.0 Bye")

    async def smtp_STARTTLS(self, arg: str) -> None:
        """RFC 3207 4."""
        if arg:
            raise Refusal("501 5.5.4 No argument is allowed")
        if self.session.ssl:
            raise Refusal("503 5.5.1 TLS is already in use")
        if self.tls_context is None:
            raise Refusal("502 5.5.1 Command not implemented")
        await self._secure()

    async def smtp_VRFY(self, arg: str) -> None:
        """RFC 5321 3.5.3; there the question is repeated in the answer."""
        status = await self._call_handler_hook("VRFY", arg)
        self._answer("252 2.5.2 Cannot VRFY user" if status is MISSING else status)

    async def smtp_EXPN(self, arg: str) -> None:
        """RFC 5321 3.5.3: there are no lists, but that somebody asked is recorded."""
        await self._call_handler_hook("VRFY", arg)
        raise Refusal("502 5.5.1 Command not implemented")

    async def smtp_AUTH(self, arg: str) -> None:
        """Nobody submits mail here; there, passwords are asked for after STARTTLS even when nobody can check them."""
        raise Refusal("502 5.5.1 Command not implemented")

    async def smtp_HELP(self, arg: str) -> None:
        """RFC 5321 4.1.1.8; there under a code that 4.2.2 has not for it."""
        self._answer("214 2.0.0 See RFC 5321")

    async def smtp_XCLIENT(self, arg: str) -> None:
        """Postfix's XCLIENT: a machine of ours names its client, and everything starts again with a greeting."""
        if not self.may_xclient:
            raise Refusal("500 5.5.2 Command not recognised")
        if self.envelope.mail_from:
            raise Refusal("503 5.5.1 A mail has begun")
        named = read_xclient(arg, client_of(self.session))
        self.session.peer, self.session.host_name = (named.ip, named.port), named.helo
        self._clients.leave(self)
        self.identify()
        self.greet()

    @property
    def _largest(self) -> int:
        """The octets that a mail to these recipients may have."""
        return min(self._limits.size, getattr(self.envelope, "largest", None) or self._limits.size)

    async def _begin_content(self) -> None:
        """Asks the handler whether a mail may be sent, which is no hook of aiosmtpd; the transaction ends if not."""
        if not (self.envelope.mail_from and self.envelope.rcpt_tos):
            raise Refusal("503 5.5.1 Send RCPT first")
        try:
            await self._call_handler_hook("CONTENT")
        except Refusal:
            self._set_post_data_state()
            raise

    async def _read(self, body: Body) -> bool:
        """Reads a body to its end; returns False when the session ends before."""
        self._body = body
        self._feed_body(body, self._reader.next_piece())
        while self._body is body and body.read <= self._limits.discard:
            if self._over:
                return False
            if not await self._more():
                self.hang_up()
        if body.read > self._limits.discard:
            raise Refusal("421 4.3.4 Message far too big", Event.DISCARD)
        return True

    async def _finish(self, body: Body) -> None:
        """Gives the mail to the handler and its answer to the client."""
        envelope = self.envelope
        envelope.size = body.read
        if body.refusal:
            refusal = Refusal(self._each(body.refusal))
            self._give_up(self.session, envelope, body.refusal[:9], probed=False)
            self._set_post_data_state()
            raise refusal
        held, envelope.content = body.held, body.content()
        envelope.original_content, envelope.chunks = envelope.content, None
        self.storing = True
        try:
            status = await self._call_handler_hook("DATA")
            replies = self._each("250 2.0.0 OK" if status is MISSING else status)
        except Refusal as refusal:
            raise Refusal(self._each(str(refusal)), refusal.event) from None
        finally:
            self.storing = False
            self._clients.hold(-held)
            self._set_post_data_state()
        self.commands = 0
        self._answer(replies)

    def _each(self, reply: str) -> str:
        """What is answered to a whole mail: one reply for all its recipients (RFC 5321 4.1.1.4)."""
        return reply
