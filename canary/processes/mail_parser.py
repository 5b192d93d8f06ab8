"""Parsing in a process of its own: a mail that is too costly costs that process, never the worker."""

import asyncio
import json
import logging
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

from canary.mail.parse import parse
from canary.model.mail import TOO_COSTLY, ParsedMail
from canary.processes.parse_child import LENGTH
from canary.store.codec import parsed_of

log = logging.getLogger("canary.processes.mail_parser")


@dataclass(frozen=True, slots=True)
class ParserLimits:
    """Octets of memory of the child, seconds of processor and seconds in all for one mail.

    Mails of fewer octets than `small` are parsed at once: asking the child costs more than they can.
    """

    memory: int = 160 << 20
    processor: int = 5
    seconds: float = 30.0
    small: int = 64 * 1024
    answer: int = 16 << 20


class MailParser:
    """Parses mails, large ones in a child that starts with the first and is replaced when it dies."""

    def __init__(self, limits: ParserLimits = ParserLimits()) -> None:
        """Prepare to start a child."""
        self._limits = limits
        # One thread, so that large mails wait for each other and not in the threads that all others share.
        self._turns = ThreadPoolExecutor(1, "mail-parser")
        self._child: subprocess.Popen[bytes] | None = None

    async def __call__(self, content: bytes) -> ParsedMail:
        """Return what a mail says; of one that is too costly only that it is."""
        if len(content) < self._limits.small:
            return parse(content)
        return await asyncio.get_running_loop().run_in_executor(self._turns, self.parse_apart, content)

    def parse_apart(self, content: bytes) -> ParsedMail:
        """Return what a mail says by the word of the child."""
        child = self._started()
        watch = threading.Timer(self._limits.seconds, child.kill)
        watch.start()
        try:
            return parsed_of(json.loads(self._asked(child, content)))
        except (OSError, EOFError, ValueError, LookupError, TypeError, AttributeError) as fault:
            self._end()
            log.warning(
                "a mail of %d octets could not be parsed within limits (%s)", len(content), _cause(child, fault)
            )
            return ParsedMail(oddities=(TOO_COSTLY,))
        finally:
            watch.cancel()

    def close(self) -> None:
        """End the child."""
        self._turns.shutdown(cancel_futures=True)
        self._end()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self._end()
            limits = (str(self._limits.memory), str(self._limits.processor))
            # A fresh program, never a fork of this process with all its threads and connections.
            self._child = subprocess.Popen(  # noqa: S603 - this program itself
                [sys.executable, "-m", "canary.processes.parse_child", *limits],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        return self._child

    def _asked(self, child: subprocess.Popen[bytes], content: bytes) -> bytes:
        sink, source = _pipe(child.stdin), _pipe(child.stdout)
        sink.write(len(content).to_bytes(LENGTH))
        sink.write(content)
        sink.flush()
        length = int.from_bytes(_exactly(source, LENGTH))
        if length > self._limits.answer:
            raise ValueError(f"an answer of {length} octets")
        return _exactly(source, length)

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise OSError("the child has no pipe")
    return pipe


def _exactly(source: IO[bytes], length: int) -> bytes:
    octets = source.read(length)
    if len(octets) < length:
        raise EOFError("it died")
    return octets


def _cause(child: subprocess.Popen[bytes], fault: Exception) -> str:
    return f"{fault}, status {child.returncode}"
