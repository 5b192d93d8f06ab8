"""`canary decoys`: addresses that are never given to anyone, hidden among the issued ones, and the hits at them."""

from typing import TYPE_CHECKING, Annotated

import typer

from canary.cli.context import CliError, Json, clock, open_store, settings, show_json, show_table

if TYPE_CHECKING:
    from canary.canaries.decoys import DecoySummary


def maintain_decoys(
    count: Annotated[
        int | None,
        typer.Option(min=0, max=1000, help="How many at each domain; without it decoys.count in the settings."),
    ] = None,
    new_key: Annotated[
        bool, typer.Option("--new-key", help="Replace a lost key; decoys made with it count as issued from then on.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Create missing decoys, and show how many there are and what came to them."""
    import secrets

    from canary.canaries import decoys
    from canary.canaries.decoy_key import prepare_key
    from canary.processes.entered import EnteredSettings

    known = settings()
    store = open_store(known)
    with store.writing() as session:
        if fault := prepare_key(session, replace=new_key):
            raise CliError(f"{fault}, or give the key up with --new-key")
        entered = EnteredSettings(known, clock).current(session).settings
        wanted = decoys.DecoyRequest(entered.decoys.count if count is None else count)
        made = decoys.maintain_decoys(session, wanted, secrets.randbelow, clock())
    with store.reading() as session:
        found = decoys.decoy_summaries(session)
    if as_json:
        show_json({"made": made, "key": str(known.decoy_key), "domains": [_document(each) for each in found]})
        return
    rows = [(d.domain, d.issued, d.random, d.guessable, len(d.hit)) for d in found]
    none = "No decoys: no address was issued yet among which they could hide. Next: canary issue VENDOR"
    show_table(("domain", "issued", "random decoys", "guessable decoys", "hit"), rows, none)
    for hit in (hit for each in found for hit in each.hit):
        what = f"{hit.hits} {'hit' if hit.hits == 1 else 'hits'} since {hit.first:%Y-%m-%d %H:%M}: {hit.meaning}"
        typer.echo(f"{hit.address} ({hit.kind} decoy): {what}")


def _document(each: "DecoySummary") -> dict[str, object]:
    hit = [
        {"address": h.address, "kind": h.kind, "first": h.first, "hits": h.hits, "meaning": h.meaning} for h in each.hit
    ]
    return {
        "domain": each.domain, "issued": each.issued, "random": each.random, "guessable": each.guessable, "hit": hit,
    }  # fmt: skip
