"""Every verdict rule and every reason, by cases that are folders (see `tests/verdict_cases.py`)."""

from pathlib import Path

import pytest

from canary.judge.rules import RULES
from canary.model.verdict import Judgement, Reason, Verdict
from tests.verdict_cases import CASES, expectation, hearing_of, judged

WITH_MAIL = [folder for folder in CASES if (folder / "mail.eml").exists()]


@pytest.mark.parametrize("folder", CASES, ids=lambda f: f.name)
def test_the_case_is_judged_as_it_must_be(folder: Path) -> None:
    told, found = expectation(folder), judged(folder)
    assert (found.verdict.value, [r.code.value for r in found.reasons]) == (told["verdict"], told["reasons"])


@pytest.mark.parametrize("folder", CASES, ids=lambda f: f.name)
def test_every_reason_is_a_whole_sentence_and_says_what_the_case_asks_for(folder: Path) -> None:
    said = [reason.text for reason in judged(folder).reasons]
    assert [text for text in said if "?" in text or not text.endswith(".")] == []
    assert [word for word in expectation(folder).get("says", []) if word not in " ".join(said)] == []


@pytest.mark.parametrize("folder", CASES, ids=lambda f: f.name)
def test_the_case_says_why_and_how_sure(folder: Path) -> None:
    low, high = expectation(folder).get("confidence", (0.5, 1.0))
    assert low <= judged(folder).confidence <= high
    assert len((folder / "why.md").read_text().split()) >= 8


def test_every_rule_has_a_case_that_it_decides() -> None:
    hearings = [hearing_of(folder) for folder in WITH_MAIL]
    first = {next(rule.__name__ for rule in RULES if rule(hearing) is not None) for hearing in hearings}
    assert [rule.__name__ for rule in RULES if rule.__name__ not in first] == []


def test_every_reason_and_every_verdict_has_a_case() -> None:
    told = [expectation(folder) for folder in CASES]
    assert sorted(set(Reason) - {Reason(code) for case in told for code in case["reasons"]}) == []
    assert sorted(set(Verdict) - {Verdict(case["verdict"]) for case in told}) == []


def test_a_verdict_without_reasons_cannot_exist() -> None:
    with pytest.raises(ValueError, match="no reasons"):
        Judgement(Verdict.SPAM, 0.9, ())


def test_a_confidence_that_is_no_probability_cannot_exist() -> None:
    with pytest.raises(ValueError, match="not a probability"):
        Judgement(Verdict.SPAM, 1.2, judged(CASES[0]).reasons)
