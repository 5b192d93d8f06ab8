"""What makes two copies of a mail the same mail, by whichever ways they came: who wrote what, not how it travelled."""

import hashlib
from collections.abc import Iterator

from canary.authenticate.message import Field, Message, with_crlf

_WRITTEN = frozenset(
    b"from sender reply-to to cc subject date message-id in-reply-to references mime-version content-type"
    b" content-transfer-encoding list-id list-unsubscribe".split()
)
_ON_THE_WAY = frozenset(
    b"received return-path delivered-to envelope-to x-original-to authentication-results received-spf dkim-signature"
    b" arc-seal arc-message-signature arc-authentication-results status x-status x-uid lines content-length".split()
)
_MOST_SIGNATURES = 10
_PIECE = 64 * 1024


def mail_digest(message: Message) -> str:
    """Return a digest of the body, the Message-ID, and the fields that authors write or any signature covers.

    Empty where there is nothing to compare. The Message-ID alone would not do: anybody who saw it could send
    another mail under it, which would pass for one that came before.
    """
    if not message.fields:
        return ""
    names = (_WRITTEN | _signed(message)) - _ON_THE_WAY
    digest = hashlib.sha256()
    for field in sorted((each for each in message.fields if each.key in names), key=lambda each: each.key):
        digest.update(_relaxed(field))
    digest.update(b"\n")
    for piece in _pieces(message.body):
        digest.update(piece)
    return digest.hexdigest()


def _pieces(body: bytes) -> Iterator[bytes]:
    """Yield a body with CRLF line ends, without empty lines at its end, by pieces: a copy of a large one is memory."""
    end = len(body)
    while end and not (last := body[max(0, end - _PIECE) : end]).rstrip(b"\r\n"):
        end -= len(last)
    if end:
        end -= len(last) - len(last.rstrip(b"\r\n"))
    start = 0
    while start < end:
        stop = min(start + _PIECE, end)
        stop += body[stop - 1 : stop + 1] == b"\r\n" and stop < end  # these two stay together
        yield with_crlf(body[start:stop])
        start = stop


def _signed(message: Message) -> frozenset[bytes]:
    names: set[bytes] = set()
    for signature in message.named(b"dkim-signature")[:_MOST_SIGNATURES]:
        for tag in signature.value.split(b";"):
            name, _, value = tag.partition(b"=")
            if name.strip() == b"h":
                names.update(each.strip().lower() for each in value.split(b":"))
    return frozenset(names)


def _relaxed(field: Field) -> bytes:
    """Return a field without what is lost or added when it is folded (RFC 6376 3.4.2)."""
    return field.key + b":" + b" ".join(field.value.split()) + b"\n"
