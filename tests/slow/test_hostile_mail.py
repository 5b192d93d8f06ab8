"""Hostile mail does not cost more time than a mail of its size may."""

import asyncio
import random
import time
from pathlib import Path

import pytest

from canary.authenticate.arc import verify_arc
from canary.authenticate.dkim.verify import verify_dkim
from canary.authenticate.lookup import DnsAnswer, Lookup, ZoneLookup
from canary.authenticate.message import Message, split
from canary.model.proof import ArcResult, DkimResult
from tests.effort import cpu_seconds
from tests.hostile_mail import KNOWN, OURS, Attack
from tests.signer import NOW, rsa

pytestmark = pytest.mark.slow


async def verify(message: Message, lookup: Lookup) -> tuple[tuple[DkimResult, ...], ArcResult]:
    return await verify_dkim(message, lookup, NOW), await verify_arc(message, lookup)


def seconds(attack: Attack) -> float:
    lookup = ZoneLookup(attack.zone)
    return cpu_seconds(lambda: asyncio.run(verify(split(attack.mail), lookup)), runs=3)


@pytest.mark.parametrize("name", KNOWN)
def test_a_known_attack_is_answered_in_50_ms(name: str) -> None:
    assert seconds(KNOWN[name]()) < 0.05


@pytest.mark.parametrize("name", OURS)
def test_an_attack_on_our_limits_is_answered_with_a_result_in_a_quarter_second(name: str) -> None:
    attack = OURS[name]()
    results, _ = asyncio.run(verify(split(attack.mail), ZoneLookup(attack.zone)))
    first = results[0] if results else None
    assert (first and first.result) == attack.result
    assert attack.reason in (first.reason if first else "")
    assert seconds(attack) < 0.25


async def any_key(name: str, kind: str) -> DnsAnswer:
    """A key for everybody, so that each signature is judged to its end."""
    return DnsAnswer((rsa().record().encode(),))


def mutated(mail: bytes, chance: random.Random) -> bytes:
    for _ in range(chance.randrange(1, 8)):
        start, length = chance.randrange(len(mail) + 1), chance.choice((0, 1, 1, 40))
        put = chance.choice(
            (b"", b"\r\n", b"\n", b" ", b";", b"=", b":", b"\0", chance.randbytes(3), mail[start : start + 99])
        )
        mail = mail[:start] + put + mail[start + length :]
    return mail


@pytest.mark.corpus
@pytest.mark.parametrize("part", range(4))
def test_real_mail_damaged_anywhere_is_judged_within_100_ms(corpus: Path, part: int) -> None:
    paths = sorted(p for p in corpus.rglob("*") if p.is_file())
    chance = random.Random(part)
    spent = dict[Path, tuple[float, Message]]()
    for path in chance.sample(paths, min(500, len(paths))):
        message, before = split(mutated(path.read_bytes(), chance)), time.thread_time()
        asyncio.run(verify(message, any_key))
        spent[path] = time.thread_time() - before, message
    worst = max(spent, key=lambda path: spent[path][0])
    assert cpu_seconds(lambda: asyncio.run(verify(spent[worst][1], any_key)), runs=3) < 0.1, worst
