"""Patterns out of configuration run in linear time or are refused with the cure."""

import re

import pytest

from canary.judge.safe_regex import read_shape
from tests.effort import cpu_seconds


@pytest.mark.parametrize("shape", [r"b\+[0-9a-f]++\.([0-9a-f]++)-.*+", "a{2,5}+b?+", r"\(x\)", "(?:a|b)c", "[*]{3}"])
def test_a_shape_that_never_steps_back_is_taken(shape: str) -> None:
    assert read_shape(shape).pattern == shape


@pytest.mark.parametrize(
    ("shape", "cure"),
    [
        ("a+", '"+" can step back; write it possessively: "++"'),
        ("a*b", '"*" can step back'),
        ("a{1,9}", '"{1,9}" can step back'),
        ("(a++)++", "repeats a group"),
        ("(a|b)*+", "repeats a group"),
        (r"(a)\1", "refers back"),
        ("(?=a)b", "open a group"),
        ("(?P<x>a)", "open a group"),
        ("(?i)a", "open a group"),
        ("(a", "not a regular expression"),
        ("[a", "not a regular expression"),
        ("a|b|c|d|e|f", "more than 4 choices"),
        ("a" * 201, "longer than 200"),
    ],
)
def test_any_other_shape_is_refused_with_its_cure(shape: str, cure: str) -> None:
    with pytest.raises(ValueError, match=re.escape(cure)):
        read_shape(shape)


def test_a_shape_ignores_case_and_must_match_the_whole_value() -> None:
    shape = read_shape("([a-f0-9]++)")
    assert shape.fullmatch("ABC123") is not None
    assert shape.fullmatch("abc123 ") is None


def test_the_worst_shape_that_is_taken_is_done_in_a_moment() -> None:
    shape = read_shape("(?:.*+a|.*+b|.*+c|.*+d|.*+e)" + "x?+" * 20)
    assert cpu_seconds(lambda: shape.fullmatch("a" * 2_000), runs=3) < 0.05
    assert shape.fullmatch("a" * 2_000) is None
