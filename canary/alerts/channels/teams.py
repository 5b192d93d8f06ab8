"""Microsoft Teams through a Workflow ("when a Teams webhook request is received"): an Adaptive Card."""

from datetime import timedelta
from typing import Any

from canary.alerts.channels.base import Channel, Delivery, DeliveryError, check, cut, post_json
from canary.alerts.compose import Notice, notice
from canary.model.alert import Severity
from canary.net.http import Http

_COLOURS = {Severity.LOW: "default", Severity.MEDIUM: "warning", Severity.HIGH: "attention"}


def send(http: Http, post: Delivery) -> None:
    """Post the message; raises DeliveryError."""
    answer = post_json(http, post, card(notice(post.bulletin, post.url)))
    if "HTTP error 429" in answer.text:  # a failure inside a successful answer
        raise DeliveryError("Teams is busy", permanent=False, wait=answer.retry_after)
    # What cannot be read, or is too long, will not be better next time.
    check(answer, permanent=answer.status in (400, 413))


def card(told: Notice) -> dict[str, Any]:
    """Return the message. Everything from mail is in text runs, which unlike text blocks do not interpret Markdown."""
    facts = [_runs((f"{label}: ", True), (text, False)) for label, text in told.evidence]
    plain = [_runs((text, False)) for text in (*told.reasons, told.window, told.todo) if text]
    body = [
        _runs((told.title, True), size="large", color=_COLOURS[told.severity]),
        _runs((told.headline, False)),
        *([_runs((told.answer, True))] if told.answer else []),
        *(_runs((f"• {change}", False)) for change in told.changes),
        *facts,
        *plain,
    ]
    content = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": cut(told.text, 500),
        "msteams": {"width": "Full"},
        "body": body,
        "actions": [_open(told.button, told.link), *([_open(*told.word)] if told.word else [])],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": content}
    return {"type": "message", "attachments": [attachment]}


def _open(title: str, url: str) -> dict[str, str]:
    return {"type": "Action.OpenUrl", "title": title, "url": url}


def _runs(*texts: tuple[str, bool], size: str = "default", color: str = "default") -> dict[str, Any]:
    return {
        "type": "RichTextBlock",
        "inlines": [
            {"type": "TextRun", "text": cut(text, 800), "weight": "bolder" if bold else "default", "size": size,
             "color": color}
            for text, bold in texts
        ],
    }  # fmt: skip


CHANNEL = Channel(send, timedelta(seconds=0.5))
