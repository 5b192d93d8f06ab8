"""A persona in a mail: the names, the number and the company that only one canary's vendor was given."""

import re
import unicodedata
from collections.abc import Iterable

from canary.mail.text import MAX_TEXT, folded, html_to_text, words
from canary.model.canary import Persona
from canary.model.mail import ParsedMail

FIELDS = ("given name", "family name", "phone", "company", "street", "birthday")
_READ = 100 * 1024
_DIGITS = 9
"""So many last digits of a telephone number are the same however its country and trunk codes are written."""
_NUMBER = re.compile(r"\d(?:[ \t()./\-\u00a0\u2010-\u2015]{0,3}\d){6,24}")

# Given names that are also words: they count only where somebody is addressed.
_WORDS = frozenset(
    """
    alma april basil ben carl clara ella flora frank gloria grace greta iris jack jasper joel leo linda mark marion
    martin mary max mia mona nadia nina nora olga oscar otto paul
    """.split()
)
_GREETING = frozenset(
    """
    hi hello hey dear hallo hej liebe lieber moin tag herr frau bonjour salut cher chere hola querido querida estimado
    estimada ola caro cara ciao beste hoi mr mrs ms miss madame monsieur
    """.split()
)


def _bare() -> dict[int, str | None]:
    """Map Latin letters with marks to the bare letter, and marks to nothing."""
    table: dict[int, str | None] = dict.fromkeys(range(0x300, 0x370))
    for code in (*range(0xC0, 0x250), *range(0x1E00, 0x1F00)):
        letter = unicodedata.normalize("NFKD", chr(code))[0]
        if letter.isascii() and letter.isalpha():
            table[code] = letter
    return table | {ord(letter): plain for letter, plain in zip("øØłŁđĐıþÞðÐ", "oOlLdDitTdD", strict=True)}


_BARE = _bare() | {ord("æ"): "ae", ord("Æ"): "Ae", ord("œ"): "oe", ord("Œ"): "Oe"}


def persona_fields(mail: ParsedMail, persona: Persona | None, address: str = "") -> tuple[str, ...]:
    """Return the fields of the persona that a mail repeats, in whole words whatever their case and accents.

    A name that is part of the address proves nothing, as everybody who has the address has it too.
    """
    if persona is None:
        return ()
    texts = _texts(mail)
    shown = set(_words(address.rpartition("@")[0]))
    given, family, company = (_phrase(n) for n in (persona.given_name, persona.family_name, persona.company))
    whole = "\n".join((*(box.name for box in mail.recipients), *texts))
    # To look for the first word of each name is far cheaper than to take the whole text apart.
    plain = folded((whole if whole.isascii() else whole.translate(_BARE))[:MAX_TEXT])
    said = _phrase(whole) if any(name and name.split()[0] in plain for name in (given, family, company)) else ""
    alone = said.replace(company, "  ") if company else said  # a company with that name does not repeat the name
    found = {
        "given name": _tells(given, shown) and _addressed(mail, alone, given, family),
        "family name": _tells(family, shown) and family in alone,
        "phone": _rings(texts, persona.phone),
        "company": bool(company) and company in said,
        "street": _lives_at(texts, persona.street),
        "birthday": any(day in text for day in _days(persona.birthday) for text in texts),
    }
    return tuple(name for name in FIELDS if found[name])


def _lives_at(texts: Iterable[str], street: str) -> bool:
    """Whether a street is named with its number, which is what tells it from others of the name."""
    parts = r"\W{1,3}".join(map(re.escape, street.translate(_BARE).casefold().split()))
    return bool(parts) and any(re.search(rf"(?<!\w){parts}(?!\w)", text.translate(_BARE).casefold()) for text in texts)


def _days(birthday: str) -> tuple[str, ...]:
    """Return a day in the forms in which it is written in figures."""
    if not birthday:
        return ()
    year, month, day = birthday.split("-")
    return (
        birthday,
        f"{day}.{month}.{year}",
        f"{day}/{month}/{year}",
        f"{month}/{day}/{year}",
        f"{int(day)}.{int(month)}.{year}",
    )


def _texts(mail: ParsedMail) -> tuple[str, ...]:
    shown = html_to_text(mail.html)[0] if mail.html else ""
    return mail.subject, mail.text[:_READ], "" if shown == mail.text else shown[:_READ]


def _words(text: str) -> list[str]:
    return words(text if text.isascii() else text.translate(_BARE))


def _phrase(name: str) -> str:
    found = " ".join(_words(name))
    return f" {found} " if found else ""


def _tells(name: str, shown: set[str]) -> bool:
    return bool(name) and not shown.issuperset(name.split())


def _addressed(mail: ParsedMail, said: str, given: str, family: str) -> bool:
    """Whether a given name is used for the addressee: the sender may have it too, and some names are words."""
    if given not in said:
        return False
    name = given.strip()
    if name not in _WORDS and name not in _words(mail.sender.name):
        return True
    boxes = [f" {' '.join(_words(box.name))} " for box in mail.recipients]
    if (family and given.rstrip() + family in said) or any(given in box for box in boxes):
        return True
    before = {said[max(0, at - 40) : at].rpartition(" ")[2] for at in _places(said, given)}
    return not before.isdisjoint(_GREETING) or " ".join(_words(mail.subject[:100].partition(",")[0])) == name


def _places(said: str, phrase: str) -> Iterable[int]:
    at, left = said.find(phrase), 1000
    while at >= 0 and left:
        yield at
        at, left = said.find(phrase, at + 1), left - 1


def _rings(texts: Iterable[str], phone: str) -> bool:
    wanted = _only_digits(phone)[-_DIGITS:]
    if len(wanted) < _DIGITS:
        return False
    return any(wanted in _only_digits(found.group()) for text in texts for found in _NUMBER.finditer(text))


def _only_digits(text: str) -> str:
    if text.isascii():
        return "".join(filter(str.isdecimal, text))
    return "".join(str(unicodedata.digit(letter, "")) for letter in text if letter.isdecimal())
