"""What a local part looks like, by its letters alone, so that guesses can be counted by kind without storing any."""

import re

from canary.model.address import GIVEN_NAMES
from canary.model.attempt import LocalShape

MAX_LOCAL = 64  # RFC 5321 4.5.3.1.1

SPACE_BITS: dict[LocalShape, float] = {
    LocalShape.ROLE: 5,
    LocalShape.WORD: 14,
    LocalShape.NAME: 17,
    LocalShape.NUMBERED: 22,
    LocalShape.RANDOM: 40,
}
"""How many local parts of a kind guessers try, in bits: the lists of names and words that such attempts go through."""

_ROLES = frozenset(
    """
    abuse accounting accounts admin administrator billing bookings careers contact customerservice enquiries feedback
    finance ftp hello help helpdesk hostmaster hr info it jobs kontakt mail mailer marketing media me news newsletter
    noc noreply office orders postmaster press privacy purchasing root sales security service shop smtp spam support
    sysadmin team test user web webmaster welcome www
    """.split()
)
_VOWELS = frozenset("aeiouy")
_HARSH = re.compile(r"[bcdfghjklmnpqrstvwxz]{5}")
_PARTS = re.compile(r"[._-]+")


def shape_of(local: str) -> LocalShape:
    """Return the kind of a local part; what follows a plus sign counts, as that is what has to be guessed."""
    text = local[:MAX_LOCAL].lower()
    letters, number = _split(text.partition("+")[2] or text)
    parts = [part for part in _PARTS.split(letters) if part]
    if not parts or len(number) > 4 or not all(_is_said(part) for part in parts):
        return LocalShape.RANDOM
    if number:
        return LocalShape.NUMBERED
    if letters in _ROLES:
        return LocalShape.ROLE
    return LocalShape.NAME if _is_name(parts) else LocalShape.WORD if len(parts) < 3 else LocalShape.RANDOM


def bits_of(local: str) -> float:
    """Estimate how hard a local part is to guess that was not drawn at random: one of its kind, all equally likely."""
    return SPACE_BITS[shape_of(local)]


def _split(text: str) -> tuple[str, str]:
    letters = text.rstrip("0123456789")
    return letters.rstrip("._-"), text[len(letters) :]


def _is_said(part: str) -> bool:
    """Whether letters could be a word: some vowels, no long run of consonants; one or two letters are initials."""
    if not part.isalpha() or len(part) > 20:
        return False
    return len(part) <= 2 or (5 * sum(c in _VOWELS for c in part) >= len(part) and not _HARSH.search(part))


def _is_name(parts: list[str]) -> bool:
    first = parts[0]
    if len(parts) == 1:
        return first in GIVEN_NAMES
    return len(parts) <= 3 and (first in GIVEN_NAMES or len(first) == 1 or (len(parts) == 2 and len(parts[1]) > 2))
