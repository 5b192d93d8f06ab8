"""Vendors and suppliers as a file, TOML or a table, read into checked entries; all its faults are reported at once."""

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from canary.cli.context import CliError
from canary.importing.fault_lines import said_once
from canary.importing.vendor_table import SUPPLIER_COLUMNS, VENDOR_COLUMNS, TableRead, TableRow, is_table, read_rows
from canary.judge.organisation import is_domain, normal
from canary.store.queries.vendors import did_you_mean, slug


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SupplierEntry(_Entry):
    """A supplier of a vendor in the file."""

    name: str = Field(min_length=1, max_length=200)
    channel: str | None = Field(default=None, max_length=100)
    account: str = Field(default="", max_length=100)
    since: date | None = None
    until: date | None = None


class VendorEntry(_Entry):
    """A vendor in the file."""

    name: str = Field(min_length=1, max_length=200)
    domains: tuple[str, ...] = ()
    brands: tuple[Annotated[str, Field(min_length=2, max_length=100)], ...] = Field(default=(), max_length=20)
    tags: tuple[str, ...] = Field(default=(), max_length=50)
    suppliers: tuple[SupplierEntry, ...] = ()
    contract_ends: date | None = None
    erasure_requested: date | None = None
    unsubscribed: date | None = None
    grace_days: int | None = Field(default=None, ge=0, le=3650)
    publishes: bool | None = Field(default=None, strict=True)

    @field_validator("domains")
    @classmethod
    def _are_domains(cls, domains: tuple[str, ...]) -> tuple[str, ...]:
        bad = [d for d in domains if not is_domain(d)]
        if bad:
            raise ValueError(f"{bad[0]!r} is not a domain; write one such as shop.example")
        return tuple(normal(d) for d in domains)


class DeclaredSupplier(_Entry):
    """A supplier in the file, with the domains that prove it."""

    name: str = Field(min_length=1, max_length=200)
    domains: tuple[str, ...] = Field(min_length=1)


class VendorFile(_Entry):
    """The whole file."""

    vendor: tuple[VendorEntry, ...] = ()
    supplier: tuple[DeclaredSupplier, ...] = ()


def read_file(path: Path) -> tuple[VendorEntry, ...]:
    """Read the vendors of a file; raises CliError with a line for each fault, one that many entries share said once."""
    octets = _octets(path)
    if is_table(octets):
        return tuple(_from_table(path, read_rows(octets, VENDOR_COLUMNS), _vendor_of))
    return _from_toml(path, octets).vendor


def read_suppliers(path: Path) -> tuple[DeclaredSupplier, ...]:
    """Read the suppliers of a file; raises CliError with a line for each fault."""
    octets = _octets(path)
    if is_table(octets):
        return tuple(_from_table(path, read_rows(octets, SUPPLIER_COLUMNS), _supplier_of))
    return _from_toml(path, octets).supplier


def _octets(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as fault:
        raise CliError(f"{path}: {fault.strerror}: name a file of vendors", 2) from None


def _from_toml(path: Path, octets: bytes) -> VendorFile:
    try:
        return VendorFile(**tomllib.loads(octets.decode()))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
        raise CliError(f"{path}: {fault}: name a TOML file with [[vendor]] entries, or a CSV file", 2) from None
    except ValidationError as fault:
        raise _error(path, (_line(error["loc"], error) for error in fault.errors())) from None


Entry = TypeVar("Entry", bound=_Entry)


def _from_table(path: Path, table: TableRead, entry_of: Callable[[list[TableRow]], Entry]) -> Iterator[Entry]:
    """Make an entry of the rows of each name; raises CliError with all faults."""
    by_name: dict[str, list[TableRow]] = {}
    for row in table.rows:
        by_name.setdefault(row.cells["name"].casefold(), []).append(row)
    entries, faults = list[Entry](), [*table.faults]
    for rows in by_name.values():
        try:
            entries.append(entry_of(rows))
        except ValidationError as fault:
            faults += [f"line {rows[0].line}: {_said(error['loc'], error)}" for error in fault.errors()]
    if faults:
        raise _error(path, faults)
    yield from entries


def _vendor_of(rows: list[TableRow]) -> VendorEntry:
    """Return the vendor of rows with one name: lists are put together, and the first row that says something counts."""
    joined = {name: value for row in reversed(rows) for name, value in row.cells.items()}
    supplies = [
        {"name": row.cells["supplier"], **{name: row.cells[name] for name in _OF_SUPPLY if name in row.cells}} for row in rows
        if "supplier" in row.cells
    ]  # fmt: skip
    facts: dict[str, Any] = {name: joined[name] for name in _SINGLE if name in joined}
    if "publishes" in joined:
        facts["publishes"] = _YES_NO.get(joined["publishes"].lower(), joined["publishes"])
    lists = {"domains": _hosts(rows), "brands": _list(rows, "brands", "|;"), "tags": _list(rows, "tags", " ,;|")}
    return VendorEntry.model_validate({**facts, **lists, "suppliers": tuple(supplies)})


def _supplier_of(rows: list[TableRow]) -> DeclaredSupplier:
    return DeclaredSupplier(name=rows[0].cells["name"], domains=_hosts(rows))


_OF_SUPPLY = ("channel", "account", "since", "until")
_SINGLE = ("name", "contract_ends", "erasure_requested", "unsubscribed", "grace_days")
_YES_NO = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


def _list(rows: list[TableRow], column: str, separators: str) -> tuple[str, ...]:
    cells = (row.cells.get(column, "") for row in rows)
    parts = (part.strip() for cell in cells for part in re.split(f"[{re.escape(separators)}]", cell))
    return tuple(dict.fromkeys(filter(None, parts)))


def _hosts(rows: list[TableRow]) -> tuple[str, ...]:
    """Return domains, of which one may be written as the address of a page."""
    named = _list(rows, "domains", " ,;|")
    return tuple((urlsplit(each).hostname or each).removeprefix("www.") if "//" in each else each for each in named)


def _error(path: Path, faults: Iterable[str]) -> CliError:
    lines = [f"{path}, {fault}" if fault.startswith("line ") else f"{path}: {fault}" for fault in faults]
    return CliError("\n".join(said_once(lines)), 2)


def _line(where: tuple[int | str, ...], error: Any) -> str:
    return _said(tuple(part + 1 if isinstance(part, int) else part for part in where), error)


def _said(where: tuple[int | str, ...], error: Any) -> str:
    place, value, cure = ".".join(map(str, where)), error.get("input"), error["msg"]
    if error["type"] == "extra_forbidden":
        cure = did_you_mean(str(where[-1]), _FIELDS) or f"not known; the names are {', '.join(_FIELDS)}"
    return f"{place} = {str(value)[:60]!r}: {cure}"


_FIELDS = tuple(dict.fromkeys(("vendor", "supplier", *VendorEntry.model_fields, *SupplierEntry.model_fields)))

_COMPARED = 100_000


def resembling(what: str, names: Iterable[str], known: Iterable[str]) -> list[str]:
    """Return for each new name of a kind the question whether one that is known already was meant."""
    there = {slug(name): name for name in known}
    new = sorted(name for name in set(names) if slug(name) not in there)
    # Each is compared with each, which is worth it only for a handful.
    asked = ((name, did_you_mean(name, there.values())) for name in new if len(new) * len(there) <= _COMPARED)
    return [f"{what} {name!r} is new: {question}" for name, question in asked if question]
