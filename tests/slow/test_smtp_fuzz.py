"""A session that gets anything in any order and in any pieces: no traceback, no hang, no memory beyond the limits."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from canary.smtp.admission import Limits
from canary.smtp.lmtp import CanaryLMTP
from tests.patience import PATIENCE
from tests.sink import CANARY
from tests.wire import Spoken

pytestmark = pytest.mark.slow

LIMITS = Limits(size=300, memory=500, recipients=3, errors=10, unknown=5, commands=60, discard=5000)
COMMANDS = [
    "EHLO x", "HELO x", "LHLO x", "EHLO", "MAIL FROM:<a@sender.example>", "MAIL FROM:<> SIZE=200", "MAIL FROM:<> SIZE=301",
    f"RCPT TO:<{CANARY}>", "RCPT TO:<shop-abc123@example.net>", "RCPT TO:<no@example.net>", "RCPT TO:<x@elsewhere.test>",
    "RCPT TO:<postmaster>", "DATA", "BDAT 0", "BDAT 0 LAST", "BDAT 5", "BDAT 7 LAST", "BDAT 400 LAST", "BDAT x", "RSET",
    "NOOP", "VRFY x", "EXPN x", "HELP", "AUTH PLAIN", "STARTTLS", "XCLIENT ADDR=192.0.2.1", "XYZZY", "",
]  # fmt: skip
TOKENS = st.sampled_from(
    [b"\r\n", b"\n", b"\r", b".", b"\r\n.\r\n", b"\n.\n", b"\r\n.", b"\0", b"\xff", b" ", b"<", b"x" * 70, b"QUIT\r\n",
     b"MAIL FROM:<a@b.example>\r\n", b"DATA\r\n", b"BDAT 5\r\n", b"PROXY TCP4 "]
)  # fmt: skip
OCTETS = st.lists(TOKENS | st.binary(max_size=20), max_size=12).map(b"".join)


class Dialogues(RuleBasedStateMachine):
    """One client after the other, each beginning where it likes."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.troubles: list[str] = []
        self.watch = logging.Handler(logging.ERROR)
        self.watch.emit = lambda record: self.troubles.append(record.getMessage())  # type: ignore[method-assign]
        logging.getLogger("canary").addHandler(self.watch)
        self.loop.set_exception_handler(lambda _, context: self.troubles.append(str(context)))

    def teardown(self) -> None:
        self.leaves()
        logging.getLogger("canary").removeHandler(self.watch)
        self.loop.close()

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        self.loop.run_until_complete(asyncio.wait_for(work, PATIENCE))

    @initialize(protocol=st.sampled_from(["smtp", "lmtp"]), proxied=st.booleans(), xclient=st.booleans())
    def comes(self, protocol: str, proxied: bool, xclient: bool) -> None:
        async def begin() -> None:
            self.spoken = Spoken(LIMITS, protocol, proxies=lambda _: proxied, xclient=lambda _: xclient)
            if proxied:
                await self.spoken.say(b"PROXY TCP4 192.0.2.9 192.0.2.1 1 25\r\n")

        self.run(begin())

    @rule(command=st.sampled_from(COMMANDS), end=st.sampled_from([b"\r\n", b"\n"]))
    def says_a_command(self, command: str, end: bytes) -> None:
        self.run(self.spoken.say(command.encode() + end))

    @rule(commands=st.lists(st.sampled_from(COMMANDS), max_size=8))
    def says_many_at_once(self, commands: list[str]) -> None:
        self.run(self.spoken.say("".join(f"{command}\r\n" for command in commands).encode()))

    @rule()
    def sends_a_mail(self) -> None:
        hello = "LHLO x" if isinstance(self.spoken.session, CanaryLMTP) else "EHLO x"
        self.run(self.spoken.say(f"{hello}\r\nMAIL FROM:<>\r\nRCPT TO:<{CANARY}>\r\nDATA\r\nx\r\n.\r\n".encode()))

    @rule(octets=OCTETS, cut=st.integers(1, 40))
    def says_anything_in_pieces(self, octets: bytes, cut: int) -> None:
        self.run(self.spoken.say(*(octets[at : at + cut] for at in range(0, len(octets), cut))))

    @rule(octets=st.binary(max_size=400))
    def ends_whatever_was_begun(self, octets: bytes) -> None:
        self.run(self.spoken.say(octets + b"\r\n.\r\n"))

    @rule(full=st.booleans())
    def the_disk_fills_or_empties(self, full: bool) -> None:
        self.spoken.shelf.full = full

    @rule()
    def does_not_listen_and_listens_again(self) -> None:
        async def deaf() -> None:
            self.spoken.wire.unread = 1 << 20
            self.spoken.session.pause_writing()
            await asyncio.sleep(0)
            self.spoken.wire.unread = 0
            self.spoken.session.resume_writing()

        if not self.spoken.wire.closed:
            self.run(deaf())

    @rule()
    def has_no_more_to_say(self) -> None:
        async def end() -> None:
            self.spoken.session.eof_received()
            await self.spoken.settle()
            assert self.spoken.wire.closed

        if not self.spoken.wire.closed:
            self.run(end())

    @rule(at_once=st.booleans())
    def is_asked_to_leave(self, at_once: bool) -> None:
        async def ask() -> None:
            self.spoken.session.leave(at_once=at_once)

        self.run(ask())

    @rule(protocol=st.sampled_from(["smtp", "lmtp"]))
    def goes_and_another_comes(self, protocol: str) -> None:
        self.leaves()
        self.comes(protocol, False, False)

    def leaves(self) -> None:
        async def leave() -> None:
            self.spoken.hang_up()
            await asyncio.sleep(0)

        if hasattr(self, "spoken"):
            self.run(leave())
            assert (self.spoken.clients.octets, len(self.spoken.clients.clients)) == (0, 0)

    @invariant()
    def nothing_went_wrong(self) -> None:
        assert self.troubles == []

    @invariant()
    def memory_is_bounded_and_accounted_for(self) -> None:
        if hasattr(self, "spoken"):
            session = self.spoken.session
            assert session.held == self.spoken.clients.octets <= LIMITS.size
            reader = session._reader
            assert len(reader._octets) - reader._at <= 8192 or self.spoken.wire.closed

    @invariant()
    def what_is_kept_was_answered(self) -> None:
        if hasattr(self, "spoken"):
            lines = [line for line in self.spoken.wire.sent.decode().split("\r\n") if "queued as" in line]
            keys = dict.fromkeys(line.split()[-1] for line in lines)
            assert list(keys) == [f"key-{number + 1}" for number in range(len(self.spoken.shelf.mails))]
            assert all(len(content) <= LIMITS.size for content in self.spoken.shelf.contents)


Dialogues.TestCase.settings = settings(
    max_examples=300, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestDialogues = Dialogues.TestCase
