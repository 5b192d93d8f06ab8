"""What an import says of itself: nothing that it did not see, and the cure for what it could not place."""

from dataclasses import replace

import pytest

from canary.importing.archive import ArchivePlace
from canary.importing.backfill import Report
from canary.importing.import_store import Suspected
from canary.importing.progress import ImportFault
from canary.importing.summary import conclusion, damage, paragraphs
from canary.judge.adoption import Left
from tests.letterbox import BEGIN

NOTHING = Report(0, 0, 0, 0, 0, 0, (), {}, ())
QUIET = replace(NOTHING, read=9, new=9, verdicts={"expected": 9})
CLEAR = "Nobody is known to have leaked"


def said(found: Report, adopted: tuple[str, ...] = ("me.example",), left: tuple[Left, ...] = ()) -> str:
    return " ".join("\n".join(paragraphs(found, ("me.example",), adopted, left)).split())


def test_nobody_leaked_only_if_mail_reached_canaries_and_none_is_charged() -> None:
    assert conclusion(QUIET) == f"{CLEAR}: of 9 mails at canaries none is charged."
    case = Suspected(1, ("Shop",), 2, BEGIN, "Shop", 0.9)
    for other in (
        NOTHING,
        replace(NOTHING, read=3, elsewhere=3),
        replace(NOTHING, read=3, unissued=3),
        replace(QUIET, verdicts={"expected": 8, "spam": 1}),
        replace(QUIET, cases=(case,), verdicts={"spam": 2}),
        replace(NOTHING, read=5, known=5),
    ):
        assert CLEAR not in conclusion(other)


def test_questions_and_what_could_not_be_placed_stand_beside_the_all_clear() -> None:
    text = conclusion(replace(QUIET, read=12, elsewhere=2, unissued=1, verdicts={"expected": 5, "new-sender": 4}))
    assert "Your answer is needed about 4 hits" in text
    assert "nothing of the 3 mails that could not be placed" in text


def test_mail_to_a_mailbox_that_is_no_canary_is_explained_with_the_cure() -> None:
    found = replace(
        QUIET, read=821, elsewhere=812, most_elsewhere=(("me@gmail.com", 800), ("x@y.example", 7)), nameless=5
    )
    text = said(found)
    assert "812 mails went to no address at me.example, most of them to me@gmail.com (800), x@y.example (7)" in text
    assert "5 name no recipient" in text
    assert "me@gmail.com is a mailbox and no canary" in text
    assert "me+shop@gmail.com and the like, add --adopt gmail.com" in text
    assert "--adopt DOMAIN" not in text
    assert "name the domain of your addresses with --adopt DOMAIN" in said(found, adopted=())


def test_mail_to_addresses_that_are_no_canaries_is_explained_with_the_cure() -> None:
    found = replace(
        QUIET, unissued=20, addresses_unissued=9, most_unissued=(("gift@me.example", 5), ("tea@me.example", 3))
    )
    assert "--adopt me.example makes canaries" in said(found, adopted=())
    left = (
        Left("gift@me.example", 5, "guessed: x.example wrote first to 9 addresses"),
        Left("tea@me.example", 3, "has no tag"),
    )
    text = said(found, left=left)
    assert "20 mails went to 9 addresses of yours, no canary, most to gift@me.example (5), tea@me.example (3)" in text
    assert "guessed (1); has no tag (1)" in text
    assert "--vendor-map FILE" in text


def test_the_mailbox_that_all_mail_ends_in_is_named() -> None:
    found = replace(
        QUIET, unissued=20, addresses_unissued=2, most_unissued=(("bob@me.example", 19), ("tea@me.example", 1))
    )
    assert "If bob@me.example is the mailbox that all mail ends in" in said(found)


def test_files_that_are_no_mail_are_one_sentence() -> None:
    text = said(replace(QUIET, foreign={"images": 1200, "text files": 3}))
    assert "1,203 files beside the mail, left where they are: images 1,200, text files 3." in text


@pytest.mark.parametrize("count", [1, 2000])
def test_damage_is_a_line_for_each_kind_with_its_first_place(count: int) -> None:
    faults = [ImportFault(ArchivePlace(f"/m/{n}"), f"broken archive (at octet {n})") for n in range(count)]
    faults += [ImportFault(ArchivePlace("/m/x"), f"reason {n}") for n in range(30)]
    lines = damage(faults)
    assert len(lines) == 9
    assert any(line.startswith(f"aside: {count:,} broken archive, first /m/0") for line in lines) or count == 1
