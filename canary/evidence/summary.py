"""The summary of a pack for people who read no JSON: one page of HTML that prints well, with everything escaped."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from canary.judge.guess import odds
from canary.model.case import percent

_STYLE = """
body { font: 11pt/1.45 Georgia, serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; color: #111; background: #fff }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem; border-bottom: 1px solid #999 }
table { border-collapse: collapse; width: 100%; font-size: 0.85rem } caption { text-align: left; font-style: italic }
th, td { border: 1px solid #bbb; padding: 0.25rem 0.4rem; text-align: left; vertical-align: top; overflow-wrap: anywhere }
code { font-size: 0.8rem; overflow-wrap: anywhere } .dim { color: #555 }
@media print { body { margin: 0; max-width: none } h2 { break-after: avoid } tr { break-inside: avoid } }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"

Row = Sequence[object]


def write_summary(document: Mapping[str, Any]) -> str:
    """Return the summary of the document of a pack."""
    case = document["case"]
    title = f"Evidence of case {case['id']}: {case['summary']}"
    body = "\n".join(
        _section(heading, lines) for heading, part in SECTIONS for lines in [list(part(document))] if lines
    )
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n<title>{_text(title)}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{_text(title)}</h1>\n{body}\n</body>\n</html>\n"
    )


def _about(document: Mapping[str, Any]) -> Iterable[str]:
    case, log = document["case"], document["log"]
    yield _paragraph(
        f"Made on {_day(document['made'])} from a log of {document['size']:,} entries. State of the case: {case['state']}."
        " This is a suspicion with its support, and no judgement: each hypothesis stands beside the others."
    )
    yield _paragraph(
        "Everything here is in evidence.json in the same file, and can be checked by anybody, offline, without the owner:"
        " “canary evidence verify FILE”, or the one-file verifier that the owner hands out."
    )
    yield _paragraph(f"Key of the log: {log['key']}", "dim")


def _addresses(document: Mapping[str, Any]) -> Iterable[str]:
    head = ("Address", "Given to", "Through", "Issued", "Bits", "Entry of the log")
    rows = [
        (a["address"], a["vendor_name"], f"{a['channel']}, generation {a['generation']}", _day(a["issued"]), f"{a['bits']:.0f}", _place(a))
        for a in document["addresses"]
    ]  # fmt: skip
    yield _paragraph("Each address was made for one vendor. It was never used elsewhere, by the word of the owner.")
    yield _table("Addresses that were written to", head, rows)
    quiet = document["quiet"]
    if quiet["count"]:
        yield _paragraph(f"{quiet['count']:,} further addresses of the same vendors got no such mail.")


def _mails(document: Mapping[str, Any]) -> Iterable[str]:
    head = ("Mail", "Received", "From (envelope, host)", "To", "Verdict", "Signed by", "Entry", "SHA-256")
    yield _table("Mails, as received", head, [_mail(mail) for mail in document["mails"]])
    if document["mails_left_out"]:
        yield _paragraph(f"{document['mails_left_out']:,} further mails of the case are not in this file.")


def _mail(mail: Mapping[str, Any]) -> Row:
    envelope, client = mail["envelope"], mail["envelope"].get("client", {})
    signed = [each["domain"] for each in mail["proofs"].get("dkim", []) if each["result"] == "pass"]
    verdicts = dict.fromkeys(f"{hit['verdict']} ({hit['confidence']:.2f})" for hit in mail["hits"])
    shown = [to for to in envelope["rcpt_to"] if to is not None]
    hidden = len(envelope["rcpt_to"]) - len(shown)
    to = ", ".join([*shown, *([f"{hidden} not in question"] if hidden else [])])
    return (
        mail["file"] or f"{mail['name']}: {mail['withheld']}", _moment(envelope["received"]),
        f"<{envelope['mail_from']}> from {client.get('ip', '')} ({client.get('helo', '')})", to, ", ".join(verdicts),
        ", ".join(signed) or "nobody", _place(mail), mail["sha256"],
    )  # fmt: skip


def _reasons(document: Mapping[str, Any]) -> Iterable[str]:
    rows = [
        (mail["name"], hit["address"], " ".join(hit["why"])) for mail in document["mails"] for hit in mail["hits"] if hit["why"]
    ]  # fmt: skip
    if rows:
        yield _table("Reasons of the verdicts", ("Mail", "At", "Why"), rows)


def _guessing(document: Mapping[str, Any]) -> Iterable[str]:
    if document["guessing"]:
        head = ("Address", "Guesses at its domain", "Counted against it", "Bits", "Met by chance with")
        rows = [
            (g["address"], f"{g['attempts']:,}", f"{g['tried']:,}", f"{g['bits']:.0f}", odds(g["p"]))
            for g in document["guessing"]
        ]
        yield _paragraph(
            "Each guess meets an address of b bits with a probability of 2 to the power of -b; with n guesses the probability"
            " is 1 - (1 - 2⁻ᵇ)ⁿ⁺¹. Anyone who guesses is assumed to know how addresses are made."
        )
        yield _table("Could the addresses be guessed?", head, rows)
    for decoys in document["decoys"]:
        met = "guessing, or a leak on the owner's own side, is not ruled out by them"
        missed = "anyone who guesses, or has a copy of the owner's list, would have met them"
        yield _paragraph(
            f"{decoys['count']:,} decoys at {decoys['domain']}, which nobody was ever given, got {decoys['mails']:,} mails"
            f" of the same sendings: {met if decoys['mails'] else missed}."
        )


def _attribution(document: Mapping[str, Any]) -> Iterable[str]:
    said = document["attribution"]
    answer, names = said["answer"], said["names"]
    yield _paragraph(f"That a leak is behind these mails is {percent(answer['leak'])} likely.")
    rows = [
        (names.get(f"{s['kind']} {s['id']}", s["id"] or "the owner's own side"), s["kind"], percent(s["p"]), f"{s['bayes_factor']:.3g}")
        for s in answer["suspects"] if s["p"] >= 0.001
    ]  # fmt: skip
    head = ("Possible source", "Kind", "Likely", "Times likelier the mail is by it than by chance")
    yield _table("Where the leak may be", head, rows)
    if answer["window"] and answer["leak"] >= 0.5:
        begin, end = answer["window"]
        yield _paragraph(f"If it is one leak, it happened between {_day(begin)} and {_day(end)} (90 %).")
    yield _paragraph(
        "Assumed beforehand, before any mail: "
        + "; ".join(f"{name} {value}" for name, value in said["assumptions"].items() if isinstance(value, float))
        + ". All of them are in evidence.json, and the world they are applied to is world.json: with others put in their"
        " place the same program gives another answer.",
        "dim",
    )


def _statements(document: Mapping[str, Any]) -> Iterable[str]:
    for said in document["statements"]:
        yield _paragraph(f"{said['party']}, {_day(said['at'])} (recorded by {said['noted_by']}): {_words(said)}")
        if said["answered"]:
            rows = [(a["claim"], a["outcome"], a["evidence"]) for a in said["answered"]]
            yield _table("Claims beside the evidence", ("Claim", "The evidence", "Why"), rows)


def _timeline(document: Mapping[str, Any]) -> Iterable[str]:
    rows = [(_moment(e["at"]), e["who"], e["kind"], _words(e), _place(e)) for e in document["events"]]
    rows += [(_moment(e["at"]), e["who"], e["kind"], _words(e), _place(e)) for e in document["answers"]]
    if rows:
        yield _table("What was done, and by whom", ("When", "Who", "What", "Words", "Entry of the log"), sorted(rows))


def _stamps(document: Mapping[str, Any]) -> Iterable[str]:
    rows = [
        (f"{earlier['size']:,}", stamp["authority"], stamp["token"])
        for earlier in document["log"]["earlier"]
        for stamp in earlier["stamps"]
    ]
    if rows:
        yield _table("Time stamps on the log (RFC 3161)", ("Entries", "Authority", "File"), rows)
    else:
        yield _paragraph("No authority stamped the log: when its entries were made is the word of the owner.")


SECTIONS = (
    ("What this is", _about),
    ("The addresses", _addresses),
    ("The mails", _mails),
    ("Why the mails are what they are said to be", _reasons),
    ("Could it be chance?", _guessing),
    ("Who", _attribution),
    ("What was said", _statements),
    ("The record", _timeline),
    ("Witnesses of time", _stamps),
)
"""The sections of the summary, in order; one without content is left out."""


def _section(heading: str, lines: Sequence[str]) -> str:
    return f"<h2>{_text(heading)}</h2>\n" + "\n".join(lines)


def _paragraph(text: str, kind: str = "") -> str:
    return f'<p class="{kind}">{_text(text)}</p>' if kind else f"<p>{_text(text)}</p>"


def _table(caption: str, head: Sequence[str], rows: Iterable[Row]) -> str:
    top = "".join(f'<th scope="col">{_text(name)}</th>' for name in head)
    body = "\n".join("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table>\n<caption>{_text(caption)}</caption>\n<thead><tr>{top}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"


def _text(value: object) -> str:
    """Return a value as text that no browser takes for anything else; what does not show is left out."""
    plain = "".join(c if c.isprintable() else " " for c in str(value)[:4000].encode("utf-8", "replace").decode())
    return escape(plain)


def _words(record: Mapping[str, Any]) -> str:
    return "(not shown: it names an address that is not in question)" if record["text"] is None else str(record["text"])


def _place(entry: Mapping[str, Any]) -> str:
    found = entry["entry"]
    return "none" if found is None else "erased" if found.get("erased") else str(found["position"])


def _day(at: str) -> str:
    return at[:10]


def _moment(at: str) -> str:
    return f"{at[:10]} {at[11:19]} UTC"
