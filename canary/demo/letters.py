"""Making a mail from a letter: headers, plain text and HTML as alternatives, a PDF at the end."""

import base64
import quopri
import textwrap
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime

from canary.demo.html import HtmlPage, in_html, in_plain

WIDTH = 74

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Box:
    """A name and an address, as in From and To."""

    name: str
    address: str

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>" if self.name else self.address

    @property
    def domain(self) -> str:
        """What follows the @."""
        return self.address.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter from one party to another; `mark` is unique and names the mail, `headers` are the sender's own.

    Without a skin it is plain text only; `enclosure` is a file name with its octets.
    """

    sender: Box
    to: Box
    subject: str
    page: HtmlPage
    at: datetime
    mark: str
    skin: str = "plain"
    tint: str = "#333333"
    headers: Headers = ()
    enclosure: tuple[str, bytes] | None = None


def compose(letter: Letter, body: bytes = b"") -> bytes:
    """Return the letter as a mail, CRLF and ASCII throughout; a ready body takes the place of its page."""
    headers = (
        ("From", str(letter.sender)),
        ("To", str(letter.to)),
        ("Subject", encoded(letter.subject)),
        ("Date", format_datetime(letter.at)),
        ("Message-ID", f"<{letter.mark}@{letter.sender.domain}>"),
        ("MIME-Version", "1.0"),
        *letter.headers,
    )
    head = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return head.encode() + (body or _body(letter))


def encoded(text: str) -> str:
    """Return a header value in ASCII, as encoded words (RFC 2047) where it has to be."""
    return text if text.isascii() else Header(text, "utf-8", 70).encode(linesep="\r\n")


def part(kind: str, text: str) -> bytes:
    """Return a text part with its own headers; what is not ASCII goes as quoted-printable."""
    how = "7bit" if text.isascii() else "quoted-printable"
    octets = text.encode() if text.isascii() else quopri.encodestring(text.encode())
    head = f"Content-Type: {kind}; charset=utf-8\r\nContent-Transfer-Encoding: {how}\r\n\r\n"
    return head.encode() + crlf(octets)


def multipart(kind: str, mark: str, parts: tuple[bytes, ...]) -> bytes:
    """Return several parts as one, with their common header; `kind` is what follows `multipart/`."""
    boundary = f"={kind[:3]}-{mark}"
    head = f'Content-Type: multipart/{kind}; boundary="{boundary}"\r\n\r\n'.encode()
    inner = b"".join(b"--%b\r\n%b\r\n" % (boundary.encode(), each) for each in parts)
    return head + inner + f"--{boundary}--\r\n".encode()


def crlf(octets: bytes) -> bytes:
    """Return text octets with CRLF at every line end and after the last line."""
    return octets.rstrip(b"\n").replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") + b"\r\n"


def pdf(lines: tuple[str, ...]) -> bytes:
    """Return a PDF of one page with a few lines of text on it."""
    shown = " T* ".join(f"({line.translate(_PDF_SAFE)}) Tj" for line in lines)
    stream = f"BT /F1 12 Tf 16 TL 72 770 Td {shown} ET"
    objects = (
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        f"<</Length {len(stream)}>>stream\n{stream}\nendstream",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
    )
    written, places = "%PDF-1.4\n", []
    for number, text in enumerate(objects, 1):
        places.append(len(written))
        written += f"{number} 0 obj{text}endobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    end = f"xref\n0 6\n0000000000 65535 f \n{table}trailer<</Size 6/Root 1 0 R>>\nstartxref\n{len(written)}\n%%EOF\n"
    return (written + end).encode("cp1252", "replace")


_PDF_SAFE = str.maketrans({"(": r"\(", ")": r"\)", "\\": r"\\"})


def _body(letter: Letter) -> bytes:
    whole = part("text/plain", wrap(in_plain(letter.page)))
    if letter.skin != "plain":
        html = part("text/html", in_html(letter.page, letter.skin, letter.tint))
        whole = multipart("alternative", letter.mark, (whole, html))
    if letter.enclosure:
        whole = multipart("mixed", letter.mark, (whole, _enclosed(*letter.enclosure)))
    return whole


def wrap(text: str) -> str:
    """Return text with its long lines wrapped, each with the indentation of its beginning; links stay whole."""
    return "\n".join(_wrapped(line) if len(line) > WIDTH else line for line in text.split("\n"))


def _wrapped(line: str) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.fill(line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _enclosed(name: str, octets: bytes) -> bytes:
    head = (
        f'Content-Type: application/pdf; name="{name}"\r\n'
        f'Content-Disposition: attachment; filename="{name}"\r\n'
        "Content-Transfer-Encoding: base64\r\n\r\n"
    )
    return head.encode() + crlf(base64.encodebytes(octets))
