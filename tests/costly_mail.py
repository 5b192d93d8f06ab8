"""Mails that cost far more to read than to send, each of any size in octets: `make(name, size)`."""

from collections.abc import Callable

MB = 1 << 20
FULL = 25 * MB
HEAD = (
    b"From: Shop <a@shop.example>\r\nTo: x@inbox.example\r\nSubject: hello there dear customer\r\n"
    b"Date: Mon, 30 Nov 2026 09:00:00 +0000\r\nMessage-ID: <1@shop.example>\r\n"
)
MIME = HEAD + b"MIME-Version: 1.0\r\n"
MIXED = MIME + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'

Shape = Callable[[int], bytes]
"""A mail of about so many octets."""


def fill(unit: bytes, size: int) -> bytes:
    return (unit * (max(size, 0) // len(unit) + 1))[: max(size, 0)]


def nested(depth: int) -> Shape:
    parts = b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) for n in range(depth))
    head = MIME + parts + b"Content-Type: text/plain\r\n\r\n"
    return lambda size: head + fill(b"\n", size - len(head))


def parts(piece: bytes) -> Shape:
    return lambda size: MIXED + fill(piece, size - len(MIXED))


def fields(line: bytes) -> Shape:
    return lambda size: HEAD + fill(line, size - len(HEAD) - 10) + b"\r\n\r\nbody"


def charset(name: bytes, unit: bytes, number: int) -> Shape:
    def made(size: int) -> bytes:
        each = size // number
        part = b'--b\r\nContent-Type: text/plain; charset="%s"\r\n\r\n' % name + fill(unit, each - 60) + b"\r\n"
        return MIXED + part * number

    return made


def recipients(unit: bytes) -> Shape:
    return lambda size: HEAD.replace(b"To: x@inbox.example", b"To: " + fill(unit, size)) + b"\r\nhi"


def encoded(encoding: bytes, unit: bytes, begin: bytes = b"") -> Shape:
    kind = b"Content-Type: application/zip; name=a.zip\r\nContent-Transfer-Encoding: " + encoding + b"\r\n\r\n"
    return lambda size: MIME + kind + begin + fill(unit, size)


def body(unit: bytes | str, kind: bytes = b"text/plain; charset=utf-8") -> Shape:
    octets = unit if isinstance(unit, bytes) else unit.encode()
    return lambda size: MIME + b"Content-Type: " + kind + b"\r\n\r\n" + fill(octets, size)


def html(unit: bytes) -> Shape:
    return body(unit, b"text/html")


def signed(size: int) -> bytes:
    signatures = b"".join(
        b"DKIM-Signature: v=1; a=rsa-sha256; d=shop.example; s=s%d; c=relaxed/relaxed; l=%d; h=%s; bh=AAAA; b=AAAA\r\n"
        % (n, size // 2 + n, b":".join([b"from"] * 3000))
        for n in range(10)
    )
    return signatures + HEAD + b"\r\n" + fill(b"a  b \t c\r\n", size)


def words(name: bytes) -> Shape:
    word = b"=?" + name + b"?Q?" + fill(b"a", 15_000) + b"-" + fill(b"z", 900) + b"?="
    more = b"=?%s?B?%s?=\r\n" % (name, fill(b"YWFh", 15_900))
    return lambda size: (
        HEAD.replace(b"hello there dear customer", word)
        + b"".join(b"X-%d: " % n + more for n in range(min(480, size // 16_000 + 1)))
        + b"\r\nhi"
    )


def enclosed(size: int) -> bytes:
    return MIME + b"Content-Type: message/rfc822\r\n\r\n" * 300 + fill(b"\n", size)


def nearly(size: int) -> bytes:
    """Lines that begin like the boundary."""
    boundary = b"x" * 70
    return (
        MIME
        + b'Content-Type: multipart/mixed; boundary="'
        + boundary
        + b'"\r\n\r\n'
        + fill(b"--" + boundary[:69] + b"\n", size)
    )


def typed(begin: bytes, unit: bytes) -> Shape:
    return lambda size: MIME + b"Content-Type: text/plain" + begin + fill(unit, size) + b"\r\n\r\nhi"


def received(size: int) -> bytes:
    line = b"Received: from a (b [192.0.2.1]) by c with esmtp id %d; Mon, 30 Nov 2026 09:00:00 +0000\r\n"
    return b"".join(line % n for n in range(size // 100)) + HEAD + b"\r\nhi"


SHAPES: dict[str, tuple[Shape, int]] = {
    "plain text": (body(b"hello world this is text\r\n"), FULL),
    "200 nested multiparts": (nested(200), FULL),
    "400 nested multiparts": (nested(400), 256 * 1024),
    "900 nested multiparts": (nested(900), FULL),
    "empty parts": (parts(b"\n--b\n\nx"), FULL),
    "parts with a header": (parts(b"\n--b\nContent-Type: text/plain\n\n"), FULL),
    "empty fields": (fields(b"a:\n"), FULL),
    "DKIM fields": (fields(b"DKIM-Signature: x\r\n"), FULL),
    "From fields": (fields(b"From: x\r\n"), FULL),
    "To fields": (fields(b"To: x\r\n"), FULL),
    "100 parts in punycode": (charset(b"punycode", b"z", 100), FULL),
    "text in punycode": (charset(b"punycode", b"z", 1), 256 * 1024),
    "mixed text in punycode": (charset(b"punycode", b"ab0", 1), 256 * 1024),
    "parts in UTF-7": (charset(b"utf-7", b"+2Ana-", 100), FULL),
    "parts in unicode_escape": (charset(b"unicode_escape", b"\\N{DIGIT ONE}", 100), FULL),
    "parts in idna": (charset(b"idna", b"xn--a.", 100), FULL),
    "parts in HZ": (charset(b"hz", b"~{ab~}", 100), FULL),
    "parts in ISO 2022": (charset(b"iso2022_jp_ext", b"\x1b$B!!\x1b(B", 100), FULL),
    "recipients": (recipients(b"a@b.example,"), FULL),
    "recipients of <": (recipients(b"<"), 16 * 1024),
    "recipients of quotes": (recipients(b'"a" ('), 16 * 1024),
    "recipients of (": (recipients(b"("), 16 * 1024),
    "recipients of groups": (recipients(b"a:"), 16 * 1024),
    "recipients of @": (recipients(b"@,"), 16 * 1024),
    "recipients of domain literals": (recipients(b"a@["), 16 * 1024),
    "recipients of commas": (recipients(b","), 16 * 1024),
    "short lines of base64": (encoded(b"base64", b"QUJD\n"), FULL),
    "short lines of quoted-printable": (encoded(b"quoted-printable", b"=41=\n"), FULL),
    "short lines of uuencode": (encoded(b"x-uuencode", b"!\n", b"begin 644 a\n"), FULL),
    "ligatures": (body("\ufdfa"), FULL),
    "words of ligatures": (body("\ufdfa "), FULL),
    "combining marks": (body("a\u0301\u0316"), FULL),
    "rows of combining marks": (body("\u0316" * 29 + "a"), FULL),
    "letters of hangul": (body("\u1112\u1161\u11ab"), FULL),
    "links": (body(b"http://a.example/b "), FULL),
    "long links": (body(b"http://" + b"a" * 1990 + b" "), FULL),
    "beginnings of links": (body(b"http"), FULL),
    "ten signatures with lengths": (signed, FULL),
    "encoded words in punycode": (words(b"punycode"), 8 * MB),
    "encoded words in UTF-7": (words(b"utf-7"), 8 * MB),
    "encoded words in unicode_escape": (words(b"unicode_escape"), 8 * MB),
    "300 enclosed mails": (enclosed, FULL),
    "near boundaries": (nearly, FULL),
    "deep HTML": (html(b"<div>" * 7990 + b"a" * 100), 256 * 1024),
    "attributes of HTML": (html(b"<a " + b"x=1 " * 60_000 + b">"), 256 * 1024),
    "hidden HTML": (html(b"<p style='display:none'>aaaaa</p>"), 200 * 1024),
    "tables of HTML": (html(b"<table>"), 256 * 1024),
    "bold HTML": (html(b"<b><p>"), 40 * 1024),
    "anchors of HTML": (html(b"<a><b>"), 40 * 1024),
    "fonts of HTML": (html(b"<font><p>"), 64 * 1024),
    "ends of HTML": (html(b"</p></br>"), 64 * 1024),
    "comments of HTML": (html(b"<!--"), 256 * 1024),
    "parameters": (typed(b"", b"; a*1*=x"), 16 * MB),
    "quoted parameters": (typed(b'; name="', b'\\"; '), MB),
    "few parameters": (typed(b"", b"; a*1*=x"), 64 * 1024),
    "Received fields": (received, FULL),
}
"""Each shape with the size at which it was worst."""


def make(name: str, size: int | None = None) -> bytes:
    """One costly mail, of its own size or of the one given."""
    shape, own = SHAPES[name]
    return shape(size or own)
