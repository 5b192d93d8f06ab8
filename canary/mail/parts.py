"""The parts of a mail: its text, links and files, and the fields of the mails that it encloses, within bounds."""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from canary.mail.charset import decode_markup, decode_octets
from canary.mail.fields import (
    MAX_FIELDS,
    RAISED,
    decode,
    fields_of,
    octets_of,
    transfer_encoding,
    type_of,
    undone,
)
from canary.mail.scanner import MAX_DEPTH, MAX_PARTS, Part, read_message
from canary.mail.text import MAX_HTML, MAX_LINKS, MAX_TEXT, clean, html_to_text, links_in
from canary.model.mail import Attachment, Enclosed, OwnWords

MAX_ENCLOSED = 10
MAX_UNPACKED = 2 * 1024 * 1024
"""Octets of enclosed mails that are decoded and parsed, in all; those that came without an encoding cost nothing more."""
MAX_WRITTEN = 4 * MAX_TEXT
"""Octets of text that are decoded, in all."""
_WRITING = ("text/plain", "text/html")


class _Node(NamedTuple):
    """A part at its depth; `inside` is whether it belongs to a mail that is enclosed."""

    part: Part
    depth: int
    inside: bool


class _Piece(NamedTuple):
    """The text of one part."""

    text: str
    html: bool
    inside: bool


class PartReader:
    """Collects text, links and attachments of the parts, within bounds."""

    def __init__(self, oddities: set[str]) -> None:
        """Start with nothing; what is malformed is added to `oddities`."""
        self.oddities = oddities
        self.pieces: list[_Piece] = []
        self.named: list[tuple[_Node, str, Attachment]] = []
        self.attachments: list[Attachment] = []
        self.unpacked = self.written = 0
        self.text = ""
        self.html = ""
        self.links: tuple[str, ...] = ()
        self.own: OwnWords | None = None
        self.enclosed: list[Enclosed] = []

    def read(self, message: Part) -> None:
        """Read all parts of a message; what cannot be read is named."""
        for node, kind in self._leaves(message):
            try:
                self._leaf(node, kind)
            except RAISED:
                self.oddities.add("bad-part")
        try:
            self._find_body()
        except RAISED:
            self.oddities.add("bad-part")
        self._conclude()

    def _leaves(self, message: Part) -> Iterator[tuple[_Node, str]]:
        waiting, seen = [_Node(message, 0, inside=False)], 0
        while waiting and seen < MAX_PARTS:
            node = waiting.pop()
            seen += 1
            kind = type_of(node.part)
            children = self._children(node.part, kind)
            self._enclose(node.part, kind, children)
            if children is None:
                yield node, kind
            elif node.depth < MAX_DEPTH:
                inside = node.inside or kind.startswith("message/")
                waiting.extend(_Node(child, node.depth + 1, inside) for child in reversed(children))
        if waiting:
            self.oddities.add("many-parts")

    def _children(self, part: Part, kind: str) -> list[Part] | None:
        """Return the parts of a part, decoded where an enclosed mail was encoded against RFC 2046, section 5.2.1."""
        children = part.parts
        if children is None or not kind.startswith("message/") or not (encoding := transfer_encoding(part)):
            return children
        return self._decoded(part, kind, encoding, children) or children

    def _decoded(self, part: Part, kind: str, encoding: str, inner: list[Part]) -> list[Part] | None:
        """Read enclosed mails again, from what their encoding hides; None where they were not encoded after all."""
        plain = any(child.is_multipart() or (encoding == "base64" and child.keys()) for child in inner)
        if plain or self.unpacked > MAX_UNPACKED:
            return None
        self.unpacked += len(part.written)
        if self.unpacked > MAX_UNPACKED:
            self.oddities.add("large-enclosure")
            return None
        head = b"Content-Type: " + kind.encode("ascii", "replace") + b"\n\n"
        return read_message(head + bytes(undone(part.written, encoding)), self.oddities).parts

    def _enclose(self, part: Part, kind: str, children: list[Part] | None) -> None:
        """Keep the fields of a report, or of a mail that is returned whole (message/*) or by its header alone."""
        if len(self.enclosed) >= MAX_ENCLOSED:
            return
        if kind.startswith("message/") and children is not None:
            pairs = [pair for group in children[:MAX_FIELDS] for pair in fields_of(group)]
            self.enclosed.append(Enclosed(kind[:100], tuple(pairs[:MAX_FIELDS])))
        elif kind == "text/rfc822-headers":
            written = read_message(octets_of(part, MAX_FIELDS * 1000).lstrip())
            self.enclosed.append(Enclosed(kind, tuple(fields_of(written))))

    def _leaf(self, node: _Node, kind: str) -> None:
        name = node.part.get_filename()
        if kind.startswith("multipart/"):
            kind, name = "text/plain", None  # Without the boundary that it names, a reader sees all of it as text.
        if not name and kind.startswith("text/"):
            self.pieces.append(self._piece(kind, node))
            return
        octets = undone(node.part.written, transfer_encoding(node.part))
        if len(octets) or name:
            digest = hashlib.sha256(octets).hexdigest()
            file = Attachment(decode(name or "")[:300], kind[:100], len(octets), digest)
            self.attachments.append(file)
            if kind.startswith("text/"):
                self.named.append((node, kind, file))

    def _piece(self, kind: str, node: _Node) -> _Piece:
        octets = octets_of(node.part, MAX_TEXT if self.written < MAX_WRITTEN else 0)
        self.written += len(octets)
        html, label = kind == "text/html", str(node.part.get_content_charset() or "")
        decoded = decode_markup(octets, label) if html else decode_octets(octets, label)
        return _Piece(
            clean(decoded.replace("\r\n", "\n").replace("\r", "\n")), html, node.inside or kind == "text/rfc822-headers"
        )

    def _conclude(self) -> None:
        self.text, self.html, self.links = _read(self.pieces)
        if any(piece.inside for piece in self.pieces):
            text, _, links = _read([piece for piece in self.pieces if not piece.inside])
            self.own = OwnWords(text, links)

    def _find_body(self) -> None:
        """Where no part is plainly the text, let those with a file name be it, and then those that are attached."""
        if not self.named or any(piece.text.strip() for piece in self.pieces if not piece.inside):
            return
        shown = [each for each in self.named if each[0].part.get_content_disposition() != "attachment"]
        for node, kind, _ in shown or [each for each in self.named if each[1] in _WRITING]:
            self.pieces.append(self._piece(kind, node))
        # What is shown as the text is no file; what is attached stays one.
        self.attachments = [file for file in self.attachments if not any(file is each for _, _, each in shown)]


def _read(pieces: list[_Piece]) -> tuple[str, str, tuple[str, ...]]:
    """Return text, HTML and links; the plain text counts where there is any."""
    html = "".join(piece.text for piece in pieces if piece.html)[:MAX_HTML]
    shown, hrefs = html_to_text(html) if html else ("", ())
    written = "\n".join(piece.text for piece in pieces if not piece.html)[:MAX_TEXT]
    found = dict.fromkeys((*hrefs, *links_in(written), *links_in(shown)))
    return written.strip() or shown, html, tuple(clean(link)[:2000] for link in found)[:MAX_LINKS]
