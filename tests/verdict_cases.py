"""Verdict cases as folders: what came, the zone it meets, what must be said about it, and why.

A folder holds `expect.toml` and `why.md`, and of what came: `mail.eml` with `zone.json`, or nothing for a probe.
`suppliers.toml` replaces the book of mail providers; `rspamd.json` is what rspamd would answer.
"""

import asyncio
import json
import tomllib
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

from canary.authenticate.authenticate import authenticate
from canary.authenticate.lookup import ZoneLookup
from canary.authenticate.message import split
from canary.judge.guess import chance_of_guess
from canary.judge.hit_context import HitContext
from canary.judge.identity import identify
from canary.judge.probe import judge_probe
from canary.judge.providers import ProviderRegistry, read_suppliers
from canary.judge.rspamd import read_opinion, second_opinion
from canary.judge.rules import judge
from canary.judge.selftest import HEADER, is_own
from canary.mail.parse import parse
from canary.model.canary import Canary, CanaryState, Persona, Style
from canary.model.mail import Client, Envelope, Trust
from canary.model.party import RelationshipEnds, Vendor
from canary.model.verdict import Judgement
from canary.processes.judging import supplier_book

FOLDER = Path(__file__).parent / "cases/verdicts"
CASES = sorted(FOLDER.iterdir())
NOW = datetime(2026, 3, 1, tzinfo=UTC)
KEY = b"the key of an installation that exists only in tests"
PERSONA = Persona("Anna", "Keller", "+44 1632 960417", "Keller Ltd")


def expectation(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "expect.toml").read_text())


def book_of(folder: Path) -> ProviderRegistry:
    own = folder / "suppliers.toml"
    return read_suppliers(tomllib.loads(own.read_text())) if own.exists() else supplier_book()


def canary_of(told: dict[str, Any]) -> Canary:
    owner = None if told.get("decoy") else "vendor"
    address, bits = told.get("address", "canary@inbox.example"), told.get("bits", 65)
    style = Style(told.get("style", "tagged"))
    issued = NOW - timedelta(days=told.get("age_days", 0))
    canary = Canary(1, address, owner, "signup", 1, style, bits, CanaryState.ACTIVE, issued, PERSONA)
    return replace(canary, published=told.get("published", False))


def vendor_of(told: dict[str, Any]) -> Vendor:
    senders, pending, denied = (frozenset(told.get(name, ())) for name in ("senders", "pending", "denied"))
    ends = {name: datetime.combine(day, time(), UTC) for name, day in told.get("endings", {}).items()}
    endings = RelationshipEnds(ends.get("contract"), ends.get("erasure"), ends.get("unsubscribed"))
    domains = (told["vendor_domain"],) if told["vendor_domain"] else ()
    return Vendor("vendor", told["vendor"], domains, senders, pending, denied, endings=endings)


def hearing_of(folder: Path) -> HitContext:
    told, content = expectation(folder), (folder / "mail.eml").read_bytes()
    canary = canary_of(told)
    envelope = Envelope(
        told["mail_from"],
        (told.get("sent_to", canary.address),),
        Client(told["client_ip"], helo=told["helo"]),
        NOW,
        Trust(told.get("trust", Trust.WIRE)),
    )
    lookup = ZoneLookup(json.loads((folder / "zone.json").read_text()))
    mail = parse(content)
    proofs = asyncio.run(authenticate(split(content), envelope, lookup, NOW))
    identity = replace(identify(mail, proofs, envelope, book_of(folder)), **told.get("identity", {}))
    return HitContext(
        mail, envelope, proofs, identity, canary, vendor_of(told), attempts=told.get("attempts", 40_000),
        shapes=told.get("shapes", {}), self_test=is_own(mail.header(HEADER), KEY, canary.address, NOW),
    )  # fmt: skip


def judged(folder: Path) -> Judgement:
    told = expectation(folder)
    if (folder / "mail.eml").exists():
        found = judge(hearing_of(folder))
    else:
        canary = canary_of(told)
        chance = chance_of_guess(canary, told.get("attempts", 40_000), told.get("shapes", {}))
        found = judge_probe(canary, told["source"], chance)
    opinion = folder / "rspamd.json"
    if opinion.exists():
        found = replace(found, reasons=(*found.reasons, second_opinion(read_opinion(opinion.read_text()))))
    return found
