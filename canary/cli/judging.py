"""`canary judge`: explain one mail, live, from a zone file or offline."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from canary.cli.frame import Json, Trouble, show_json


def judge(
    file: Path,
    vendor_domain: Annotated[list[str], typer.Option(help="A domain of the vendor; may be repeated.")],
    mail_from: Annotated[str, typer.Option(help="Envelope sender.")] = "",
    client_ip: Annotated[str, typer.Option(help="Address of the host that delivered it.")] = "",
    helo: Annotated[str, typer.Option(help="What that host called itself.")] = "",
    zone: Annotated[Path | None, typer.Option(help="JSON zone file to ask instead of DNS.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask nobody.")] = False,
    trust_authserv: Annotated[
        list[str] | None, typer.Option(help="Believe Authentication-Results of this server; may be repeated.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Judge one mail as if it had come to an address that only the vendor has."""
    try:
        content = file.read_bytes()
    except OSError as fault:
        raise Trouble(f"{file}: {fault.strerror}: name a file with one mail", 2) from None
    answer = asyncio.run(
        _judge(content, vendor_domain, (mail_from, client_ip, helo), (zone, offline), trust_authserv or [])
    )
    if as_json:
        show_json(answer)
        return
    typer.echo(f"{answer['verdict']} ({answer['confidence']:.0%})")
    for reason in answer["reasons"]:
        typer.echo(f"  {reason['text']}")


COMMANDS = (judge,)


async def _judge(
    content: bytes,
    domains: list[str],
    told: tuple[str, str, str],
    source: tuple[Path | None, bool],
    trusted: list[str],
) -> dict[str, Any]:
    from canary.authenticate.lookup import Lookup, OfflineLookup, ZoneLookup
    from canary.authenticate.message import split
    from canary.authenticate.results import read_results
    from canary.judge.identity import identify
    from canary.judge.rules import Hearing
    from canary.judge.rules import judge as judge_hearing
    from canary.mail.parse import parse
    from canary.model.canary import Canary, CanaryState, Style
    from canary.model.mail import Client, Envelope
    from canary.model.party import Vendor
    from canary.net.dns import LiveLookup
    from canary.pipeline import examine
    from canary.run import clock, supplier_book

    mail_from, ip, helo = told
    zone, offline = source
    lookup: Lookup = OfflineLookup() if offline else LiveLookup().for_mail()
    if zone:
        lookup = ZoneLookup(json.loads(zone.read_text(encoding="utf-8")))
    envelope = Envelope(mail_from, (), Client(ip, helo=helo), clock())
    mail, book = parse(content), supplier_book()
    proofs = read_results(split(content), trusted) if trusted else None
    if proofs:
        identity = identify(mail, proofs, envelope, book)
    else:
        proofs, identity = await examine(content, mail, envelope, lookup, book)
    canary = Canary(0, "", "vendor", "signup", 1, Style.TAGGED, 65.0, CanaryState.ACTIVE, envelope.received)
    vendor = Vendor("vendor", domains[0], tuple(domain.lower() for domain in domains))
    judgement = judge_hearing(Hearing(mail, envelope, proofs, identity, canary, vendor))
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
