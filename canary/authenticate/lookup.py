"""Lookup: the only questions we may ask of DNS, and how an answer looks."""

from dataclasses import dataclass
from typing import Protocol

Record = str | bytes | tuple[int, str]
"""A, AAAA, PTR, CNAME: text; TXT: the joined octets of one record; MX: preference and host, without final dot."""


class Temporary(Exception):
    """DNS could not answer for the moment (SERVFAIL, timeout, budget spent); never the same as "no record"."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The records of a name and type; `exists` is False when the name itself does not exist (NXDOMAIN)."""

    records: tuple[Record, ...] = ()
    exists: bool = True


class Lookup(Protocol):
    """Asks DNS one question; raises `Temporary` when it could not be answered."""

    async def __call__(self, name: str, kind: str) -> Answer:
        """Return the answer for a name and a record type (`TXT`, `A`, `AAAA`, `MX`, `PTR`)."""
