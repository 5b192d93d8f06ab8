"""Names in a mail: the vendor's, and those that only one canary's vendor was told."""

import re

from canary.mail.text import words
from canary.model.canary import Persona
from canary.model.mail import ParsedMail


def names_vendor(mail: ParsedMail, name: str) -> bool:
    """Whether the display name says the vendor's name, word for word."""
    wanted = words(name)
    said = " ".join(words(mail.sender.name))
    return bool(wanted) and len("".join(wanted)) >= 4 and f" {' '.join(wanted)} " in f" {said} "


def persona_fields(mail: ParsedMail, persona: Persona | None, address: str = "") -> tuple[str, ...]:
    """Name the fields of the persona that a mail repeats, in whole words; what stands in the address tells nothing."""
    if persona is None:
        return ()
    shown = set(words(address.rpartition("@")[0]))
    said = " ".join(words(" ".join((mail.subject, *(box.name for box in mail.recipients), mail.text))))
    digits = re.sub(r"\D", "", mail.text[:100_000])
    fields = {
        "given name": _says(said, persona.given_name) and not shown.issuperset(words(persona.given_name)),
        "family name": _says(said, persona.family_name) and not shown.issuperset(words(persona.family_name)),
        "phone": bool(persona.phone) and re.sub(r"\D", "", persona.phone)[-9:] in digits,
        "company": _says(said, persona.company),
    }
    return tuple(field for field, found in fields.items() if found)


def _says(said: str, name: str) -> bool:
    wanted = " ".join(words(name))
    return bool(wanted) and f" {wanted} " in f" {said} "
