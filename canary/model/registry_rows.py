"""Rows of the registries that ship as TOML files, checked and merged with the owner's own; all faults are said at once."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ValueReader = Callable[[object], object]


class RegistryError(ValueError):
    """A registry has faults; `faults` names file, row, key, value and cure of each."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class RegistryFile:
    """A parsed TOML file and what messages call it."""

    name: str
    data: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class RowForm:
    """What the rows of a table hold: how each key is read, which keys every row needs, and of which it needs one."""

    keys: Mapping[str, ValueReader]
    required: tuple[str, ...]
    proofs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RegistryRow:
    """One row as it was read, and the place it has in messages: its file, its table and its name."""

    label: str
    file: str
    values: Mapping[str, Any]

    @property
    def slug(self) -> str:
        """Its short name; tables whose rows have none give an empty one."""
        return str(self.values.get("slug", ""))


def read_rows(
    files: Sequence[RegistryFile], forms: Mapping[str, RowForm], faults: list[str]
) -> Mapping[str, tuple[RegistryRow, ...]]:
    """Read the tables of all files; a later row with a slug replaces an earlier one, what is wrong goes to `faults`."""
    faults += [
        f"{file.name}: {key}: unknown table; write {' or '.join(f'[[{table}]]' for table in forms)}"
        for file in files
        for key in sorted(file.data.keys() - forms.keys())
    ]
    return {table: _merged([_rows(file, table, form, faults) for file in files]) for table, form in forms.items()}


def repeated(rows: Sequence[RegistryRow], keys: Sequence[str]) -> Iterator[str]:
    """Yield a fault for each value that two rows hold where only one may."""
    for key in keys:
        held = Counter(value for row in rows for value in set(row.values.get(key, ())))
        for value in (value for value, count in held.items() if count > 1):
            holders = [row for row in rows if value in row.values.get(key, ())]
            names = ", ".join(row.slug for row in holders)
            yield f'{holders[-1].label.removesuffix(holders[-1].slug)}{names}: {key} = "{value}": held by several; keep it in one'


def _merged(tables: Sequence[Sequence[RegistryRow]]) -> tuple[RegistryRow, ...]:
    merged: dict[object, RegistryRow] = {}
    for rows in tables:
        merged |= {row.slug or (row.file, at): row for at, row in enumerate(rows)}
    return tuple(merged.values())


def _rows(file: RegistryFile, table: str, form: RowForm, faults: list[str]) -> list[RegistryRow]:
    entries = file.data.get(table, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        faults.append(f"{file.name}: {table}: not a list of tables; write [[{table}]] before each entry")
        return []
    rows = [_row(file, table, form, entry, number, faults) for number, entry in enumerate(entries, 1)]
    slugs = Counter(row.slug for row in rows if row.slug)
    faults += [
        f"{file.name}: {table} {slug}: slug: used by two entries; give each its own"
        for slug, count in slugs.items()
        if count > 1
    ]
    return rows


def _row(
    file: RegistryFile, table: str, form: RowForm, entry: Mapping[str, object], number: int, faults: list[str]
) -> RegistryRow:
    label = f"{file.name}: {table} {entry.get('slug') or entry.get('name') or f'number {number}'}"
    faults += [f"{label}: {key}: missing; every entry needs it" for key in form.required if key not in entry]
    if form.proofs and not entry.keys() & set(form.proofs):
        faults.append(f"{label}: nothing would prove it; write one of {', '.join(sorted(form.proofs))}")
    read = ((key, _value(label, key, value, form, faults)) for key, value in entry.items())
    return RegistryRow(label, file.name, {key: value for key, value in read if value})


def _value(label: str, key: str, value: object, form: RowForm, faults: list[str]) -> object:
    if key not in form.keys:
        faults.append(f"{label}: {key}: unknown key; the keys are {', '.join(form.keys)}")
        return None
    try:
        return form.keys[key](value)
    except (TypeError, ValueError) as error:
        faults.append(f"{label}: {key} = {str(value)[:100]!r}: {error}")
        return None


def read_text(value: object) -> str:
    """Read a text."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("write a text that is not empty")
    return value


def read_slug(value: object) -> str:
    """Read a short name that can stand in an address of the dashboard."""
    slug = read_text(value)
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,40}", slug):
        raise ValueError("write lower-case letters, digits and hyphens")
    return slug


def read_texts(value: object) -> tuple[str, ...]:
    """Read a list of texts."""
    if not isinstance(value, list) or not value:
        raise ValueError("write a list of texts that is not empty")
    return tuple(read_text(item) for item in value)


def read_domains(value: object) -> tuple[str, ...]:
    """Read a list of domains in lower case."""
    domains = read_texts(value)
    for domain in domains:
        if not re.fullmatch(r"(?:[a-z0-9_-]{1,63}\.)+[a-z][a-z0-9-]+", domain):
            raise ValueError(f'"{domain}" is not a domain; write lower case, no "*" and no final dot')
    return domains


def read_headers(value: object) -> tuple[str, ...]:
    """Read a list of header names; they come back in lower case."""
    names = read_texts(value)
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,76}", name):
            raise ValueError(f'"{name}" is not the name of a header; write one such as "X-Original-To"')
    return tuple(name.lower() for name in names)


def read_flag(value: object) -> bool:
    """Read a yes or no."""
    if not isinstance(value, bool):
        raise TypeError("write true or false")
    return value


def read_one_of(choices: Sequence[str]) -> Callable[[object], str]:
    """Return a reader of one word of a closed list."""

    def read(value: object) -> str:
        if value not in choices:
            raise ValueError(f"write one of {', '.join(choices)}")
        return str(value)

    return read
