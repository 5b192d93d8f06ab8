"""How domain names stand to each other, by their labels alone; they are compared as they are, so in lower case."""

from collections.abc import Iterator, Mapping
from typing import TypeVar

MAX_LABELS = 10
"""Names with more labels are not told apart: no registry has one, and a name may have been written to be long."""

Held = TypeVar("Held")


def parents(name: str) -> Iterator[str]:
    """Yield a domain and those above it, but the top-level one."""
    labels = name.split(".")[-MAX_LABELS:]
    return (".".join(labels[at:]) for at in range(len(labels) - 1))


def nearest(name: str, held: Mapping[str, Held]) -> Held | None:
    """Return what is held for a domain, or for the nearest one above it."""
    return next((held[each] for each in parents(name) if each in held), None)


def is_within(name: str, domain: str) -> bool:
    """Whether a name is a domain, or below it; nothing is within an empty one."""
    return domain != "" and f".{name}".endswith(f".{domain}")
