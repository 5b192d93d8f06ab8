"""Sends leaks among vendors' own mail at a steady rate and says when each final dot was written.

python -m bench._alert_load TASK.json
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from random import Random
from typing import Any

from canary.processes.roles import loop_factory

SESSIONS = 8
_WORDS = "apple brick cloud drift ember flint grove haven inlet jewel knoll latch maple north ocean pearl quill ridge".split()


class Session:
    """One connection that sends mail after mail."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def open(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        await self.reader.readline()
        await self._ask(b"EHLO load.example\r\n")

    async def send(self, sender: str, to: str, content: bytes) -> tuple[float, bool]:
        """Send a mail; return when its final dot was written, and whether it was taken."""
        self.writer.write(b"MAIL FROM:<%b>\r\nRCPT TO:<%b>\r\nDATA\r\n" % (sender.encode(), to.encode()))
        for _ in range(3):
            await self._answer()
        self.writer.write(content + b"\r\n.\r\n")
        dot = time.monotonic()
        await self.writer.drain()
        return dot, (await self._answer()).startswith(b"250")

    async def _ask(self, line: bytes) -> None:
        self.writer.write(line)
        await self._answer()

    async def _answer(self) -> bytes:
        while (line := await self.reader.readline())[3:4] == b"-":
            pass
        return line


class Load:
    """What is to be sent, in the order of its time."""

    def __init__(self, task: dict[str, Any]) -> None:
        self.port = int(task["port"])
        self.queue: asyncio.Queue[tuple[str, str, bytes, bool] | None] = asyncio.Queue()
        self.dots: dict[str, float] = {}
        self.others = self.refused = 0
        self.task = task

    async def run(self) -> float:
        sessions = [Session(self.port) for _ in range(SESSIONS)]
        for session in sessions:
            await session.open()
        began = time.monotonic()
        sending = [asyncio.create_task(self._work(session)) for session in sessions]
        await self._schedule(began)
        for _ in sessions:
            await self.queue.put(None)
        await asyncio.gather(*sending)
        return time.monotonic() - began

    async def _schedule(self, began: float) -> None:
        chance, seconds = Random(1), float(self.task["seconds"])
        leaks, background = self.task["leaks"], self.task["background"]
        plan: list[tuple[float, tuple[str, str, bytes, bool]]] = []
        for n in range(int(self.task["rate"] * seconds)):
            sender, to, content = background[n % len(background)]
            unique = f"X-Number: {n}\r\n".encode()
            plan.append((n / self.task["rate"], (sender, to, unique + content.encode("latin-1"), False)))
        for n, address in enumerate(leaks):
            plan.append(((n + 0.5) * seconds / len(leaks), ("", address, leak(n, address, chance), True)))
        for at, mail in sorted(plan, key=lambda entry: entry[0]):
            wait = began + at - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            await self.queue.put(mail)

    async def _work(self, session: Session) -> None:
        while mail := await self.queue.get():
            sender, to, content, is_leak = mail
            dot, taken = await session.send(sender or f"x@{to[:3]}-evil.example", to, content)
            self.refused += not taken
            if is_leak:
                self.dots[to] = dot
            else:
                self.others += 1


def leak(number: int, address: str, chance: Random) -> bytes:
    """A mail of a stranger that is like no other."""
    words = [f"{chance.choice(_WORDS)}{chance.getrandbits(20):x}" for _ in range(80)]
    return (
        f"From: {words[0]} <{words[1]}@{words[2]}.example>\r\nTo: <{address}>\r\nSubject: {' '.join(words[3:7])}\r\n"
        f"Message-ID: <{number}.{words[8]}@{words[2]}.example>\r\nDate: Fri, 27 Nov 2026 12:00:00 +0000\r\n\r\n"
        f"{' '.join(words[10:60])} https://{words[61]}.example/{words[62]}"
    ).encode()


def main() -> None:
    load = Load(json.loads(Path(sys.argv[1]).read_text()))
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        seconds = runner.run(load.run())
    print(json.dumps({"dots": load.dots, "others": load.others, "refused": load.refused, "seconds": seconds}))


if __name__ == "__main__":
    main()
