"""SPF through a DNS server on loopback: ours against pyspf, each judgement of one followed by that of the other.

Both ask the same server (a process of its own) by dnspython. `cold` is ours without any cache between judgements, as
pyspf works; `warm` is ours as it runs in production, where the answers of a wave of mail are asked once.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import dns.resolver
import spf as pyspf

sys.path.insert(0, str(Path(__file__).parent.parent))

from canary.authenticate.lookup import RecordingLookup
from canary.authenticate.spf.check import check_spf
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
WHO = ("pyspf", "cold", "warm")
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


def main() -> int:
    with server() as port:
        dns.resolver.default_resolver = dns.resolver.Resolver(configure=False)
        dns.resolver.default_resolver.nameservers = ["127.0.0.1"]
        dns.resolver.default_resolver.port = port
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # pyspf asks by a name that dnspython has renamed
            times = asyncio.run(measure(port, ROUNDS))
    middle = {key: median(seconds) * 1000 for key, seconds in times.items()}
    rows = {domain: [middle[who, domain] for who in WHO] for domain in DOMAINS}
    rows["all"] = [sum(column) for column in zip(*rows.values(), strict=True)]
    print(f"{'domain':<10} {'pyspf':>10} {'cold':>10} {'warm':>10} {'cold':>7} {'warm':>7}  times as fast")
    for name, (theirs_, cold, warm) in rows.items():
        times_ = f"{theirs_:>7.3f} ms {cold:>7.3f} ms {warm:>7.3f} ms"
        print(f"{name:<10} {times_} {theirs_ / cold:>7.2f} {theirs_ / warm:>7.1f}")
    return 1 if rows["all"][0] < rows["all"][1] else 0


if __name__ == "__main__":
    raise SystemExit(main())
