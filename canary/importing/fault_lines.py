"""What is wrong with a file, line by line: one mistake that many lines share is said once."""

import re
from collections.abc import Callable, Iterable

_PLACE = re.compile(r"^(.*?(?:line |entry |vendor\.|supplier\.))(\d+)((?:: |\.).*)$", re.DOTALL)
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_NAMED = 5


def said_once(faults: Iterable[str]) -> list[str]:
    """Return faults in their order; what is the same but for the value is one, with the lines that it concerns."""
    return _joined(faults, lambda text: _QUOTED.sub("'…'", text))


def _joined(faults: Iterable[str], kind: Callable[[str], str]) -> list[str]:
    found: dict[tuple[str, str], tuple[str, list[str]]] = {}
    for fault in faults:
        at = _PLACE.match(fault)
        place, number, text = at.groups() if at else (fault, "", "")
        found.setdefault((place, kind(text)), (fault, []))[1].append(number)
    return [f"{fault}{_others(numbers[1:])}" for fault, numbers in found.values()]


def shortened(faults: Iterable[str], most: int = 20) -> list[str]:
    """Return at most so many faults: one that many lines share is one; where they are many, values make no difference."""
    every = [*faults]
    found = _joined(every, lambda text: text)
    if len(found) > most:
        found = said_once(every)
    return [*found[:most], *([f"and {len(found) - most:,} more"] if len(found) > most else [])]


def _others(numbers: list[str]) -> str:
    if not numbers:
        return ""
    more = f" and {len(numbers) - _NAMED:,} more" if len(numbers) > _NAMED else ""
    return f" (the same in {', '.join(numbers[:_NAMED])}{more})"
