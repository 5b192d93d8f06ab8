"""A connection of aiosmtpd, hardened: who it is, how long it may stay, what it may ask for, how it is secured and ends.

Beside each part of aiosmtpd 1.4.6 that is replaced stands what is wrong with it there, with what was measured (Python
3.11). `LEANS_ON` names what is private there and used here all the same.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Self, cast

from aiosmtpd.proxy_protocol import get_proxy
from aiosmtpd.smtp import MISSING, SMTP, TLSSetupException

from canary.smtp.admission import Event, Limits, Refusal
from canary.smtp.command_reader import CommandReader, read_command
from canary.smtp.connection_limits import ConnectionLimits
from canary.smtp.data import Body
from canary.smtp.handler import FAULT, FULL, place_of
from canary.smtp.transaction import Transaction

log = logging.getLogger("canary.smtp")

LEANS_ON = (
    "_call_handler_hook", "_cb_client_connected", "_create_envelope", "_create_session", "_handle_client", "_reader",
    "_reset_timeout", "_set_post_data_state", "_set_rset_state", "_timeout_cb", "_timeout_handle", "_writer",
)  # fmt: skip
"""The private names of `aiosmtpd.smtp.SMTP` that this package uses or replaces."""

_WITHOUT = ("auth_required", "require_starttls", "command_call_limit", "decode_data")
_TURN = 32  # pipelined commands answered before the other sessions have theirs
_DEAF = 65536  # octets of answers that a client has not read
_LINGER_SECONDS = 5.0
_HANDSHAKE_SECONDS = 30.0
_CLOSING = "421 4.3.2 Service shutting down"
_ENDS = (ConnectionError, TLSSetupException)
# RFC 2034: the codes of replies for which aiosmtpd has none.
_CODES = {"500": "5.5.2", "501": "5.5.4", "502": "5.5.1", "503": "5.5.1", "552": "5.3.4", "555": "5.5.4"}


class Connection(SMTP):
    """A connection from greeting to goodbye; `CanarySMTP` adds what each verb does.

    `clients` are all connections together. `proxies` returns for an address whether it has to begin with a PROXY
    header, `xclient` whether it may say XCLIENT. Everything else is passed to aiosmtpd.
    """

    # aiosmtpd declares these as perhaps None, and a peer as a string, which it never is.
    session: Any
    envelope: Any
    transport: Any
    _timeout_handle: Any
    _create_envelope = staticmethod(Transaction)

    def __init__(
        self,
        handler: Any,
        *,
        limits: Limits | None = None,
        clients: ConnectionLimits | None = None,
        proxies: Callable[[str], bool] | None = None,
        xclient: Callable[[str], bool] = lambda _: False,
        **options: Any,
    ) -> None:
        for name in (name for name in _WITHOUT if options.get(name)):
            log.warning("%s has no effect here; use aiosmtpd's own SMTP for it", name)
        super().__init__(handler, **options)
        size = self.data_size_limit or 1 << 62
        self._limits = limits or Limits(size=size, discard=32 * size, idle=options.get("timeout", 300))
        self._clients = clients or ConnectionLimits(self._limits)
        self._proxies = proxies or (lambda _: options.get("proxy_protocol_timeout") is not None)
        self._xclient, self._give_up = xclient, getattr(handler, "give_up", lambda *_, **__: None)
        named = [name for name in dir(type(self)) if name.startswith("smtp_")]
        self._verbs: dict[str, Any] = {name[5:]: getattr(type(self), name) for name in named}
        self._begin("")

    def copy(self, name: str) -> Self:
        """The same for another connection; the constructor there takes 126 us, of which three walks through `dir`."""
        other = type(self).__new__(type(self))
        vars(other).update(vars(self))
        asyncio.StreamReaderProtocol.__init__(other, cast("Any", None), other._cb_client_connected, self.loop)
        other._begin(name)
        return other

    def _begin(self, name: str) -> None:
        self.name, self.commands, self._replies = name, 0, ""
        self.storing = self.leaving = self.gone = self.may_xclient = False
        self._over = self._ended = self._shaking = False
        self._body: Body | None = None
        self._reader: Any = CommandReader(self.loop)

    def _cb_client_connected(self, reader: Any, writer: asyncio.StreamWriter) -> None:
        super()._cb_client_connected(self._reader, writer)
        self._reader.set_transport(writer.transport)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins; the client is served by `_handle_client` in a task of its own, as there."""
        self._heard = self.loop.time()
        self._ends = self._heard + self._limits.session
        super().connection_made(transport)
        self.identify()
        self.may_xclient = self._xclient(self.ip)

    def identify(self) -> None:
        """Reads the client's address and network again; both are empty at a Unix socket."""
        self.ip, self.network = place_of(self.session)

    async def _handle_client(self) -> None:
        """Serves the client until it has gone and its mail is stored.

        There each command is logged twice and arms a timer (9 of 14 us), ends at a bare LF, and has limits that all
        sessions share and each newcomer clears; no errors are counted but unknown verbs; an endless line is read on.
        """
        try:
            if (not self._proxies(self.ip) or await self._meet_proxy()) and self.greet():
                await self._converse()
        except (ConnectionError, Refusal) as error:
            self.hang_up(str(error) if isinstance(error, Refusal) else "")
        except TLSSetupException as error:
            log.debug("session=%s TLS: %s", self.name, error.__cause__)
            self.transport.abort()
            self.connection_lost(None)  # not every transport informs a protocol whose handshake has failed
        finally:
            self._ended = True
            if self.transport:
                self.transport.close()
            self._part()
            self._set_rset_state()

    def greet(self) -> bool:
        """Admits the client under the address it has now, or refuses it; returns whether it may stay."""
        if self._over:
            return False
        refusal = self._clients.enter(self)
        self._reply(refusal or f"220 {self.hostname} {self.__ident__}")
        if refusal:
            self.hang_up()
        return not refusal

    async def _meet_proxy(self) -> bool:
        """Reads a PROXY header; there any client may send one where it is switched on, here only named networks."""
        header = None
        try:
            header = self.session.proxy_data = await get_proxy(self._reader)
            served = header.valid and await self._call_handler_hook("PROXY", header) not in (False, None, MISSING)
        except EOFError:
            served = False
        if not served:
            log.warning("proxy %s: %s", self.ip, header.error if header else "no PROXY header")
            self.hang_up()
        self.identify()
        return served

    # Commands.

    async def _converse(self) -> None:
        """Processes one command after the other, each answered before the next is looked at."""
        turns = 0
        while not self._over:
            line = self._reader.next_line()
            if line is not None:
                await self._obey(line)
                turns += 1
            elif not await self._more():
                self.hang_up()
            if turns == _TURN:
                turns = 0
                self.send()
                await asyncio.sleep(0)

    async def _obey(self, line: bytes) -> None:
        try:
            self.commands += 1
            if self.commands > self._limits.commands:
                raise Refusal("421 4.7.0 Too many commands", Event.COMMANDS)  # noqa: TRY301
            verb, argument = read_command(line)
            method = self._verbs.get(verb)
            if method is None:
                raise Refusal("500 5.5.2 Command not recognised")  # noqa: TRY301
            await method(self, argument)
        except Refusal as refusal:
            await self._refuse(refusal)
        except Exception as error:
            if isinstance(error, _ENDS):
                raise
            self._reply(await self.handle_exception(error))
        if self.leaving and not self.in_transaction:
            self.hang_up(_CLOSING)

    async def _more(self) -> bool:
        """Waits for more from the client, and until it reads our answers; returns whether there may be any."""
        if self._replies:
            self._clients.send_later(self)
        if self.transport and self.transport.get_write_buffer_size() > _DEAF:
            await self._writer.drain()
        if self._reader.ended:
            return False
        await self._reader.more()
        return True

    async def _refuse(self, refusal: Refusal) -> None:
        """Answers no, perhaps not at once; a client that is wrong too often, or was told 421, has to go."""
        reply = (self._clients.count(self, refusal.event) if refusal.event else "") or str(refusal)
        if reply.startswith("421"):
            self.hang_up(reply)
            return
        if seconds := self._clients.tarpit(self):
            self.send()
            await asyncio.sleep(seconds)
        self._reply(reply)

    async def handle_exception(self, error: Exception) -> str:
        """There a fault of ours is a 500 with its text: the sender drops the mail, and a stranger reads our paths."""
        self._clients.count(self, Event.FAULT)
        self._set_post_data_state()
        try:
            return cast("str", await self.event_handler.handle_exception(error))
        except Exception:  # it has none, or one with a fault of its own; what it was raised from is logged too
            log.exception("session=%s failed at a command", self.name)
            return FAULT

    async def push(self, status: str | bytes) -> None:
        """Adds a reply; there each is sent and waited for by itself, where RFC 2920 3.2 wants one packet for many."""
        self._answer(status if isinstance(status, str) else status.decode())

    def _answer(self, status: str) -> None:
        """Adds a reply; a refusal of aiosmtpd's own, or of a handler, gets its code and is counted like ours."""
        if status[0] == "5":
            code = "" if status[4:6] == "5." else _CODES.get(status[:3], "")
            raise Refusal(f"{status[:3]} {code} {status[4:]}" if code else status)
        self._reply("250 2.0.0 OK" if status == "250 OK" else status)

    def _reply(self, text: str) -> None:
        self._replies += f"{text}\r\n"

    def send(self) -> None:
        """Sends the replies that have been added."""
        replies, self._replies = self._replies, ""
        if replies and not (self._over or self._shaking):
            self.transport.write(replies.encode())

    # The transport's calls.

    def data_received(self, data: bytes) -> None:
        """Takes what has come; the pieces of a mail wake nobody before its end."""
        self._heard = self.loop.time()
        if self._over:
            return
        if self._body:
            self._feed_body(self._body, data)
        else:
            self._reader.feed_data(data)

    def _feed_body(self, body: Body, piece: bytes) -> None:
        before = body.held
        rest = body.feed(piece)
        self._clients.hold(body.held - before)
        if rest is not None:
            self._body = None
        if rest is not None or body.read > self._limits.discard:
            self._reader.feed_data(rest or b"")

    def eof_received(self) -> bool:
        """Lets a client that has finished sending read our answers; there, its mail being stored is cancelled."""
        self._reader.feed_eof()
        return self.session.ssl is None and not self._shaking

    def connection_lost(self, error: Exception | None) -> None:
        """Ends it; a mail being stored is stored all the same, where aiosmtpd would cancel the handler."""
        if self.gone:
            return
        self._over = self.gone = True
        self._timeout_handle.cancel()
        asyncio.StreamReaderProtocol.connection_lost(self, error)
        self._reader.feed_eof()
        self._part()

    @property
    def in_transaction(self) -> bool:
        """Whether a MAIL has been accepted and nothing has ended it."""
        return self.storing or bool(self.envelope.mail_from)

    @property
    def held(self) -> int:
        """The octets of a mail still being read."""
        body = self._unfinished
        return body.held if body else 0

    def drop_body(self) -> int:
        """Drops that mail, to be sent again later; returns the octets set free."""
        body = self._unfinished
        return body.drop(FULL) if body else 0

    @property
    def _unfinished(self) -> Body | None:
        return self._body or (self.envelope.chunks if self.envelope else None)

    def _set_rset_state(self) -> None:
        """Starts over; what had begun is over without a mail, and that is recorded."""
        if self.envelope and self.envelope.mail_from:
            self._give_up(self.session, self.envelope, "no mail followed", probed=not self.leaving)
        super()._set_rset_state()  # type: ignore[no-untyped-call]

    def _set_post_data_state(self) -> None:
        if held := self.held:
            self._clients.hold(-held)
        self._body = None
        super()._set_post_data_state()  # type: ignore[no-untyped-call]

    # Staying and going.

    def leave(self, farewell: str = _CLOSING, *, at_once: bool = False) -> None:
        """Says goodbye when the transaction is over, or at once."""
        self.leaving = True
        if at_once or not self.in_transaction:
            self.hang_up(farewell)

    def hang_up(self, farewell: str = "") -> None:
        """Closes the connection, by force if the client does not read; not while its mail is being stored."""
        if self._over or self.storing:
            return
        if farewell:
            self._reply(farewell)
        self.send()
        self._over = True
        self._reader.feed_eof()
        self._timeout_handle.cancel()
        if self._shaking:
            self.transport.abort()
            return
        self.transport.close()
        self._timeout_handle = self.loop.call_later(min(_LINGER_SECONDS, self._limits.idle), self.transport.abort)

    def _part(self) -> None:
        """Leaves the others, once the client is gone and its mail is stored."""
        if self.gone and self._ended:
            self._clients.leave(self)
            self._writer = self._client_connected_cb = cast("Any", None)  # they refer back

    def _reset_timeout(self, duration: float | None = None) -> None:
        """Arms the one timer; there each command arms it and no octet of a mail does, and a NOOP keeps a place."""
        at = self.loop.time() + 1.0 if self.storing else min(self._ends, self._heard + self._limits.idle)
        self._timeout_handle = self.loop.call_at(at, self._timeout_cb)

    def _timeout_cb(self) -> None:
        now, event = self.loop.time(), None
        if now >= self._ends:
            self.leaving |= self.storing
            event, farewell = Event.SESSION, "421 4.4.2 Session has lasted too long"
        elif now >= self._heard + self._limits.idle:
            event, farewell = Event.IDLE, "421 4.4.2 Idle for too long"
        if event and not self.storing:
            self._clients.count(self, event)
            self.hang_up(farewell)
        if not self._over:
            self._reset_timeout()

    async def _secure(self) -> None:
        """Continues under TLS; what was said or sent ahead in the clear is void (RFC 3207 4.2).

        There asyncio's own TLS is set up by hand, whichever loop it is: 1,400 us a session, against 1,000 of uvloop's.
        """
        self._set_rset_state()
        self._reader.clear()  # and reads no more: it would be the client's part of the handshake
        self._reply("220 2.0.0 Ready to start TLS")
        self.send()
        self._shaking = True
        try:
            seconds = min(_HANDSHAKE_SECONDS, self._limits.idle)
            await self._writer.start_tls(cast("Any", self.tls_context), ssl_handshake_timeout=seconds)
        except (OSError, EOFError) as error:
            raise TLSSetupException from error
        finally:
            self._shaking = False
        transport = cast("asyncio.Transport", self._writer.transport)
        if self._over or transport.is_closing():
            raise TLSSetupException
        self.transport, self.tls_context = transport, None  # EHLO offers no more STARTTLS, and never AUTH
        self._reader.set_transport(transport)
        self._heard, peer = self.loop.time(), self.session.peer
        self.session = self._create_session()
        self.session.peer, self.session.ssl = peer, {"ssl_object": transport.get_extra_info("ssl_object")}
