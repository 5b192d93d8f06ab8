"""Slack incoming webhooks, in Block Kit: at most 20 blocks and 10,000 characters, one message a second."""

import re
from datetime import timedelta
from typing import Any

from canary.alerts.channels.base import Channel, Delivery, check, cut, post_json
from canary.alerts.compose import Notice, notice
from canary.net.http import Http

# The error words after which Slack's documentation says not to try again.
_PERMANENT = frozenset({
    "no_service", "no_active_hooks", "channel_not_found", "channel_is_archived", "action_prohibited",
    "posting_to_general_channel_denied", "no_team", "team_disabled", "invalid_token", "invalid_payload", "invalid_blocks",
    "no_text", "user_not_found", "too_many_attachments", "invalid_blocks_format",
})  # fmt: skip
_MARKS = re.compile(r"([*_~`@#]|:(?=[\w+'-]+:))")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def send(http: Http, post: Delivery) -> None:
    """Post the message; raises DeliveryError."""
    answer = post_json(http, post, blocks(notice(post.bulletin, post.url)))
    check(answer, answer.text, _PERMANENT)


def escape(text: str) -> str:
    """Escape text for Slack's mrkdwn: its markup, and what begins links, mentions and entities."""
    return _MARKS.sub("\N{ZERO WIDTH SPACE}\\1", text.translate(_ENTITIES))


def blocks(told: Notice) -> dict[str, Any]:
    """Return the message: the answer, what changed, the evidence, the window, what to do, and a button to the case."""
    changes = "\n".join(f"• {escape(change)}" for change in told.changes)
    evidence = "\n".join(f"*{label}:* {escape(text)}" for label, text in told.evidence)
    reasons = "\n".join(f"• {escape(reason)}" for reason in told.reasons)
    parts = (escape(told.headline), f"*{escape(told.answer)}*" if told.answer else "", changes, evidence, reasons)
    button = {"type": "button", "text": _plain(told.button, 75), "url": told.link[:3000], "action_id": "open"}
    word = [_link(*told.word)] if told.word else []
    small = [_markdown(escape(text), 500) for text in (told.window, told.todo) if text]
    return {
        "text": escape(told.text)[:500],
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": [
            {"type": "header", "text": _plain(told.title, 150)},
            *({"type": "section", "text": _markdown(part, 1500)} for part in parts if part),
            *([{"type": "context", "elements": small}] if small else []),
            {"type": "actions", "elements": [button, *word]},
        ],
    }


def _link(text: str, url: str) -> dict[str, Any]:
    return {"type": "button", "text": _plain(text, 75), "url": url[:3000], "action_id": "word"}


def _plain(text: str, length: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": cut(text, length), "emoji": False}


def _markdown(text: str, length: int) -> dict[str, Any]:
    # Cut at a line or a word, so that no entity is left in half.
    cut = text if len(text) <= length else text[:length].rsplit(maxsplit=1)[0] + " …"
    return {"type": "mrkdwn", "text": cut, "verbatim": True}


CHANNEL = Channel(send, timedelta(seconds=1.1))
