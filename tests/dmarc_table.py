"""The table of DMARC cases beside its tests, one for each demand of RFC 9989 on a receiver."""

import asyncio
import tomllib
from pathlib import Path
from typing import Any

from canary.authenticate.dmarc.evaluate import check_dmarc
from canary.authenticate.lookup import DnsAnswer, ZoneLookup
from canary.model.proof import DkimResult, Result, SpfResult

FILE = Path(__file__).parent / "unit" / "dmarc.toml"


def cases() -> list[dict[str, Any]]:
    """The cases in the order of the RFC."""
    found: list[dict[str, Any]] = tomllib.loads(FILE.read_text("utf-8"))["case"]
    return found


def judge(case: dict[str, Any]) -> dict[str, Any]:
    """The fields of our result, and the domains whose policy was asked for."""
    records = {f"_dmarc.{name}": {"TXT": [text]} for name, text in case.get("records", {}).items()}
    asked: list[str] = []
    zone = ZoneLookup({**records, **case.get("zone", {})})

    async def lookup(name: str, kind: str) -> DnsAnswer:
        if kind == "TXT":
            asked.append(name.removeprefix("_dmarc."))
        return await zone(name, kind)

    result, domain = case.get("spf", "none ").split(" ")
    spf = SpfResult(Result(result), domain, case.get("scope", "mailfrom"))
    dkim = tuple(DkimResult(Result(each.split(" ")[0]), each.split(" ")[1]) for each in case.get("dkim", ()))
    got = asyncio.run(check_dmarc(case["from"], spf, dkim, lookup))
    return {name: getattr(got, name) for name in got.__slots__} | {"asked": asked}


def differences(case: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What differs from the expectation: field to (expected, got)."""
    got = judge(case)
    return {name: (value, got[name]) for name, value in case["expect"].items() if got[name] != value}
