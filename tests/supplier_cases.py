"""The test mails of config/suppliers.toml: one folder for each entry, with what its proofs were and who it is."""

import json
import tomllib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from canary.judge.identity import _marks, identify
from canary.judge.providers import ProviderRegistry, read_suppliers
from canary.mail.parse import parse
from canary.model.identity import Identity
from canary.model.mail import Client, Envelope, ParsedMail
from canary.model.proof import DkimResult, Proofs, Result, SpfResult
from tests.conftest import ROOT, START

FOLDERS = sorted(p for p in (ROOT / "tests/cases/suppliers").iterdir() if p.is_dir())


@dataclass(frozen=True, slots=True)
class SupplierCase:
    """One mail with its proofs, and what is expected of its identity."""

    mail: ParsedMail
    proofs: Proofs
    envelope: Envelope
    host: str
    expect: dict[str, Any]

    def identity(self) -> Identity:
        return identify(self.mail, self.proofs, self.envelope, book(), self.host)

    def rewritten(self, old: str, new: str) -> "SupplierCase":
        """Return the case as it were with another text in place of one, in headers, envelope and proofs alike."""
        return replace(
            self,
            mail=replace(self.mail, headers=tuple((name, v.replace(old, new)) for name, v in self.mail.headers)),
            proofs=Proofs(
                spf=replace(self.proofs.spf, domain=self.proofs.spf.domain.replace(old, new)),
                dkim=signed(*(f"{key.domain}/{key.selector}".replace(old, new) for key in self.proofs.dkim)),
            ),
            envelope=replace(self.envelope, mail_from=self.envelope.mail_from.replace(old, new)),
        )


@cache
def book() -> ProviderRegistry:
    """The book that is shipped."""
    return read_suppliers(tomllib.loads((ROOT / "config/suppliers.toml").read_text()))


def envelope(mail_from: str = "", ip: str = "192.0.2.25") -> Envelope:
    return Envelope(mail_from, ("canary@inbox.example",), Client(ip), START)


def signed(*keys: str) -> tuple[DkimResult, ...]:
    """Verified signatures, each written as `domain` or `domain/selector`."""
    pairs = [key.partition("/") for key in keys]
    return tuple(DkimResult(Result.PASS, domain, selector) for domain, _, selector in pairs)


def load(folder: Path) -> SupplierCase:
    """Read the case in a folder."""
    facts = json.loads((folder / "proofs.json").read_text())
    spf = facts["spf"]
    return SupplierCase(
        parse((folder / "mail.eml").read_bytes()),
        Proofs(
            spf=SpfResult(Result(spf.get("result", "none")), spf.get("domain", "")),
            dkim=signed(*(f"{key['domain']}/{key['selector']}" for key in facts["dkim"])),
        ),
        envelope(facts["mail_from"], facts["client_ip"]),
        facts["host"],
        tomllib.loads((folder / "expect.toml").read_text()),
    )


def claimed_suppliers(mail: ParsedMail, providers: ProviderRegistry) -> tuple[str, ...]:
    """Name the providers whose marks a mail bears; anybody can copy marks, so this is a hint and never a proof."""
    return tuple(provider.slug for provider in providers.providers if any(_marks(mail, provider)))
