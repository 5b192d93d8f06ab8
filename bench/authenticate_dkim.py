"""DKIM side by side with dkimpy: RSA-2048, relaxed/relaxed, mails of 5 KB, 100 KB and 5 MB, in one interleaved run.

Prints the best time of each and the ratio; ends with 1 when a ratio is below what we promise. The mails have the
header of a newsletter; one kind has a body of prose, the other a few words and an attachment in base64. Printed without
a promise: HTML with every line indented, the dearest body we know of, and prose with a key that was never seen before
(keys are kept once read, as a vendor signs all its mail with the same one).
"""

import asyncio
import base64
import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import dkim

from canary.authenticate.dkim import keys
from canary.authenticate.dkim.verify import verify_dkim
from canary.authenticate.lookup import ZoneLookup
from canary.authenticate.message import split
from canary.model.proof import Result
from tests import signer

SIZES = {"5 KB": (5_000, 4), "100 KB": (100_000, 8), "5 MB": (5_000_000, 14)}
ROUNDS, SECONDS = 7, 0.15
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SIGNED = ("from", "to", "subject", "date", "message-id", "mime-version", "content-type", "list-unsubscribe")
HEADER = b"""\
Return-Path: <bounces+8123-4f1c-canary=example.net@em.example.com>
Received: from o1.em.example.com (o1.em.example.com [192.0.2.10])
\tby mx.example.net (Postfix) with ESMTPS id 4QfXyz1Jq2z9sVf
\tfor <canary@example.net>; Sun,  1 Mar 2026 11:59:02 +0000 (UTC)
Received: by filter0042.example.com with SMTP id filter0042-1234
        Sun, 01 Mar 2026 11:59:01 +0000
Date: Sun, 01 Mar 2026 11:59:00 +0000
From: Example Shop <news@example.com>
Reply-To: help@example.com
To: canary@example.net
Message-ID: <Ab3dEf-12345@geopod-ismtpd-3-0>
Subject: Spring offers, and what is new
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 7bit
List-Unsubscribe: <https://example.com/unsubscribe?u=8123>,
 <mailto:unsubscribe@example.com>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
X-Entity-ID: u001.4f1c
Feedback-ID: 8123:shop:news

""".replace(b"\n", b"\r\n")
WORDS = b"the shop opens at nine and our new list of plants for balcony garden kitchen is out now".split()


def prose(size: int) -> bytes:
    chance = random.Random(1)
    lines = (b" ".join(chance.choices(WORDS, k=13)) + b".\r\n" for _ in range(size // 40))
    return b"".join(lines)[:size].rsplit(b"\r\n", 1)[0] + b"\r\n"


def attachment(size: int) -> bytes:
    coded = base64.encodebytes(random.Random(2).randbytes(size * 3 // 4)).replace(b"\n", b"\r\n")
    return b"--=_x\r\nContent-Type: text/plain\r\n\r\nYour invoice is here.\r\n--=_x\r\n\r\n" + coded + b"--=_x--\r\n"


def indented(size: int) -> bytes:
    chance = random.Random(3)
    return b"".join(b" " * chance.randrange(9) + line for line in prose(size * 9 // 10).splitlines(keepends=True))


KINDS = {"prose": prose, "attachment": attachment, "indented HTML": indented, "prose, new key": prose}
PROMISED = ("prose", "attachment")


async def best(judge: Callable[[], Awaitable[bool]]) -> float:
    """The mean of one mail over a slice of time; a wrong answer ends the run."""
    done, start = 0, time.perf_counter()
    while time.perf_counter() - start < SECONDS or not done:
        if not await judge():
            raise SystemExit("a signature did not verify")
        done += 1
    return (time.perf_counter() - start) / done


async def compare(mail: bytes, key: signer.SigningKey, new_key: bool) -> tuple[float, float]:
    lookup, record = ZoneLookup(key.zone()), key.record().encode()

    async def ours() -> bool:
        if new_key:
            keys.read.cache_clear()
            keys.rsa_key.cache_clear()
        (result,) = await verify_dkim(split(mail), lookup, NOW)
        return result.result is Result.PASS

    async def theirs() -> bool:
        return bool(dkim.verify(mail, dnsfunc=lambda *_, **__: record))

    rounds = [(await best(theirs), await best(ours)) for _ in range(ROUNDS)]
    return min(t for t, _ in rounds), min(o for _, o in rounds)


def main() -> None:
    """Print the table, and end with 1 when a promise is broken."""
    if missed := asyncio.run(table()):
        raise SystemExit(f"{missed} ratios are below the promised")


async def table() -> int:
    """Print a line for each kind and size; returns how many promises are broken."""
    key = signer.rsa(2048, selector="bench")
    missed = 0
    print(f"{'mail':<22} {'dkimpy':>11} {'canary':>11} {'ratio':>7} {'promised':>9}")
    for kind, body in KINDS.items():
        for name, (size, promised) in SIZES.items():
            mail = signer.dkim(HEADER + body(size), key, between=";\r\n\t", h=":".join(SIGNED))
            theirs, ours = await compare(mail, key, kind == "prose, new key")
            asked = f">= {promised}" if kind in PROMISED else ""
            missed += bool(asked) and theirs / ours < promised
            times = f"{theirs * 1e3:>8.3f} ms {ours * 1e3:>8.3f} ms"
            print(f"{name + ' ' + kind:<22} {times} {theirs / ours:>7.1f} {asked:>9}")
    return missed


if __name__ == "__main__":
    main()
