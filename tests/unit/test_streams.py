"""Labelled streams: what is read of them, and whose mail is planted where; the stream here is a written one."""

import mailbox
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from canary.mail.parse import parse
from tests.quality.naive import has_no_tie, is_foreign_domain
from tests.quality.streams import Plan, Stream, parties, plant, read_stream, sent_at, stream_folders

VENDORS = ("Boots", "Candles", "Daffodils", "Ermine", "Fjords")
START = datetime(2026, 5, 1, 8, tzinfo=UTC)


def letter(vendor: str, day: int, to: str = "", signer: str = "") -> str:
    domain, at = f"{vendor.lower()}.example", format_datetime(START + timedelta(days=day))
    signature = f"DKIM-Signature: v=1; d={signer}; s=a; b=x\n" if signer else ""
    to = to or f"me+{vendor.lower()}@in.example"
    return (
        f"Delivered-To: {to}\nReceived: by mx.test; {at}\n{signature}From: {vendor} <news@{domain}>\n"
        f"Message-ID: <{day}@{domain}>\nTo: {to}\nDate: {at}\n\nFrom all of us at {vendor}: https://www.{domain}/\n"
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "written"
    found.mkdir()
    rows = [f"Me+{vendor.lower()}@in.example,{vendor},{vendor.lower()}.example" for vendor in VENDORS]
    (found / "aliases.csv").write_text("\n".join(["address,vendor,domains", *rows]) + "\n")
    box = mailbox.mbox(found / "mail.mbox")
    for vendor in VENDORS:
        for day in range(4):
            box.add(letter(vendor, day))
    box.add(letter("Boots", 5, to="me+boots@in.example, me+candles@in.example"))
    box.add(letter("Boots", 5, to="me@in.example"))
    box.close()
    return found


@pytest.fixture
def stream(folder: Path) -> Stream:
    return read_stream(folder)


def test_streams_are_the_folders_with_a_list_of_aliases_and_a_mailbox(folder: Path) -> None:
    (folder.parent / "half").mkdir()
    (folder.parent / "half" / "aliases.csv").touch()
    assert stream_folders(folder.parent) == [folder]


def test_mail_that_names_no_alias_or_two_is_left_out(stream: Stream) -> None:
    assert len(stream.mails) == 20
    assert stream.given["me+boots@in.example"] == "Boots"
    assert stream.vendors["Boots"] == ("boots.example",)


def test_who_has_to_do_with_a_mail_is_read_from_its_authors_and_signatures() -> None:
    assert parties(letter("Boots", 1, signer="mail.letters.co.uk").encode()) == {"boots.example", "letters.co.uk"}


@pytest.mark.parametrize("plan", [Plan(), Plan(once=True), Plan(foreign=2, each=1), Plan(spread=100), Plan(at=2)])
def test_no_stranger_is_planted_at_its_own_address(stream: Stream, plan: Plan) -> None:
    planting = plant(stream, plan)
    strangers = [truth for truth in planting.truths.values() if truth.kind == "stranger"]
    assert strangers
    for number, truth in planting.truths.items():
        mail = planting.mailbox.split(b"X-Stream-Number: " + number.encode())[1]
        own = f"@{truth.vendor.lower()}.example>".encode() in mail.partition(b"Message-ID")[0]
        assert own == (truth.kind == "own")
        assert truth.alias.encode() in mail.partition(b"\n\n")[0]


def test_the_same_seed_plants_the_same(stream: Stream) -> None:
    assert plant(stream, Plan(seed=3)) == plant(stream, Plan(seed=3))
    assert plant(stream, Plan(seed=3)).mailbox != plant(stream, Plan(seed=4)).mailbox


def test_foreign_strangers_are_nobodys_vendor_and_write_once_each(stream: Stream) -> None:
    planting = plant(stream, Plan(foreign=2, each=1))
    assert len(planting.vendors) == len(planting.given) == 3
    strangers = [number for number, truth in planting.truths.items() if truth.kind == "stranger"]
    texts = {
        planting.mailbox.split(number.encode() + b"\n")[1].partition(b"Message-ID")[2][:30] for number in strangers
    }
    assert len(texts) == len(strangers) == 3


def test_what_is_spread_comes_over_the_days_that_the_plan_says(stream: Stream) -> None:
    mails = plant(stream, Plan(each=1, spread=100)).mailbox.split(b"From MAILER ")[1:]
    days = [(sent_at(mail.partition(b"\n")[2]) - START.timestamp()) / 86400 for mail in mails]
    assert days == sorted(days)
    assert 3 < days[-1] <= 101


def test_phishing_is_addressed_to_the_alias(stream: Stream, tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(
        b"Received: by mx.test; Mon, 4 May 2026 10:00:00 +0000\nTo: Phishing@Pot\n\nPay.\n"
    )
    planting = plant(stream, Plan(each=0, phishing=None), tmp_path)
    (truth,) = (truth for truth in planting.truths.values() if truth.kind == "spam")
    assert b"\nTo: " + truth.alias.encode() + b"\n\nPay." in planting.mailbox
    assert plant(stream, Plan(each=0), tmp_path).truths == {
        number: truth for number, truth in planting.truths.items() if truth.kind == "own"
    }


def test_the_naive_rules_accuse_by_the_domain_and_by_the_lack_of_any_tie() -> None:
    own = parse(letter("Boots", 1).encode())
    agent = parse(letter("Boots", 1).replace("news@boots.example", "news@post.test").encode())
    other = parse(letter("Candles", 1).encode())
    about = ("Boots", ("boots.example",))
    assert [is_foreign_domain(mail, *about) for mail in (own, agent, other)] == [False, True, True]
    assert [has_no_tie(mail, *about) for mail in (own, agent, other)] == [False, False, True]
    nameless = replace(agent, senders=(replace(agent.sender, name=""),))
    assert not has_no_tie(nameless, *about)
