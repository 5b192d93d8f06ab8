"""A list of addresses that were given away: the owner's own map of vendors, or what an alias service exports."""

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from canary.judge.adoption_rules import MapRow
from canary.judge.organisation import is_domain, normal, organisation

MAX_FILE = 10 << 20
MAX_ROWS = 200_000
MAX_CELL = 2000
MAX_NAME = 100
MAX_DOMAINS = 20
FORM = "write address,vendor,channel,domains"

_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "address": ("address", "alias", "email", "e-mail", "email address", "alias email", "full address", "mail", "adresse", "from"),
    "vendor": ("vendor", "description", "note", "notes", "label", "labels", "comment", "website", "site", "used on", "title", "name"),
    "channel": ("channel",),
    "domains": ("domains", "vendor domains"),
    "issued": ("issued", "created", "created at", "creation date", "date created", "date"),
}  # fmt: skip
"""What alias services call the columns that count, the best first; a list without any has them in this order."""

_PLAIN = ("address", "vendor", "channel", "domains")
_BESIDE = re.compile(r"(?i)[\s,:;-]+(?:account|alias|e-?mails?|konto|log-?in|mailing list|newsletter|sign-?up)$")


@dataclass(frozen=True, slots=True)
class AliasList:
    """What the owner says of each address; `faults` are the rows that cannot be used."""

    told: Mapping[str, MapRow]
    faults: tuple[str, ...] = ()


def read_list(path: Path, never: Callable[[str, str], bool]) -> AliasList:
    """Read rows of addresses and vendors, columns by their header; raises OSError and ValueError for any other file.

    `never` says of a domain whether it can be no vendor's at an address of another domain. A row without a vendor has
    an empty one.
    """
    if path.stat().st_size > MAX_FILE:
        raise ValueError(f"{path}: more than {MAX_FILE >> 20} MB: name a CSV file of address,vendor,channel,domains")
    told, faults = dict[str, MapRow](), list[str]()
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        first = file.readline(MAX_CELL)
        file.seek(0)
        rows = csv.reader(file, delimiter=max(",;\t", key=first.count))
        columns: Mapping[str, int] | None = None
        for row in _rows(rows, path, faults):
            if columns is None:
                columns, is_header = _columns(row)
                if is_header:
                    continue
            if len(told) >= MAX_ROWS:
                faults.append(f"{path}, line {rows.line_num}: more than {MAX_ROWS:,} addresses: split the file")
                break
            read = _read(row, columns, never)
            if isinstance(read, str):
                faults.append(f"{path}, line {rows.line_num}: {read}")
            else:
                told[row[columns["address"]].strip().lower()] = read
    return AliasList(told, tuple(faults))


def _rows(rows: Iterator[list[str]], path: Path, faults: list[str]) -> Iterator[list[str]]:
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as fault:
            faults.append(f"{path}: {fault}: {FORM}")
            return
        if any(cell.strip() for cell in row):
            yield row


def _columns(row: Sequence[str]) -> tuple[Mapping[str, int], bool]:
    """Return where each column is, and whether the row is a header."""
    names = [re.sub(r"[\s_]+", " ", cell).strip().lower() for cell in row]
    if "@" in "".join(row) or not set(_COLUMNS["address"]) & set(names):
        return {name: at for at, name in enumerate(_PLAIN)}, False
    places = {
        column: next((names.index(name) for name in spellings if name in names), -1)
        for column, spellings in _COLUMNS.items()
    }
    return {column: at for column, at in places.items() if at >= 0}, True


def _read(row: Sequence[str], columns: Mapping[str, int], never: Callable[[str, str], bool]) -> MapRow | str:
    """Return what a row says, or what is wrong with it."""
    cell = {name: row[at].strip() if at < len(row) else "" for name, at in columns.items()}
    address = cell["address"].lower()
    local, at, home = address.rpartition("@")
    if not (at and local and is_domain(home)) or len(address) > 320 or any(c.isspace() for c in address):
        return f"{address[:60]!r} is not an address: {FORM}"
    if columns == dict(zip(_PLAIN, range(len(_PLAIN)), strict=True)) and len(row) > len(_PLAIN):
        return f"{address[:60]!r} is followed by more than vendor, channel and domains: {FORM}"
    vendor, channel = _vendor(cell.get("vendor", "")), cell.get("channel", "")
    if not (vendor.isprintable() and channel.isprintable()) or len(channel) > MAX_NAME:
        return f"{address[:60]!r} has a vendor or channel of characters that are no text: {FORM}"
    domains = tuple(dict.fromkeys(map(normal, cell.get("domains", "")[:MAX_CELL].split())))
    fault = _domain_fault(domains, home, never)
    if fault:
        return f"{address[:60]!r}: {fault}"
    if not domains and is_domain(vendor) and organisation(vendor) == normal(vendor) and not never(vendor, home):
        domains = (normal(vendor),)
    return MapRow(vendor, channel or "signup", domains, _day(cell.get("issued", "")))


def _vendor(note: str) -> str:
    """Return the vendor that a note names: its first line, without what people add to names of vendors."""
    line = next((line.strip() for line in note[:MAX_CELL].splitlines() if line.strip()), "")
    return (_BESIDE.sub("", line) or line)[:MAX_NAME].strip()


def _domain_fault(domains: Sequence[str], home: str, never: Callable[[str, str], bool]) -> str:
    if len(domains) > MAX_DOMAINS:
        return f"{len(domains)} domains: name the {MAX_DOMAINS} it writes from most"
    bad = next((domain for domain in domains if not is_domain(domain)), None)
    if bad is not None:
        return f"{bad[:60]!r} is not a domain: write such as shop.example, with blanks between several"
    theirs = next((domain for domain in domains if never(domain, home)), "")
    cure = "your own, a mailbox provider's, a forwarder's or a platform's, and so never a vendor's: leave it out"
    return f"{theirs[:60]} is {cure}" if theirs else ""


def _day(text: str) -> datetime | None:
    """Read when an address was made; a date that is none, or a number of seconds, is left out."""
    try:
        at = datetime.fromisoformat(text.strip()[:40])
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
