"""Imports of mail that a forwarder carried or a catch-all collected: to whom it was, who wrote, and who leaked."""

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.commands import CommandLine, installation
from tests.forwarded_mail import OWN, RECEIVER, mail_of

DAYS = ("05 Jan 2024", "05 Feb 2024", "05 Jun 2024")
SHOP, CASINO = "teashop.example", "casino.example"


@pytest.fixture
def command(tmp_path: Path) -> Iterator[CommandLine]:
    with installation(tmp_path) as made:
        yield made


def archive(command: CommandLine, mails: Sequence[Sequence[str]]) -> None:
    """Write mails of these fields into one folder, each with what its writer put below them."""
    folder = command.folder / "stored"
    folder.mkdir()
    for number, fields in enumerate(mails):
        (folder / f"{number:02}.eml").write_bytes(mail_of(fields, f"Hello.\r\nUnsubscribe https://{SHOP}/{number}\r\n"))


def three(
    *, above: Sequence[str] = (), below: Sequence[str] = (), to: str = f"teashop@{OWN}", final: str
) -> list[list[str]]:
    """Return two mails of the shop and one of a casino, as a receiver for a final mailbox stored them."""
    return [
        [
            *above,
            f"Return-Path: <b@{domain}>",
            f"Received: from out.{domain} (out.{domain} [192.0.2.7]) by {RECEIVER} with ESMTPS id 1 for <{final}>; {day} 10:00:00 +0000",
            f"Authentication-Results: {RECEIVER}; dkim=pass header.d={domain}; spf=pass smtp.mailfrom=b@{domain}",
            *below,
            f"From: {'Tea Shop' if domain == SHOP else 'Casino'} <info@{domain}>",
            f"To: {to}",
            f"Date: {day} 10:00:00 +0000",
        ]
        for domain, day in zip((SHOP, SHOP, CASINO), DAYS, strict=True)
    ]


def imported(command: CommandLine, *more: str) -> dict[str, list[str]]:
    """Import the archive; return the verdicts by address."""
    done = command(
        "import", "stored", "--adopt", OWN, "--trust-authserv", RECEIVER, "--offline", "--yes", "--json", *more
    )  # fmt: skip
    assert done.code == 0, done.err
    hits = [json.loads(line) for line in command.canary("hits", "--json").splitlines()]
    found: dict[str, list[str]] = {}
    for hit in sorted(hits, key=lambda each: each["at"]):
        found.setdefault(hit["address"], []).append(hit["verdict"])
    return found


FOUND = {f"teashop@{OWN}": ["expected", "expected", "third-party"]}


@pytest.mark.parametrize("header", ["Delivered-To", "X-Original-To", "Envelope-To", "X-Delivered-To"])
def test_the_mailbox_that_everything_ends_in_hides_no_alias(command: CommandLine, header: str) -> None:
    archive(command, three(above=[f"{header}: me@{OWN}"], final=f"me@{OWN}"))
    assert imported(command) == FOUND


def test_a_catch_all_behind_private_hops_is_read_from_the_border_line(command: CommandLine) -> None:
    inner = f"Received: from mail.{OWN} (mail.lan [172.22.1.9]) by box.lan with LMTP id 2 for <me@{OWN}>; {DAYS[2]} 10:00:01 +0000"
    mails = three(above=[f"Delivered-To: me@{OWN}", inner], to="undisclosed-recipients:;", final=f"teashop@{OWN}")
    archive(command, mails)
    assert imported(command) == FOUND


@pytest.mark.parametrize(
    ("above", "below"),
    [
        ([f"X-Forwarded-For: teashop@{OWN} me@else.example"], []),
        ([f"X-Forwarded-To: teashop@{OWN}"], []),
        ([f"X-Gm-Original-To: teashop@{OWN}"], []),
        ([f"X-Original-Delivered-To: teashop@{OWN}"], []),
        ([], [f"X-Forwarded-For: teashop@{OWN} me@else.example"]),
        ([], [f"X-AnonAddy-Original-To: teashop@{OWN}"]),
        ([], [f"Duck-Original-To: teashop@{OWN}"]),
    ],
)
def test_mail_that_was_sent_blind_and_forwarded_is_found_by_what_the_forwarder_wrote(
    command: CommandLine, above: list[str], below: list[str]
) -> None:
    archive(
        command,
        three(
            above=["Delivered-To: me@else.example", *above], below=below, to="else@c.example", final="me@else.example"
        ),
    )
    assert imported(command) == FOUND


def test_the_last_forwarders_own_line_says_for_whom_it_took_the_mail(command: CommandLine) -> None:
    mails = three(to="undisclosed-recipients:;", final="me@else.example")
    for fields, domain in zip(mails, (SHOP, SHOP, CASINO), strict=True):
        at = next(number for number, field in enumerate(fields) if field.startswith("From:"))
        line = f"Received: from a.{domain} (a.{domain} [198.51.100.9]) by out.{domain} with ESMTPS id 3 for <teashop@{OWN}>; {DAYS[0]} 09:00:00 +0000"
        fields.insert(at, line)
    archive(command, mails)
    assert imported(command) == FOUND


def test_mail_delivered_to_an_alias_is_not_for_whom_it_is_merely_written_to(command: CommandLine) -> None:
    archive(command, three(above=[f"Delivered-To: teashop@{OWN}"], to=f"bookshop@{OWN}", final=f"teashop@{OWN}")[:1])
    assert imported(command).keys() <= {f"teashop@{OWN}"}


@pytest.mark.parametrize("written", ["metea-7kq2mxw4ztp3a", '"me tea-7kq2mxw4ztp3a"', "me tea-7kq2mxw4ztp3a"])
def test_a_plus_sign_that_software_lost_is_no_guess(command: CommandLine, written: str) -> None:
    right = f"me+tea-7kq2mxw4ztp3a@{OWN}"
    with (command.folder / "map.csv").open("w", newline="") as file:
        csv.writer(file).writerow((right, "Tea Shop"))
    first, second, _ = three(to=right, final=f"x@{OWN}.invalid")
    second[-2] = f"To: {written}@{OWN}"
    archive(command, [first, second])
    assert imported(command, "--vendor-map", "map.csv") == {right: ["expected", "expected"]}
    reasons = [json.loads(line)["reasons"] for line in command.canary("hits", "--json").splitlines()]
    assert sum("plus-sign-lost" in json.dumps(each) for each in reasons) == 1


def test_a_name_before_a_bare_address_hides_no_address(command: CommandLine) -> None:
    mails = three(final="me@else.example")
    mails[1] = [field.replace("To: teashop@", "To: Anna teashop@") for field in mails[1]]
    archive(command, mails)
    assert imported(command) == FOUND


def test_no_forwarder_and_no_domain_of_ones_own_becomes_a_vendor(command: CommandLine) -> None:
    authors = [f"news@{SHOP}", f"news@{SHOP}", f"win@{CASINO}"]
    mails = [
        [
            "Delivered-To: me@else.example",
            "Return-Path: <b_1@mailer.addy.io>",
            f"Received: from mail2.addy.io (mail2.addy.io [192.0.2.7]) by {RECEIVER} with ESMTPS id 1 for <me@else.example>; {day} 10:00:00 +0000",
            f"Authentication-Results: {RECEIVER}; dkim=pass header.d={OWN}; spf=pass smtp.mailfrom=b_1@mailer.addy.io",
            f"X-AnonAddy-Original-Sender: {author}",
            f'From: "x" <teashop+{author.replace("@", "=")}@{OWN}>',
            f"To: teashop@{OWN}",
            f"Date: {day} 10:00:00 +0000",
        ]
        for author, day in zip(authors, DAYS, strict=True)
    ]
    archive(command, mails)
    assert imported(command) == {f"teashop@{OWN}": ["new-sender", "new-sender", "spam"]}
    domains = [each["domains"] for each in command("vendor", "list", "--json").document]
    assert domains == [[SHOP]]


def test_a_mailing_list_is_the_vendor_however_many_write_to_it(command: CommandLine) -> None:
    path = "users-bounces@lists.bikeclub.example"
    authors = ("anna@gmail.com", "ben@company.example", "cleo@university.example")
    mails = [
        [
            f"Delivered-To: bikeclub@{OWN}",
            f"Return-Path: <{path}>",
            f"Received: from lists.bikeclub.example (lists.bikeclub.example [192.0.2.7]) by {RECEIVER} with ESMTPS id 1; {day} 10:00:00 +0000",
            f"Authentication-Results: {RECEIVER}; spf=pass smtp.mailfrom={path}; dkim=pass header.d={author.partition('@')[2]}",
            "List-Id: Users <users.lists.bikeclub.example>",
            "List-Post: <mailto:users@lists.bikeclub.example>",
            f"From: <{author}>",
            "To: users@lists.bikeclub.example",
            f"Date: {day} 10:00:00 +0000",
        ]
        for author, day in zip(authors, DAYS, strict=True)
    ]
    archive(command, mails)
    assert imported(command) == {f"bikeclub@{OWN}": ["expected"] * 3}
    assert [each["domains"] for each in command("vendor", "list", "--json").document] == [["bikeclub.example"]]


def test_the_vendors_own_mail_through_an_srs_forwarder_is_no_impersonation(command: CommandLine) -> None:
    mails = three(above=["Delivered-To: me@else.example"], final="me@else.example")[:2]
    for fields in mails[1:]:
        path = f"SRS0=AbCd=XY={SHOP}=b@out.{SHOP}.registrar.example"
        fields[1] = f"Return-Path: <{path}>"
        fields[3] = (
            f"Authentication-Results: {RECEIVER}; dkim=fail header.d={SHOP}; spf=pass smtp.mailfrom={path};"
            f" dmarc=fail (p=reject) header.from={SHOP}"
        )
    archive(command, mails)
    assert imported(command) == {f"teashop@{OWN}": ["expected", "new-sender"]}


def test_one_mail_is_judged_through_its_forwarder_as_an_import_judges_it(command: CommandLine) -> None:
    mails = three(above=["Delivered-To: me@else.example"], final="me@else.example")
    path = f"SRS0=AbCd=XY={SHOP}=b@registrar.example"
    lost = (
        f"Authentication-Results: {RECEIVER}; spf=pass smtp.mailfrom={path}; dmarc=fail (p=reject) header.from={SHOP}"
    )
    mails.append([mails[0][0], f"Return-Path: <{path}>", mails[0][2], lost, *mails[0][4:]])
    archive(command, mails)
    judged = [
        command(
            "judge", f"stored/{number:02}.eml", "--vendor-domain", SHOP, "--trust-authserv", RECEIVER, "--offline", "--json"
        ).document
        for number in range(4)
    ]  # fmt: skip
    assert [each["verdict"] for each in judged] == ["expected", "expected", "third-party", "new-sender"]
    assert "registrar.example" in judged[3]["reasons"][0]["text"]


def test_the_owner_answers_once_for_a_writer_behind_an_alias_service(command: CommandLine) -> None:
    path = "sl.abc@simplelogin.co"
    mails = [
        [
            "Delivered-To: me@else.example",
            f"Return-Path: <{path}>",
            f"Received: from mail-1.simplelogin.co (mail-1.simplelogin.co [192.0.2.7]) by {RECEIVER} with ESMTPS id 1 for <me@else.example>; {day} 10:00:00 +0000",
            f"Authentication-Results: {RECEIVER}; dkim=pass header.d=simplelogin.co; spf=pass smtp.mailfrom={path}",
            f"X-SimpleLogin-Original-From: info@{SHOP}",
            f"X-SimpleLogin-Envelope-To: teashop@{OWN}",
            f'From: "info at {SHOP}" <ra+x1@simplelogin.co>',
            f"Date: {day} 10:00:00 +0000",
        ]
        for day in DAYS[:2]
    ]
    archive(command, mails)
    assert imported(command) == {f"teashop@{OWN}": ["new-sender", "new-sender"]}
    [asked] = command("sender", "list", "--json").document
    assert (asked["state"], asked["sender"]) == ("pending", f"{SHOP} via SimpleLogin")
    command.canary("sender", "approve", asked["vendor"], asked["sender"])
    hits = [json.loads(line) for line in command.canary("hits", "--json").splitlines()]
    assert {(hit["verdict"], hit["sender"]) for hit in hits} == {("supplier", f"info@{SHOP}")}


@pytest.mark.parametrize("service", ["simplelogin.io", "addy.io", "duck.com", "gmail.com", OWN])
def test_a_forwarder_that_writes_itself_becomes_no_vendor_by_mail_or_map(command: CommandLine, service: str) -> None:
    label = service.partition(".")[0]
    mails = [
        [field.replace(SHOP, service).replace(CASINO, service) for field in fields]
        for fields in three(above=[f"Delivered-To: {label}@{OWN}"], final=f"{label}@{OWN}", to=f"{label}@{OWN}")
    ]
    archive(command, mails)
    (command.folder / "map.csv").write_text(f"{label}@{OWN},Some Name,signup,{service}\n")
    for more in ((), ("--vendor-map", "map.csv")):
        command("import", "stored", "--adopt", OWN, "--trust-authserv", RECEIVER, "--offline", "--yes", *more)
        domains = [each["domains"] for each in command("vendor", "list", "--json").document]
        assert [domain for each in domains for domain in each if domain.endswith(service)] == []
