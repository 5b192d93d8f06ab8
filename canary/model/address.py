"""How addresses and personas are made: one function per style, with the randomness as an argument."""

import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from canary.model.canary import Persona, Style
from canary.model.postal_address import PersonaPart, make_birthday, make_postal_address

Draw = Callable[[int], int]
"""Return a uniform number in [0, n); `secrets.randbelow` in production."""

_SYMBOLS = "abcdefghijkmnpqrstuvwxyz23456789"  # 32 symbols without l, o, 0 and 1, which people misread
_TAG_LENGTH = 13
GIVEN_NAMES = """
    ada adele agnes alan albert alice alma amelia andrea andrew anita anna anton april arthur astrid barbara basil beatrice
    ben bernard bettina bruno camilla carl carla caroline cecilia charles clara claire conrad cora daniel david dennis diana
    dora edgar edith edwin elena elias elisa ella emil emily emma eric ernest esther eva evelyn felix fiona flora frank
    frederic gabriel george gerald gloria grace greta hannah harold harriet heidi helen henry hugo ida ingrid irene iris
    isabel ivan jack jacob jane jasper joan joel johanna jonas julia julian karen karl kate klara laura lena leo leonard
    lewis lina linda louis louise lucas lucy lydia magda marcus margaret maria marion mark martha martin mary max mia
    michael mona nadia nancy nina nora oliver olga oscar otto paul
""".split()
_START = """
    al ar bal bar ber bor bran bren bur cal car cas col cor dal dan del den dor dun el fal far fen fer gal gar gil gor hal
    han har hel hol hor kel ker kir lan lar lin lor mal mar mel mer mor nel nor or pal par pel per ral ram ran ros sal san
    sel sor tal tan tor val ver wal wil
""".split()
_MIDDLE = """
    a an ba be da de den der di do e en er ga ge i in ing ke la le li lo ma me mi na ne ri ro sen ta
""".split()
_BRITISH = """
    bach berg born bridge bury dale den fell field ford gate ham hurst land ley low man mann mere more sen son stad stone ton
    vale wall well wick win wood worth
""".split()


_GERMAN = """
    auer bach bauer berg brand burg eck feld haupt hofer horn huber inger kamp lein mann meier rath reuter stein thal trup
    wald winkel
""".split()
_FRENCH = """
    ac ain ard aud beau bert champ chon court diere eau eron et euil ier igny land let lier mont nac not oux quin rac ron
    ton val vert ville
""".split()


class Locale(StrEnum):
    """The language a persona's names come from, and the country of its telephone number."""

    EN = "en"
    DE = "de"
    FR = "fr"


@dataclass(frozen=True, slots=True)
class _Custom:
    """How family names end in a country, telephone numbers set aside for fiction, and the form of a company."""

    endings: list[str]
    prefix: str
    number: Callable[[Draw], str]
    form: str


# Set aside by Ofcom, by the Bundesnetzagentur (for Berlin) and by the Arcep, so that nobody is ever rung.
_CUSTOMS = {
    Locale.EN: _Custom(_BRITISH, "+44", lambda draw: f"1632 960{draw(1000):03d}", "Ltd"),
    Locale.DE: _Custom(_GERMAN, "+49", lambda draw: f"30 23125 {draw(1000):03d}", "GmbH"),
    Locale.FR: _Custom(_FRENCH, "+33", lambda draw: f"1 99 00 {draw(100):02d} {draw(100):02d}", "SARL"),
}


@dataclass(frozen=True, slots=True)
class Address:
    """A new address with its guess resistance in bits and the persona that goes with it."""

    address: str
    bits: float
    persona: Persona


def make_address(
    style: Style, hint: str, domain: str, draw: Draw, mailbox: str = "me", locale: Locale = Locale.EN
) -> Address:
    """Make a new address; `hint` is the readable part, `mailbox` the base of plus addresses."""
    persona = make_persona(draw, locale)
    if style is Style.PLAUSIBLE:
        local, bits = _plausible(persona, draw, locale)
    else:
        tag = "".join(_SYMBOLS[draw(len(_SYMBOLS))] for _ in range(_TAG_LENGTH))
        local, bits = f"{readable(hint)}-{tag}", _TAG_LENGTH * math.log2(len(_SYMBOLS))
        local = f"{mailbox.lower()}+{local}" if style is Style.PLUS else local
    return Address(f"{local}@{domain.lower()}", round(bits, 1), persona)


def readable(name: str) -> str:
    """Return the first word of a name in lower-case ASCII letters and digits, as a hint before a tag."""
    found = re.findall(r"[a-z0-9]+", name.lower())
    return (found[0] if found else "box")[:12]


def make_persona(draw: Draw, locale: Locale = Locale.EN) -> Persona:
    """Invent a person, with a telephone number that is reserved for fiction."""
    custom = _CUSTOMS[locale]
    family, given = _name(draw, locale), GIVEN_NAMES[draw(len(GIVEN_NAMES))].title()
    return Persona(given, family, f"{custom.prefix} {custom.number(draw)}", f"{family} {custom.form}")


def with_parts(persona: Persona, parts: Collection[PersonaPart], draw: Draw) -> Persona:
    """Return a persona with further parts, which are of its country."""
    locale = locale_of(persona.phone)
    if PersonaPart.ADDRESS in parts:
        lives = make_postal_address(draw, locale.value, _name(draw, locale))
        persona = replace(persona, street=lives.street, town=lives.town, postcode=lives.postcode)
    return replace(persona, birthday=make_birthday(draw)) if PersonaPart.BIRTHDAY in parts else persona


def parts_of(persona: Mapping[str, str] | None) -> frozenset[PersonaPart]:
    """Return what a stored persona has beside its names, its number and its company."""
    held, marks = persona or {}, {PersonaPart.ADDRESS: "street", PersonaPart.BIRTHDAY: "birthday"}
    return frozenset(part for part, mark in marks.items() if held.get(mark))


def _name(draw: Draw, locale: Locale) -> str:
    endings = _CUSTOMS[locale].endings
    return (_START[draw(len(_START))] + _MIDDLE[draw(len(_MIDDLE))] + endings[draw(len(endings))]).title()


def locale_of(phone: str) -> Locale:
    """Return the locale of a persona by its number."""
    return next((locale for locale, custom in _CUSTOMS.items() if phone.startswith(custom.prefix)), Locale.EN)


def _plausible(persona: Persona, draw: Draw, locale: Locale) -> tuple[str, float]:
    initial, number = chr(ord("a") + draw(26)), draw(10_000)
    names = len(GIVEN_NAMES) * len(_START) * len(_MIDDLE) * len(_CUSTOMS[locale].endings)
    local = f"{persona.given_name}.{initial}.{persona.family_name}{number:04d}".lower()
    return local, math.log2(names * 26 * 10_000)
