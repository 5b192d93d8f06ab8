"""`canary adopt` and `canary import`: what becomes canaries, and what is said of the rest."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import CommandLine, installation
from tests.letterbox import RECEIVER, Letter, mbox, zipped

pytestmark = [pytest.mark.slow, pytest.mark.everyday]  # it migrates a store of its own
ASKED = ("--adopt", "in.example", "--trust-authserv", RECEIVER, "--offline", "--yes")


@pytest.fixture
def command(tmp_path: Path) -> Iterator[CommandLine]:
    # A decoy is made by chance beside what is adopted.
    with installation(tmp_path, {"CANARY_DECOYS__COUNT": "0"}) as command:
        (command.folder / "data").mkdir()
        yield command


def test_the_export_of_an_alias_service_becomes_canaries_once(command: CommandLine) -> None:
    rows = "alias,note,enabled\nbikes@in.example,Bike Parts account,true\nzalando@in.example,,false\ninfo@in.example,,true\nbad,x,true\n"
    (command.folder / "list.csv").write_text(rows)
    done = command("adopt", "list.csv", "--json")
    made = json.loads(done.out)
    assert {(each["address"], each["name"], each["basis"]) for each in made["adopted"]} == {
        ("bikes@in.example", "Bike Parts", "alias list"), ("zalando@in.example", "Zalando", "its tag"),
    }  # fmt: skip
    assert [each["address"] for each in made["left"]] == ["info@in.example"]
    assert "line 5: 'bad' is not an address" in done.err
    assert (done.code, json.loads(command("adopt", "list.csv", "--json").out)["known"]) == (0, 2)
    assert len(json.loads(command.canary("canaries", "--json"))) == 2


@pytest.mark.parametrize("octets", [b"", b"vendor,channel\n", b"\0\1"])
def test_a_file_without_an_address_is_one_line(command: CommandLine, octets: bytes) -> None:
    (command.folder / "list.csv").write_bytes(octets)
    done = command("adopt", "list.csv")
    assert (done.code, done.err.splitlines()[-1]) == (
        2,
        "list.csv: no address in it: name a CSV file of address,vendor,channel,domains",
    )


def test_the_mail_of_a_vendor_that_has_no_domain_is_a_question(command: CommandLine) -> None:
    (command.folder / "list.csv").write_text(
        "address,vendor,channel,domains\nx1@in.example,Bikes\nx2@in.example,Tea,,tea.example\n"
    )
    command.canary("adopt", "list.csv")
    mails = [Letter("x1@in.example", "news@wheels.example", 90), Letter("x2@in.example", "news@leaves.example", 90)]
    (command.folder / "box").write_bytes(mbox([*mails, Letter("x2@in.example", "a@tea.example", 90)]))
    found = json.loads(
        command(
            "import", "box", "--trust-authserv", RECEIVER, "--adopt", "in.example", "--offline", "--yes", "--json"
        ).out
    )
    assert found["verdicts"] == {"expected": 1, "new-sender": 1, "third-party": 1}


def mixed(folder: Path, each: int) -> None:
    """As many mails, damaged mails, images, texts and archives without mail, one beside the other."""
    folder.mkdir()
    for n in range(each):
        letter = bytes(Letter("shop@in.example", "news@shop.example", n / 9, subject=f"News {n}"))
        (folder / f"{n}-1.eml").write_bytes(letter)
        (folder / f"{n}-2.eml").write_bytes(b"\0\1 damaged" + str(n).encode())
        (folder / f"{n}-3.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(400))
        (folder / f"{n}-4.txt").write_bytes(b"milk and bread\n" * 9)
        (folder / f"{n}-5.zip").write_bytes(zipped([("a.jpg", b"\xff\xd8\xff damaged"), ("b.txt", b"bread")]))
        (folder / f"{n}-6.zip").write_bytes(b"PK\3\4 damaged")
        (folder / f"{n}-7.eml").write_bytes(b"")
        (folder / f"{n}-8.eml").write_bytes(
            bytes(Letter("me@gmail.com", "news@shop.example", n / 9, subject=f"To me {n}"))
        )
    (folder / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")


def test_two_thousand_files_of_all_kinds_are_one_summary(command: CommandLine) -> None:
    mixed(command.folder / "all", 250)
    done = command("import", "all", *ASKED)
    assert done.code == 0
    assert len(done.err.splitlines()) <= 20
    assert len(done.out.splitlines()) <= 40
    assert "aside: 250 broken archive, first" in done.out
    text = " ".join(done.out.split())
    assert (
        "1,001 files beside the mail, left where they are: images 500, text files 500, files of mail programs" in text
    )
    assert "250 mails went to no address at in.example, most of them to me@gmail.com (250)" in text
    assert (
        "Nobody is known to have leaked: of 250 mails at canaries none is charged. That says nothing of the 250 mails"
        in text
    )
    kept = [path.read_bytes() for path in (command.folder / "data/aside").iterdir()]
    assert len(kept) == 250
    assert all(content.startswith(b"\0\1 damaged") for content in kept)


def test_what_the_summary_says_is_in_the_document_too(command: CommandLine) -> None:
    mixed(command.folder / "all", 3)
    found = json.loads(command("import", "all", *ASKED, "--json").out)
    assert found["foreign"] == {"images": 6, "text files": 6, "files of mail programs and systems": 1}
    assert found["unplaced"]["elsewhere"] == {"me@gmail.com": 3}
    assert (found["read"], found["new"], found["elsewhere"], found["aside"], found["cases"]) == (15, 3, 3, 9, [])
    assert found["read"] == sum(found[name] for name in ("new", "known", "elsewhere", "unissued", "aside"))
    assert found["summary"][-1].startswith("Nobody is known to have leaked")


def test_nothing_is_concluded_from_mail_that_could_not_be_placed(command: CommandLine) -> None:
    box = [Letter("bob@in.example", f"news@shop{n}.example", n) for n in range(5)]
    (command.folder / "box").write_bytes(mbox(box))
    text = " ".join(command.canary("import", "box", *ASKED).split())
    assert "leaked" not in text
    assert "If bob@in.example is the mailbox that all mail ends in" in text
    assert text.endswith("No mail could be placed at a canary, so nothing can be said about leaks.")
