"""What several rules ask of one mail is worked out once, and never told of another."""

from itertools import count

from canary.judge.memo import once
from canary.model.mail import ParsedMail


def test_a_mail_asked_about_again_is_not_looked_at_again() -> None:
    numbers = count()
    ask = once(lambda _: next(numbers))
    mail = ParsedMail(subject="one")
    assert [ask(mail), ask(mail)] == [0, 0]


def test_an_equal_mail_is_another_mail() -> None:
    ask = once(id)
    first, second = ParsedMail(subject="one"), ParsedMail(subject="one")
    assert (ask(first), ask(second), ask(first)) == (id(first), id(second), id(first))
