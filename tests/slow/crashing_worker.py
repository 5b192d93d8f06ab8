"""A worker that works until nothing is left to do, and dies by SIGKILL when it reads a mail with the word `deadly`."""

import asyncio
import os
import signal

from canary.mail.parse import parse
from canary.model.mail import ParsedMail
from canary.pipeline.batch import run_pending
from canary.processes import build, spools, stores
from canary.settings import load_settings


async def parse_or_die(content: bytes) -> ParsedMail:
    if b"deadly" in content:
        os.kill(os.getpid(), signal.SIGKILL)
    return parse(content)


async def work() -> None:
    settings = load_settings(None, os.environ)
    parts = build.pipeline_context(settings, stores.open_store(settings), parser=parse_or_die)
    for inbox in spools.Spools(settings):
        while await run_pending(parts, inbox):
            pass


if __name__ == "__main__":
    asyncio.run(work())
