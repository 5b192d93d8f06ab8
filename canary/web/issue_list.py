"""A pasted list that asks for addresses: each line is checked, and all that is wrong is named before any is issued."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlmodel import Session

from canary.importing.fault_lines import shortened
from canary.model.canary import Style
from canary.store.queries import vendors
from canary.store.queries.vendors import did_you_mean, slug
from canary.web.issue_forms import COLUMNS, MOST, IssueRefused, IssueRequest, wish

_DEFAULTS = ("", "signup", "1", Style.TAGGED.value)
_COMPARED = 20
"""So many unknown names are compared with those of all vendors."""


class IssueListRefused(IssueRefused):
    """A list that issues nothing, with a line for each mistake."""

    def __init__(self, faults: list[str]) -> None:
        """Keep what is wrong, a mistake that many lines share once."""
        super().__init__("Nothing was issued: mend these lines, and send the list again.")
        self.lines = shortened(faults)


@dataclass(slots=True)
class IssueList:
    """What a list asks for, by the number of the line, and what is wrong with other lines."""

    wishes: dict[int, IssueRequest] = field(default_factory=dict)
    faults: dict[int, str] = field(default_factory=dict)


def read_wishes(session: Session, text: str) -> list[IssueRequest]:
    """Read requests from lines of a table: vendor, channel, count, style; raises IssueRefused for what cannot be met.

    Cells are separated as spreadsheets and people do it, by commas, semicolons or tabs.
    """
    found = read_lines(text)
    if not found.wishes and not found.faults:
        raise IssueRefused("The list is empty: write one line for each vendor, such as `Bike Parts,newsletter,2`.")
    if len(found.wishes) + len(found.faults) > MOST or sum(one.count for one in found.wishes.values()) > MOST:
        raise IssueRefused(f"The list asks for more than {MOST:,} addresses: send it in parts.")
    faults = found.faults | _strange_vendors(session, found)
    if faults:
        raise IssueListRefused([f"line {number}: {faults[number]}" for number in sorted(faults)])
    return [*found.wishes.values()]


def read_lines(text: str) -> IssueList:
    """Read the lines of a list, each by itself: a quote that does not end spoils no other line."""
    found = IssueList()
    separator = max(",;\t", key=text.count)
    for number, line in enumerate(text.splitlines(), 1):
        if len(found.wishes) + len(found.faults) > MOST:
            break
        try:
            cells = [cell.strip() for row in csv.reader([line], delimiter=separator, strict=True) for cell in row]
            if any(cells) and tuple(cell.lower() for cell in cells[:2]) != COLUMNS[:2]:
                found.wishes[number] = _read(cells)
        except csv.Error as fault:
            found.faults[number] = f"{fault}: look for a quote that does not end"
        except IssueRefused as fault:
            found.faults[number] = f"{fault}"
    return found


def _read(cells: list[str]) -> IssueRequest:
    while cells and not cells[-1]:
        cells.pop()
    if len(cells) > len(COLUMNS):
        raise IssueRefused(
            f"more than {len(COLUMNS)} cells: write {', '.join(COLUMNS)}; quote names with separators in them."
        )
    filled = [cell or default for cell, default in zip([*cells, "", "", ""], _DEFAULTS, strict=False)]
    return wish(*filled[: len(COLUMNS)])


def _strange_vendors(session: Session, found: IssueList) -> dict[int, str]:
    """Return the lines whose vendor is not there, with the one that may have been meant."""
    names = vendors.vendor_names(session)
    there = {*names, *map(slug, names.values())}
    strange = {number: one.vendor for number, one in found.wishes.items() if slug(one.vendor) not in there}
    meant = dict(_meant(list(dict.fromkeys(strange.values())), [*names, *names.values()]))
    cure = "add it above with its domain, or by `canary vendor import`"
    return {number: f"Vendor {name!r} is not known: {meant.get(name) or cure}" for number, name in strange.items()}


def _meant(strange: list[str], known: list[str]) -> Iterator[tuple[str, str]]:
    for name in strange[:_COMPARED]:
        yield name, did_you_mean(name, known)
