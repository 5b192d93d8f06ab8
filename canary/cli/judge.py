"""`canary judge`: explain one mail, live, from a zone file or offline."""

import asyncio
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from canary.cli.context import CliError, Json, settings, show_json

if TYPE_CHECKING:
    from canary.authenticate.lookup import Lookup
    from canary.model.identity import Identity
    from canary.model.mail import Envelope, ParsedMail
    from canary.model.proof import Proofs
    from canary.model.verdict import Judgement

MAX_FILE = 64 * 1024 * 1024
_BITS = 65.0
_AGE = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class _Given:
    """What the user says about the mail; None where nothing is given."""

    domains: tuple[str, ...]
    name: str | None
    mail_from: str | None
    client_ip: str
    helo: str
    trusted: tuple[str, ...]


def judge(
    file: Annotated[Path, typer.Argument(help="File with one mail.")],
    vendor_domain: Annotated[
        list[str], typer.Option(metavar="DOMAIN", help="A domain of the vendor; may be repeated.")
    ],
    vendor_name: Annotated[
        str | None, typer.Option(help="What people call the vendor; without it, the name in its first domain.")
    ] = None,
    mail_from: Annotated[
        str | None, typer.Option(help="Envelope sender, <> for none; without it, that of Return-Path or From.")
    ] = None,
    client_ip: Annotated[str, typer.Option(help="Address of the host that delivered it.")] = "",
    helo: Annotated[str, typer.Option(help="Name that the host gave in HELO.")] = "",
    zone: Annotated[Path | None, typer.Option(help="JSON zone file to ask instead of DNS.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Make no DNS queries.")] = False,
    trust_authserv: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Trust the Authentication-Results of this server; may be repeated."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Judge one mail as if it had come to an address that only the vendor has."""
    content, lookup = _content(file), _lookup(zone, offline=offline)
    given = _Given(
        tuple(_domain("--vendor-domain", name) for name in vendor_domain),
        vendor_name, _path(mail_from), _ip(client_ip), helo,
        tuple(_domain("--trust-authserv", name) for name in trust_authserv or ()),
    )  # fmt: skip
    judgement, identity, proofs = asyncio.run(_judge(content, given, lookup))
    if as_json:
        show_json(_document(judgement, identity, proofs))
        return
    from canary.model.case import percent

    typer.echo(f"{judgement.verdict.value} ({percent(judgement.confidence)} sure)")
    for reason in judgement.reasons:
        typer.echo(f"  {reason.text}")


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_FILE + 1)
    except OSError as fault:
        raise CliError(f"{file}: {fault.strerror}: name a file with one mail", 2) from None
    if len(content) > MAX_FILE:
        raise CliError(f"{file}: more than {MAX_FILE >> 20} MB: name a file with one mail, not a mailbox", 2)
    return content


def _lookup(zone: Path | None, *, offline: bool) -> "Lookup":
    from canary.authenticate.lookup import OfflineLookup, ZoneLookup
    from canary.processes.judging import lookups

    if zone is None:
        return OfflineLookup() if offline else lookups(settings())()
    if offline:
        raise CliError(f"--zone {zone} and --offline: the zone replaces DNS already; leave out one", 2)
    try:
        return ZoneLookup(_names(zone.read_text(encoding="utf-8")))
    except OSError as fault:
        raise CliError(f"--zone {zone}: {fault.strerror}: name a JSON zone file", 2) from None
    except (ValueError, TypeError, AttributeError, RecursionError) as fault:
        raise CliError(f'--zone {zone}: {fault}: write {{"shop.example": {{"TXT": ["v=spf1 -all"]}}}}', 2) from None


def _names(text: str) -> dict[str, object]:
    read = json.loads(text)
    if not isinstance(read, dict):
        raise TypeError("not a JSON object of names")
    return read


def _domain(option: str, name: str) -> str:
    from canary.authenticate.lookup import dns_name

    known = dns_name(name.strip())
    if "." not in known or any(c in known for c in "@/ "):
        raise CliError(f"{option} {name!r}: not a domain; give one such as shop.example", 2)
    return known


def _path(mail_from: str | None) -> str | None:
    if mail_from is None:
        return None
    address = mail_from.strip().removeprefix("<").removesuffix(">")
    if address and "@" not in address:
        raise CliError(f"--mail-from {mail_from!r}: not an address; give one such as b@shop.example, or <> for none", 2)
    return address


def _ip(text: str) -> str:
    try:
        return str(ip_address(text)) if text else ""
    except ValueError:
        raise CliError(f"--client-ip {text!r}: not an address; give one such as 192.0.2.1 or 2001:db8::1", 2) from None


async def _judge(content: bytes, given: _Given, lookup: "Lookup") -> "tuple[Judgement, Identity, Proofs]":
    from canary.authenticate.message import split
    from canary.authenticate.results.trusted import read_results, sender_ip
    from canary.judge.hit_context import HitContext
    from canary.judge.identity import identify
    from canary.judge.organisation import organisation
    from canary.judge.rules import judge as judge_hearing
    from canary.mail.parse import parse
    from canary.model.canary import Canary, CanaryState, Style
    from canary.model.party import Vendor
    from canary.pipeline.authentication import authenticate_mail
    from canary.processes.judging import supplier_book

    mail, message, book = parse(content), split(content), supplier_book()
    envelope = _envelope(mail, given, given.client_ip or sender_ip(message, given.trusted))
    proofs = read_results(message, given.trusted) if given.trusted else None
    if proofs:
        identity = identify(mail, proofs, envelope, book)
    else:
        proofs, identity = await authenticate_mail(content, mail, envelope, lookup, book)
    # As for an address given away long ago: the leniency of the first weeks does not apply.
    issued = envelope.received - _AGE
    canary = Canary(0, "", "vendor", "signup", 1, Style.TAGGED, _BITS, CanaryState.ACTIVE, issued)
    name = given.name or organisation(given.domains[0]).partition(".")[0]
    hearing = HitContext(mail, envelope, proofs, identity, canary, Vendor("vendor", name, given.domains))
    return judge_hearing(hearing), identity, proofs


def _envelope(mail: "ParsedMail", given: _Given, ip: str) -> "Envelope":
    """Build the envelope from the arguments; a stored mail names its sender in Return-Path, else most likely in From."""
    from canary.model.mail import Client, Envelope

    written = mail.header("return-path").strip("<> ") if mail.has("return-path") else mail.sender.address
    mail_from = written if given.mail_from is None else given.mail_from
    return Envelope(mail_from, (), Client(ip, helo=given.helo), datetime.now(UTC))


def _document(judgement: "Judgement", identity: "Identity", proofs: "Proofs") -> dict[str, Any]:
    return {
        "verdict": judgement.verdict.value,
        "confidence": judgement.confidence,
        "reasons": [{"code": reason.code.value, "text": reason.text} for reason in judgement.reasons],
        "identity": {
            "domain": identity.domain,
            "proof": identity.proof.value,
            "esp": identity.esp,
            "account": identity.account,
        },
        "auth": {
            "spf": proofs.spf.result.value,
            "dkim": [asdict(signature) for signature in proofs.dkim],
            "dmarc": proofs.dmarc.result.value,
            "arc": proofs.arc.result.value,
        },
    }
