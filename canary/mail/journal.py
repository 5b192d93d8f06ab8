"""Journal reports: a server's copy of a mail in an envelope of its own, whose text names sender and recipients.

Exchange writes them ([MS-OXOJRNL]; "envelope journaling"), and archives are full of them.
"""

import re
from collections.abc import Iterator

from canary.mail.fields import RAISED, octets_of, transfer_encoding, undone
from canary.mail.scanner import Part, read_message

MAX_HEAD = 64 * 1024
MAX_SAID = 64 * 1024
MAX_FIRST = 4096
"""How far behind the header the text of a report begins."""
MAX_RECIPIENTS = 100
MAX_TRACE = 50
_MARKS = re.compile(rb"^x-ms-(?:exchange-organization-)?journal-report[ \t]*:", re.IGNORECASE | re.MULTILINE)
_END = re.compile(rb"\r?\n\r?\n")
_SAID = re.compile(rb"\n\r?\n[ \t]{0,9}Sender:[ \t]{0,9}<?[^\s<>@]{0,64}")
_LINE = re.compile(r"(?im)^\s{0,9}(sender|recipient|to|cc|bcc)\s{0,9}:([^\n]{0,2000})$")
_ADDRESS = re.compile(r"[^\s<>()\[\],:;\"@]{1,64}@[^\s<>()\[\],:;\"@]{1,255}")
_TRACE = re.compile(rb"^received:[^\n]*\n(?:[ \t][^\n]*\n)*", re.IGNORECASE | re.MULTILINE)


def open_journal(content: bytes) -> bytes | None:
    """Return the mail inside of a journal report under the envelope that the report states, or None for any other mail.

    Envelope and trace are written above the mail as a receiver would (RFC 5321 4.4), and so believed as far as these
    are: a report that a stranger handed in shows the stranger's host above all that it holds.
    """
    begin = _header_end(content)
    if begin < 0 or not (_is_marked(content[:begin]) or _is_said(content, begin)):
        return None
    end = _END.match(content, begin)
    try:
        return _opened(content[:begin] + b"\n", content[end.end() :] if end else b"")
    except RAISED:
        return None


def _header_end(content: bytes) -> int:
    """Return where the line end before the first empty line begins, -1 where none begins within the bound."""
    # Plain searches: the pattern for both at once takes longer than all else that is done with an archived mail.
    plain = content.find(b"\n\n", 0, MAX_HEAD)
    other = content.find(b"\n\r\n", 0, MAX_HEAD if plain < 0 else plain)
    at = plain if other < 0 else other
    return at - 1 if at > 0 and content[at - 1 : at] == b"\r" else at


def _is_marked(head: bytes) -> bool:
    return b"journal-report" in head.lower() and _MARKS.search(head) is not None


def _is_said(content: bytes, begin: int) -> bool:
    upto = begin + MAX_FIRST
    return content.find(b"Sender:", begin, upto) >= 0 and _SAID.search(content, begin, upto) is not None


def _opened(head: bytes, body: bytes) -> bytes | None:
    outer = read_message(head + b"\n")
    boundary = outer.get_boundary() if outer.get_content_type() == "multipart/mixed" else None
    parts = list(_parts(body, boundary.encode("ascii", "replace"))) if boundary else []
    if len(parts) != 2:
        return None
    said, inner = parts
    types = (read_message(said[:MAX_HEAD]).get_content_type(), read_message(_head(inner)).get_content_type())
    envelope = _envelope(read_message(said[:MAX_SAID])) if types == ("text/plain", "message/rfc822") else None
    content = _inside(inner) if envelope else b""
    if not envelope or not content.strip():
        return None
    sender, recipients = envelope
    end = b"\r\n" if b"\r\n" in content[:MAX_HEAD] else b"\n"
    lines = [f"Return-Path: <{sender}>", *(f"Delivered-To: {address}" for address in recipients)]
    trace = b"".join(field[0] for field, _ in zip(_TRACE.finditer(head), range(MAX_TRACE), strict=False))
    above = "".join(f"{line}\n" for line in lines).encode("utf-8", "replace") + trace.replace(b"\r\n", b"\n")
    return above.replace(b"\n", end) + content.lstrip(b"\r\n")


def _parts(body: bytes, boundary: bytes) -> Iterator[bytes]:
    """Yield the first parts of a body, octet for octet, as far as the boundary shows that they end; three at the most."""
    marks = re.compile(rb"(?:^|\r?\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?:\r?\n|$)")
    begin = None
    for mark, _ in zip(marks.finditer(body), range(4), strict=False):
        if begin is not None:
            yield body[begin : mark.start()]
        if mark[1]:
            return
        # The line end belongs to the next part where that has no header.
        begin = mark.end()


def _head(part: bytes) -> bytes:
    end = _END.search(part, 0, MAX_HEAD)
    return part[: end.end()] if end else part[:MAX_HEAD]


def _envelope(said: Part) -> tuple[str, list[str]] | None:
    """Return sender and recipients of a report's text, which begins with the sender."""
    text = octets_of(said)[:MAX_SAID].decode("utf-8", "replace").replace("\r", "").lstrip()
    lines = _LINE.findall(text)
    if text[:6].lower() != "sender" or not lines:
        return None
    # "To: somebody, Expanded: a list" names the recipient first.
    named = (_ADDRESS.search(value) for label, value in lines if label.lower() != "sender")
    recipients = dict.fromkeys(address.group().lower() for address in named if address)
    sender = _ADDRESS.search(lines[0][1])
    return (sender.group() if sender else "", list(recipients)[:MAX_RECIPIENTS]) if recipients else None


def _inside(part: bytes) -> bytes:
    """Return the octets of an enclosed mail, with its transfer encoding undone."""
    head = _head(part)
    if b"transfer-encoding" not in head.lower():
        return part[len(head) :]
    return bytes(undone(memoryview(part)[len(head) :], transfer_encoding(read_message(head))))
