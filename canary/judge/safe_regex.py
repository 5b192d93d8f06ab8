"""Patterns from configuration, restricted to those that run in linear time on any hostile mail."""

import re
from collections.abc import Iterator

MAX_SHAPE = 200
MAX_CHOICES = 4

_REPEAT = r"(?:[*+?]|\{[0-9]*+,?+[0-9]*+\})\+?"
_TOKEN = re.compile(rf"\\.|\[(?:\\.|[^\]\\])++\]|\(\?:|{_REPEAT}|.", re.DOTALL)


def read_shape(shape: str) -> re.Pattern[str]:
    """Compile a pattern that must match a whole value; raises `ValueError` with the cure if it could run long.

    Repeats are possessive (`++`, `*+`, `{2,8}+`) and stand on single characters, so nothing but the few choices is ever
    tried twice.
    """
    flaw = next(_flaws(shape), None)
    if flaw:
        raise ValueError(flaw)
    try:
        return re.compile(shape, re.IGNORECASE | re.ASCII)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}; correct it") from None


def _flaws(shape: str) -> Iterator[str]:
    if len(shape) > MAX_SHAPE:
        yield f"longer than {MAX_SHAPE} characters; make it simpler"
    if shape.count("|") > MAX_CHOICES:
        yield f"more than {MAX_CHOICES} choices; write two rules"
    before = ""
    for token in _TOKEN.findall(shape):
        if re.fullmatch(_REPEAT, token):
            yield from _repeat_flaws(token, before)
        elif re.fullmatch(r"\\[0-9]", token):
            yield f'"{token}" refers back to a group; write out what it stands for'
        before = token


def _repeat_flaws(token: str, before: str) -> Iterator[str]:
    if before == "(":
        yield 'only "(" and "(?:" open a group; leave the rest out'
    elif before == ")":
        yield f'"{token}" repeats a group; repeat single characters only'
    elif token[-1] != "+" or len(token) == 1:
        exact = re.fullmatch(r"\{[0-9]+\}", token)
        if not exact:
            yield f'"{token}" can step back; write it possessively: "{token}+"'
