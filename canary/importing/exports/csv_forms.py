"""Exports that are tables: each form is recognised by the names of some columns, and says which columns count."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from canary.importing.exports.listed import MAX_CELL, ExportRead, ListedAddress

FORM = "write address,vendor,channel,domains"
OWN_LIST = "list of addresses"
_HEAD = 4096
_MOST_BROKEN = 1000
_PLAIN = ("address", "vendor", "channel", "domains")
_SEPARATOR = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)
"""The first line of a table that Excel wrote, or is to read, with a separator of its own."""

Columns = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class TableForm:
    r"""A kind of table: the columns that only it has, and what it calls those that count, the best name first.

    `passwords` means that it is the export of a password manager; `escaped` that quotes are written as `\"`.
    """

    name: str
    needs: frozenset[str]
    columns: Columns
    passwords: bool = False
    escaped: bool = field(default=False, kw_only=True)


_ANY: Columns = {
    "address": ("address", "alias", "email", "e-mail", "email address", "alias email", "full address", "masked email",
                "mail", "adresse", "from", "custom address"),
    "vendor": ("vendor", "description", "note", "notes", "label", "labels", "comment", "website", "site", "used on",
               "title", "name"),
    "channel": ("channel",),
    "domains": ("domains", "vendor domains"),
    "issued": ("issued", "created", "created at", "createdat", "creation date", "date created", "date"),
}  # fmt: skip
_LOGIN: Columns = {
    "address": ("username", "login", "user name", "login name", "login username", "email"),
    "vendor": ("title", "name", "account"),
    "site": ("url", "urls", "website", "web site", "login uri"),
    "issued": ("created", "timecreated", "createtime"),
}
TABLES: tuple[TableForm, ...] = (
    TableForm("Bitwarden (CSV)", frozenset({"login uri", "login username"}),
              {"address": ("login username",), "vendor": ("name",), "site": ("login uri",)}, passwords=True),
    TableForm("KeePass (CSV)", frozenset({"account", "login name", "web site"}), _LOGIN, passwords=True, escaped=True),
    TableForm("KeePassXC (CSV)", frozenset({"group", "title", "username", "url"}), _LOGIN, passwords=True),
    TableForm("1Password (CSV)", frozenset({"title", "username", "otpauth"}), _LOGIN, passwords=True),
    TableForm("password manager (CSV)", frozenset({"password"}), _LOGIN, passwords=True),
    TableForm("addy.io (CSV)", frozenset({"email", "local part", "description"}),
              {"address": ("email",), "vendor": ("description",), "issued": ("created at",)}),
    TableForm("SimpleLogin (CSV)", frozenset({"alias", "note", "enabled"}),
              {"address": ("alias",), "vendor": ("note",)}),
    TableForm("Fastmail (CSV)", frozenset({"email", "fordomain"}),
              {"address": ("email",), "vendor": ("description",), "site": ("fordomain",), "issued": ("createdat",)}),
    TableForm("Firefox Relay (CSV)", frozenset({"full address"}),
              {"address": ("full address",), "vendor": ("description",), "site": ("generated for", "used on"),
               "issued": ("created at",)}),
    TableForm("Cloudflare Email Routing (CSV)", frozenset({"custom address"}),
              {"address": ("custom address",), "vendor": ("name", "description")}),
    TableForm("ImprovMX (CSV)", frozenset({"alias", "forward"}), {"address": ("alias",), "vendor": ("description",)}),
    TableForm(OWN_LIST, frozenset(), _ANY),
)  # fmt: skip
"""The first whose columns are all there reads the file. Sources: the exports of simple-login/app (`export.py`), anonaddy
(`AliasesExport.php`), fx-private-relay (`aliases.ts`), bitwarden/clients, KeePass 1.x and KeePassXC."""


def read_table(text: str) -> ExportRead:
    """Read a table, whatever separates its columns; without a header they have the order of the owner's own list."""
    separator = _SEPARATOR.match(text)
    body = text[separator.end() :] if separator else text
    skipped = 1 if separator else 0
    first = body[:_HEAD].lstrip("\r\n").partition("\n")[0]
    delimiter = separator[1] if separator else max(",;\t", key=first.count)
    heading = [_column(cell) for cell in next(csv.reader([first], delimiter=delimiter), [])]
    form = _form(first, heading)
    if form is None:
        places = {name: at for at, name in enumerate(_PLAIN)}
        return ExportRead(OWN_LIST, _entries(_rows(body, delimiter, skipped), places, TABLES[-1], width=len(_PLAIN)))
    rows = _rows(body, delimiter, skipped, escaped=form.escaped)
    next(rows, None)
    return ExportRead(form.name, _entries(rows, _places(form, heading), form), form.passwords)


def _form(first: str, heading: Sequence[str]) -> TableForm | None:
    """Return the form of a table by its heading, None for a list that has none."""
    if "@" in first or not heading:
        return None
    form = next(form for form in TABLES if form.needs.issubset(heading))
    return form if set(form.columns["address"]) & set(heading) else None


def _places(form: TableForm, heading: Sequence[str]) -> Mapping[str, int]:
    found = {
        column: next((heading.index(name) for name in names if name in heading), -1)
        for column, names in form.columns.items()
    }
    return {column: at for column, at in found.items() if at >= 0}


def _rows(text: str, delimiter: str, skipped: int, *, escaped: bool = False) -> Iterator[tuple[int, list[str] | None]]:
    """Yield each row with the line it begins in; None stands for one that is no row of a table."""
    how = {"escapechar": "\\", "doublequote": False} if escaped else {}
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, **how)  # type: ignore[arg-type]
    broken = 0
    while broken < _MOST_BROKEN:
        line = rows.line_num + 1 + skipped
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error:
            broken += 1
            yield line, None
            continue
        if any(cell.strip() for cell in row):
            yield line, row


def _entries(
    rows: Iterator[tuple[int, list[str] | None]], places: Mapping[str, int], form: TableForm, width: int = 0
) -> Iterator[ListedAddress]:
    for line, row in rows:
        place = f"line {line}"
        if row is None:
            yield ListedAddress(place, fault="is no row of a table: look for a quote that does not end")
            continue
        cell = {name: row[at][:MAX_CELL].strip() if at < len(row) else "" for name, at in places.items()}
        more = width and len(row) > width
        sites = tuple(cell.pop("site", "").split(",")) if form.passwords else (cell.pop("site", ""),)
        fault = f"has more than vendor, channel and domains after its address: {FORM}" if more else ""
        yield ListedAddress(place, **cell, sites=tuple(filter(None, sites)), fault=fault)


def _column(cell: str) -> str:
    return re.sub(r"[\s_]+", " ", cell[:100]).strip().lower()
