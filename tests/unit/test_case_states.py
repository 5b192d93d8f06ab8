"""Where a case may go, and what later mail does to it."""

import pytest

from canary.model.case import SETTLED, TRANSITIONS, CaseState, HitEffect, effect_of_hit


def test_every_state_has_a_way_on_and_none_leads_to_itself() -> None:
    assert set(TRANSITIONS) == set(CaseState)
    assert all(ways and state not in ways for state, ways in TRANSITIONS.items())


def test_every_state_but_watched_can_be_reached_from_new_and_left_for_investigating() -> None:
    reached, waiting = {CaseState.NEW}, [CaseState.NEW]
    while waiting:
        fresh = set(TRANSITIONS[waiting.pop()]) - reached
        reached |= fresh
        waiting += fresh
    assert reached == set(CaseState) - {CaseState.WATCHED}
    assert all(CaseState.INVESTIGATING in TRANSITIONS[s] for s in CaseState if s is not CaseState.INVESTIGATING)


@pytest.mark.parametrize("state", [state for state in CaseState if state not in SETTLED])
def test_an_open_case_takes_whatever_comes(state: CaseState) -> None:
    assert effect_of_hit(state, "", campaign_known=False, canary_known=False) is HitEffect.JOIN


@pytest.mark.parametrize("state", [CaseState.DENIED, CaseState.CLOSED])
def test_a_settled_case_takes_more_of_the_same_and_opens_again_for_anything_new(state: CaseState) -> None:
    assert effect_of_hit(state, "confirmed", campaign_known=True, canary_known=True) is HitEffect.JOIN
    assert effect_of_hit(state, "confirmed", campaign_known=True, canary_known=False) is HitEffect.REOPEN
    assert effect_of_hit(state, "confirmed", campaign_known=False, canary_known=True) is HitEffect.REOPEN


@pytest.mark.parametrize("state", [CaseState.FALSE_POSITIVE, CaseState.CLOSED])
def test_a_false_positive_stays_one_for_its_campaigns_and_says_nothing_of_others(state: CaseState) -> None:
    assert effect_of_hit(state, "false-positive", campaign_known=True, canary_known=False) is HitEffect.JOIN
    assert effect_of_hit(state, "false-positive", campaign_known=False, canary_known=True) is HitEffect.NEW_CASE
