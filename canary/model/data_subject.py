"""A person whose data is to be erased: where texts mention this person, and what stands there afterwards."""

import binascii
import hashlib
import hmac
import re
import unicodedata
from dataclasses import dataclass, field
from email.utils import getaddresses
from typing import Any

LEAST_LETTERS, MOST_LETTERS = 3, 254

_ADDRESS = re.compile(r"[^\s@<>\"(),;:]{1,64}@[^\s@<>\"(),;:]{1,253}")
_NAMED = frozenset({"from", "sender", "reply-to", "to", "cc", "bcc", "return-path", "resent-from", "resent-to"})
"""Header fields that hold mailboxes."""

_OWN_WORDS = frozenset({"subject", "thread-topic", "comments", "keywords", "organization"})
"""Header fields that the writer of a mail words."""

_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/]{20,}={0,2}\r?\n)*[A-Za-z0-9+/]{8,}={0,2}")
_DEEPEST = 20


@dataclass(frozen=True, slots=True)
class DataSubject:
    """One person by an address or a name, as it stands in mail; `mark` takes its place, and names nobody.

    Of an address the local part is replaced: the domain says which organisation wrote.
    """

    written: str
    mark: str
    address: bool
    _pattern: re.Pattern[str] = field(repr=False)
    _pieces: tuple[tuple[str, ...], ...] = field(repr=False)

    def is_in(self, words: str) -> bool:
        """Whether a text mentions this person."""
        return self.may_be_in(words) and self._pattern.search(words) is not None

    def replace_in(self, words: str) -> str:
        """Return a text with the mark in place of this person."""
        return self._pattern.sub(self._replacement, words) if self.may_be_in(words) else words

    def may_be_in(self, words: str) -> bool:
        """Whether a text, or the JSON of several, is worth a closer look: most mention nobody, and this is quick."""
        low = words.lower()
        return any(all(piece in low for piece in pieces) for pieces in self._pieces)

    def _replacement(self, found: re.Match[str]) -> str:
        # In a return path that names its recipient, "=" stands for "@" (VERP); in links it is "%40".
        sign = next((sign for sign in ("@", "%40", "=") if sign in found[0]), "") if self.address else ""
        return f"{self.mark}{sign}{found[0].rpartition(sign)[2]}" if sign else self.mark

    def replace_in_json(self, value: Any, depth: int = 0) -> Any:
        """Return a value of JSON with the mark in place of this person, in all names and texts."""
        if isinstance(value, str):
            return self.replace_in(value)
        if depth > _DEEPEST:
            return value
        if isinstance(value, dict):
            return {self.replace_in(str(k)): self.replace_in_json(v, depth + 1) for k, v in value.items()}
        if isinstance(value, list):
            return [self.replace_in_json(each, depth + 1) for each in value]
        return value

    def is_in_octets(self, content: bytes) -> bool:
        """Whether a mail mentions this person: as it is, or in quoted-printable or base64."""
        return any(self.is_in(words) for octets in _readings(content) for words in _texts(octets))

    def replace_in_header(self, name: str, value: str, *, own: bool) -> str:
        """Return a header field without this person; `own` are fields of a mail that the person wrote."""
        low = name.lower()
        if own and low in _OWN_WORDS:
            return self.mark
        return self._replace_mailbox(value) if low in _NAMED and self.is_in(value) else self.replace_in(value)

    def _replace_mailbox(self, value: str) -> str:
        """Replace a mailbox as a whole: the name beside an address is the person's, too."""
        try:
            boxes = getaddresses([value])
        except (ValueError, IndexError, TypeError):  # whatever a hostile field does to the parser
            boxes = []
        shown = [self._shown(name, address) for name, address in boxes if name or address]
        return ", ".join(shown) if self.mark in "".join(shown) else self.mark

    def _shown(self, name: str, address: str) -> str:
        if self.is_in(address) or self.is_in(name):
            return f"<{self.replace_in(address) if self.is_in(address) else self.mark}>"
        return f"{name} <{address}>" if name else address


def read_person(written: str, key: bytes) -> DataSubject:
    """Return the person of an address or a name; the mark is made with a key, so that it cannot be found by trying names.

    Raises ValueError for what is neither.
    """
    plain = " ".join(unicodedata.normalize("NFC", written).split())
    if not LEAST_LETTERS <= len(plain) <= MOST_LETTERS or not any(c.isalpha() for c in plain):
        raise ValueError(
            f"person {written[:60]!r}: not an address or name; give it as it stands in mail, with {LEAST_LETTERS} letters or more"
        )
    digest = hmac.new(key, f"erase:{plain.casefold()}".encode(), hashlib.sha256).hexdigest()
    is_address = _ADDRESS.fullmatch(plain) is not None
    pattern = _address_pattern(plain) if is_address else _name_pattern(plain)
    pieces = (
        (tuple(plain.rpartition("@")[::2]),) if is_address else tuple(tuple(form.split()) for form in _forms(plain))
    )
    # JSON writes quotes and backslashes in another way.
    lowered = tuple(tuple(part.lower() for piece in each for part in re.split(r'["\\]', piece)) for each in pieces)
    return DataSubject(plain, f"erased-{digest[:12]}", is_address, pattern, lowered)


def _address_pattern(address: str) -> re.Pattern[str]:
    local, _, domain = (re.escape(part) for part in address.rpartition("@"))
    # Another letter before or after makes it another address.
    plain = rf"(?<![\w.+%'&~=-]){local}@{domain}(?![\w-])(?!\.\w)"
    within = rf"(?<![A-Za-z0-9.]){local}(?:=|%40){domain}(?![\w-])(?!\.\w)"
    return re.compile(f"{plain}|{within}", re.IGNORECASE)


def _name_pattern(name: str) -> re.Pattern[str]:
    spaced = "|".join(r"\s+".join(map(re.escape, form.split())) for form in _forms(name))
    return re.compile(rf"(?<!\w)(?:{spaced})(?!\w)", re.IGNORECASE)


def _forms(name: str) -> list[str]:
    """Return a name with its marks composed and apart, which look the same."""
    return sorted({unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name)})


def _readings(content: bytes) -> Any:
    yield content
    if b"=" in content:
        yield binascii.a2b_qp(content)
    for run in _BASE64.finditer(content) if b"base64" in content.lower() else ():
        joined = run[0].replace(b"\r", b"").replace(b"\n", b"").rstrip(b"=")
        yield binascii.a2b_base64(joined[: len(joined) // 4 * 4] + _rest(joined))


def _rest(joined: bytes) -> bytes:
    rest = joined[len(joined) // 4 * 4 :]
    return rest + b"=" * (4 - len(rest)) if len(rest) > 1 else b""


def _texts(octets: bytes) -> Any:
    yield octets.decode("utf-8", "replace")
    if not octets.isascii():
        yield octets.decode("latin-1")
