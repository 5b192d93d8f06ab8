"""How DNS answers, and how its records are written in JSON: one form for zone files and for recorded answers."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Record = str | bytes | tuple[int, str]
"""A, AAAA, PTR, CNAME: text; TXT: the joined octets of one record; MX: preference and host, without final dot."""


class Temporary(Exception):
    """DNS could not answer for the moment (SERVFAIL, timeout, budget spent); which is never the same as "no record".

    `word` says why: `TIMEOUT`, `SERVFAIL`, `BUDGET` or `OFFLINE`.
    """

    def __init__(self, word: str = "SERVFAIL") -> None:
        super().__init__(word)
        self.word = word


@dataclass(frozen=True, slots=True)
class DnsAnswer:
    """The records of a name and type; `exists` is False when the name itself does not exist (NXDOMAIN)."""

    records: tuple[Record, ...] = ()
    exists: bool = True


_SPECIAL = re.compile(rb"[^\x20-\x5b\x5d-\x7e]")
_ESCAPED = re.compile(rb"\\(\d{3}|.)", re.DOTALL)


def write_records(records: Sequence[Record]) -> list[object]:
    r"""Return records in their JSON form; octets outside printable ASCII as `\DDD` (RFC 1035 section 5.1)."""
    return [_write(record) for record in records]


def _write(record: Record) -> object:
    if isinstance(record, bytes):
        return _SPECIAL.sub(lambda octet: b"\\%03d" % octet[0][0], record).decode("ascii")
    return list(record) if isinstance(record, tuple) else record


def read_records(kind: str, value: object) -> tuple[Record, ...]:
    """Return the records of one kind from their JSON form; raises ValueError or TypeError naming what is wrong."""
    listed = value if isinstance(value, list | tuple) else [value]
    read = _READERS.get(kind, _text)
    return tuple(read(record) for record in listed)


def _text(record: object) -> str:
    if not isinstance(record, str):
        raise TypeError(f"{record!r} is not text")
    return record.removesuffix(".")


def _txt(record: object) -> bytes:
    if isinstance(record, list):  # one record in several strings
        return b"".join(_txt(part) for part in record)
    if not isinstance(record, str):
        raise TypeError(f"{record!r} is not text")
    return _ESCAPED.sub(_octet, record.encode("utf-8", "surrogateescape"))


def _octet(escape: re.Match[bytes]) -> bytes:
    digits = escape[1]
    return bytes([int(digits) & 0xFF]) if digits.isdigit() and len(digits) == 3 else digits


def _mx(record: object) -> tuple[int, str]:
    if not (isinstance(record, list | tuple) and len(record) == 2):
        raise TypeError(f"{record!r} is not [preference, host]")
    preference, host = record
    return int(preference), _text(host)


_READERS: dict[str, Callable[[object], Record]] = {"TXT": _txt, "MX": _mx}
