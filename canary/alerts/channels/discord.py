"""Discord webhooks: one embed that mentions nobody."""

from datetime import timedelta
from typing import Any

from canary.alerts.channels.base import Channel, Delivery, check, cut, json_body, link, markdown, post_json
from canary.alerts.compose import Notice, notice
from canary.model.alert import Severity
from canary.net.http import Http

# Unknown webhook, invalid token, empty message, invalid form.
_PERMANENT = frozenset({10015, 50027, 50006, 50035})
_COLOURS = {Severity.LOW: 0x6B7280, Severity.MEDIUM: 0xD97706, Severity.HIGH: 0xDC2626}


def send(http: Http, post: Delivery) -> None:
    """Post the message; raises DeliveryError."""
    answer = post_json(http, post, embed(notice(post.bulletin, post.url)))
    check(answer, json_body(answer).get("code"), _PERMANENT)


def embed(told: Notice) -> dict[str, Any]:
    """Return the message, within 6000 characters in all."""
    lines = [
        f"**{markdown(told.answer, 300)}**" if told.answer else "",
        *(f"• {markdown(change, 300)}" for change in told.changes),
        *(f"• {markdown(reason, 300)}" for reason in told.reasons),
        *(markdown(text, 300) for text in (told.window, told.todo)),
        link(*told.word) if told.word else "",
    ]
    return {
        "content": markdown(told.headline, 500),
        "allowed_mentions": {"parse": []},
        "embeds": [
            {
                "title": cut(told.title, 256),
                "url": told.link,
                "description": cut("\n".join(line for line in lines if line), 3500),
                "color": _COLOURS[told.severity],
                "fields": [{"name": label, "value": markdown(text, 400)} for label, text in told.evidence],
            }
        ],
    }


CHANNEL = Channel(send, timedelta(seconds=2))
