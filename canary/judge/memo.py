"""Compute once what several rules ask about the same mail."""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from canary.model.mail import ParsedMail

Found = TypeVar("Found")


def once(ask: Callable[[ParsedMail], Found]) -> Callable[[ParsedMail], Found]:
    """Cache the answer for the last mail; one mail is judged at all its canaries in a row."""
    last: list[tuple[ParsedMail, Found]] = []

    @wraps(ask)
    def asked(mail: ParsedMail) -> Found:
        known = last[:1]  # the pair is read and replaced as one, so threads never see half of it
        if known and known[0][0] is mail:
            return known[0][1]
        found = ask(mail)
        last[:] = [(mail, found)]
        return found

    return asked
