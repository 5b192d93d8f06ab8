"""The openspf conformance suites, read in place: scenarios of zone data and cases (`CANARY_SUITES/spf/*.yml`)."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from canary.authenticate.dns_answer import write_records
from canary.authenticate.lookup import ZoneLookup, dns_name
from canary.authenticate.spf.check import check_spf
from canary.model.proof import SpfResult

FOLDER = Path(__file__).parent.parent / os.environ.get("CANARY_SUITES", "../shared/suites") / "spf"
ASKED = ("TXT", "A", "AAAA", "MX", "PTR")


@dataclass(frozen=True, slots=True)
class Case:
    """One case with the zone of its scenario; `results` are those allowed, `explanation` None where any may be."""

    name: str
    zone: dict[str, Any]
    helo: str
    host: str
    mail_from: str
    results: tuple[str, ...]
    explanation: str | None


def cases(file: str) -> list[Case]:
    """The cases of a suite file, none where the file is absent."""
    path = FOLDER / file
    return list(_cases(path)) if path.exists() else []


def _cases(path: Path) -> Iterator[Case]:
    for scenario in yaml.load_all(path.read_text("utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if not scenario:
            continue
        zone = _zone(scenario["zonedata"])
        for name, test in scenario["tests"].items():
            wanted = test["result"]
            results = tuple(wanted) if isinstance(wanted, list) else (wanted,)
            sender, explanation = test.get("mailfrom") or "", test.get("explanation")
            yield Case(name, zone, str(test["helo"]), str(test["host"]), sender, results, explanation)


def _zone(data: dict[str, list[Any]]) -> dict[str, Any]:
    return {name: _kinds(records) for name, records in data.items() if dns_name(name)}


def _kinds(records: list[Any]) -> dict[str, Any]:
    """A name's records; those of type SPF stand for TXT too, unless the name has TXT records or declines them."""
    kinds: dict[str, list[Any]] = {}
    for record in records:
        if isinstance(record, dict):
            ((kind, value),) = record.items()
            kinds.setdefault(kind, []).append(_record(kind, value))
    kinds.setdefault("TXT", kinds.get("SPF", []))
    kinds["TXT"] = [record for record in kinds["TXT"] if record != "NONE"]
    full = {kind: value for kind, value in kinds.items() if value and kind != "SPF"}
    return {**dict.fromkeys(ASKED, "TIMEOUT"), **full} if "TIMEOUT" in records else full


def _record(kind: str, value: Any) -> Any:
    if kind not in {"TXT", "SPF"}:
        return value
    joined = "".join(value) if isinstance(value, list) else value
    # The suites write octets as the characters of the same number.
    return write_records([joined.encode("latin-1")])[0]


def judge(case: Case) -> SpfResult:
    """What our SPF says."""
    return asyncio.run(check_spf(case.host, case.mail_from, case.helo, ZoneLookup(case.zone)))


def passes(case: Case) -> bool:
    """Whether result and explanation are as the suite wants them."""
    got = judge(case)
    explained = case.explanation is None or got.explanation == case.explanation.replace("DEFAULT", "")
    return got.result.value in case.results and explained
