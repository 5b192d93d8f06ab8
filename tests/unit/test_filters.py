"""How pages write numbers, words and addresses."""

from datetime import UTC, datetime

import pytest

from canary.cases.claims import HitAddress
from canary.judge.guess import Chance
from canary.model.case import Suspect, SuspectKind
from canary.views.case_models import Guessing
from canary.web import filters

NOW = datetime(2011, 3, 20, 9, 30, 5, tzinfo=UTC)
HARD, EASY = Chance(1e-13, 40_211), Chance(0.01, 900)


@pytest.mark.parametrize(
    ("times", "said"),
    [
        (0.0, "under x0.001"), (0.00001, "under x0.001"), (0.04, "x0.04"), (0.96, "x1"), (9.4, "x9"), (9.7, "x10"),
        (1234.4, "x1,234"), (1_500_000.0, "over x1,000,000"), (1e23, "over x1,000,000"), (float("inf"), "over x1,000,000"),
    ],
)  # fmt: skip
def test_a_factor_is_written_as_roughly_as_it_is_known(times: float, said: str) -> None:
    assert filters.factor(times) == said.replace("x", "\N{MULTIPLICATION SIGN}")


@pytest.mark.parametrize(
    ("kind", "p", "said"),
    [(SuspectKind.VENDOR, 0.4, "x12"), (SuspectKind.VENDOR, 0.001, ""), (SuspectKind.NOBODY, 0.4, "")],
)
def test_what_is_out_of_the_question_has_no_factor(kind: SuspectKind, p: float, said: str) -> None:
    assert filters.weight(Suspect(kind, "x", p, factor=12.0)) == said.replace("x", "\N{MULTIPLICATION SIGN}")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a \u202etxt.exe", "a \ufffdtxt.exe"),
        ("\u2068name\u2069 80%", "\u2068name\u2069 80%"),
        ("\u2068na\u202eme\u2069 80%", "\u2068na\ufffdme\u2069 80%"),
        ("\u2069 alone \u2068", "\ufffd alone \ufffd"),
        ("\u2068a\u2068b\u2069 c", "\ufffda\u2068b\u2069 c"),
    ],
)
def test_nothing_in_a_text_turns_around_what_stands_beside_it(text: str, shown: str) -> None:
    assert filters.visible(text) == shown


@pytest.mark.parametrize(("noun", "said"), [("admin", "an admin"), ("viewer", "a viewer")])
def test_a_noun_gets_its_article(noun: str, said: str) -> None:
    assert filters.with_article(noun) == said


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({}, ""),
        ({"vendor": "", "after": None}, ""),
        ({"vendor": "", "state": "hit", "after": 3}, "?state=hit&after=3"),
        ({"q": "a b&c=d"}, "?q=a%20b%26c%3Dd"),
    ],
)
def test_the_parameters_of_a_page_are_in_its_address_unless_they_are_empty(
    wanted: dict[str, object], said: str
) -> None:
    assert filters.query(wanted) == said


def test_a_time_is_written_to_the_second() -> None:
    assert filters.exact(NOW) == "2011-03-20 09:30:05 UTC"


@pytest.mark.parametrize(
    ("chances", "summed"),
    [
        ([], None),
        ([HARD, HARD], Guessing(2, 2, 1e-13, 40_211)),
        ([HARD, EASY], Guessing(2, 1, 1e-13, 40_211)),
        ([EASY], Guessing(1, 0, 0.01, 900)),
    ],
)
def test_random_addresses_are_summed_up_by_themselves(chances: list[Chance], summed: Guessing | None) -> None:
    assert Guessing.of([HitAddress("a@in.example", NOW, NOW, None, chance) for chance in chances]) == summed
