"""A local receiver that behaves as Slack documents its incoming webhooks: limits, error words, one message a second."""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.receiver import Receiver, receiving

MOST_BLOCKS = 50
OURS = {"blocks": 20, "characters": 10_000}
"""What we promise beside: fewer blocks, and no more characters than Slack shows without folding."""

TEXTS = {"header": 150, "section": 3000, "button": 75}
ENTITY = re.compile(r"&(?!amp;|lt;|gt;)")
LINK = re.compile(r"<[^>]*>|https?://")


@dataclass
class Slack:
    """What was posted and what was wrong with it; `paced` refuses more than one message a second."""

    receiver: Receiver
    paced: bool = True
    faults: list[str] = field(default_factory=list)
    arrived: list[tuple[float, str]] = field(default_factory=list)
    refused: int = 0

    @property
    def url(self) -> str:
        return self.receiver.url.replace("/hook", "/services/T0/B0/secret")

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.receiver.got]

    @property
    def ids(self) -> list[str]:
        return [name for _, name in self.arrived]

    def answer(self, headers: Mapping[str, str], body: bytes) -> tuple[int, str, dict[str, str]]:
        now = time.monotonic()
        if self.paced and self.arrived and now - self.arrived[-1][0] < 1:
            self.refused += 1
            return 429, "rate_limited", {"Retry-After": "1"}
        try:
            message = json.loads(body)
        except ValueError:
            return 400, "invalid_payload", {}
        if not message.get("text") and not message.get("blocks"):
            return 400, "no_text", {}
        wrong = list(faults(message))
        if wrong:
            self.faults += wrong
            return 400, "invalid_blocks", {}
        self.arrived.append((now, headers["x-canary-alert"]))
        return 200, "ok", {}


@contextmanager
def slack(*, paced: bool = True) -> Iterator[Slack]:
    with receiving() as receiver:
        found = Slack(receiver, paced)
        receiver.answer = found.answer
        yield found


def faults(message: dict[str, Any]) -> Iterator[str]:
    """Yield every rule of Block Kit, and every promise of ours, that a message breaks."""
    blocks = message.get("blocks", [])
    if len(blocks) > OURS["blocks"]:
        yield f"{len(blocks)} blocks"
    if len(json.dumps(message)) >= OURS["characters"]:
        yield f"{len(json.dumps(message))} characters"
    if not message.get("text"):
        yield "no text to fall back to"
    if message.get("unfurl_links") is not False or message.get("unfurl_media") is not False:
        yield "links may unfold"
    yield from _markdown(message.get("text", ""), 4000)
    for block in blocks:
        yield from CHECKS.get(str(block.get("type")), _unknown)(block)


def _unknown(block: dict[str, Any]) -> Iterator[str]:
    yield f"block of type {block.get('type')}"


def _header(block: dict[str, Any]) -> Iterator[str]:
    yield from _plain(block["text"], TEXTS["header"])


def _section(block: dict[str, Any]) -> Iterator[str]:
    if "text" not in block and "fields" not in block:
        yield "a section without text"
    yield from _text(block["text"], TEXTS["section"])


def _context(block: dict[str, Any]) -> Iterator[str]:
    if not 1 <= len(block["elements"]) <= 10:
        yield f"{len(block['elements'])} elements of context"
    for element in block["elements"]:
        yield from _text(element, 3000)


def _actions(block: dict[str, Any]) -> Iterator[str]:
    if not 1 <= len(block["elements"]) <= 25:
        yield f"{len(block['elements'])} actions"
    for button in block["elements"]:
        yield from _plain(button["text"], TEXTS["button"])
        if len(button["url"]) > 3000:
            yield "a button's url is too long"


def _plain(text: dict[str, Any], most: int) -> Iterator[str]:
    if text["type"] != "plain_text":
        yield f"text of type {text['type']}"
    if not 1 <= len(text["text"]) <= most:
        yield f"text of {len(text['text'])} characters"


def _text(text: dict[str, Any], most: int) -> Iterator[str]:
    if text["type"] == "plain_text":
        yield from _plain(text, most)
    elif text["type"] != "mrkdwn":
        yield f"text of type {text['type']}"
    else:
        yield from _markdown(text["text"], most)


def _markdown(text: str, most: int) -> Iterator[str]:
    if not 1 <= len(text) <= most:
        yield f"text of {len(text)} characters"
    if ENTITY.search(text):
        yield f"a bare & in {text[:80]!r}"
    if LINK.search(text):
        yield f"a link or mention in {text[:80]!r}"


CHECKS: dict[str, Callable[[dict[str, Any]], Iterator[str]]] = {
    "header": _header,
    "section": _section,
    "context": _context,
    "actions": _actions,
}
