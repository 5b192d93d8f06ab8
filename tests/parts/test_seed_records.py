"""Seed records: every form is read back by a strict reader, whatever country its personas are of."""

import csv
import io
import random
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from canary.canaries.seed_records import FORMS, SeedForm, seed_table
from canary.judge.persona import persona_fields
from canary.model.address import Locale, make_address, with_parts
from canary.model.canary import Canary, CanaryState, Persona, Style
from canary.model.mail import ParsedMail
from canary.model.postal_address import PersonaPart
from canary.web.csv_file import csv_lines
from tests.commands import CommandLine, installation
from tests.website import serve

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
BOTH = frozenset(PersonaPart)
PHONE = {"en": "+44 1632 960", "de": "+49 30 23125", "fr": "+33 1 99 00"}


def issued(count: int, locale: Locale, vendor: str = "Tea House") -> list[Canary]:
    draw, found = random.Random(7).randrange, list[Canary]()
    for number in range(count):
        made = make_address(Style.TAGGED, vendor, "in.example", draw, locale=locale)
        persona = with_parts(made.persona, BOTH, draw)
        found.append(
            Canary(number, made.address, vendor, "signup", 1, Style.TAGGED, made.bits, CanaryState.ACTIVE, NOW, persona)
        )
    return found


def written(form: SeedForm, found: list[Canary], *, spreadsheet: bool = False) -> list[dict[str, str]]:
    table = seed_table(form, found)
    lines = csv_lines(table.columns, table.rows, () if spreadsheet else table.own)
    text = "".join(lines).encode()
    rows = list(csv.reader(io.StringIO(text.decode(), newline=""), strict=True))
    assert {len(row) for row in rows} == {len(FORMS[form])}
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def records(count: int, form: SeedForm, locale: Locale) -> None:
    found = issued(count, locale)
    rows = written(form, found)
    first, phone = next(iter(FORMS[form])), next(name for name in FORMS[form] if "phone" in name.lower())
    assert [row[first] for row in rows] == [canary.address for canary in found]
    for row, canary in zip(rows, found, strict=True):
        assert canary.persona is not None
        assert row[phone].replace(" ", "").startswith(PHONE[locale].replace(" ", ""))
        assert {canary.persona.given_name, canary.persona.family_name} <= set(row.values())
        assert any(canary.persona.street in cell for cell in row.values())
        assert any(canary.persona.postcode in cell for cell in row.values())


@pytest.mark.parametrize("locale", Locale)
@pytest.mark.parametrize("form", SeedForm)
def test_a_strict_reader_reads_every_record_of_every_form_back(form: SeedForm, locale: Locale) -> None:
    records(100, form, locale)


@pytest.mark.slow
@pytest.mark.parametrize("locale", Locale)
def test_a_strict_reader_reads_ten_thousand_records_of_a_country_back(locale: Locale) -> None:
    for form in SeedForm:
        records(10_000, form, locale)


def test_a_persona_lives_where_its_number_rings_and_is_grown_up() -> None:
    for locale, country in (("en", "GB"), ("de", "DE"), ("fr", "FR")):
        for row in written(SeedForm.CSV, issued(50, Locale(locale))):
            assert row["country"] == country
            assert date.fromisoformat(row["birthday"]) < date(2005, 1, 1)


def test_mailchimp_gets_an_address_in_one_cell_and_a_birthday_without_a_year() -> None:
    [row] = written(SeedForm.MAILCHIMP, issued(1, Locale.DE))
    street, town, state, postcode, country = row["Address"].split("  ")
    assert (state, country, len(postcode)) == ("", "DE", 5)
    assert street
    assert town
    assert len(row["Birthday"]) == 5


@pytest.mark.parametrize("form", [SeedForm.HUBSPOT, SeedForm.KLAVIYO])
def test_platforms_that_send_text_messages_get_numbers_without_spaces(form: SeedForm) -> None:
    assert written(form, issued(1, Locale.FR))[0]["Phone Number"].startswith("+331990")


def test_numbers_are_marked_as_text_for_a_spreadsheet_only() -> None:
    found = issued(1, Locale.EN)
    assert written(SeedForm.CSV, found)[0]["phone"].startswith("+44 ")
    assert written(SeedForm.CSV, found, spreadsheet=True)[0]["phone"].startswith("'+44 ")


def test_what_others_wrote_is_never_calculated() -> None:
    [row] = written(SeedForm.CSV, issued(1, Locale.EN, "=cmd"))
    assert row["vendor"] == "'=cmd"


def test_a_persona_without_further_parts_has_empty_cells() -> None:
    draw = random.Random(7).randrange
    made = make_address(Style.TAGGED, "Tea", "in.example", draw)
    canary = Canary(1, made.address, "tea", "signup", 1, Style.TAGGED, 65, CanaryState.ACTIVE, NOW, made.persona)
    [row] = written(SeedForm.SALESFORCE, [canary])
    assert (row["Mailing Street"], row["Mailing Country"], row["Birthdate"]) == ("", "", "")


def test_a_street_and_a_birthday_that_a_mail_repeats_were_leaked() -> None:
    persona = Persona("Ada", "Garnaford", street="Lindenstraße 7", birthday="1980-05-03")
    for text, fields in (
        ("bald in der lindenstrasse 7", ("street",)),
        ("Lindenstraße 70", ()),
        ("Ihr Paket: Lindenstraße 7", ("street",)),
        ("geb. 03.05.1980", ("birthday",)),
    ):
        assert persona_fields(ParsedMail(text=text), persona) == fields


@pytest.mark.slow
@pytest.mark.everyday
def test_the_command_prints_records_as_a_platform_imports_them(tmp_path: Path) -> None:
    with installation(tmp_path) as command:
        assert_printed(command)


def assert_printed(command: CommandLine) -> None:
    command.canary("vendor", "add", "Tea", "--domain", "tea.example")
    asked = ("issue", "tea", "--count", "3", "--locale", "de", "--with", "address", "--with", "birthday")
    rows = list(csv.DictReader(io.StringIO(command.canary(*asked, "--format", "klaviyo")), strict=True))
    assert [row["Country"] for row in rows] == ["DE"] * 3
    assert all(row["Phone Number"].startswith("+4930") for row in rows)
    again = command.canary("rotate", rows[0]["Email"], "--json")
    assert '"country": "DE"' in again
    assert "'+49" in command.canary("canaries", "--format", "csv", "--spreadsheet")


def test_what_was_just_issued_is_offered_as_a_file(tmp_path: Path) -> None:
    with serve(tmp_path) as site, site.logged_in("analyst") as client:
        form = {"vendor": "play", "count": "3", "locale": "fr", "address": "yes", "birthday": "yes"}
        page = client.post("/canaries", data=form, follow_redirects=True).text
        link = next(
            part.partition('"')[0] for part in page.split('href="')[1:] if "form=mailchimp" in part.partition('"')[0]
        )
        answer = client.get(link.replace("&amp;", "&"))
    rows = list(csv.DictReader(io.StringIO(answer.text), strict=True))
    assert answer.headers["content-disposition"] == 'attachment; filename="canaries-mailchimp.csv"'
    assert [row["Address"].rpartition("  ")[2] for row in rows] == ["FR"] * 3
