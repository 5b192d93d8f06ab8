"""Domains that imitate one of the vendor's: letters that look alike, a typing slip, or the name in a foreign domain."""
# ruff: noqa: RUF001 - letters that look alike are what this is about

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from canary.judge.organisation import is_tenant, normal, organisation, same_organisation
from canary.mail.text import words

MAX_LABEL = 63  # RFC 1035 2.3.4
NEAR_LABEL = 6
"""Shorter names have honest neighbours at one letter's distance."""

# Letters of other alphabets, and digits, that look like Latin ones; only the visible likeness counts (UTS 39).
_ALIKE = str.maketrans(
    {
        alike: letter
        for letter, group in {
            "a": "аαɑ4@", "b": "ьв8ßƅ", "c": "сϲ", "d": "ԁɗđ", "e": "еє3", "f": "ƒғ", "g": "ɡց9", "h": "һհнħ",
            "i": "іıιӏ1l|!", "j": "ј", "k": "к", "m": "м", "n": "пηո", "o": "оοσօøö0", "p": "рρþ", "q": "ԛզ", "r": "гɾ",
            "s": "ѕ5$", "t": "тτŧ7", "u": "υս", "v": "ѵν", "w": "ԝωшщ", "x": "хχ", "y": "уүγ", "z": "ᴢ2",
        }.items()
        for alike in group
    }
)  # fmt: skip
_PAIRS = (("rn", "m"), ("vv", "w"), ("cl", "d"))


@dataclass(frozen=True, slots=True)
class Likeness:
    """Which domain of the vendor is imitated, and how, in words; `near` where no honest owner would choose the name."""

    original: str
    how: str
    near: bool


@lru_cache(maxsize=4096)
def lookalike(domain: str, originals: tuple[str, ...], name: str) -> Likeness | None:
    """Return how a domain imitates one of the vendor's, None if it does not or is one of them.

    `name` is what people call the vendor.
    """
    domain = normal(domain)
    if not domain or any(same_organisation(domain, original) for original in originals):
        return None
    found = (_near(domain, original) for original in originals)
    return next(filter(None, found), None) or _named(domain, originals, name)


def skeleton(label: str) -> str:
    """Return a label as a hasty reader sees it: letters that look alike become one."""
    parts = unicodedata.normalize("NFKD", _readable(label)).casefold()
    text = "".join(c for c in parts if not unicodedata.combining(c)).replace("-", "")
    for pair, letter in _PAIRS:
        text = text.replace(pair, letter)
    return text.translate(_ALIKE)


def distance(a: str, b: str) -> int:
    """Count the letters to insert, drop, change or swap with their neighbour to make one text the other."""
    before: list[int] = []
    line = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        above, before, line = before, line, [i]
        for j, y in enumerate(b, 1):
            cost = min(before[j] + 1, line[j - 1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, above[j - 2] + 1)
            line.append(cost)
    return line[-1]


def _near(domain: str, original: str) -> Likeness | None:
    ours, theirs = _label(original), _label(domain)
    if ours.replace("-", "") == theirs.replace("-", ""):
        how = "the same name under another ending" if ours == theirs else "the same name but for a hyphen"
        return Likeness(original, how, near=False)
    if skeleton(ours) == skeleton(theirs) and len(ours) >= 3:
        return Likeness(original, "letters that look alike", near=True)
    slips = distance(ours, theirs) if abs(len(ours) - len(theirs)) <= 2 else 9
    if len(ours) >= NEAR_LABEL and slips <= (2 if len(ours) >= 2 * NEAR_LABEL else 1):
        return Likeness(original, f"{slips} letter{'s' if slips > 1 else ''} off", near=True)
    return None


def _named(domain: str, originals: tuple[str, ...], name: str) -> Likeness | None:
    """Return how a foreign domain contains the vendor's domain or name."""
    # A platform names what it gives to its tenants after them, so such a name is no imitation.
    for original in () if is_tenant(domain) else originals:
        if f".{original}." in f".{domain}." or original.replace(".", "-") in domain:
            return Likeness(original, "the whole domain as a part of another", near=True)
    known = {_label(original): original for original in reversed(originals)}
    known |= {"".join(words(name)): originals[0]} if originals else {}
    parts = {part for label in domain.split(".")[:-1] for part in (*re.split(r"[-_]+", label), label.replace("-", ""))}
    seen = set(map(skeleton, parts))
    found = (part for part in known if len(part) >= 4 and skeleton(part) in seen)
    part = next(found, None)
    return Likeness(known[part], f'the name "{part}" in a foreign domain', near=False) if part else None


_BAITS = tuple(
    "login logon signin secure security verify verification verified unlock account accounts refund prize winner wallet payment billing".split()
)


def bait_in(domain: str, names: Iterable[str]) -> bool:
    """Whether the label of a domain is a name beside a bait: a word that promises safety or money to those who click."""
    label = _label(domain).replace("-", "")
    pieces = [(name, label.replace(name, "", 1)) for name in names if len(name) >= 4 and name in label]
    return any(rest.startswith(_BAITS) or rest.endswith(_BAITS) for _, rest in pieces)


def _label(domain: str) -> str:
    """Return the one label of a domain that people choose and read."""
    return organisation(domain).partition(".")[0][:MAX_LABEL]


def _readable(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return label.encode("ascii").decode("idna")
    except UnicodeError:
        return label


def imitated(domains: Iterable[str], originals: tuple[str, ...], name: str) -> tuple[str, Likeness] | None:
    """Return the first of some domains that imitates the vendor, with how."""
    found = ((domain, lookalike(domain, originals, name)) for domain in domains)
    return next(((domain, like) for domain, like in found if like), None)
