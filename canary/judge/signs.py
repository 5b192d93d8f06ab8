"""The vendor's name in a mail."""

from canary.mail.text import words
from canary.model.mail import ParsedMail


def names_vendor(mail: ParsedMail, name: str) -> bool:
    """Whether the display name contains the vendor's name, word for word."""
    wanted = words(name)
    said = " ".join(words(mail.sender.name))
    return bool(wanted) and len("".join(wanted)) >= 4 and f" {' '.join(wanted)} " in f" {said} "
