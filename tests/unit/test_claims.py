"""What the evidence says to what a vendor claims."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from canary.cases.claims import Evidence, HitAddress, answer_claim
from canary.judge.guess import Chance
from canary.model.attempt import LocalShape
from canary.model.case import LeakWindow, Suspect, SuspectKind, counts_as_leaked
from canary.model.claim import CLAIMS, Claim, ClaimCode, ClaimOutcome


def day(month: int, number: int, year: int = 2011) -> datetime:
    return datetime(year, month, number, tzinfo=UTC)


HARD, EASY = Chance(1e-13, 40_211), Chance(0.01, 40_211, 900, LocalShape.NUMBERED)
SILVERPOP = Suspect(SuspectKind.SUPPLIER, "silverpop", 0.87, 4, 5, "Silverpop")
OTHERS = (
    Suspect(SuspectKind.VENDOR, "play", 0.09, 1, 2, "Play.com"),
    Suspect(SuspectKind.OWNER, "own side", 0.01, 0, 0, "Own side"),
    Suspect(SuspectKind.NOBODY, "no leak", 0.001, 0, 0, "No leak"),
)
PLAY = Evidence(
    mails=5,
    suspects=(SILVERPOP, *OTHERS),
    struck=(HitAddress("a@in.example", day(6, 1, 2010), day(3, 20), 12, HARD),
            HitAddress("b@in.example", day(12, 12, 2010), day(3, 21), 15, HARD)),
    said={"given name": (12, 15, 31), "phone": ()},
    leaked={"given name": 0.999, "phone": 0.3},
    quiet=(day(4, 10),),
    carriers=("Silverpop",),
    window=LeakWindow(earliest=day(12, 12, 2010), latest=day(3, 20), from_90=day(1, 3), to_90=day(3, 14)),
)  # fmt: skip

STANDING = [
    (Claim(ClaimCode.ONLY_ADDRESSES), ClaimOutcome.CONTRADICTED, "given name in 3 of 5 mails", (12, 15, 31)),
    (Claim(ClaimCode.NO_LEAK), ClaimOutcome.CONTRADICTED, "under 1% that this happened without a leak", (12, 15)),
    (Claim(ClaimCode.GUESSED), ClaimOutcome.CONTRADICTED, "1 in 10^13 after 40,211 attempts", (12, 15)),
    (Claim(ClaimCode.OWN_SIDE), ClaimOutcome.CONTRADICTED, "1% that it leaked on your own side", ()),
    (Claim(ClaimCode.SUPPLIER, "Silverpop"), ClaimOutcome.CONSISTENT, "87% that Silverpop is the source; 4 of 5", ()),
    (Claim(ClaimCode.SUPPLIER, "Mailmarch"), ClaimOutcome.UNKNOWN, "Mailmarch is not known to be a supplier", ()),
    (Claim(ClaimCode.NOT_PASSED_ON), ClaimOutcome.CONTRADICTED, "came through Silverpop", ()),
    (Claim(ClaimCode.PASSWORDS_SAFE), ClaimOutcome.UNKNOWN, "Change yours there all the same", ()),
    (Claim(ClaimCode.HAPPENED, "", day(2, 1), day(2, 28)), ClaimOutcome.CONSISTENT, "03 Jan 2011 to 14 Mar 2011", ()),
    (Claim(ClaimCode.HAPPENED, "", None, day(12, 1, 2010)), ClaimOutcome.CONTRADICTED, "issued only after that", (15,)),
    (Claim(ClaimCode.HAPPENED, "", day(3, 21), None), ClaimOutcome.CONTRADICTED, "first on 20 Mar 2011", (12,)),
    (Claim(ClaimCode.HAPPENED, "", day(3, 16), day(3, 19)), ClaimOutcome.UNKNOWN, "90% probability", ()),
    (
        Claim(ClaimCode.STOPPED, "", day(4, 1)),
        ClaimOutcome.CONSISTENT,
        "1 address given to the vendor since then stayed",
        (),
    ),
    (
        Claim(ClaimCode.STOPPED, "", day(12, 1, 2010)),
        ClaimOutcome.CONTRADICTED,
        "1 address given to the vendor since",
        (15,),
    ),
    (Claim(ClaimCode.STOPPED, "", day(5, 1)), ClaimOutcome.UNKNOWN, "rotate one, and see whether it stays quiet", ()),
]


@pytest.mark.parametrize(("claim", "outcome", "text", "mails"), STANDING, ids=lambda value: getattr(value, "text", ""))
def test_each_claim_is_answered_by_the_evidence(
    claim: Claim, outcome: ClaimOutcome, text: str, mails: tuple[int, ...]
) -> None:
    found = answer_claim(claim, PLAY)
    assert (found.outcome, found.mails) == (outcome, mails)
    assert text in found.text


def test_every_claim_of_the_list_has_an_answer_in_the_table() -> None:
    assert {claim.code for claim, *_ in STANDING} == set(CLAIMS) == set(ClaimCode)


def test_addresses_alone_may_be_true_where_no_mail_names_a_field_for_long() -> None:
    silent = replace(PLAY, said={}, leaked={"given name": 0.1}, mails=40)
    assert answer_claim(Claim(ClaimCode.ONLY_ADDRESSES), silent).outcome is ClaimOutcome.CONSISTENT
    assert (
        answer_claim(Claim(ClaimCode.ONLY_ADDRESSES), replace(silent, leaked={"phone": 0.4})).outcome
        is ClaimOutcome.UNKNOWN
    )


def test_without_a_persona_nothing_is_known_about_more_than_addresses() -> None:
    assert (
        answer_claim(Claim(ClaimCode.ONLY_ADDRESSES), replace(PLAY, said={}, leaked={})).outcome is ClaimOutcome.UNKNOWN
    )


def test_a_name_that_chance_explains_contradicts_nothing() -> None:
    weak = replace(PLAY, leaked={"given name": 0.4, "phone": 0.3})
    assert answer_claim(Claim(ClaimCode.ONLY_ADDRESSES), weak).outcome is ClaimOutcome.UNKNOWN


def test_an_address_of_no_bits_may_have_been_guessed_unless_the_mail_knows_the_name() -> None:
    easy = replace(PLAY, struck=tuple(replace(s, chance=EASY) for s in PLAY.struck))
    assert answer_claim(Claim(ClaimCode.GUESSED), easy).text.startswith(
        "Anyone who guesses an address does not know the name"
    )
    assert answer_claim(Claim(ClaimCode.GUESSED), replace(easy, leaked={})).outcome is ClaimOutcome.UNKNOWN


def test_nothing_bounds_the_time_of_a_leak_without_a_window() -> None:
    dark = replace(PLAY, window=None)
    assert answer_claim(Claim(ClaimCode.HAPPENED, "", day(2, 1)), dark).outcome is ClaimOutcome.UNKNOWN


@pytest.mark.parametrize(
    ("code", "cure"),
    [(ClaimCode.SUPPLIER, "write supplier:NAME"), (ClaimCode.HAPPENED, "write happened:"), (ClaimCode.STOPPED, "write stopped:")],
)  # fmt: skip
def test_a_claim_that_lacks_what_it_needs_is_refused_with_the_cure(code: ClaimCode, cure: str) -> None:
    with pytest.raises(ValueError, match=cure):
        Claim(code)


def test_a_claim_whose_end_comes_before_its_beginning_is_refused() -> None:
    with pytest.raises(ValueError, match="write the earlier date first"):
        Claim(ClaimCode.HAPPENED, "", day(2, 2), day(2, 1))


@pytest.mark.parametrize(("p", "leaked"), [(0.0, False), (0.499, False), (0.5, True), (1.0, True)])
def test_a_field_counts_as_leaked_when_that_is_at_least_as_likely_as_not(p: float, leaked: bool) -> None:
    assert counts_as_leaked(p) is leaked


def test_only_a_field_that_leaked_and_is_in_mail_counts_as_seen() -> None:
    likely = replace(
        PLAY,
        leaked={"given name": 0.999, "phone": 0.7, "family name": 0.3},
        said={"given name": (12,), "family name": (15,)},
    )
    assert [(field.name, field.leaked, field.seen) for field in likely.fields] == [
        ("given name", True, True),
        ("phone", True, False),
        ("family name", False, False),
    ]
