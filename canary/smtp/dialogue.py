"""The dialogue on a connection: one command after the other, each answered before the next is looked at."""

import asyncio
import logging
import re
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import TypeVar

from canary.smtp.admission import Event, network
from canary.smtp.connection import Connection, Service
from canary.smtp.connection_limits import ConnectionLimits
from canary.smtp.data import Body
from canary.smtp.paths import Refusal
from canary.smtp.proxy_protocol import ProxyFault, read_header

log = logging.getLogger("canary.smtp")

FAULT = "451 4.3.0 Temporary local problem, try again later"

T = TypeVar("T")

# What a command is answered: a reply, one that must be waited for, or none because it is given in another way.
Reply = str | asyncio.Future[str] | None

_TURN = 32  # pipelined commands answered before the other sessions have theirs
_LONGEST = 8192  # octets that are read to find the end of a line
_LINE = 512  # RFC 5321 4.5.3.1.4, the CRLF included; addresses and parameters may need more
_LINES = {"MAIL": 1024, "RCPT": 1024, "EHLO": 1024, "HELO": 1024, "LHLO": 1024, "XCLIENT": 2048}
_CRLF = b"\r\n"
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
# A browser tricked into connecting to port 25 is not a mail client.
_HTTP = frozenset({"GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "PATCH", "DELETE", "TRACE", "HOST:"})


class Dialogue(Connection):
    """Reads commands and bodies and gives the replies.

    There is no task: all is done in the calls of the transport. Where an answer takes time, `_waiting` holds back
    whatever else the client has sent, so that no order of packets changes what is understood.
    """

    def __init__(self, service: Service, crowd: ConnectionLimits, name: str) -> None:
        super().__init__(service, crowd, name)
        self.commands = 0
        self._body: Body | None = None
        self._newline = b"\n"

    # What a session defines.

    def method(self, verb: str) -> Callable[..., Reply] | None:
        """The method for a verb, called with the session and the argument; None for an unknown verb."""
        raise NotImplementedError

    def receive(self, body: Body) -> Reply:
        """Answers when a body has been read to its end."""
        raise NotImplementedError

    def forget(self) -> None:
        """Ends a transaction without a word."""
        raise NotImplementedError

    # Going on and waiting.

    def data_received(self, data: bytes) -> None:
        """Processes what has come; mostly it is one whole command, so that nothing need be kept."""
        free = not (self._unread or self._waiting or self._blocked or self._over or self._proxied)
        if free and self._body is None and self._newline == _CRLF and 0 <= len(data) - 2 == data.find(_CRLF):
            self._heard = self._loop.time()
            self._settle(self._obey, data[:-2])
        elif free and self._body is not None:
            self._heard, self._unread = self._loop.time(), data
            self._read(self._body)
            if self._unread:
                self.work()
        else:
            super().data_received(data)

    def work(self) -> None:
        """Processes what has come until it is used up, an answer must be waited for, or the turn is over."""
        turns = _TURN
        while self._unread and not (self._waiting or self._blocked or self._over):
            if self._body is not None or self._proxied:
                if not self._step():
                    break
            elif (line := self._next_line()) is not None:
                self._settle(self._obey, line)
            else:
                break
            turns -= 1
            if not turns:
                self._waiting = True
                self._loop.call_soon(self.resume, _nothing, None)
        if self._ended and not (self._waiting or self._blocked):
            self.hang_up()
        if self._unread or self._paused:
            self._balance()

    def resume(self, decide: Callable[[T], Reply], given: T) -> None:
        """Gives the answer that was waited for, and goes on."""
        self._waiting = False
        self._heard = self._loop.time()
        self._settle(decide, given)
        if self._unread or self._ended or self._paused:
            self.work()

    def _settle(self, decide: Callable[[T], Reply], given: T) -> None:
        """Says what is decided, or has it waited for; a fault of ours is temporary."""
        try:
            reply = decide(given)
        except Refusal as refusal:
            self._refuse(refusal)
        except Exception:
            log.exception("session=%s failed at a command", self.name)
            self._crowd.count(self, Event.FAULT)
            self.forget()
            self.say(FAULT)
        else:
            if isinstance(reply, str):
                self.say(reply)
            elif reply is not None:
                self._waiting = True
                reply.add_done_callback(lambda done: self.resume(asyncio.Future.result, done))
        if self.leaving and not self.in_transaction:
            self.hang_up("421 4.3.2 Service shutting down")

    def _refuse(self, refusal: Refusal) -> None:
        """Answers no, perhaps not at once; a client that is wrong too often has to go."""
        farewell = self._crowd.count(self, refusal.event) if refusal.event else ""
        if farewell:
            self.hang_up(farewell)
        elif seconds := self._crowd.tarpit(self):
            self._waiting = True
            self._loop.call_later(seconds, self.resume, str, refusal)
        else:
            self.say(str(refusal))

    # What comes in.

    def _step(self) -> bool:
        """Takes what there is of a body or of a proxy's header; returns whether there may be more."""
        return self._read(self._body) if self._body is not None else self._meet_proxy()

    def _next_line(self) -> bytes | None:
        """A whole line, if there is one.

        A bare LF ends it only for a client that has never sent CRLF (RFC 5321 2.3.8 would have nobody heed it):
        within the commands of any other it is a control character, and starts nothing.
        """
        end = self._unread.find(self._newline, self._at)
        if end < 0:
            if len(self._unread) - self._at > _LONGEST:
                self.hang_up("421 4.7.0 Line too long")
            return None
        line = self._unread[self._at : end]
        self._at = end + len(self._newline)
        if self._at == len(self._unread):
            self._unread, self._at = b"", 0
        if self._newline == b"\n" and line.endswith(b"\r"):
            self._newline, line = _CRLF, line[:-1]
        return line

    def _obey(self, line: bytes) -> Reply:
        self.commands += 1
        if self.commands > self._service.limits.commands:
            self.dismiss(Event.COMMANDS, "421 4.7.0 Too many commands")
            return None
        verb, argument = _understood(line)
        if method := self.method(verb):
            return method(self, argument)
        if verb not in _HTTP:
            raise Refusal("500 5.5.2 Command not recognised")
        self.hang_up("421 4.7.0 This is SMTP")
        return None

    def _read(self, body: Body) -> bool:
        before = body.held
        rest = body.feed(self._unread[self._at :] if self._at else self._unread)
        self._unread, self._at = rest or b"", 0
        self._crowd.hold(body.held - before)
        if body.read > self._service.limits.discard:
            self.dismiss(Event.DISCARD, "421 4.3.4 Message far too big")
        elif rest is not None:
            self._settle(self.receive, body)
        return rest is not None

    def _meet_proxy(self) -> bool:
        try:
            header = read_header(self._unread)
        except ProxyFault as fault:
            log.warning("proxy %s: %s", self._client.ip, fault)
            self.hang_up()
            return False
        if header is None:
            return False
        self._unread, self._at, self._proxied = self._unread[header.length :], 0, False
        if header.ip:
            self._client = replace(self._client, ip=header.ip, port=header.port)
            self.network = network(header.ip)
        self.greet()
        return True


@lru_cache(maxsize=1024)
def _understood(line: bytes) -> tuple[str, str]:
    """The verb in capitals, and its argument; raises Refusal. Cached, as a busy client repeats itself."""
    verb, _, argument = line.decode("utf-8", "backslashreplace").partition(" ")
    verb = verb.upper()
    if verb not in _HTTP:
        if len(line) + 2 > _LINES.get(verb, _LINE):
            raise Refusal("500 5.5.2 Line too long")
        if _CONTROL.search(line):
            raise Refusal("500 5.5.2 Control characters are not allowed")
    return verb, argument.strip()


def _nothing(_: None) -> None:
    """The answer to nothing."""
