"""How addresses are made."""

import random
import re
import secrets

import pytest

from canary.model.address import Locale, locale_of, make_address
from canary.model.canary import Style


@pytest.mark.parametrize(
    ("style", "shape", "bits"),
    [
        (Style.TAGGED, r"play-[a-z2-9]{13}@inbox\.example", 60),
        (Style.PLAUSIBLE, r"[a-z]+\.[a-z]\.[a-z]+\d{4}@inbox\.example", 40),
        (Style.PLUS, r"me\+play-[a-z2-9]{13}@inbox\.example", 60),
    ],
)
def test_each_style_has_its_shape_and_its_guess_resistance(style: Style, shape: str, bits: float) -> None:
    made = make_address(style, "Play.com", "Inbox.Example", secrets.randbelow)
    assert re.fullmatch(shape, made.address)
    assert made.bits >= bits


def test_a_plausible_address_has_the_name_of_the_persona_and_not_of_the_vendor() -> None:
    made = make_address(Style.PLAUSIBLE, "Play.com", "inbox.example", secrets.randbelow)
    assert made.address.startswith(made.persona.given_name.lower())
    assert made.persona.family_name.lower() in made.address
    assert "play" not in made.address


def test_the_randomness_is_the_callers() -> None:
    def one() -> str:
        return make_address(Style.TAGGED, "Play", "x.example", random.Random(7).randrange).address

    assert one() == one()


def test_a_million_bits_are_not_wasted_on_repetition() -> None:
    made = {make_address(Style.PLAUSIBLE, "x", "x.example", secrets.randbelow).address for _ in range(2000)}
    assert len(made) == 2000


@pytest.mark.parametrize(
    ("locale", "number", "company"),
    [
        (Locale.EN, r"\+44 1632 960\d{3}", "Ltd"),
        (Locale.DE, r"\+49 30 23125 \d{3}", "GmbH"),
        (Locale.FR, r"\+33 1 99 00 \d\d \d\d", "SARL"),
    ],
)
def test_a_persona_sounds_like_its_locale_and_has_a_number_set_aside_for_fiction(
    locale: Locale, number: str, company: str
) -> None:
    made = make_address(Style.PLAUSIBLE, "x", "x.example", secrets.randbelow, locale=locale)
    assert re.fullmatch(number, made.persona.phone)
    assert made.persona.company == f"{made.persona.family_name} {company}"
    assert (locale_of(made.persona.phone), made.bits >= 40) == (locale, True)
