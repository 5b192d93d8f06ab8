"""`canary unread`: mail that was judged by its envelope alone."""

from dataclasses import asdict

from canary.cli.context import Json, open_store, show_json, show_table


def list_unread(as_json: Json = False) -> None:
    """List the newest mail that was judged by its envelope alone, as it could not be read."""
    from canary.views.unread_mail import unread_mail

    with open_store().reading() as session:
        lines, _ = unread_mail(session)
    if as_json:
        return show_json([asdict(line) for line in lines])
    rows = [
        (
            line.mail,
            f"{line.at:%Y-%m-%d %H:%M}",
            line.why,
            line.sender[:60],
            line.client,
            ", ".join(line.to)[:80],
            line.size,
        )
        for line in lines
    ]
    columns = ("mail", "when", "why", "return path", "from host", "to", "octets")
    return show_table(columns, rows, "None: every mail was read.")
