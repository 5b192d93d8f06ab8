"""Weights from counts: drawn towards what was set, held out by vendor, and given to the judge in place of its own."""

import math
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.judge.rules import judge
from canary.judge.signs import SIGNS, Sign
from canary.model.verdict import Verdict
from tests.quality.fit import LEFT_SET, SignCount, count_signs, fitted, folds, set_weight
from tests.quality.reliability import bins, calibration_error, log_loss
from tests.verdict_cases import FOLDER, hearing_of

MAILS = st.integers(1, 5000)
WEIGHTS = st.floats(-10, 10)


def counts(own: int, others: int, of_own: int = 200, of_others: int = 400) -> SignCount:
    return SignCount(own, of_own, others, of_others)


def test_a_sign_counts_once_for_a_mail_however_often_it_was_seen() -> None:
    found = count_signs([(True, [Sign.FRAUD, Sign.FRAUD]), (True, []), (False, [Sign.FRAUD])])
    assert found[Sign.FRAUD] == SignCount(1, 2, 1, 1)
    assert found[Sign.TRAP] == SignCount(0, 2, 0, 1)


@given(WEIGHTS, MAILS, MAILS)
def test_a_sign_that_no_mail_has_keeps_its_set_weight(weight: float, own: int, others: int) -> None:
    assert counts(0, 0, own, others).shrunken(weight) == pytest.approx(weight, abs=1e-6)


@pytest.mark.parametrize("empty", [counts(0, 3, of_own=0), counts(3, 0, of_others=0)])
def test_a_weight_stays_where_one_side_has_no_mail_at_all(empty: SignCount) -> None:
    assert empty.shrunken(-4.0) == -4.0


@given(WEIGHTS, st.integers(1, 200), st.integers(1, 400))
def test_a_shrunken_weight_lies_between_what_was_set_and_what_was_counted(weight: float, own: int, others: int) -> None:
    counted = math.log(own / 200) - math.log(others / 400)
    low, high = sorted((weight, counted))
    assert low - 1e-6 <= counts(own, others).shrunken(weight) <= high + 1e-6


def test_the_more_mail_is_counted_the_less_the_set_weight_matters() -> None:
    drawn = [SignCount(10 * n, 100 * n, 2 * n, 100 * n).shrunken(-4.0) for n in (1, 10, 100)]
    assert drawn == sorted(drawn)
    assert drawn[-1] == pytest.approx(math.log(5), abs=0.1)


def test_one_honest_mail_does_not_turn_a_grave_sign_into_a_harmless_one() -> None:
    assert counts(1, 0).shrunken(-8.0) < -1


def test_own_mail_and_others_are_treated_alike() -> None:
    assert counts(7, 3, 50, 90).shrunken(1.5) == pytest.approx(-SignCount(3, 90, 7, 50).shrunken(-1.5))


COUNTED = {sign: weight for sign, weight in SIGNS.items() if weight.source.startswith("counted: ")}


@pytest.mark.parametrize("sign", COUNTED)
def test_a_weight_that_was_counted_follows_from_its_counts_or_is_held_below_them(sign: Sign) -> None:
    weight = COUNTED[sign]
    stated = re.match(
        r"counted: (\d+) of (\d+) own, (\d+) of (\d+) others, (shrunken from|held far below)", weight.source
    )
    assert stated
    count = SignCount(*map(int, stated.groups()[:4]))
    if stated[5] == "shrunken from":
        assert weight.log_odds == pytest.approx(count.shrunken(set_weight(weight)), abs=0.1)
    else:
        assert 0 < weight.log_odds < count.shrunken(set_weight(weight))


def test_what_the_streams_say_nothing_of_stays_as_it_is_set_and_all_keep_who_can_write_them() -> None:
    table = fitted(count_signs([(True, list(Sign)), (False, [])]))
    assert set(table) == set(Sign)
    assert all(table[sign] == SIGNS[sign] for sign in LEFT_SET)
    assert all(table[sign].source.startswith("counted: 1 of 1 own, 0 of 1") for sign in set(Sign) - set(LEFT_SET))
    assert all(table[sign].writable == weight.writable for sign, weight in SIGNS.items())


@given(st.sets(st.text(max_size=5), min_size=5, max_size=60), st.integers(0, 9))
def test_every_vendor_is_held_out_once_in_groups_of_like_size(vendors: set[str], seed: int) -> None:
    groups = folds(vendors, 5, seed)
    assert sorted(vendor for group in groups for vendor in group) == sorted(vendors)
    assert max(map(len, groups)) - min(map(len, groups)) <= 1


def test_the_judge_goes_by_the_weights_that_it_is_given() -> None:
    hit = hearing_of(FOLDER / "53-expected-likely-vendor")
    weightless = {sign: replace(weight, log_odds=0.0) for sign, weight in SIGNS.items()}
    assert judge(hit).verdict is Verdict.EXPECTED
    assert judge(replace(hit, weights=weightless)).verdict is Verdict.NEW_SENDER


SURE = [(0.95, True), (0.95, True), (0.95, False), (0.25, False)]


def test_the_calibration_error_is_how_far_confidence_is_from_the_share_that_is_right() -> None:
    assert [count for count, _, _ in bins(SURE)] == [1, 3]
    assert calibration_error(SURE) == pytest.approx((0.25 + 3 * (0.95 - 2 / 3)) / 4)
    assert calibration_error([(1.0, True)]) == 0


def test_the_log_loss_of_a_certain_error_is_large_and_finite() -> None:
    assert log_loss([(0.5, True), (0.5, False)]) == pytest.approx(math.log(2))
    assert 10 < log_loss([(1.0, False)]) < 20
