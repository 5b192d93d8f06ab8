"""A fact in words: text and Slack blocks, with everything that came from mail escaped and defanged."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from canary.model.alert import Alert
from canary.model.case import percent

_LINKISH = re.compile(r"(?i)\b(h)tt(ps?)://|\bwww\.")
_DOT = re.compile(r"(?<=\w)\.(?=\w)")


def defang(text: str) -> str:
    """Make text from a mail harmless to show: no link that a client would unfold or a finger would follow."""
    return _DOT.sub("[.]", _LINKISH.sub(lambda m: f"{m[1]}xx{m[2]}://" if m[1] else "www.", text))


def escape(text: str) -> str:
    """Escape text for Slack's mrkdwn: the three characters that begin links, mentions and entities, and its marks."""
    plain = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([*_~`@])", "\N{ZERO WIDTH SPACE}\\1", plain)


def hostile(text: str, length: int = 150) -> str:
    """Show text that came from mail: one line, cut, defanged and escaped."""
    line = " ".join(text.split())
    return escape(defang(line[:length] + ("…" if len(line) > length else "")))


@dataclass(frozen=True, slots=True)
class Wording:
    """How one kind of fact is told: a title, a line, what to make of it, and where to look."""

    title: Callable[[Alert], str]
    headline: Callable[[Alert], str]
    answer: Callable[[Alert], str]
    button: Callable[[Alert], str]
    path: Callable[[Alert], str]


def headline(alert: Alert) -> str:
    """Say in one line what happened, as a suspicion or as a question."""
    return _wording(alert).headline(alert)


def answer(alert: Alert) -> str:
    """Say what to make of it."""
    return _wording(alert).answer(alert)


def link(alert: Alert, url: str) -> str:
    """Return the page that says more."""
    return url + _wording(alert).path(alert)


def _suspects(alert: Alert) -> str:
    named = [f"{name} {percent(p)}" for name, p in alert.suspects[:3] if p >= 0.01]
    return "Most likely: " + ", ".join(named) if named else "No suspect stands out yet."


def text(alert: Alert) -> str:
    """Return the alert in plain text for logs and notifications."""
    return f"{headline(alert)}. {answer(alert)}."


def slack(alert: Alert, link: str) -> dict[str, Any]:
    """Return the message for a Slack incoming webhook (Block Kit): the answer, the evidence, a button to the case."""
    evidence = [
        f"*From:* {hostile(alert.sender) or 'nobody (null sender)'}",
        f"*Subject:* {hostile(alert.subject) or '(none)'}",
        f"*To:* {escape(alert.canary)}",
    ]
    reasons = "\n".join(f"• {hostile(reason, 250)}" for reason in alert.reasons[:6])
    button = {"type": "button", "text": {"type": "plain_text", "text": _wording(alert).button(alert)}, "url": link}
    return {
        "text": hostile(text(alert), 500),
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": _wording(alert).title(alert)[:150]}},
            _section(f"*{escape(answer(alert))}*\nVerdict {alert.verdict}, {percent(alert.confidence)} sure."),
            _section("\n".join(evidence)),
            _section(reasons or "No reasons given."),
            {"type": "actions", "elements": [button]},
        ],
    }


def event(alert: Alert, link: str) -> dict[str, Any]:
    """Return the event for a generic webhook, version 1; values from mail are as they came."""
    return {
        "type": f"canary.{alert.kind}",
        "version": 1,
        "timestamp": alert.at.isoformat(),
        "data": {
            "id": alert.id,
            "case": alert.case,
            "url": link,
            "vendor": alert.vendor,
            "verdict": alert.verdict,
            "confidence": alert.confidence,
            "canary": alert.canary,
            "sender": alert.sender,
            "subject": alert.subject,
            "reasons": list(alert.reasons),
            "suspects": [{"name": name, "p": p} for name, p in alert.suspects],
            "identity": alert.identity,
        },
    }


WORDINGS: dict[str, Wording] = {
    "case-opened": Wording(
        title=lambda a: f"Possible leak at {a.vendor}",
        headline=lambda a: (
            f"Possible leak: an address given only to {a.vendor} got mail from somebody else ({a.verdict})"
        ),
        answer=_suspects,
        button=lambda a: f"Open case {a.case}",
        path=lambda a: f"/cases/{a.case}",
    ),
    "new-sender": Wording(
        title=lambda a: f"New sender for {a.vendor}?",
        headline=lambda a: f"Question: {a.identity} wrote to an address given only to {a.vendor}",
        answer=lambda a: f"Does {defang(a.identity)} write for {a.vendor}? Approve it, or say that the address leaked",
        button=lambda _: "Decide",
        path=lambda _: "/senders",
    ),
}
"""By the kind of fact; a kind without words of its own is told like the first."""


def _wording(alert: Alert) -> Wording:
    return WORDINGS.get(alert.kind, WORDINGS["case-opened"])


def _section(markdown: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": markdown[:2900]}}
