"""The XML that KeePass exports, version 1 and 2, read element by element: passwords are passed over as they come."""

import xml.parsers.expat
from collections.abc import Iterator

from canary.importing.exports.listed import MAX_CELL, ExportRead, ListedAddress, UnreadableExport

MAX_DEPTH = 64
_FIELDS = {
    "UserName": "address", "Title": "vendor", "URL": "site", "username": "address", "title": "vendor", "url": "site",
    "CreationTime": "issued", "creationtime": "issued",
}  # fmt: skip
_ENTRY, _HISTORY = ("Entry", "pwentry"), "History"
_TEXT = ("Key", "Value", "CreationTime", "username", "title", "url", "creationtime")


class _Refused(Exception):
    """The document has what no export has."""


def read_keepass(text: str) -> ExportRead | None:
    """Read an export of KeePass in XML, or return None for any other text."""
    head = text.lstrip()[:2000]
    if not head.startswith("<") or not any(root in head for root in ("<KeePassFile", "<pwlist")):
        return None
    entries = _parse(text)
    if entries is None:
        raise UnreadableExport(
            "is not the XML that KeePass exports: it is damaged, or has a document type; export it again"
        )
    return ExportRead("KeePass (XML)", _listed(entries), vault=True)


def _listed(entries: list[dict[str, str]]) -> Iterator[ListedAddress]:
    for number, each in enumerate(entries, 1):
        site = each.pop("site", "")
        yield ListedAddress(f"entry {number}", **each, sites=(site,) if site else ())


def _parse(text: str) -> list[dict[str, str]] | None:
    """Return the fields of all entries; None for a document that is damaged or has a DTD (and so may have entities)."""
    document, parser = _Document(), xml.parsers.expat.ParserCreate("utf-8")
    parser.StartDoctypeDeclHandler = document.refuse
    parser.StartElementHandler, parser.EndElementHandler = document.start, document.end
    parser.CharacterDataHandler = document.characters
    try:
        # The text is decoded already, whatever encoding its declaration names.
        parser.Parse(text.encode("utf-8", "replace"), True)
    except (xml.parsers.expat.ExpatError, _Refused):
        return None
    return document.entries


class _Document:
    """Follows the elements of a document, and collects the fields of its entries that count."""

    def __init__(self) -> None:
        self.entries: list[dict[str, str]] = []
        self._open: list[str] = []
        self._entry: dict[str, str] | None = None
        self._key, self._text, self._old = "", "", 0

    def refuse(self, *_: object) -> None:
        raise _Refused

    def start(self, name: str, _: dict[str, str]) -> None:
        self._open.append(name)
        if len(self._open) > MAX_DEPTH:
            raise _Refused
        self._text = ""
        self._old += name == _HISTORY
        if name in _ENTRY and not self._old:
            self._entry, self._key = {}, ""

    def end(self, name: str) -> None:
        self._open.pop()
        if name == _HISTORY:
            self._old -= 1
        elif self._entry is not None and not self._old:
            self._close(name, self._entry)
        self._text = ""

    def characters(self, text: str) -> None:
        inside = self._open[-1] if self._open else ""
        secret = inside == "Value" and self._key not in _FIELDS
        if self._entry is not None and not self._old and inside in _TEXT and not secret:
            self._text = (self._text + text)[:MAX_CELL]

    def _close(self, name: str, entry: dict[str, str]) -> None:
        if name == "Key":
            self._key = self._text.strip()
        elif name in _ENTRY:
            self.entries.append(entry)
            self._entry = None
        elif field := _FIELDS.get(self._key if name == "Value" else name):
            entry[field] = self._text.strip()
