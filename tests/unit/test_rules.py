"""Every verdict rule, by cases that are folders: a mail, the zone it meets, what must come out, and why."""

import asyncio
import json
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from canary.authenticate.everything import authenticate
from canary.authenticate.lookup import ZoneLookup
from canary.authenticate.message import split
from canary.judge.identity import identify
from canary.judge.rules import RULES, Hearing, judge
from canary.mail.parse import parse
from canary.model.canary import Canary, CanaryState, Persona, Style
from canary.model.mail import Client, Envelope
from canary.model.party import Vendor
from canary.model.verdict import Judgement, Verdict
from canary.run import supplier_book

CASES = sorted((Path(__file__).parents[1] / "cases/verdicts").iterdir())
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def expectation(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "expect.toml").read_text())


def judged(folder: Path) -> Judgement:
    told, content = expectation(folder), (folder / "mail.eml").read_bytes()
    envelope = Envelope(told["mail_from"], ("canary@inbox.example",), Client(told["client_ip"], helo=told["helo"]), NOW)
    lookup = ZoneLookup(json.loads((folder / "zone.json").read_text()))
    mail = parse(content)
    proofs = asyncio.run(authenticate(split(content), envelope, lookup, NOW))
    identity = identify(mail, proofs, envelope, supplier_book())
    owner = None if told["decoy"] else "vendor"
    persona = Persona("Anna", "Keller")
    canary = Canary(1, "canary@inbox.example", owner, "signup", 1, Style.TAGGED, 65, CanaryState.ACTIVE, NOW, persona)
    vendor = Vendor("vendor", told["vendor"], (told["vendor_domain"],))
    return judge(Hearing(mail, envelope, proofs, identity, canary, vendor, attempts=40_000))


@pytest.mark.parametrize("folder", CASES, ids=lambda f: f.name)
def test_the_case_is_judged_as_it_must_be(folder: Path) -> None:
    told, found = expectation(folder), judged(folder)
    assert (found.verdict.value, [r.code.value for r in found.reasons]) == (told["verdict"], told["reasons"])


@pytest.mark.parametrize("folder", CASES, ids=lambda f: f.name)
def test_every_reason_is_a_whole_sentence(folder: Path) -> None:
    assert [r.text for r in judged(folder).reasons if "?" in r.text or not r.text.endswith(".")] == []


def test_every_rule_but_learned_suppliers_has_a_case() -> None:
    covered = {expectation(folder)["verdict"].replace("-", "_") for folder in CASES}
    assert {rule.__name__ for rule in RULES} - covered == {"supplier"}


def test_a_verdict_without_reasons_cannot_exist() -> None:
    with pytest.raises(ValueError, match="no reasons"):
        Judgement(Verdict.SPAM, 0.9, ())


def test_a_confidence_that_is_no_probability_cannot_exist() -> None:
    with pytest.raises(ValueError, match="not a probability"):
        Judgement(Verdict.SPAM, 1.2, judged(CASES[0]).reasons)
