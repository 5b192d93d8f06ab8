"""`canary judge` as scripts use it: every flag, the JSON form, exit codes, and one line for wrong use."""

import gzip
import json
import lzma
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from canary.cli import app
from tests.letterbox import tarred, zipped
from tests.verdict_cases import CASES, FOLDER, expectation

SAYABLE = {
    "vendor", "vendor_domain", "decoy", "mail_from", "client_ip", "helo", "verdict", "reasons", "says", "confidence",
}  # fmt: skip
PLAIN = [  # cases that need nothing but what the command can be told
    folder
    for folder in CASES
    if (folder / "mail.eml").exists()
    and not (folder / "suppliers.toml").exists()
    and not (folder / "rspamd.json").exists()
    and set(expectation(folder)) <= SAYABLE
    and not expectation(folder).get("decoy")
    and expectation(folder)["verdict"] != "self-test"
]


def run(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["judge", *arguments])
    return done.exit_code, done.stdout, done.stderr


def judged(*arguments: str) -> dict[str, Any]:
    code, said, fault = run(*arguments, "--json")
    assert (code, fault) == (0, "")
    document: dict[str, Any] = json.loads(said)
    return document


@pytest.mark.parametrize("folder", PLAIN, ids=lambda f: f.name)
def test_the_command_says_what_the_case_asks_for(folder: Path) -> None:
    told = expectation(folder)
    document = judged(
        str(folder / "mail.eml"), "--vendor-domain", told["vendor_domain"], "--vendor-name", told["vendor"],
        "--mail-from", f"<{told['mail_from']}>", "--client-ip", told["client_ip"], "--helo", told["helo"],
        "--zone", str(folder / "zone.json"),
    )  # fmt: skip
    wanted = [code for code in told["reasons"] if code != "persona-named"]
    assert (document["verdict"], [r["code"] for r in document["reasons"]]) == (told["verdict"], wanted)


def test_the_document_has_the_promised_form() -> None:
    folder = FOLDER / "01-expected-vendor-proven"
    told = expectation(folder)
    document = judged(
        str(folder / "mail.eml"), "--vendor-domain", "shop.example", "--mail-from", told["mail_from"],
        "--client-ip", told["client_ip"], "--zone", str(folder / "zone.json"),
    )  # fmt: skip
    assert {key: type(value).__name__ for key, value in document.items()} == {
        "verdict": "str", "confidence": "float", "reasons": "list", "identity": "dict", "auth": "dict",
    }  # fmt: skip
    assert set(document["identity"]) == {"domain", "proof", "esp", "account"}
    assert set(document["auth"]) == {"spf", "dkim", "dmarc", "arc"}
    assert all(set(reason) == {"code", "text"} for reason in document["reasons"])


def test_offline_asks_nobody_and_accuses_nobody_of_claiming_to_be_the_vendor() -> None:
    mail = str(FOLDER / "03-impersonation-fails-auth/mail.eml")
    document = judged(mail, "--vendor-domain", "shop.example", "--client-ip", "192.0.2.1", "--offline")
    assert (document["verdict"], document["auth"]["spf"]) == ("new-sender", "temperror")


def test_a_second_domain_of_the_vendor_counts_as_well() -> None:
    folder = FOLDER / "06-third-party-bulk"
    arguments = (str(folder / "mail.eml"), "--client-ip", "198.51.100.7", "--zone", str(folder / "zone.json"))
    alone = judged(*arguments, "--vendor-domain", "shop.example")
    both = judged(*arguments, "--vendor-domain", "shop.example", "--vendor-domain", "deals.example")
    assert (alone["verdict"], both["verdict"]) == ("third-party", "expected")


def test_the_name_of_the_vendor_follows_from_its_domain(tmp_path: Path) -> None:
    mail = tmp_path / "mail.eml"
    mail.write_text("From: Tollmark Billing <x@pay.invalid>\nSubject: Bill\n\nPlease pay.\n")
    assert judged(str(mail), "--vendor-domain", "tollmark.example", "--offline")["verdict"] == "impersonation"


def test_the_results_of_a_server_we_trust_are_believed(tmp_path: Path) -> None:
    mail = tmp_path / "mail.eml"
    mail.write_text(
        "Authentication-Results: mx.box.example; spf=pass smtp.mailfrom=shop.example; dmarc=pass header.from=shop.example\n"
        "Received: from out.shop.example (out.shop.example [192.0.2.1]) by mx.box.example with ESMTPS; Sun, 1 Mar 2026 12:00:00 +0000\n"
        "Return-Path: <b@shop.example>\nFrom: Shop <news@shop.example>\nSubject: Hello\n\nNews.\n"
    )
    arguments = (str(mail), "--vendor-domain", "shop.example", "--offline")
    assert judged(*arguments, "--trust-authserv", "mx.box.example")["verdict"] == "expected"
    assert judged(*arguments, "--trust-authserv", "mx.other.example")["verdict"] == "new-sender"


def test_a_mail_without_a_given_envelope_is_not_treated_as_one_without_a_sender(tmp_path: Path) -> None:
    mail = tmp_path / "mail.eml"
    mail.write_text("From: Sun <x@sun.invalid>\nSubject: Vacation in the hills\n\nBook now.\n")
    assert judged(str(mail), "--vendor-domain", "shop.example", "--offline")["verdict"] == "spam"


def test_for_people_it_prints_the_verdict_and_a_reason_a_line() -> None:
    mail = str(FOLDER / "08-spam-nothing-proven/mail.eml")
    code, said, _ = run(mail, "--vendor-domain", "shop.example", "--offline")
    lines = said.splitlines()
    assert (code, lines[0].startswith("spam ("), all(line.startswith("  ") for line in lines[1:])) == (0, True, True)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("missing.eml", "--vendor-domain", "a.example"), "missing.eml"),
        (("{folder}", "--vendor-domain", "a.example"), "name a file with one mail"),
        (("{mail}", "--vendor-domain", "nonsense"), "--vendor-domain 'nonsense'"),
        (("{mail}", "--vendor-domain", "me@shop.example"), "--vendor-domain"),
        (("{mail}", "--vendor-domain", "a.example", "--client-ip", "300.1.2.3"), "--client-ip '300.1.2.3'"),
        (("{mail}", "--vendor-domain", "a.example", "--mail-from", "bob"), "--mail-from 'bob'"),
        (("{mail}", "--vendor-domain", "a.example", "--zone", "none.json"), "none.json"),
        (("{mail}", "--vendor-domain", "a.example", "--zone", "{mail}"), "--zone"),
        (("{mail}", "--vendor-domain", "a.example", "--zone", "{list}"), "not a JSON object"),
        (("{mail}", "--vendor-domain", "a.example", "--zone", "{odd}"), "--zone"),
        (("{mail}", "--vendor-domain", "a.example", "--zone", "{mail}", "--offline"), "leave out one"),
        (("{mail}", "--vendor-domain", "a.example", "--offline", "--trust-authserv", "x y"), "--trust-authserv"),
    ],
)
def test_wrong_use_is_one_line_and_code_2(arguments: tuple[str, ...], told: str, tmp_path: Path) -> None:
    names = {"folder": str(tmp_path), **{name: str(tmp_path / name) for name in ("mail", "list", "odd")}}
    (tmp_path / "mail").write_text("From: a@b.example\n\nhi\n")
    (tmp_path / "list").write_text("[1, 2]")
    (tmp_path / "odd").write_text('{"a.example": {"TXT": 7}}')
    code, said, fault = run(*(argument.format(**names) for argument in arguments))
    assert (code, said, len(fault.splitlines()), told in fault) == (2, "", 1, True), fault


MAIL = b"From: Prize <x@bad.invalid>\nSubject: You have won\nReturn-Path: <x@bad.invalid>\n\nClaim your prize.\n"
MBOX = b"From x@bad.invalid Sun Mar  1 12:00:00 2026\n" + MAIL + b"\n"
APPLE = str(len(MAIL)).encode() + b"        \n" + MAIL + b'<?xml version="1.0"?><plist version="1.0"></plist>\n'
FORMS = {
    "mail.eml": MAIL,
    "wire.eml": MAIL.replace(b"\n", b"\r\n"),
    "mac.eml": MAIL.replace(b"\n", b"\r"),
    "odd": b"From: \xff\xfe\r\n\r\n",
    "saved.eml": b"\xef\xbb\xbf" + MAIL,
    "apple.emlx": APPLE,
    "apple-bom.emlx": b"\xef\xbb\xbf" + APPLE,
    "mail.eml.gz": gzip.compress(MAIL),
    "mail.eml.xz": lzma.compress(MAIL),
    "mail.zip": zipped([("a/mail.eml", MAIL)]),
    "mail.tar.gz": tarred([("mail.eml", MAIL)], "gz"),
    "one.mbox": MBOX,
    "mac.mbox": MBOX.replace(b"\n", b"\r"),
    "bom.mbox": b"\xef\xbb\xbf" + MBOX,
}


@pytest.mark.parametrize("name", FORMS)
def test_a_mail_is_judged_in_every_form_that_an_import_reads(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(FORMS[name])
    document = judged(str(tmp_path / name), "--vendor-domain", "shop.example", "--offline")
    assert document["verdict"] == "spam"
    assert ("fraud-shape" in {reason["code"] for reason in document["reasons"]}) is (name != "odd")
    assert "malformed" not in {reason["code"] for reason in document["reasons"]} or name == "odd"


NO_MAIL = {
    "empty.eml": b"",
    "nothing.eml": b"\0" * 1000,
    "words.txt": b"no headers",
    "late.eml": b"\r\n\r\n" + b"x" * 100_000,
    "list.csv": b"id,email,description,active\n1,bikeparts@my.example,Bike Parts,true\n",
    "picture.png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 9,
    "paper.pdf": b"%PDF-1.4\n%\xe2\xe3\n1 0 obj\n<< /Type /Catalog >>\nendobj\n",
    "page.html": b"<!doctype html>\n<pre>\nFrom: me\nSubject: you\n</pre>\n",
    "outlook.msg": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "Subject: x".encode("utf-16-le"),
    "two.mbox": MBOX + MBOX,
    "empty.zip": zipped([]),
    "words.zip": zipped([("readme.txt", b"nothing")]),
    "cut.eml.gz": gzip.compress(MAIL)[:-12],
}


@pytest.mark.parametrize("name", NO_MAIL)
def test_what_is_no_mail_is_said_to_be_none_in_one_line(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(NO_MAIL[name])
    code, said, fault = run(str(tmp_path / name), "--vendor-domain", "shop.example", "--offline")
    assert (code, said, len(fault.splitlines())) == (2, "", 1)
    assert fault.startswith(str(tmp_path / name))
    assert fault.endswith(": name a file with one mail\n")


REPORT = (
    b"Received: from ex.corp.example (10.0.0.5) by ex2.corp.example (10.0.0.6) with SMTP; Sun, 1 Mar 2026 12:00:01 +0000\n"
    b"X-MS-Journal-Report:\nFrom: <MicrosoftExchange1@corp.example>\nTo: journal@corp.example\nMIME-Version: 1.0\n"
    b"Content-Type: multipart/mixed; boundary=J\n\n--J\nContent-Type: text/plain\n\nSender: bounces@bad.invalid\n"
    b"Recipient: c@in.example\n\n--J\nContent-Type: message/rfc822\n\n" + MAIL + b"\n--J--\n"
)


def test_of_a_journal_report_the_mail_inside_is_judged(tmp_path: Path) -> None:
    (tmp_path / "journal.eml").write_bytes(REPORT)
    (tmp_path / "zone.json").write_text('{"bad.invalid": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"]}}')
    arguments = (
        str(tmp_path / "journal.eml"),
        "--vendor-domain",
        "shop.example",
        "--zone",
        str(tmp_path / "zone.json"),
    )
    document = judged(*arguments, "--client-ip", "192.0.2.1")
    assert (document["verdict"], document["identity"]["domain"]) == ("spam", "bad.invalid")
    assert "fraud-shape" in {reason["code"] for reason in document["reasons"]}
