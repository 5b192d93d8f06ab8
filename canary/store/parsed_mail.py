"""What was read in a mail, stored with it, so that octets that a stranger wrote are parsed no second time.

What the row of a mail has in a column of its own is not stored twice, unless it had to be shortened there.
"""

import json
import zlib
from dataclasses import asdict
from typing import Any, Protocol

from canary.model.mail import ParsedMail
from canary.store.codec import parsed_json, parsed_of

MAX_TEXT = 64 * 1024
MAX_HEADERS = 200
MAX_HEADER = 2000
MAX_LISTED = 100

_PLAIN = 4096
"""Octets that are stored as they are, as compressing them would take longer than all else."""
_COLUMNS = ("subject", "message_id")
_PARTS = ("links", "attachments", "oddities", "headers")


class StoredMail(Protocol):
    """The columns of a stored mail that are read here, those of `MailRow` and `MailContentRow`."""

    subject: str
    message_id: str
    text: str
    parts: dict[str, Any]


def columns_of(mail: ParsedMail) -> tuple[str, dict[str, Any]]:
    """Return the text and the parts of a mail as far as lists and pages show them."""
    return mail.text[:MAX_TEXT], {
        "links": list(mail.links[:MAX_LISTED]),
        "attachments": [asdict(attachment) for attachment in mail.attachments[:MAX_LISTED]],
        "oddities": list(mail.oddities),
        "headers": [[name, value[:MAX_HEADER]] for name, value in mail.headers[:MAX_HEADERS]],
    }


def packed(mail: ParsedMail) -> bytes:
    """Return the stored form of what the columns of a mail do not hold."""
    whole = parsed_json(mail)
    rest = {name: value for name, value in whole.items() if name not in (*_COLUMNS, "text", *_PARTS)}
    if len(mail.text) > MAX_TEXT:
        rest["text"] = mail.text
    rest |= {name: whole[name] for name in ("links", "attachments") if len(whole[name]) > MAX_LISTED}
    if len(mail.headers) > MAX_HEADERS or any(len(value) > MAX_HEADER for _, value in mail.headers):
        rest["headers"] = whole["headers"]
    octets = json.dumps(rest, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return octets if len(octets) <= _PLAIN else zlib.compress(octets, 1)


def unpacked(row: StoredMail, stored: bytes) -> ParsedMail:
    """Return what was read in a stored mail."""
    shown = {name: getattr(row, name) for name in (*_COLUMNS, "text")}
    octets = stored if stored[:1] in (b"{", b"") else zlib.decompress(stored)
    return parsed_of({**shown, **row.parts, **json.loads(octets or b"{}")})
