"""A case in words on a terminal: who, when, what leaked, what was said, what is to be done."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import typer

from canary.attribute.inference.fields import counts_as_leaked
from canary.cli.context import show_table
from canary.model.case import percent


def show(found: Mapping[str, Any]) -> None:
    """Print a case from its document."""
    typer.echo(_head(found))
    suspects = [(s["name"], s["kind"], percent(s["p"]), f"{s['hit']} of {s['held']}") for s in found["suspects"]]
    show_table(("suspect", "kind", "probability", "canaries hit"), suspects, "No suspects yet.")
    for line in (*in_words(found), *_reasons(found), *_heard(found), *_todo(found), *_proposed(found)):
        typer.echo(line)
    lines = [(e["at"].isoformat(), e["kind"], e["text"], e["who"]) for e in found["timeline"]]
    show_table(("when", "what", "text", "who"), lines, "Nothing happened yet.")


def _head(found: Mapping[str, Any]) -> str:
    told = [
        f"Case {found['id']}: {found['state']}",
        f"{found['owner']} sees to it" if found["owner"] else "nobody sees to it",
    ]
    if found["merged_into"]:
        told.append(f"part of case {found['merged_into']}")
    if found["notify_until"]:
        told.append(f"tell the authority until {found['notify_until']:%Y-%m-%d %H:%M} UTC (GDPR Art. 33)")
    return ", ".join(told) + "."


def _reasons(found: Mapping[str, Any]) -> Iterator[str]:
    for why in found.get("why", ()):
        yield f"{why['suspect']}:"
        for side in ("for", "against"):
            yield from (f"  {side}: {seen['text']}" for seen in why[side])


def _heard(found: Mapping[str, Any]) -> Iterator[str]:
    for said in found["statements"]:
        yield f"{said['party']}, {said['at']:%d %b %Y}: {said['text']}".rstrip(": ")
        for claim in said["claims"]:
            mails = f" (mails {', '.join(map(str, claim['mails']))})" if claim["mails"] else ""
            yield f"  {claim['claim']} - {claim['outcome']}: {claim['evidence']}{mails}"


def _todo(found: Mapping[str, Any]) -> Iterator[str]:
    for point in found["checklist"]:
        yield f"[{'x' if point['done'] else ' '}] {point['text']}  ({point['code']})"


def _proposed(found: Mapping[str, Any]) -> Iterator[str]:
    if found["merge_proposed"]:
        named = ", ".join(map(str, found["merge_proposed"]))
        yield f"A campaign spans case {named} too; canary case {found['id']} --merge N makes them one."


def in_words(findings: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is found about a case, a sentence a line."""
    window = findings.get("window")
    if window:
        yield f"Leaked between {window['from_90'][:10]} and {window['to_90'][:10]} (90%)."
    yield from _fields(findings.get("fields", ()))
    twins = findings.get("twins", ())
    for names in twins:
        yield f"Not distinguishable: {', '.join(names)}. An address that only one of them has would tell."
    if findings and not twins:
        yield "All suspects can be told apart: no two held just the same addresses."


def _fields(fields: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not fields:
        return
    names = [f for f in fields if "name" in f["field"]]
    for label, some in (("Names", names), ("Other facts", [f for f in fields if f not in names])):
        seen = [f for f in some if counts_as_leaked(f["p"])]
        if seen:
            told = ", ".join(f"{f['field']} {percent(f['p'])}" for f in seen)
            yield f"{label} leaked: yes ({told})."
        elif some:
            yield f"{label} leaked: not seen so far ({percent(max(f['p'] for f in some))} that they did)."
