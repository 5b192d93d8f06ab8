"""Plus signs that programs lose, told from guesses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.model.plus_sign import misread_as, plus_readings
from canary.smtp.admission import Ruling, rule

CANARY = "me+bike-7kq2mxw4ztp3a@my.example"
LOCAL = st.from_regex(r"[a-z0-9._-]{1,20}", fullmatch=True)


@given(LOCAL, st.from_regex(r"[a-z0-9._-]{3,30}", fullmatch=True), st.sampled_from(("", " ", "%20")), st.booleans())
def test_an_address_without_its_plus_sign_is_read_as_what_it_was(
    box: str, tag: str, instead: str, quoted: bool
) -> None:
    lost = f'"{box}{instead}{tag}"' if quoted else f"{box}{instead}{tag}"
    right = f"{box}+{tag}@my.example"
    assert right in plus_readings(f"{lost}@My.Example")
    assert misread_as(right, [f"{lost}@my.example"]) == f"{lost}@my.example"


@pytest.mark.parametrize(
    "guess",
    ["bike-7kq2mxw4ztp3a@my.example", "me-bike-7kq2mxw4ztp3a@my.example", "mebike-7kq2mxw4ztp3b@my.example",
     "mebike-7kq2mxw4ztp3a@else.example", "me@my.example", "you+bike-7kq2mxw4ztp3a@my.example", "", "@my.example"],
)  # fmt: skip
def test_any_other_address_is_a_guess(guess: str) -> None:
    assert CANARY not in plus_readings(guess)
    assert rule(guess, frozenset(["my.example"]), frozenset([CANARY])) is not Ruling.ACCEPT


@pytest.mark.parametrize("lost", ["mebike-7kq2mxw4ztp3a@my.example", "me bike-7kq2mxw4ztp3a@my.example"])
def test_the_listener_accepts_a_canary_without_its_plus_sign(lost: str) -> None:
    assert rule(lost, frozenset(["my.example"]), frozenset([CANARY])) is Ruling.ACCEPT


def test_an_address_that_came_whole_was_misread_by_nobody() -> None:
    assert misread_as(CANARY, [CANARY.upper(), "mebike-7kq2mxw4ztp3a@my.example"]) == ""


@given(st.text(max_size=400))
def test_whatever_is_written_has_few_readings(text: str) -> None:
    assert len(plus_readings(text)) <= 64
