"""How decoys look: like the issued addresses around them, so that nothing gives one away."""

import re
from collections.abc import Callable, Iterator
from enum import StrEnum
from itertools import pairwise

from canary.judge.guess import RANDOM_BITS
from canary.judge.localpart import shape_of
from canary.model.address import GIVEN_NAMES, Draw, make_persona
from canary.model.attempt import LocalShape

_PIECE = re.compile(r"[a-z]+|[0-9]+|[^a-z0-9]+")
_YEAR = re.compile(r"(?:19|20)[0-9][0-9]")
_LETTERS = "abcdefghijkmnpqrstuvwxyz"
_ENDINGS = ("news", "shop", "mail", "orders", "account", "info", "store", "club", "online", "order", "web", "list")


class DecoyKind(StrEnum):
    """What a decoy is for: nobody guesses a random one, and anyone who guesses finds a guessable one."""

    RANDOM = "random"
    GUESSABLE = "guessable"


def kind_of(bits: float) -> DecoyKind:
    """Return the kind of an address of so many bits."""
    return DecoyKind.RANDOM if bits >= RANDOM_BITS else DecoyKind.GUESSABLE


def locals_like(local: str, owner: str, name: str, draw: Draw, *, longer: bool = False) -> Iterator[str]:
    """Yield local parts in the form of one that was chosen by hand for a vendor, as if chosen for the vendor `name`."""
    ending = ("", "-", ".")[draw(3)] + _ENDINGS[draw(len(_ENDINGS))] if longer else ""
    for _ in range(3):
        yield _like(local, owner, name, draw) + ending


def person(draw: Draw) -> str:
    """Return a local part that guessers of names try: a given name, alone, with a year of birth or a family name."""
    given, family = GIVEN_NAMES[draw(len(GIVEN_NAMES))], make_persona(draw).family_name.lower()
    return (given, f"{given}{60 + draw(40)}", f"{given}.{family}", f"{given[0]}.{family}")[draw(4)]


def _like(local: str, owner: str, name: str, draw: Draw) -> str:
    """Replace one name by the other, and draw again what differs between addresses: numbers, names, drawn letters."""
    hints = [(old, new) for old, new in zip(_hints(owner), _hints(name), strict=True) if old]
    old, new = next((pair for pair in hints if pair[0] in local), ("", ""))
    if not old:
        return _redrawn(local, draw, _name_for)
    before, _, after = local.partition(old)
    return f"{_redrawn(before, draw, _kept)}{new}{_redrawn(after, draw, _kept)}"


def _hints(name: str) -> tuple[str, str]:
    """Return how addresses contain a name, the most specific first: all of it, or its first word."""
    words = re.findall(r"[a-z0-9]+", name.lower()) or ["box"]
    return "".join(words), words[0]


def _redrawn(text: str, draw: Draw, worded: Callable[[str, Draw], str]) -> str:
    pieces = _PIECE.findall(text)
    drawn = {n for n, (a, b) in enumerate(pairwise(pieces)) if _is_mixed(a, b)}
    mixed = drawn | {n + 1 for n in drawn}
    return "".join(
        _scramble(piece, draw) if n in mixed or _is_drawn(piece) else _other(piece, draw, worded)
        for n, piece in enumerate(pieces)
    )


def _is_mixed(a: str, b: str) -> bool:
    """Whether digits come before letters, as they do in random tags; a number after a word is just a number."""
    return a.isdigit() and b.isalpha()


def _is_drawn(piece: str) -> bool:
    return piece.isalpha() and shape_of(piece) is LocalShape.RANDOM


def _other(piece: str, draw: Draw, worded: Callable[[str, Draw], str]) -> str:
    if _YEAR.fullmatch(piece):
        return f"{int(piece[:2]):02d}{(int(piece[2:]) + draw(9) - 4) % 100:02d}"
    if piece.isdigit():
        return _scramble(piece, draw)
    return worded(piece, draw) if piece.isalpha() else piece


def _scramble(piece: str, draw: Draw) -> str:
    return "".join(str(draw(10)) if c.isdigit() else _LETTERS[draw(len(_LETTERS))] if c.isalpha() else c for c in piece)


def _kept(piece: str, draw: Draw) -> str:  # noqa: ARG001 - of the same make as the other
    return piece


def _name_for(piece: str, draw: Draw) -> str:
    """Return another name of the same kind; what is neither given name nor initial counts as a family name."""
    if len(piece) <= 2:
        return _scramble(piece, draw)
    if piece in GIVEN_NAMES:
        return GIVEN_NAMES[draw(len(GIVEN_NAMES))]
    return make_persona(draw).family_name.lower()
