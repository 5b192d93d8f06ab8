"""Live DNS against a real server on loopback."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from canary.authenticate.lookup import DnsAnswer, Temporary
from canary.net.dns import Cache, LiveLookup
from tests.patience import PATIENCE
from tests.zone_server import ZoneServer, serving

T = TypeVar("T")
ZONE: dict[str, Any] = {
    "example.com": {
        "TXT": ["v=spf1 -all", ["v=DKIM1; ", "p=AAAA"]],
        "A": ["192.0.2.1", "192.0.2.2"],
        "AAAA": ["2001:db8::1"],
        "MX": [[10, "mx.example.com"]],
    },
    "1.2.0.192.in-addr.arpa": {"PTR": ["mail.example.com"]},
    "alias.example.com": {"CNAME": ["other.example.com"]},
    "other.example.com": {"CNAME": ["example.com"]},
    "loop.example.com": {"CNAME": ["pool.example.com"]},
    "pool.example.com": {"CNAME": ["loop.example.com"]},
    "long.example.com": {"TXT": ["x" * 3000]},
    "slow.example.com": "TIMEOUT",
    "broken.example.com": "SERVFAIL",
    "closed.example.com": {"TXT": "REFUSED"},
    "macro mania.example.com": {"A": ["127.0.0.2"]},
    "octets.example.com": {"TXT": [r"\000\255"]},
    "deep.below.example.com": {"A": ["192.0.2.3"]},
    "xn--mnchen-3ya.example": {"A": ["192.0.2.4"]},
}


def served(use: Callable[[LiveLookup, ZoneServer], Awaitable[T]], timeout: float = 2 * PATIENCE, **options: Any) -> T:
    """What comes of using a lookup of the served zone."""

    async def run() -> T:
        async with serving(ZONE, **options) as server:
            return await use(LiveLookup([f"127.0.0.1:{server.port}"], timeout=timeout), server)

    return asyncio.run(run())


def ask(name: str, kind: str, **options: Any) -> DnsAnswer:
    return served(lambda lookup, _: lookup(name, kind), **options)


CASES = [
    ("example.com", "A", DnsAnswer(("192.0.2.1", "192.0.2.2"))),
    ("EXAMPLE.com.", "AAAA", DnsAnswer(("2001:db8::1",))),
    ("example.com", "TXT", DnsAnswer((b"v=spf1 -all", b"v=DKIM1; p=AAAA"))),
    ("example.com", "MX", DnsAnswer(((10, "mx.example.com"),))),
    ("1.2.0.192.in-addr.arpa", "PTR", DnsAnswer(("mail.example.com",))),
    ("alias.example.com", "A", DnsAnswer(("192.0.2.1", "192.0.2.2"))),
    ("example.com", "PTR", DnsAnswer()),
    ("below.example.com", "A", DnsAnswer()),
    ("nobody.example", "A", DnsAnswer(exists=False)),
    ("octets.example.com", "TXT", DnsAnswer((b"\0\xff",))),
    ("macro mania.example.com", "A", DnsAnswer(("127.0.0.2",))),
    ("münchen.example", "A", DnsAnswer(("192.0.2.4",))),
]


@pytest.mark.parametrize(("name", "kind", "expected"), CASES)
def test_a_question_is_answered_as_the_zone_says(name: str, kind: str, expected: DnsAnswer) -> None:
    assert set(ask(name, kind).records) == set(expected.records)
    assert ask(name, kind).exists is expected.exists


def test_a_silent_server_is_temporary() -> None:
    with pytest.raises(Temporary, match="TIMEOUT"):
        ask("slow.example.com", "TXT", timeout=0.2)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("broken.example.com", "SERVFAIL"),
        ("closed.example.com", "SERVFAIL"),
        ("loop.example.com", "SERVFAIL"),
    ],
)
def test_a_failing_server_is_temporary_and_never_no_record(name: str, word: str) -> None:
    with pytest.raises(Temporary) as raised:
        ask(name, "TXT")
    assert raised.value.word == word


@pytest.mark.parametrize(
    "name", ["", ".", "a..example", "x" * 64 + ".example", "a." * 127 + "com", "\0.example", "\ud800.x"]
)
def test_a_name_that_dns_cannot_hold_does_not_exist_and_is_not_asked(name: str) -> None:
    async def use(lookup: LiveLookup, server: ZoneServer) -> tuple[DnsAnswer, list[tuple[str, str, str]]]:
        return await lookup(name, "A"), server.asked

    assert served(use) == (DnsAnswer(exists=False), [])


def test_a_truncated_answer_is_asked_again_by_tcp() -> None:
    async def use(lookup: LiveLookup, server: ZoneServer) -> tuple[DnsAnswer, list[str]]:
        return await lookup("long.example.com", "TXT"), [transport for _, _, transport in server.asked]

    assert served(use) == (DnsAnswer((b"x" * 3000,)), ["udp", "tcp"])


def test_a_server_that_truncates_everything_is_asked_by_tcp() -> None:
    answer = served(lambda lookup, _: lookup("1.2.0.192.in-addr.arpa", "PTR"), truncate=True)
    assert answer == DnsAnswer(("mail.example.com",))


def test_a_lost_datagram_is_sent_again() -> None:
    # Half of the time is for the first question.
    assert served(lambda lookup, _: lookup("octets.example.com", "TXT"), 2, lose=1) == DnsAnswer((b"\0\xff",))


def test_a_forged_answer_is_not_believed() -> None:
    assert served(lambda lookup, _: lookup("octets.example.com", "TXT"), forge=True) == DnsAnswer((b"\0\xff",))


def nobody() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        return f"127.0.0.1:{unused.getsockname()[1]}"


def test_no_server_at_the_address_is_temporary() -> None:
    with pytest.raises(Temporary, match="SERVFAIL"):
        asyncio.run(LiveLookup([nobody()], timeout=PATIENCE)("example.com", "A"))


def test_the_next_server_is_asked_when_one_fails() -> None:
    async def use(_: LiveLookup, server: ZoneServer) -> DnsAnswer:
        return await LiveLookup([nobody(), f"127.0.0.1:{server.port}"], timeout=PATIENCE)("octets.example.com", "TXT")

    assert served(use) == DnsAnswer((b"\0\xff",))


def test_many_questions_at_once_are_all_answered() -> None:
    async def use(lookup: LiveLookup, _: ZoneServer) -> list[DnsAnswer]:
        return await asyncio.gather(*(lookup(f"n{number}.example.com", "A") for number in range(100)))

    assert served(use) == [DnsAnswer(exists=False)] * 100


@pytest.mark.parametrize("text", ["dns.example.com", "127.0.0.1:0", "127.0.0.1:x", "[::1", "1.2.3.4:99999"])
def test_a_name_server_that_is_no_address_is_refused_with_the_cure(text: str) -> None:
    with pytest.raises(ValueError, match="write an address"):
        LiveLookup([text])


@pytest.mark.parametrize("text", ["192.0.2.53", "192.0.2.53:5353", "2001:db8::53", "[2001:db8::53]:5353"])
def test_a_name_server_is_an_address_with_or_without_a_port(text: str) -> None:
    LiveLookup([text])


@pytest.mark.parametrize("name", ["example.com", "nobody.example", "broken.example.com"])
def test_what_dns_said_is_asked_once_until_its_time_is_over(name: str) -> None:
    async def use(lookup: LiveLookup, server: ZoneServer) -> int:
        for _ in range(3):
            await asyncio.gather(lookup(name, "A"), return_exceptions=True)
        return len(server.asked)

    assert served(use) == 1


def test_an_answer_is_forgotten_when_its_time_is_over() -> None:
    now = [0.0]
    cache = Cache(10, lambda: now[0])
    cache.put("example.com", "A", DnsAnswer(), 60)
    now[0] = 61
    assert cache.get("example.com", "A") is None


def test_the_cache_forgets_the_question_unused_the_longest() -> None:
    cache = Cache(2, lambda: 0.0)
    for name in ("one", "two", "three"):
        cache.put(name, "A", DnsAnswer(), 60)
        cache.get("one", "A")
    assert [cache.get(name, "A") for name in ("one", "two", "three")] == [DnsAnswer(), None, DnsAnswer()]


def test_a_huge_answer_is_not_cached() -> None:
    cache = Cache(10, lambda: 0.0)
    cache.put("example.com", "TXT", DnsAnswer((b"x" * 20_000,)), 60)
    assert cache.get("example.com", "TXT") is None


def test_a_mail_may_ask_only_so_many_questions() -> None:
    async def use(lookup: LiveLookup, server: ZoneServer) -> int:
        view = lookup.for_mail(questions=3)
        for number in range(5):
            await asyncio.gather(view(f"n{number}.example.com", "A"), return_exceptions=True)
        return len(server.asked)

    assert served(use) == 3


def test_a_mail_gets_no_answer_after_its_deadline() -> None:
    async def use(lookup: LiveLookup, server: ZoneServer) -> DnsAnswer:
        return await lookup.for_mail(seconds=0)("example.com", "A")

    with pytest.raises(Temporary, match="BUDGET"):
        served(use)


def test_a_question_under_way_ends_at_the_deadline() -> None:
    async def use(lookup: LiveLookup, server: ZoneServer) -> DnsAnswer:
        return await lookup.for_mail(seconds=0.02)("slow.example.com", "TXT")

    with pytest.raises(Temporary, match="BUDGET"):
        served(use)


def test_what_is_cached_counts_as_a_question_too() -> None:
    async def use(lookup: LiveLookup, server: ZoneServer) -> DnsAnswer:
        await lookup("example.com", "A")
        view = lookup.for_mail(questions=1)
        await view("example.com", "A")
        return await view("example.com", "A")

    with pytest.raises(Temporary, match="BUDGET"):
        served(use)
