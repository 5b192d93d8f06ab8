"""Which mails are one sending: the keys that they share."""

from canary.attribute.campaigns import sending
from canary.mail.parse import parse

BODY = "Dear %s, please download the new version of the reader today from https://bad.example/%d now, it is free."


def mail(subject: str, body: str) -> bytes:
    return f"From: a@bad.example\r\nSubject: {subject}\r\n\r\n{body}\r\n".encode()


def keys(subject: str, body: str) -> tuple[str, str]:
    found = sending(parse(mail(subject, body)))
    return found.text, found.call


def test_copies_that_differ_in_figures_only_have_one_text() -> None:
    one = keys("Update 1", "This is offer number 17 of our very fine shop for you, until 31 March 2011.")
    two = keys("Update 2", "This is offer number 18 of our very fine shop for you, until 30 March 2012.")
    assert one == two


def test_copies_with_another_name_share_the_link_and_the_shape_of_the_subject() -> None:
    one, two = keys("Reader 10 is here (53)", BODY % ("Anna", 1)), keys("Reader 11 is here (77)", BODY % ("Max", 2))
    assert one[0] != two[0]
    assert one[1] == two[1] != ""


def test_short_texts_say_nothing() -> None:
    assert keys("Hello", "Hi there.") == ("", "")


def test_another_link_host_is_another_call() -> None:
    other = (BODY % ("Anna", 1)).replace("bad.example", "worse.example")
    assert keys("Update", BODY % ("Anna", 1))[1] != keys("Update", other)[1]
