"""One line for each transaction, and numbers that add up."""

import json
from datetime import UTC, datetime

import pytest

from canary.model.mail import Client
from canary.smtp.journal import Journal, masked
from canary.smtp.transaction import Transaction
from canary.spool.envelope import client_text, envelope_text

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OK = "250 2.0.0 OK: queued as u-1"


def transaction() -> Transaction:
    made = Transaction()
    made.session, made.protocol, made.mail_from, made.began = "e1-7", "ESMTP", "bounce@sender.example", 100.0
    made.rcpt_tos = ["play@example.net", "shop@example.net"]
    client = client_text(Client("192.0.2.1", 4711, "mx.sender.example", "TLSv1.3 TLS_AES_256_GCM_SHA384"))
    made.text = envelope_text("bounce@sender.example", made.rcpt_tos, client, NOON)
    made.ended, made.size, made.refused = 100.246, 4096, {"unknown": 2}
    return made


def told(journal: Journal, lines: list[str], done: Transaction) -> dict[str, object]:
    journal.record(done, 100.25, OK, "u-1")
    found: dict[str, object] = json.loads(lines[-1])
    return found


def test_a_transaction_is_one_line_of_json_with_everything_about_it() -> None:
    lines: list[str] = []
    assert told(Journal(lines.append), lines, transaction()) == {
        "session": "e1-7",
        "protocol": "ESMTP",
        "mail_from": "bounce@sender.example",
        "rcpt_to": ["play@example.net", "shop@example.net"],
        "client": {
            "ip": "192.0.2.1",
            "port": 4711,
            "helo": "mx.sender.example",
            "tls": "TLSv1.3 TLS_AES_256_GCM_SHA384",
        },
        "received": "2026-03-01T12:00:00+00:00",
        "refused": {"unknown": 2},
        "size": 4096,
        "key": "u-1",
        "outcome": OK,
        "seconds": 0.25,
        "commit": 0.004,
    }


def test_no_octet_of_a_stranger_breaks_the_line() -> None:
    lines: list[str] = []
    hostile = transaction()
    hostile.text = envelope_text("a\r\nb\udc80@x", ('"\n{}%s"@y',), client_text(Client("", 0, "\x85\u2028\\")), NOON)
    assert told(Journal(lines.append), lines, hostile)["mail_from"] == "a\r\nb\udc80@x"
    assert lines[0].isascii()
    assert len(lines[0].splitlines()) == 1


def test_addresses_are_masked_if_asked() -> None:
    lines: list[str] = []
    found = told(Journal(lines.append, mask=True), lines, transaction())
    assert (found["mail_from"], found["rcpt_to"]) == ("b***@sender.example", ["p***@example.net", "s***@example.net"])


@pytest.mark.parametrize(("address", "shown"), [("", ""), ("postmaster", "p***"), ("@x", "x***@x")])
def test_what_is_no_address_is_masked_too(address: str, shown: str) -> None:
    assert masked(address) == shown


def test_what_was_kept_and_what_was_not_are_counted_apart() -> None:
    journal = Journal(lambda _: None)
    for outcome, key in (("250 OK", "u-1"), ("250 OK", "u-2"), ("452 full", ""), ("no mail followed", "")):
        journal.record(transaction(), 100.25, outcome, key)
    assert journal.kept == 2
    assert journal.outcomes == {"452": 1, "none": 1}
    assert (journal.octets, journal.recipients, sum(journal.commit_counts)) == (8192, 4, 2)
    assert journal.commit_counts[2] == 2
