"""The records that a receiving domain should have, asked of a zone."""

import asyncio

import pytest

from canary.authenticate.dns_records import CheckedRecord, check_records, wanted_records
from canary.authenticate.lookup import ZoneLookup

RECORDS = wanted_records("in.example", "mail.in.example")
GOOD: dict[str, dict[str, str | list[object]]] = {
    "in.example": {"MX": [[10, "mail.in.example"]], "TXT": ["v=spf1 -all"]},
    "mail.in.example": {"A": ["198.51.100.7"]},
    "_dmarc.in.example": {"TXT": ["v=DMARC1;p=reject; np=reject; rua=mailto:d@in.example"]},
    "canary-check._domainkey.in.example": {"TXT": ["v=DKIM1; p="]},
}


def check(zone: dict[str, dict[str, str | list[object]]]) -> tuple[CheckedRecord, ...]:
    return asyncio.run(check_records(ZoneLookup(zone), RECORDS))


def test_records_that_are_there_are_good() -> None:
    assert [(line.wanted.name, line.good) for line in check(GOOD)] == [(record.name, True) for record in RECORDS]


@pytest.mark.parametrize(
    ("name", "records", "at"),
    [
        ("in.example", {"MX": [[10, "mx.other.example"]], "TXT": ["v=spf1 -all"]}, 0),
        ("mail.in.example", {"A": ["192.0.2.1"]}, 1),
        ("in.example", {"MX": [[5, "MAIL.in.example"]], "TXT": ["v=spf1 +all"]}, 2),
        ("_dmarc.in.example", {"TXT": ["v=DMARC1; p=none"]}, 3),
        ("canary-check._domainkey.in.example", {"TXT": ["v=DKIM1; p=MIGf"]}, 4),
    ],
)
def test_a_record_that_says_something_else_is_shown_with_what_it_says(
    name: str, records: dict[str, str | list[object]], at: int
) -> None:
    found = check({**GOOD, name: records})
    assert [line.good for line in found] == [n != at for n in range(5)]
    assert found[at].found


def test_what_dns_cannot_answer_is_no_missing_record() -> None:
    found = check({**GOOD, "mail.in.example": {"A": "SERVFAIL"}})
    assert (found[1].good, found[1].fault) == (False, "SERVFAIL")
