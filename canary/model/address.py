"""How addresses and personas are made: one function per style, with the randomness as an argument."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from canary.model.canary import Persona, Style

Draw = Callable[[int], int]
"""Returns a uniform number in [0, n); `secrets.randbelow` in production."""

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
_END = """
    bach berg born bridge bury dale den fell field ford gate ham hurst land ley low man mann mere more sen son stad stone ton
    vale wall well wick win wood worth
""".split()


@dataclass(frozen=True, slots=True)
class Address:
    """A new address with its guess resistance in bits and the persona that goes with it."""

    address: str
    bits: float
    persona: Persona


def make_address(style: Style, hint: str, domain: str, draw: Draw, mailbox: str = "me") -> Address:
    """Make an address nobody was ever given; `hint` is the readable part, `mailbox` the base of plus addresses."""
    persona = make_persona(draw)
    if style is Style.PLAUSIBLE:
        local, bits = _plausible(persona, draw)
    else:
        tag = "".join(_SYMBOLS[draw(len(_SYMBOLS))] for _ in range(_TAG_LENGTH))
        local, bits = f"{readable(hint)}-{tag}", _TAG_LENGTH * math.log2(len(_SYMBOLS))
        local = f"{mailbox.lower()}+{local}" if style is Style.PLUS else local
    return Address(f"{local}@{domain.lower()}", round(bits, 1), persona)


def readable(name: str) -> str:
    """Return the first word of a name in lower-case ASCII letters and digits, as a hint before a tag."""
    found = re.findall(r"[a-z0-9]+", name.lower())
    return (found[0] if found else "box")[:12]


def make_persona(draw: Draw) -> Persona:
    """Invent somebody; the telephone number is from the range that Ofcom keeps for fiction."""
    family = _START[draw(len(_START))] + _MIDDLE[draw(len(_MIDDLE))] + _END[draw(len(_END))]
    given = GIVEN_NAMES[draw(len(GIVEN_NAMES))]
    return Persona(given.title(), family.title(), f"+44 1632 960{draw(1000):03d}", f"{family.title()} Ltd")


def _plausible(persona: Persona, draw: Draw) -> tuple[str, float]:
    initial, number = chr(ord("a") + draw(26)), draw(10_000)
    names = len(GIVEN_NAMES) * len(_START) * len(_MIDDLE) * len(_END)
    local = f"{persona.given_name}.{initial}.{persona.family_name}{number:04d}".lower()
    return local, math.log2(names * 26 * 10_000)
