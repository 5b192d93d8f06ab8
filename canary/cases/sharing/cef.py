"""A case in the Common Event Format, version 0: a line for the case, and one for each mail."""

from collections.abc import Callable, Iterator, Mapping

from canary import __version__
from canary.cases.sharing.cef_escape import escape_header, escape_value
from canary.cases.sharing.facts import SharedCase, SharedMail

_CASE: Mapping[str, Callable[[SharedCase], object]] = {
    "rt": lambda case: int(case.last.timestamp() * 1000),
    "start": lambda case: int(case.opened.timestamp() * 1000),
    "externalId": lambda case: case.uid,
    "cat": lambda case: case.state,
    "msg": lambda case: case.summary,
    "cnt": lambda case: len(case.mails) + case.mails_left_out,
    "cs1Label": lambda _: "vendors",
    "cs1": lambda case: ", ".join(case.vendors),
    "cs2Label": lambda case: "evidence pack" if case.pack else "",
    "cs2": lambda case: case.pack.sha256 if case.pack else "",
    "cs4Label": lambda _: "addresses",
    "cs4": lambda case: ", ".join(each.address for each in case.addresses[:50]),
    "cn1Label": lambda _: "case",
    "cn1": lambda case: case.number,
    "cfp1Label": lambda _: "leak",
    "cfp1": lambda case: f"{case.leak:.3f}",
}
_MAIL: Mapping[str, Callable[[SharedMail], object]] = {
    "rt": lambda mail: int(mail.at.timestamp() * 1000),
    "cat": lambda mail: mail.verdict,
    "src": lambda mail: mail.client,
    "shost": lambda mail: mail.helo,
    "suser": lambda mail: mail.sender or mail.envelope_sender,
    "duser": lambda mail: ",".join(mail.to[:50]),
    "msg": lambda mail: mail.subject,
    "fileHash": lambda mail: mail.sha256,
    "cs5Label": lambda _: "message id",
    "cs5": lambda mail: mail.message_id,
    "cs6Label": lambda _: "authentication",
    "cs6": lambda mail: f"spf={mail.spf} dkim={mail.dkim} dmarc={mail.dmarc}",
    "cfp1Label": lambda _: "confidence",
    "cfp1": lambda mail: f"{mail.confidence:.3f}",
}


def cef_lines(case: SharedCase) -> str:
    """Return the lines of a case."""
    return "".join(f"{line}\n" for line in _lines(case))


def _lines(case: SharedCase) -> Iterator[str]:
    yield _line("case", "suspected leak", 9 if case.leak >= 0.9 else 6, {k: read(case) for k, read in _CASE.items()})
    for mail in case.mails:
        told = {key: read(mail) for key, read in _MAIL.items()}
        yield _line("case-mail", "mail of a case", 3, {"externalId": f"{case.uid} mail {mail.id}", **told})


def _line(event: str, name: str, severity: int, values: Mapping[str, object]) -> str:
    head = ("CEF:0", "Canary", "Canary", __version__, event, name, str(severity))
    told = " ".join(f"{key}={escape_value(str(value))}" for key, value in values.items() if value != "")
    return "|".join((*map(escape_header, head), told))
