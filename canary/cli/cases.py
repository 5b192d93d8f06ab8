"""`canary cases`, `canary case ID`: the suspected leaks."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import typer

from canary.cli.frame import Json, Trouble, settings, show_json, show_table
from canary.model.case import percent


def list_cases(as_json: Json = False) -> None:
    """List all cases, newest first."""
    from canary.run import open_store
    from canary.store import cases

    store = open_store(settings())
    store.migrate()
    with store.reading() as session:
        found = cases.list_cases(session)
        hits = cases.hits_of(session, [c.id or 0 for c in found])
    if as_json:
        show_json([
            {
                "id": c.id, "state": c.state, "opened": c.opened_at, "last_hit": c.last_hit_at,
                "hits": hits.get(c.id or 0, 0), "suspects": c.suspects,
            }
            for c in found
        ])  # fmt: skip
        return
    rows = [(c.id, c.state, _top(c.suspects), hits.get(c.id or 0, 0), c.opened_at.date()) for c in found]
    show_table(("case", "state", "most likely", "hits", "opened"), rows, "No cases: nobody is known to have leaked.")


def one_case(number: int, as_json: Json = False) -> None:
    """Show one case: suspects and timeline."""
    from canary.run import open_store
    from canary.store import cases
    from canary.store.tables import CaseRow

    store = open_store(settings())
    store.migrate()
    with store.reading() as session:
        case = session.get(CaseRow, number)
        if case is None:
            raise Trouble(f"case {number}: there is none; see `canary cases`")
        lines = cases.timeline(session, number)
    if as_json:
        events = [{"at": e.at, "kind": e.kind, "who": e.who, "text": e.text} for e in lines]
        said = {"suspects": case.suspects, **case.findings, "timeline": events}
        show_json({"id": case.id, "state": case.state, **said})
        return
    suspects = [(s["name"], s["kind"], percent(s["p"]), f"{s['hit']} of {s['held']}") for s in case.suspects]
    show_table(("suspect", "kind", "probability", "canaries hit"), suspects, "No suspects yet.")
    for line in in_words(case.findings):
        typer.echo(line)
    for why in case.findings.get("why", ()):
        typer.echo(f"{why['suspect']}:")
        for side in ("for", "against"):
            for seen in why[side]:
                typer.echo(f"  {side}: {seen['text']}")
    show_table(("when", "what", "text"), [(e.at.isoformat(), e.kind, e.text) for e in lines], "Nothing happened yet.")


def in_words(findings: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is found about a case, a sentence a line."""
    window = findings.get("window")
    if window:
        yield f"Leaked between {window['from_90'][:10]} and {window['to_90'][:10]} (90 %)."
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
        seen = [f for f in some if f["p"] > 0.5]
        if seen:
            told = ", ".join(f"{f['field']} {percent(f['p'])}" for f in seen)
            yield f"{label} leaked: yes ({told})."
        elif some:
            yield f"{label} leaked: not seen so far ({percent(max(f['p'] for f in some))} that they did)."


list_cases.__name__, one_case.__name__ = "cases", "case"
COMMANDS = (list_cases, one_case)


def _top(suspects: list[dict[str, object]]) -> str:
    return f"{suspects[0]['name']} {percent(float(str(suspects[0]['p'])))}" if suspects else ""
