"""Seed records: issued addresses with their personas, in the columns that a mailing platform imports.

Sources: the import guides of Mailchimp, HubSpot, Salesforce (Data Import Wizard, contacts) and Klaviyo.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from canary.model.address import locale_of
from canary.model.canary import Canary, Persona
from canary.model.postal_address import country_of


class SeedForm(StrEnum):
    """Whose columns a file of addresses has."""

    CSV = "csv"
    MAILCHIMP = "mailchimp"
    HUBSPOT = "hubspot"
    SALESFORCE = "salesforce"
    KLAVIYO = "klaviyo"


Cell = Callable[[Canary, Persona], object]


@dataclass(frozen=True, slots=True)
class SeedTable:
    """A table of addresses; the cells of the columns in `own` are made here, and no words of others.

    An address may be an adopted one, which somebody else thought of.
    """

    columns: tuple[str, ...]
    own: frozenset[str]
    rows: Iterator[tuple[object, ...]]


def seed_table(form: SeedForm, found: Iterable[Canary]) -> SeedTable:
    """Return addresses as a table in the columns of a form."""
    cells = FORMS[form]
    rows = (tuple(cell(canary, canary.persona or _NOBODY) for cell in cells.values()) for canary in found)
    return SeedTable(tuple(cells), frozenset(cells) - {next(iter(cells))} - _OTHERS_WORDS, rows)


_NOBODY = Persona("", "", "", "")
_OTHERS_WORDS = frozenset({"vendor", "channel"})


def _country(who: Persona) -> str:
    return country_of(locale_of(who.phone)) if who.street else ""


def _digits(who: Persona) -> str:
    """Return a number in the form of E.164, which has no spaces."""
    return who.phone.replace(" ", "")


def _in_one_cell(who: Persona) -> str:
    """Return an address with two spaces between its parts, of which the state is empty."""
    return "  ".join((who.street, who.town, "", who.postcode, _country(who))) if who.street else ""


def _born(form: str) -> Callable[[Persona], str]:
    return lambda who: date.fromisoformat(who.birthday).strftime(form) if who.birthday else ""


_month_and_day, _american = _born("%m/%d"), _born("%m/%d/%Y")

FORMS: Mapping[SeedForm, Mapping[str, Cell]] = {
    SeedForm.CSV: {
        "address": lambda canary, _: canary.address,
        "vendor": lambda canary, _: canary.vendor,
        "channel": lambda canary, _: canary.channel,
        "generation": lambda canary, _: canary.generation,
        "style": lambda canary, _: canary.style.value,
        "bits": lambda canary, _: canary.bits,
        "state": lambda canary, _: canary.state.value,
        "issued": lambda canary, _: canary.issued.isoformat(),
        "undated": lambda canary, _: canary.undated,
        "given_name": lambda _, who: who.given_name,
        "family_name": lambda _, who: who.family_name,
        "phone": lambda _, who: who.phone,
        "company": lambda _, who: who.company,
        "street": lambda _, who: who.street,
        "town": lambda _, who: who.town,
        "postcode": lambda _, who: who.postcode,
        "country": lambda _, who: _country(who),
        "birthday": lambda _, who: who.birthday,
        "published": lambda canary, _: canary.published,
        "published_set": lambda canary, _: canary.published_set,
        "tentative": lambda canary, _: canary.tentative,
        "hidden": lambda canary, _: canary.hidden.value,
    },
    SeedForm.MAILCHIMP: {
        "Email Address": lambda canary, _: canary.address,
        "First Name": lambda _, who: who.given_name,
        "Last Name": lambda _, who: who.family_name,
        "Address": lambda _, who: _in_one_cell(who),
        "Phone Number": lambda _, who: who.phone,
        "Birthday": lambda _, who: _month_and_day(who),
        "Company": lambda _, who: who.company,
    },
    SeedForm.HUBSPOT: {
        "Email": lambda canary, _: canary.address,
        "First Name": lambda _, who: who.given_name,
        "Last Name": lambda _, who: who.family_name,
        "Phone Number": lambda _, who: _digits(who),
        "Company Name": lambda _, who: who.company,
        "Street Address": lambda _, who: who.street,
        "City": lambda _, who: who.town,
        "Postal Code": lambda _, who: who.postcode,
        "Country/Region": lambda _, who: _country(who),
        "Date of birth": lambda _, who: who.birthday,
    },
    SeedForm.SALESFORCE: {
        "Email": lambda canary, _: canary.address,
        "First Name": lambda _, who: who.given_name,
        "Last Name": lambda _, who: who.family_name,
        "Account Name": lambda _, who: who.company,
        "Phone": lambda _, who: who.phone,
        "Mailing Street": lambda _, who: who.street,
        "Mailing City": lambda _, who: who.town,
        "Mailing Zip/Postal Code": lambda _, who: who.postcode,
        "Mailing Country": lambda _, who: _country(who),
        "Birthdate": lambda _, who: _american(who),
    },
    SeedForm.KLAVIYO: {
        "Email": lambda canary, _: canary.address,
        "First Name": lambda _, who: who.given_name,
        "Last Name": lambda _, who: who.family_name,
        "Phone Number": lambda _, who: _digits(who),
        "Organization": lambda _, who: who.company,
        "Address": lambda _, who: who.street,
        "City": lambda _, who: who.town,
        "Zip Code": lambda _, who: who.postcode,
        "Country": lambda _, who: _country(who),
        "Birthday": lambda _, who: who.birthday,
    },
}
"""The columns of each form, with what they hold; the first is the address."""
