"""The two canonical forms, simple and relaxed, of header fields and bodies (RFC 6376 section 3.4)."""

import hashlib
import re
from collections.abc import Callable, Mapping

from canary.authenticate.message import Field, Message, with_crlf

# A search for one plain octet, or two, runs at memory speed; each pattern here starts with such octets for that.
_BARE_LF = re.compile(rb"\n(?<!\r\n)")
_UNTIDY_LF = re.compile(rb"\n(?<![^ \t]\r\n)")
_RUN = re.compile(rb"   *")
_WIDTHS = (4096, 64, 8, 2)
_PIECE = 1 << 20
"""Octets of a large body that are worked on at once: each step makes another copy."""
_EMPTY_LINES = b"\r\n" * 4096


def simple_field(field: Field) -> bytes:
    """Return a header field unchanged, without its last CRLF (section 3.4.1)."""
    return field.name + b":" + field.value


def relaxed_field(field: Field) -> bytes:
    """Return a header field unfolded, in lower case and with single blanks, without CRLF (section 3.4.2)."""
    words = field.value.replace(b"\r\n", b"").replace(b"\t", b" ").split(b" ")
    return field.key + b":" + b" ".join(filter(None, words))


def simple_body(body: bytes) -> bytes | bytearray:
    """Return a body with exactly one CRLF after its last line that is not empty (section 3.4.3)."""
    return _whole(_lines, body) or b"\r\n"


def relaxed_body(body: bytes) -> bytes | bytearray:
    """Return a body with single blanks, none at line ends, and no empty lines at its end (section 3.4.4)."""
    return _whole(_relaxed, body)


def _relaxed(body: bytes) -> bytes:
    tidy = body.endswith(b"\r\n") and not _UNTIDY_LF.search(body)
    squeezed = _squeezed((body if tidy else _lines(body)).replace(b"\t", b" "))
    return squeezed if tidy else squeezed.replace(b" \r\n", b"\r\n")


HEADERS: Mapping[str, Callable[[Field], bytes]] = {"simple": simple_field, "relaxed": relaxed_field}
BODIES: Mapping[str, Callable[[bytes], bytes | bytearray]] = {"simple": simple_body, "relaxed": relaxed_body}


def _whole(form: Callable[[bytes], bytes], body: bytes) -> bytes | bytearray:
    """Bring a body into a form, lines at a time if it is large, and close it."""
    if len(body) <= _PIECE:
        return _closed(form(body))
    made, at = bytearray(), 0
    while at < len(body):
        end = body.find(b"\n", at + _PIECE) + 1 or len(body)
        made += form(body[at:end])
        at = end
    for empty in (_EMPTY_LINES, b"\r\n"):
        while made.endswith(empty):
            del made[-len(empty) :]
    made += b"\r\n" if made else b""
    return made


def _squeezed(body: bytes) -> bytes:
    most = len(body) // 16 + 1
    squeezed, runs = _RUN.subn(b" ", body, most)
    if runs < most:
        return squeezed
    # A body of little but blanks is an attack on time; halving all runs at once, long ones first, takes few passes.
    for width in _WIDTHS:
        while b" " * width in squeezed:
            squeezed = squeezed.replace(b" " * width, b" ")
    return squeezed


def _lines(body: bytes) -> bytes:
    whole = with_crlf(body) if _BARE_LF.search(body) else body
    return whole if whole.endswith(b"\r\n") else whole + b"\r\n"


def _closed(body: bytes) -> bytes:
    """Cut the empty lines at the end and close the last line; nothing remains of a body of empty lines."""
    if len(body) > 2 and body.endswith(b"\r\n") and body[-3:-2] != b"\n":
        return body
    text = body.rstrip(b"\r\n")
    tail = body[len(text) :].replace(b"\r\n", b"\n")
    # A lone CR is no line end: only the CRLF pairs after the last other octet are cut.
    kept = len(body) - 2 * (len(tail) - len(tail.rstrip(b"\n")))
    return body[:kept] + b"\r\n" if kept else b""


def body_digest(message: Message, form: str, length: int | None) -> tuple[bytes, int]:
    """Hash the canonical body up to `length` octets (SHA-256), and count the octets after them (`l=`).

    The count is negative when the body is shorter. Both steps are done once per mail, for all its signatures.
    """
    if form not in message.forms:
        message.forms[form] = BODIES[form](message.body)
    body = message.forms[form]
    end = len(body) if length is None else length
    if (form, end) not in message.digests:
        message.digests[form, end] = hashlib.sha256(memoryview(body)[:end]).digest()
    return message.digests[form, end], len(body) - end
