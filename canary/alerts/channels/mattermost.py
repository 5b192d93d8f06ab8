"""Mattermost incoming webhooks: one attachment."""

from datetime import timedelta
from typing import Any

from canary.alerts.channels.base import Channel, Delivery, check, cut, json_body, link, markdown, post_json
from canary.alerts.compose import Notice, notice
from canary.model.alert import Severity
from canary.net.http import Http

_PERMANENT = frozenset(
    f"web.incoming_webhook.{what}.app_error"
    for what in ("disabled", "invalid", "channel", "channel_locked", "user", "permissions", "text", "parse")
)
_COLOURS = {Severity.LOW: "#6b7280", Severity.MEDIUM: "#d97706", Severity.HIGH: "#dc2626"}


def send(http: Http, post: Delivery) -> None:
    """Post the message; raises DeliveryError."""
    answer = post_json(http, post, attachment(notice(post.bulletin, post.url)))
    check(answer, json_body(answer).get("id"), _PERMANENT)


def attachment(told: Notice) -> dict[str, Any]:
    """Return the message."""
    lines = [
        markdown(told.headline, 500),
        f"**{markdown(told.answer, 300)}**" if told.answer else "",
        *(f"- {markdown(change, 300)}" for change in told.changes),
        *(f"**{label}:** {markdown(text, 400)}" for label, text in told.evidence),
        *(f"- {markdown(reason, 300)}" for reason in told.reasons),
        *(markdown(text, 300) for text in (told.window, told.todo)),
        link(told.button, told.link),
        link(*told.word) if told.word else "",
    ]
    return {
        "attachments": [
            {
                "fallback": markdown(told.text, 500),
                "color": _COLOURS[told.severity],
                "title": cut(told.title, 200),
                "title_link": told.link,
                "text": "\n\n".join(line for line in lines if line),
            }
        ]
    }


CHANNEL = Channel(send, timedelta(seconds=0.5))
