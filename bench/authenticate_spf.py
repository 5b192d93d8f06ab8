"""SPF through a DNS server on loopback: ours against pyspf, each judgement of one followed by that of the other.

    .venv/bin/python -m bench.authenticate_spf [rounds]

Both ask the same server (a process of its own) by dnspython. `cold` is ours without any cache between judgements, as
pyspf works; `warm` is ours as it runs in production, where the answers of a wave of mail are asked once.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import dns.resolver
import spf as pyspf

from canary.authenticate.lookup import RecordingLookup
from canary.authenticate.spf import check_spf
from canary.net.dns import LiveLookup

ROUNDS = 100
CLIENT = "198.51.100.7"
ZONE: dict[str, Any] = {
    "plain.example": {"TXT": ["v=spf1 ip4:198.51.100.0/24 -all"]},
    "hosts.example": {"TXT": ["v=spf1 a mx -all"], "A": ["192.0.2.1"], "MX": [[10, "mx.hosts.example"]]},
    "mx.hosts.example": {"A": ["198.51.100.7"]},
    "chain.example": {"TXT": ["v=spf1 include:one.example include:two.example include:three.example ~all"]},
    "one.example": {"TXT": ["v=spf1 ip4:192.0.2.0/24 -all"]},
    "two.example": {"TXT": ["v=spf1 include:four.example -all"]},
    "three.example": {"TXT": ["v=spf1 ip4:198.51.100.0/24 -all"]},
    "four.example": {"TXT": ["v=spf1 ip4:203.0.113.0/24 ip6:2001:db8::/32 -all"]},
    "moved.example": {"TXT": ["v=spf1 redirect=three.example"]},
    "macro.example": {"TXT": ["v=spf1 exists:%{ir}._spf.%{d} -all"]},
    "7.100.51.198._spf.macro.example": {"A": ["127.0.0.2"]},
    "refused.example": {"TXT": ["v=spf1 mx -all"], "MX": [[10, "mx.hosts.example"]]},
}
DOMAINS = ("plain", "hosts", "chain", "moved", "macro", "refused")


@contextmanager
def server() -> Iterator[int]:
    """The port of a server of the zone, in a process of its own."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        Path(file.name).write_text(json.dumps(ZONE))
        command = [sys.executable, "-m", "tests.zone_server", file.name]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdin is not None
            yield int(process.stdout.readline())
            process.stdin.close()


def theirs(domain: str) -> tuple[float, str]:
    start = time.perf_counter()
    result, _ = pyspf.check2(i=CLIENT, s=f"a@{domain}.example", h="mx.example")
    return time.perf_counter() - start, result


async def ours(live: LiveLookup, domain: str) -> tuple[float, str]:
    start = time.perf_counter()
    result = await check_spf(CLIENT, f"a@{domain}.example", "mx.example", RecordingLookup(live.for_mail()))
    return time.perf_counter() - start, result.result.value


async def measure(port: int, rounds: int) -> dict[tuple[str, str], list[float]]:
    """Seconds of every judgement by who judged and which domain; the results must be the same."""
    cold, warm = LiveLookup([f"127.0.0.1:{port}"], cached=0), LiveLookup([f"127.0.0.1:{port}"])
    times: dict[tuple[str, str], list[float]] = {}
    for _ in range(rounds):
        for domain in DOMAINS:
            found = {"pyspf": theirs(domain), "cold": await ours(cold, domain), "warm": await ours(warm, domain)}
            if len({result for _, result in found.values()}) != 1:
                raise SystemExit(f"{domain}: the results differ: {found}")
            for who, (seconds, _) in found.items():
                times.setdefault((who, domain), []).append(seconds)
    return times


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with server() as port:
        dns.resolver.default_resolver = dns.resolver.Resolver(configure=False)
        dns.resolver.default_resolver.nameservers = ["127.0.0.1"]
        dns.resolver.default_resolver.port = port
        times = asyncio.run(measure(port, rounds))
    print(f"{'domain':<10}{'pyspf ms':>10}{'cold ms':>10}{'warm ms':>10}{'cold':>8}{'warm':>8}   times as fast")
    for domain in DOMAINS:
        show(domain, *(median(times[who, domain]) for who in ("pyspf", "cold", "warm")))
    show("all", *(sum(median(times[who, domain]) for domain in DOMAINS) for who in ("pyspf", "cold", "warm")))


def show(name: str, pyspf_: float, cold: float, warm: float) -> None:
    ratios = f"{pyspf_ / cold:>8.2f}{pyspf_ / warm:>8.1f}"
    print(f"{name:<10}{pyspf_ * 1000:>10.3f}{cold * 1000:>10.3f}{warm * 1000:>10.3f}{ratios}")


if __name__ == "__main__":
    main()
