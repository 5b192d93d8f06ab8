"""A case in words for a terminal: who, when, what leaked, statements, what to do next."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import typer

from canary.cli.context import show_table
from canary.model.case import LIKELY, SETTLED, CaseState, Findings, counts_as_leaked, percent

if TYPE_CHECKING:
    from canary.views.case_lists import WatchLine


def print_case(found: Mapping[str, Any]) -> None:
    """Print a case from its document."""
    from canary.attribute.summary import what_would_settle
    from canary.store.codec import findings_of, suspects_of

    typer.echo(_head(found))
    typer.echo(found["summary"])
    suspects = [(s["name"], s["kind"], percent(s["p"]), f"{s['hit']} of {s['held']}") for s in found["suspects"]]
    show_table(("suspect", "kind", "probability", "canaries hit"), suspects, "No suspects yet.")
    findings, leads = findings_of(found), found["leak"] > LIKELY
    for line in (
        *in_words(findings, leads=leads),
        *_reasons(findings),
        *_heard(found),
        *_todo(found),
        *_proposed(found),
    ):
        typer.echo(line)
    for line in () if leads else what_would_settle(suspects_of(found["suspects"]), findings):
        typer.echo(f"What would settle it: {line}")
    for slug in _hit_vendors(found)[:5] if found["state"] not in SETTLED else ():
        typer.echo(f"Whose mail is it? `canary sender asked {slug}` lists who wrote there, and what you can answer.")
    lines = [(e["at"].isoformat(), e["kind"], e["text"], e["who"]) for e in found["timeline"]]
    show_table(("when", "what", "text", "who"), lines, "Nothing has happened yet.")


def _hit_vendors(found: Mapping[str, Any]) -> list[str]:
    return [str(s["id"]) for s in found["suspects"] if s["kind"] == "vendor" and s["hit"]]


def _head(found: Mapping[str, Any]) -> str:
    parts = [
        f"Number {found['id']}: watched"
        if found["state"] == CaseState.WATCHED
        else f"Case {found['id']}: {found['state']}",
        f"assigned to {found['owner']}" if found["owner"] else "unassigned",
    ]
    if found["merged_into"]:
        parts.append(f"part of case {found['merged_into']}")
    if found["notify_until"]:
        parts.append(f"the authority is to be notified by {found['notify_until']:%Y-%m-%d %H:%M} UTC (GDPR Art. 33)")
    return ", ".join(parts) + "."


def _reasons(found: Findings) -> Iterator[str]:
    for why in found.explanations:
        yield f"{why.suspect}:"
        yield from (f"  for: {seen.text}" for seen in why.speaks_for)
        yield from (f"  against: {seen.text}" for seen in why.speaks_against)


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
        yield f"A campaign spans case {named} as well: `canary case merge {found['id']} N` joins them."


def in_words(findings: Findings, *, leads: bool) -> Iterator[str]:
    """Yield what was found about a case, one sentence a line; when and which fields only where a leak leads."""
    from canary.attribute.summary import span_words

    window = findings.window if leads else None
    if window:
        yield f"Leaked {span_words(window.from_90, window.to_90)} (90%)."
    if findings.caution:
        yield findings.caution
    yield from _fields(findings.fields) if leads else ()
    for names in findings.indistinguishable:
        yield f"Not distinguishable: {', '.join(names)}. An address that only one of them has would settle it."
    if window and not findings.indistinguishable:
        yield "All suspects can be told apart: no two held exactly the same addresses."


def watched_lines(line: "WatchLine") -> Iterator[str]:
    """Yield what is watched in words, line by line."""
    case = line.case
    yield f"{case.id}  {case.vendor}: {case.answer.headline} {case.hits:,} mail{'' if case.hits == 1 else 's'} since {case.opened_at:%Y-%m-%d}."
    yield from (f"  for: {seen.text}" for seen in line.speaks_for)
    yield from (f"  against: {seen.text}" for seen in line.speaks_against)
    yield from (f"  would settle it: {text}" for text in line.settling)


def watched_reasons(line: "WatchLine") -> dict[str, list[str]]:
    """Return the reasons and what would settle it, as values for programs."""
    return {
        "speaks_for": [seen.text for seen in line.speaks_for],
        "speaks_against": [seen.text for seen in line.speaks_against],
        "settling": list(line.settling),
    }


def _fields(fields: Mapping[str, float]) -> Iterator[str]:
    names = {name: p for name, p in fields.items() if "name" in name}
    others = {name: p for name, p in fields.items() if name not in names}
    for label, some in (("Names", names), ("Other facts", others)):
        seen = [f"{name} {percent(p)}" for name, p in some.items() if counts_as_leaked(p)]
        if seen:
            yield f"{label} leaked: yes ({', '.join(seen)})."
        elif some:
            yield f"{label} leaked: not seen so far ({percent(max(some.values()))} that they did)."
