"""Confidence follows from one table of odds, and every entry of it says what it rests on."""

import pytest

from canary.judge.confidence import ASKED, CERTAIN, FACTORS, STARTS, confidence, probability, reweigh
from canary.model.verdict import Reason, Verdict


def test_every_verdict_has_odds_to_start_from_and_everything_has_a_source() -> None:
    assert set(STARTS) == set(Verdict)
    assert [
        w for w in (*STARTS.values(), *FACTORS.values(), *ASKED.values()) if w.odds <= 0 or len(w.source.split()) < 4
    ] == []


def test_a_reason_counts_once_however_often_it_is_given() -> None:
    once = confidence(Verdict.SPAM, [Reason.FRAUD_SHAPE])
    assert confidence(Verdict.SPAM, [Reason.FRAUD_SHAPE] * 3) == once > confidence(Verdict.SPAM, [])


def test_a_question_about_mail_that_proves_nothing_is_less_sure_and_a_charge_is_not() -> None:
    for code in (Reason.FAILS_VENDOR_AUTH, Reason.NOTHING_PROVEN):
        assert 0.5 < confidence(Verdict.NEW_SENDER, [code]) < 0.8 < confidence(Verdict.NEW_SENDER, [])
        assert confidence(Verdict.IMPERSONATION, [code]) == confidence(Verdict.IMPERSONATION, [])


def test_nothing_is_certain() -> None:
    assert confidence(Verdict.SELF_TEST, list(Reason)) <= CERTAIN
    assert 0 < probability(1e-9) + 1e-9 < probability(1) == 0.5 < probability(1e9) == CERTAIN


@pytest.mark.parametrize("verdict", Verdict)
def test_reasons_can_be_weighed_at_once_or_one_after_the_other(verdict: Verdict) -> None:
    at_once = confidence(verdict, [Reason.DNS_UNSETTLED, Reason.MALFORMED, Reason.PUBLISHED_ADDRESS])
    later = reweigh(confidence(verdict, [Reason.DNS_UNSETTLED]), [Reason.PUBLISHED_ADDRESS])
    assert later == pytest.approx(at_once, abs=0.02) or verdict is Verdict.SELF_TEST
