"""Filter rules for the owner's mailbox, run by a real Sieve interpreter."""

import os
import pwd
import shutil
import subprocess
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

from canary.canaries.mailbox_filter import AddressHolder, gmail_filters, sieve_script
from tests.patience import PATIENCE

SHOP = AddressHolder(
    'Shop\nrequire "evil";', ("shop.k7q2@in.example", "me+shop-1@in.example"), ("shop.example", "mailer.example")
)
NOBODY = AddressHolder("New", ("new.1@in.example",), ())


@pytest.fixture
def place() -> Iterator[Path]:
    # The interpreter gives the power of root away, and then could not read in a folder of ours.
    with tempfile.TemporaryDirectory(prefix="canary-sieve-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def filed(place: Path, sender: str, to: str, envelope: str = "x@y.example", folder: str = "Suspect") -> bool:
    """Whether the interpreter puts a mail into the folder."""
    program = shutil.which("sieve-test")
    if program is None:
        pytest.skip("no sieve-test: `.ci/install test-tools` installs it")
    (place / "rules.sieve").write_text(sieve_script([SHOP, NOBODY], folder))
    (place / "mail.eml").write_text(f"From: Name <{sender}>\nTo: {to}\nSubject: x\n\ntext\n")
    user = pwd.getpwnam("mail") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    chosen = (
        f"mail_uid={user.pw_uid}",
        f"mail_gid={user.pw_gid}",
        "first_valid_uid=1",
        "mail_location=maildir:/nonexistent",
    )
    options = [word for each in chosen for word in ("-o", each)]
    command = [program, *options, "-r", envelope, str(place / "rules.sieve"), str(place / "mail.eml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert "final result: success" in done.stdout + done.stderr, done.stderr
    return f"store message in folder: {folder}" in done.stdout


@pytest.mark.parametrize("sender", ["news@shop.example", "a@mail.shop.example", "a@MAILER.example"])
def test_who_is_known_may_write(place: Path, sender: str) -> None:
    assert not filed(place, sender, "shop.k7q2@in.example")


@pytest.mark.parametrize("sender", ["a@elsewhere.example", "a@notshop.example", "shop.example@elsewhere.example"])
def test_mail_of_all_others_goes_to_the_folder(place: Path, sender: str) -> None:
    assert filed(place, sender, "shop.k7q2@in.example", folder='Sus"pect')


def test_a_blind_copy_is_found_by_its_envelope(place: Path) -> None:
    assert filed(place, "a@elsewhere.example", "somebody@else.example", "me+shop-1@in.example")


@pytest.mark.parametrize("to", ["friend@in.example", "new.1@in.example"])
def test_all_other_mail_is_left_alone(place: Path, to: str) -> None:
    assert not filed(place, "a@elsewhere.example", to)


def test_gmail_gets_a_filter_for_twenty_addresses_at_most() -> None:
    many = AddressHolder("Many", tuple(f"a{n}@in.example" for n in range(45)), ("shop.example", "<&>.example"))
    found = ET.fromstring(gmail_filters([many, NOBODY], 'A "label" & more'))
    entries = found.findall("{http://www.w3.org/2005/Atom}entry")
    values = [{p.attrib["name"]: p.attrib["value"] for p in e if "name" in p.attrib} for e in entries]
    assert [value["hasTheWord"].count("@") for value in values] == [20, 20, 5]
    assert {value["label"] for value in values} == {'A "label" & more'}
    assert {value["doesNotHaveTheWord"] for value in values} == {"from:(shop.example OR <&>.example)"}
