"""Where an invented person lives, and when the person was born: of the form of a country, and nobody's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

Draw = Callable[[int], int]
_FIRST_BORN = date(1946, 1, 1)
_BORN_WITHIN = 58 * 365


class PersonaPart(StrEnum):
    """What a persona may have beside its names, its number and its company."""

    ADDRESS = "address"
    BIRTHDAY = "birthday"


@dataclass(frozen=True, slots=True)
class PostalAddress:
    """A street with the number of a house, a town and a postcode."""

    street: str
    town: str
    postcode: str


@dataclass(frozen=True, slots=True)
class _PostalForm:
    """How addresses are written in a country; the postcodes are of a form that is in use, in areas that are not."""

    country: str
    streets: list[str]
    street: str
    postcode: Callable[[Draw], str]


_INWARD = "abdefghjlnpqrstuwxyz"
_POST: Mapping[str, _PostalForm] = {
    "en": _PostalForm(
        "GB", "Alder Ash Birch Cedar Chestnut Elm Hazel Holly Juniper Larch Linden Maple Rowan Willow Yew".split(), "{number} {name} Road",
        lambda draw: f"AE{draw(90) + 10} {draw(10)}{_INWARD[draw(len(_INWARD))]}{_INWARD[draw(len(_INWARD))]}".upper(),
    ),
    "de": _PostalForm(
        "DE", "Ahorn Amsel Birken Buchen Erlen Eschen Fichten Finken Kiefern Linden Meisen Rosen Tannen Ulmen Weiden".split(),
        "{name}straße {number}", lambda draw: f"{('05', '43', '62')[draw(3)]}{draw(1000):03d}",
    ),
    "fr": _PostalForm(
        "FR", "Acacias Bouleaux Cèdres Châtaigniers Chênes Érables Frênes Hêtres Lilas Noyers Ormes Peupliers Saules Tilleuls".split(),
        "{number} rue des {name}", lambda draw: f"96{draw(1000):03d}",
    ),
}  # fmt: skip
"""By language. Royal Mail has no area AE, Deutsche Post no region 05, 43 or 62, La Poste no department 96."""


def make_postal_address(draw: Draw, language: str, town: str) -> PostalAddress:
    """Invent an address in a town that has the name given."""
    post = _POST[language]
    street = post.street.format(number=draw(180) + 1, name=post.streets[draw(len(post.streets))])
    return PostalAddress(street, town, post.postcode(draw))


def make_birthday(draw: Draw) -> str:
    """Invent the birthday of an adult, as an ISO date."""
    return (_FIRST_BORN + timedelta(days=draw(_BORN_WITHIN))).isoformat()


def country_of(language: str) -> str:
    """Return the code of the country (ISO 3166) in which personas of a language live."""
    return _POST[language].country
