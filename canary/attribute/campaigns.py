"""Which mails are one sending: the keys by which a mail finds its campaign."""

import hashlib

from canary.mail.text import link_host, words
from canary.model.case import Sending
from canary.model.mail import ParsedMail

_ENOUGH_WORDS = 8
"""Texts shorter than this are equal too often to mean anything."""


def sending(mail: ParsedMail) -> Sending:
    """Return the two keys of a mail: same normal text, or same first link host under the same shape of subject.

    A key is empty where the mail has too little to tell sendings apart.
    """
    text, subject = words(mail.text), words(mail.subject)
    host = link_host(mail.links[0]) if mail.links else ""
    return Sending(
        text=_key("text", text) if len(text) >= _ENOUGH_WORDS else "",
        call=_key("call", [host, *subject]) if host and subject else "",
    )


def _key(kind: str, parts: list[str]) -> str:
    return f"{kind}:{hashlib.sha256(' '.join(parts).encode()).hexdigest()[:40]}"
