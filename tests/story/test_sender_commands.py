"""Senders, suppliers and end dates as the owner types them."""

import asyncio
import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from canary.authenticate.lookup import ZoneLookup
from canary.canaries import lifecycle
from canary.canaries.lifecycle import IssueOrder
from canary.model.mail import Client, Envelope, RawMail
from canary.pipeline.story import Context, parse_and_authenticate, process_batch
from canary.processes.judging import supplier_book
from canary.store.queries import vendors
from tests.commands import CommandLine, installation
from tests.processes import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.everyday]  # every test migrates a store of its own
ISSUED = datetime(2026, 1, 1, tzinfo=UTC)
RECEIPT = b"From: Tillroll <r@tillroll.example>\r\nSubject: Your receipt\r\n\r\nYou paid 41.90 to Trendy Shoes.\r\n"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[CommandLine]:
    """An installation to which a payment service wrote in March."""
    (tmp_path / "data").mkdir()
    with installation(tmp_path, {"CANARY_JUDGE__CASE_AT": "0"}) as found:
        found.store.migrate()
        with found.store.writing() as session:
            slug = vendors.add_vendor(session, "Trendy Shoes", ["shop.example"], ISSUED).slug
            address = lifecycle.issue(session, IssueOrder(slug, "in.example"), secrets.randbelow, ISSUED).address
        zone = ZoneLookup({"tillroll.example": {"TXT": ["v=spf1 ip4:198.51.100.0/24 -all"]}})
        parts = Context(found.store, lambda: zone, supplier_book(), lambda: datetime.now(UTC))
        envelope = Envelope(
            "b@tillroll.example", (address,), Client("198.51.100.7", 25, "mx"), ISSUED + timedelta(days=60)
        )
        process_batch(parts, [asyncio.run(parse_and_authenticate(parts, RawMail("one", envelope, RECEIPT)))])
        yield found


def test_a_question_is_listed_answered_and_written_down(house: CommandLine) -> None:
    [asked] = json.loads(house.canary("sender", "list", "--state", "pending", "--json"))
    assert (asked["vendor"], asked["sender"], asked["subject"]) == ("trendy-shoes", "tillroll.example", "Your receipt")
    assert "case 1 opened" in house.canary("sender", "deny", "trendy-shoes", "tillroll.example")
    answer = json.loads(house.canary("sender", "approve", "trendy-shoes", "tillroll.example", "--json"))
    assert (answer["changed"], answer["closed"]) == (1, [1])
    events = json.loads(house.canary("vendor", "show", "trendy-shoes", "--json"))["events"]
    assert [event["kind"] for event in events] == ["sender-learned", "sender-denied", "sender-asked"]


def test_what_an_answer_will_do_is_said_before_and_an_answer_is_taken_back(house: CommandLine) -> None:
    [asked] = json.loads(house.canary("sender", "asked", "trendy-shoes", "--json"))
    assert (asked["sender"], asked["state"], asked["mails"]) == ("tillroll.example", "pending", 1)
    told = house.canary("sender", "deny", "trendy-shoes", "tillroll.example", "--dry-run")
    assert "1 past mail is judged again; a case opens; " in told
    assert json.loads(house.canary("case", "list", "--json")) == []
    house.canary("sender", "deny", "trendy-shoes", "tillroll.example")
    assert "canary sender asked trendy-shoes" in house.canary("case", "show", "1")
    answer = json.loads(house.canary("sender", "undo", "trendy-shoes", "tillroll.example", "--json"))
    assert (answer["closed"], len(answer["freed"]), answer["waiting"]) == ([1], 1, 0)
    [asked] = json.loads(house.canary("sender", "list", "--json"))
    assert (asked["state"], asked["can_undo"]) == ("pending", False)


def test_a_vendors_family_is_edited(house: CommandLine) -> None:
    house.canary("vendor", "set", "trendy-shoes", "--brand", "Wavecrest Boots", "--domain", "tillroll.example")
    shown = json.loads(house.canary("vendor", "show", "trendy-shoes", "--json"))
    assert (shown["brands"], shown["domains"]) == (["Wavecrest Boots"], ["shop.example", "tillroll.example"])
    assert "also writes as Wavecrest Boots" in house.canary("vendor", "show", "trendy-shoes")
    house.canary(
        "vendor", "set", "trendy-shoes", "--drop-brand", "Wavecrest Boots", "--drop-domain", "tillroll.example"
    )
    shown = json.loads(house.canary("vendor", "show", "trendy-shoes", "--json"))
    assert (shown["brands"], shown["domains"]) == ([], ["shop.example"])
    done = house("vendor", "set", "trendy-shoes", "--drop-domain", "nobody.example")
    assert (done.code, done.err.count("\n")) == (1, 1)


def test_a_question_is_answered_for_all_its_senders_but_those_left_out(house: CommandLine) -> None:
    [asked] = json.loads(house.canary("sender", "list", "--json"))
    assert (asked["group"], 0 < asked["plausibility"] < 1) == ("sender:tillroll.example", True)
    left = house("sender", "answer", asked["group"], "yes", "--except", "trendy-shoes:nobody.example")
    assert (left.code, left.err.count("\n")) == (2, 1)
    done = json.loads(house.canary("sender", "answer", asked["group"], "yes", "--json"))
    assert done["senders"] == [{"vendor": "trendy-shoes", "sender": "tillroll.example"}]
    assert (done["state"], done["changed"]) == ("learned", 1)
    again = house("sender", "answer", asked["group"], "no")
    assert (again.code, "canary sender list" in again.err) == (1, True)


def test_endings_and_suppliers_are_set_shown_and_taken_back(house: CommandLine) -> None:
    house.canary("vendor", "set", "trendy-shoes", "--erasure-requested", "2026-05-01", "--grace-days", "5")
    house.canary("vendor", "supplier", "add", "trendy-shoes", "SendGrid", "--channel", "order", "--account", "77")
    shown = json.loads(house.canary("vendor", "show", "trendy-shoes", "--json"))
    assert (shown["erasure_requested"], shown["grace_days"]) == ("2026-05-01T00:00:00+00:00", 5)
    assert [(s["id"], s["channel"], s["account"]) for s in shown["suppliers"]] == [("sendgrid", "order", "77")]
    house.canary("vendor", "supplier", "remove", "trendy-shoes", "SendGrid", "--channel", "order")
    house.canary("vendor", "set", "trendy-shoes", "--erasure-requested", "never", "--grace-days", "-1")
    shown = json.loads(house.canary("vendor", "show", "trendy-shoes", "--json"))
    assert (shown["suppliers"], shown["erasure_requested"], shown["grace_days"]) == ([], None, None)


def test_the_example_file_of_vendors_is_taken_over_once(house: CommandLine) -> None:
    example = str(ROOT / "config/vendors.example.toml")
    house.canary("vendor", "import", example)
    assert {v["new"] for v in json.loads(house.canary("vendor", "import", example, "--json"))} == {False}
    shown = json.loads(house.canary("vendor", "show", "bike-parts", "--json"))
    assert shown["brands"] == ["Pedal & Spoke"]
    assert [(s["id"], s["account"], s["from"][:10]) for s in shown["suppliers"]] == [
        ("silverline", "48213", "2026-01-01")
    ]


def test_all_faults_of_a_file_are_reported_at_once_and_nothing_is_imported(house: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "vendors.toml"
    file.write_text('[[vendor]]\nname = "A"\ndomains = ["nope"]\n[[vendor]]\nname = "B"\nsince = 1\n')
    done = house("vendor", "import", str(file))
    lines = done.err.strip().splitlines()
    assert (done.code, len(lines)) == (2, 2)
    assert ("vendor.1.domains" in lines[0], "vendor.2.since" in lines[1]) == (True, True)
    assert len(json.loads(house.canary("vendor", "list", "--json"))) == 1


def test_a_supplier_is_declared_shown_and_its_domain_taken_back(house: CommandLine) -> None:
    house.canary("supplier", "add", "Letter Works", "--domain", "letterworks.example", "--domain", "lw.example")
    shown = json.loads(house.canary("supplier", "show", "letter-works", "--json"))
    assert (shown["name"], shown["domains"], shown["vendors"]) == (
        "Letter Works",
        ["letterworks.example", "lw.example"],
        [],
    )
    house.canary("supplier", "remove", "letter-works", "--domain", "lw.example")
    assert [s["domains"] for s in json.loads(house.canary("supplier", "list", "--json"))] == [["letterworks.example"]]
