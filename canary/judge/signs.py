"""Signs in a mail that speak of its kind: bulk, fraud, a person, the vendor's name, the persona's name."""

import re

from canary.mail.text import link_host, words
from canary.model.canary import Persona
from canary.model.mail import ParsedMail

_BULK_HEADERS = (
    "list-unsubscribe",
    "list-id",
    "feedback-id",
    "x-campaign",
    "x-campaignid",
    "x-mailgun-sid",
    "x-sg-eid",
)
_BULK_WORDS = ("unsubscribe", "view in browser", "view this email", "abmelden", "opt out", "désabonner", "newsletter")
_FRAUD = {
    "money promised": ("inheritance", "beneficiary", "lottery", "compensation fund", "million dollars", "next of kin"),
    "extortion": ("bitcoin", "i recorded you", "your webcam", "btc wallet"),
    "account alarm": (
        "verify your account",
        "account has been",
        "suspended",
        "unusual activity",
        "confirm your identity",
    ),
    "urgent payment": ("wire transfer", "overdue invoice", "payment declined", "update your payment"),
    "software lure": ("upgrade now", "download the new version", "reader update", "install the update"),
}


def bulk_signs(mail: ParsedMail) -> tuple[str, ...]:
    """Name what shows that a mail went to many."""
    found = [name for name in _BULK_HEADERS if mail.has(name)]
    if mail.header("precedence").lower() in ("bulk", "list", "junk"):
        found.append("precedence")
    text = mail.text[:100_000].casefold()
    found += [f'"{word}"' for word in _BULK_WORDS if word in text]
    if len({link_host(link) for link in mail.links}) >= 3 or len(mail.links) >= 5:
        found.append("many links")
    return tuple(found)


def fraud_signs(mail: ParsedMail) -> tuple[str, ...]:
    """Name the known shapes of fraud that a mail has."""
    text = f"{mail.subject}\n{mail.text[:100_000]}".casefold()
    return tuple(shape for shape, phrases in _FRAUD.items() if any(phrase in text for phrase in phrases))


def is_personal(mail: ParsedMail) -> bool:
    """Whether a mail reads like one person writing to another: to few, in text, hardly a link, nothing of bulk."""
    short = 20 <= len(mail.text) <= 5_000
    return (
        short and len(mail.recipients) <= 3 and len(mail.links) <= 1 and not mail.attachments and not bulk_signs(mail)
    )


def names_vendor(mail: ParsedMail, name: str) -> bool:
    """Whether the display name says the vendor's name, word for word."""
    wanted = words(name)
    said = " ".join(words(mail.sender.name))
    return bool(wanted) and len("".join(wanted)) >= 4 and f" {' '.join(wanted)} " in f" {said} "


def persona_fields(mail: ParsedMail, persona: Persona | None) -> tuple[str, ...]:
    """Name the fields of the persona that a mail repeats, in whole words."""
    if persona is None:
        return ()
    said = " ".join(words(" ".join((mail.subject, *(box.name for box in mail.recipients), mail.text))))
    digits = re.sub(r"\D", "", mail.text[:100_000])
    fields = {
        "given name": _says(said, persona.given_name),
        "family name": _says(said, persona.family_name),
        "phone": bool(persona.phone) and re.sub(r"\D", "", persona.phone)[-9:] in digits,
        "company": _says(said, persona.company),
    }
    return tuple(field for field, found in fields.items() if found)


def _says(said: str, name: str) -> bool:
    wanted = " ".join(words(name))
    return bool(wanted) and f" {wanted} " in f" {said} "
