"""The words of a message, which each channel formats in its own way; text from mail is one line, cut and defanged."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from canary.attribute.summary import span_words
from canary.model.alert import Alert, AlertMessage, CaseSummary, Severity
from canary.model.case import LeakManner, SuspectKind, percent
from canary.model.party import possessive

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_LINKISH = re.compile(r"(?i)\b(h)tt(ps?)://|\bwww\.")
_SCHEME = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{1,20})://")
_DOT = re.compile(r"(?<=\w)\.(?=\w)")
_LISTED = 8


def defang(text: str) -> str:
    """Make text from a mail harmless to show: no link that a client would unfurl or a person could tap."""
    shown = _LINKISH.sub(lambda m: f"{m[1]}xx{m[2]}://" if m[1] else "www.", CONTROL.sub("", text))
    return _DOT.sub("[.]", _SCHEME.sub(lambda m: f"{m[1]}[:]//" if m[1][1:3] != "xx" else m[0], shown))


def hostile(text: str, length: int = 150) -> str:
    """Return text from mail in a safe form: one line, cut and defanged; channels also escape their own markup."""
    line = " ".join(text.split())
    return defang(line[:length]) + ("…" if len(line) > length else "")


@dataclass(frozen=True, slots=True)
class Notice:
    """What a message says, piece by piece, in plain text; an empty piece is left out.

    `evidence` are pairs of label and text, `changes` what is new since the last message, `reasons` those of the
    verdict. `word` is what the owner may answer about the sender, and the page where.
    """

    title: str
    headline: str
    answer: str
    link: str
    button: str
    severity: Severity
    changes: tuple[str, ...] = ()
    evidence: tuple[tuple[str, str], ...] = ()
    reasons: tuple[str, ...] = ()
    window: str = ""
    todo: str = ""
    word: tuple[str, str] | None = None

    @property
    def text(self) -> str:
        """All of it in one line, for notifications and logs."""
        parts = (self.headline or self.title, *self.changes[:3], self.answer)
        return ". ".join(part.rstrip(".") for part in parts if part) + "."

    @property
    def lines(self) -> tuple[str, ...]:
        """Everything below the title, line by line, for channels without a layout of their own."""
        told = (f"{label}: {text}" for label, text in self.evidence)
        asked = f"{self.word[0]} {self.word[1]}" if self.word else ""
        parts = (*self.changes, self.answer, *told, *self.reasons, self.window, self.todo, asked)
        return tuple(part for part in (self.headline, *parts) if part)


@dataclass(frozen=True, slots=True)
class Wording:
    """The words for one kind of fact: title, headline, assessment, what to do, and where to look."""

    title: Callable[[Alert], str]
    headline: Callable[[Alert], str]
    answer: Callable[[Alert], str]
    todo: Callable[[Alert], str] = lambda _: ""
    button: Callable[[Alert], str] = lambda a: f"Open case {a.case}"
    path: Callable[[Alert], str] = lambda a: f"/cases/{a.case}" if a.case else "/"


def notice(bulletin: AlertMessage, url: str) -> Notice:
    """Return the words of a message; `url` is that of the dashboard."""
    lead, *others = map(_harmless, bulletin.facts)
    told = replace(bulletin, lead=lead, others=tuple(others))
    return _collection(told, url) if told.digest and others else _matter(told, url)


def headline(alert: Alert) -> str:
    """Return in one line what happened, as a suspicion or as a question."""
    return _wording(alert).headline(_harmless(alert))


def _harmless(fact: Alert) -> Alert:
    """Return a fact with safe names, since the names of vendors may have been taken from mail."""
    summary, change = _name(fact.summary, 300), _name(fact.change, 300)
    suspects = tuple((_name(name), p) for name, p in fact.suspects)
    if fact.kind in _NAMING and not fact.leads:
        change = summary
    return replace(fact, vendor=_name(fact.vendor), suspects=suspects, summary=summary, change=change)


_NAMING = ("top-suspect", "certainty", "fields-leaked")
"""Changes whose words hold only where a leak is likelier than none."""


def _name(text: str, length: int = 80) -> str:
    """Return a name in one line, without anything that begins a link, but with its dots."""
    line = _SCHEME.sub(lambda m: f"{m[1]}[:]//", CONTROL.sub("", " ".join(text.split())))
    return line if len(line) <= length else line[: length - 1] + "…"


def _matter(bulletin: AlertMessage, url: str) -> Notice:
    bulletin = _as_it_stands(bulletin)
    fact, words, stands = bulletin.lead, _wording(bulletin.lead), bulletin.standing
    title = words.title(fact) + _and_others(fact, stands)
    return Notice(
        title=f"Update: {title}" if bulletin.update and fact.case else title,
        headline=words.headline(fact),
        answer=words.answer(fact),
        link=url + words.path(fact),
        button=words.button(fact),
        severity=max(each.severity for each in bulletin.facts),
        changes=_changes(bulletin),
        evidence=_evidence(fact, stands),
        reasons=tuple(hostile(reason, 250) for reason in fact.reasons[:3]),
        window=_window(stands) if fact.leads else "",
        todo=words.todo(fact),
        word=_word(fact, url),
    )


def _as_it_stands(bulletin: AlertMessage) -> AlertMessage:
    """Let the facts about the first case say what is believed of it now."""
    stands, first = bulletin.standing, bulletin.lead.case
    if not stands.summary:
        return bulletin

    def now(fact: Alert) -> Alert:
        summary = _name(stands.summary, 300)
        return replace(fact, summary=summary, leak=stands.leak, source=stands.source, how=stands.how)

    lead, *others = (now(fact) if fact.case == first else fact for fact in bulletin.facts)
    return replace(bulletin, lead=lead, others=tuple(others))


def _word(fact: Alert, url: str) -> tuple[str, str] | None:
    """Return what the owner may answer about the sender of the evidence, and where."""
    if not (fact.case and fact.mail):
        return None
    return f"Is it {possessive(fact.vendor)}?", f"{url}/mail/{fact.mail}#whose"


def _collection(bulletin: AlertMessage, url: str) -> Notice:
    facts = bulletin.facts
    told = [_digest_line(fact) for fact in facts[:_LISTED]]
    rest = len(facts) - len(told)
    return Notice(
        title=f"{len(facts)} things to know", headline=f"{len(facts)} things happened since the last message",
        answer="", link=f"{url}/", button="Open Canary", severity=max(fact.severity for fact in facts),
        changes=(*told, *([f"and {rest} more"] if rest else [])),
    )  # fmt: skip


def _digest_line(fact: Alert) -> str:
    line, case = headline(fact), f"ase {fact.case}"
    return line if not fact.case or case in line else f"{line} (c{case})"


def _and_others(fact: Alert, stands: CaseSummary) -> str:
    others = len(stands.vendors) - 1
    if not fact.case or others < 1:
        return ""
    return f" and {others} other vendor{'s' if others > 1 else ''}"


def _changes(bulletin: AlertMessage) -> tuple[str, ...]:
    """Return what the facts add to the first one, or to earlier messages."""
    facts = bulletin.facts if bulletin.update else bulletin.others
    opened = dict.fromkeys(fact.vendor for fact in facts if fact.kind == "case-opened")
    # The leading fact is in the headline.
    rest = (fact for fact in facts if fact.change and fact is not bulletin.lead)
    changed = list(dict.fromkeys(_change(fact, bulletin) for fact in rest))
    told = [_and_more(f"Mail from somebody else at {', '.join(list(opened)[:5])}", len(opened) - 5)] if opened else []
    told += changed[:_LISTED]
    if len(changed) > _LISTED:
        told.append(f"and {len(changed) - _LISTED} more")
    stands = bulletin.standing
    if told and stands.canaries > 1:
        plural = "s" if len(stands.vendors) > 1 else ""
        size = f"{stands.hits:,} mails at {stands.canaries:,} addresses of {len(stands.vendors):,} vendor{plural}"
        told.insert(0, f"By now {size}")
    return tuple(told)


def _change(fact: Alert, bulletin: AlertMessage) -> str:
    several = any(other.case != fact.case for other in bulletin.facts)
    return f"Case {fact.case}, {fact.vendor}: {fact.change}" if several and fact.case else fact.change


def _and_more(line: str, more: int) -> str:
    return f"{line} and {more} more" if more > 0 else line


def _evidence(fact: Alert, stands: CaseSummary) -> tuple[tuple[str, str], ...]:
    """Return the evidence in three lines, and what leaked besides the address."""
    if not fact.canary:
        return ()
    to = _and_more(fact.canary, stands.canaries - 1) if fact.case else fact.canary
    sure = f" ({fact.verdict}, {percent(fact.confidence)} sure)" if fact.case else ""
    leaked = [("Leaked besides the address", ", ".join(stands.fields))] if stands.fields and fact.leads else []
    return (
        ("From", (hostile(fact.sender) or "nobody (null sender)") + sure),
        ("Subject", hostile(fact.subject) or "(none)"),
        ("To", to),
        *leaked,
    )


def _window(stands: CaseSummary) -> str:
    if stands.window is None:
        return ""
    since, until = stands.window
    return f"Leaked {span_words(since, until)}, with 90% probability."


def event(bulletin: AlertMessage, url: str) -> dict[str, Any]:
    """Return the event for programs, version 1 (docs/alert-event-1.schema.json); values from mail are as they came."""
    lead, *others = (_datum(fact, url) for fact in bulletin.facts)
    return {
        "type": f"canary.{bulletin.lead.kind}",
        "version": 1,
        "timestamp": bulletin.lead.at.isoformat(),
        "data": {**lead, "also": others},
    }


def _datum(fact: Alert, url: str) -> dict[str, Any]:
    return {
        "id": fact.id, "kind": fact.kind, "at": fact.at.isoformat(), "severity": fact.severity.name.lower(),
        "case": fact.case or None, "campaign": fact.campaign or None, "url": url + _wording(fact).path(fact),
        "vendor": fact.vendor, "vendors": list(fact.vendors), "verdict": fact.verdict, "confidence": fact.confidence,
        "canary": fact.canary, "sender": fact.sender, "subject": fact.subject, "identity": fact.identity,
        "group": fact.group, "senders": fact.senders, "plausibility": fact.plausibility,
        "reasons": list(fact.reasons), "suspects": [{"name": name, "p": p} for name, p in fact.suspects],
        "summary": fact.summary, "leak": fact.leak if fact.summary else None, "change": fact.change, "text": headline(fact), "mail": fact.mail or None,
        "word_url": f"{url}/mail/{fact.mail}#whose" if fact.mail else None,
    }  # fmt: skip


def _who_asked(fact: Alert) -> str:
    return _and_more(hostile(fact.identity), fact.senders - 1)


def _where_asked(fact: Alert) -> str:
    others = len(fact.vendors) - 1
    if others < 1:
        return f"an address given only to {fact.vendor}"
    return f"addresses of {fact.vendor} and {others} other vendor{'s' if others > 1 else ''}"


def _for_all(fact: Alert) -> str:
    """Say that one answer will do where the question is about more than one sender or vendor."""
    return "; one answer is for all of them" if fact.senders > 1 or len(fact.vendors) > 1 else ""


def _ask(fact: Alert) -> str:
    if not fact.leads or fact.kind == "case-resolved":
        return ""
    text = _OWN_SIDE if fact.source == SuspectKind.OWNER else _TODO.get(fact.how, _STOLEN)
    return text.format(vendor=fact.vendor)


_STOLEN = "Give {vendor} a new address, change your password there, and ask {vendor} what happened."
_OWN_SIDE = (
    "Look at your own side first: who could read your mailbox, the addresses you keep, and their backups. Then give"
    " {vendor} a new address."
)
_TODO = {
    LeakManner.PASSED_ON.value: (
        "Give {vendor} a new address, and ask {vendor} who was given the old one; you may object to that. No password"
        " is at risk by this."
    )
}
"""By how it happened."""


def _what(fact: Alert) -> str:
    return "Possible leak" if fact.leads else "Mail from others"


def _first_mail(fact: Alert) -> str:
    text = f"n address given only to {fact.vendor} got mail from somebody else ({fact.verdict})"
    return f"Possible leak: a{text}" if fact.leads else f"A{text}"


_LEAK = Wording(
    title=lambda a: f"{_what(a)} at {a.vendor}: {a.verdict}",
    headline=_first_mail,
    answer=lambda a: a.summary,
    todo=_ask,
)
_CHANGE = Wording(
    title=lambda a: f"{_what(a)} at {a.vendor}",
    headline=lambda a: f"Case {a.case}: {a.change}",
    answer=lambda a: a.summary if a.change != a.summary else "",
    todo=_ask,
)
_WATCHED = Wording(
    title=lambda a: f"Watched: mail at an address of {a.vendor}",
    headline=lambda a: a.change or _first_mail(a),
    answer=lambda a: a.summary,
    button=lambda _: "Open what is watched",
    path=lambda _: "/watching",
)
_NEWS = Wording(
    title=lambda a: a.vendor or "About this installation",
    headline=lambda a: a.change,
    answer=lambda a: hostile(" ".join(a.reasons), 300),
    button=lambda _: "Open Canary",
)
WORDINGS: dict[str, Wording] = {
    "case-opened": _LEAK,
    "watched": _WATCHED,
    "second-vendor": _CHANGE,
    "top-suspect": _CHANGE,
    "fields-leaked": _CHANGE,
    "certainty": _CHANGE,
    "case-grown": _CHANGE,
    "case-reopened": _CHANGE,
    "case-resolved": _CHANGE,
    "reminder": _CHANGE,
    "new-sender": Wording(
        title=lambda a: f"{_and_more('New sender', a.senders - 1)} for {_and_more(a.vendor, len(a.vendors) - 1)}?",
        headline=lambda a: f"Question: {_who_asked(a)} wrote to {_where_asked(a)}",
        answer=lambda a: (
            f"Does {hostile(a.identity)} write for {a.vendor}? Say that it is {possessive(a.vendor)}, or that it is not{_for_all(a)}"
        ),
        button=lambda _: "Decide",
        path=lambda a: f"/mail/{a.mail}#whose" if a.mail else "/senders",
    ),
    "import-finished": Wording(
        title=lambda _: "Import finished",
        headline=lambda a: a.change,
        answer=lambda _: "What happened long ago is not reported one by one; all of it is on the dashboard.",
        button=lambda _: "Open the cases",
        path=lambda _: "/cases",
    ),
    "health": _NEWS,
    "health-over": _NEWS,
    "vendor-silent": _NEWS,
    "test": Wording(
        title=lambda _: "Test of Canary's alerts",
        headline=lambda _: "This is a test; no mail came",
        answer=lambda _: "If you can read this, alerts arrive here.",
        button=lambda _: "Open Canary",
    ),
}
"""By the kind of fact; a kind without words of its own uses those of the first."""


def _wording(alert: Alert) -> Wording:
    return WORDINGS.get(alert.kind, _LEAK)
