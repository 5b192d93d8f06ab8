"""What is kept of a guess: the kind of its local part, and nothing of the local part itself."""

import random

import pytest

from canary.judge.localpart import SPACE_BITS, bits_of, shape_of
from canary.model.address import make_address
from canary.model.attempt import LocalShape
from canary.model.canary import Style


@pytest.mark.parametrize(
    ("shape", "locals_"),
    [
        (LocalShape.ROLE, ("info", "Sales", "postmaster", "no-reply".replace("-", ""), "admin")),
        (LocalShape.NAME, ("anna", "anna.keller", "a.keller", "anna-keller", "j.q.public", "PETER_VOLE")),
        (LocalShape.WORD, ("cobbler", "playcom", "amazon", "shoes")),
        (LocalShape.NUMBERED, ("anna1987", "info2", "a.keller77", "shop24")),
        (LocalShape.RANDOM, ("x7k2m9q", "qwrtzpsdf", "shop-x7k2m9qrw4abc", "8837465", "", "..", "ünïcödé@", "a" * 300)),
    ],
)
def test_a_local_part_has_the_shape_it_looks_like(shape: LocalShape, locals_: tuple[str, ...]) -> None:
    assert {local: shape_of(local) for local in locals_} == dict.fromkeys(locals_, shape)


def test_of_a_plus_address_the_part_after_the_plus_has_to_be_guessed() -> None:
    assert (shape_of("me+cobbler"), shape_of("me+shop-x7k2m9qrw4abc")) == (LocalShape.WORD, LocalShape.RANDOM)


def test_addresses_we_make_at_random_look_random_but_for_the_style_that_looks_like_a_person() -> None:
    draw = random.Random(1).randrange
    for style, shape in ((Style.TAGGED, LocalShape.RANDOM), (Style.PLAUSIBLE, LocalShape.NUMBERED)):
        made = [make_address(style, "Shop", "in.example", draw).address.partition("@")[0] for _ in range(200)]
        assert sum(shape_of(local) is shape for local in made) >= 190


def test_the_plainer_the_shape_the_easier_the_guess() -> None:
    order = [LocalShape.ROLE, LocalShape.WORD, LocalShape.NAME, LocalShape.NUMBERED, LocalShape.RANDOM]
    assert [SPACE_BITS[shape] for shape in order] == sorted(SPACE_BITS[shape] for shape in order)
    assert bits_of("info") < bits_of("anna.keller") < bits_of("x7k2m9q")
