"""What a reader of exports returns: the address of each entry and what the file says of it, and nothing else of the file."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

MAX_CELL = 2000
MAX_SITES = 5


class UnreadableExport(ValueError):
    """A file that no reader can make sense of; the message says what it is and the cure, and quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class ListedAddress:
    """An address as a file has it, where it stands there, and to whom it was given in the file's own words.

    `sites` are web addresses or names of hosts, `issued` is a date in any form, `fault` says why the entry cannot be
    read. All is cut to `MAX_CELL` characters.
    """

    place: str
    address: str = ""
    vendor: str = ""
    channel: str = ""
    domains: str = ""
    issued: str = ""
    sites: tuple[str, ...] = ()
    fault: str = field(default="", kw_only=True)


@dataclass(frozen=True, slots=True)
class ExportRead:
    """A file as its reader understood it: what form it has, and its entries, which may be read once.

    The entries of a `vault` are accounts of all kinds: an entry without an address of the owner's is no fault there, and
    nothing of an entry is ever repeated, as a damaged file may have a password where a name should be.
    """

    form: str
    entries: Iterator[ListedAddress]
    vault: bool = False


Reader = Callable[[str], "ExportRead | None"]
"""Read the text of a file, or return None where it has another form; raises UnreadableExport."""


def text_of(value: object) -> str:
    """Return a value of an export as a short text, empty for anything that is none."""
    if isinstance(value, str):
        return value[:MAX_CELL].strip()
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""
