"""Which question a sender belongs to, how questions rank and expire, and when the owner is told."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from canary.model.party import Vendor
from canary.model.sender import Sender, SenderState
from canary.senders.questions import (
    AGAIN,
    DOUBTFUL,
    EXPIRES,
    UNLIKELY,
    AskingStep,
    group_of,
    group_questions,
    next_asking,
)

NOW = datetime(2026, 6, 1, tzinfo=UTC)
SHOP = Vendor("trendy-shoes", "Trendy Shoes", ("trendyshoes.example",))
DAY = timedelta(days=1)


def sender(key: str = "till.example", vendor: str = "shop", group: str = "", **more: object) -> Sender:
    facts = {"last": NOW, "asked": NOW, "group": group or f"sender:{key}", "plausibility": 0.5, **more}
    return Sender(vendor, key, **{"state": SenderState.PENDING, **facts})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key", "group"),
    [
        ("sendgrid/4711", "platform:sendgrid"),
        ("shop.example via sendgrid", "platform:sendgrid"),
        ("shop.example via postling.example", "platform:postling.example"),
        ("trendyshoes.freshdesk.com", "platform:freshdesk.com"),
        ("trendyshoes-mail.example", "family:trendy-shoes"),
        ("mytrendyshoes.test", "family:trendy-shoes"),
        ("trendyshoes-clearance.test", "unlikely"),
        ("till.example", "sender:till.example"),
    ],
)
def test_a_sender_is_asked_about_with_those_that_are_tied_alike(key: str, group: str) -> None:
    assert group_of(key, SHOP, 0.5) == group


@pytest.mark.parametrize("key", ["trendyshoes-deals.test", "sendgrid/4711", "till.example"])
def test_the_unlikely_are_asked_about_together(key: str) -> None:
    assert group_of(key, SHOP, UNLIKELY - 0.01) == "unlikely"


def test_a_name_among_other_words_is_of_the_family_where_more_than_words_speaks_for_it() -> None:
    assert group_of("trendyshoes-clearance.test", SHOP, DOUBTFUL) == "family:trendy-shoes"


def test_a_platform_is_one_question_for_all_vendors() -> None:
    accounts = [sender(f"zendesk/{n}", f"shop-{n}", "platform:zendesk") for n in range(14)]
    [question] = group_questions(accounts, NOW)
    assert (len(question.members), len(question.vendors)) == (14, 14)
    assert question.text == "zendesk carries mail for 14 of your vendors, from 14 of its customers"


def test_a_question_keeps_its_name_while_senders_join_it() -> None:
    first, second = sender(vendor="shop"), sender(vendor="bikes")
    assert [q.group for q in group_questions([first], NOW)] == [q.group for q in group_questions([second, first], NOW)]


def test_the_most_plausible_question_comes_first_and_what_is_only_listed_last() -> None:
    senders = [
        sender("a.example", plausibility=0.2),
        sender("b.example", plausibility=0.99, asked=None),
        sender("c.example", plausibility=0.9),
    ]
    assert [q.keys[0] for q in group_questions(senders, NOW)] == ["c.example", "a.example", "b.example"]


def test_a_question_expires_when_nobody_answers_and_its_sender_is_silent() -> None:
    silent = sender(last=NOW - EXPIRES - DAY, asked=NOW - EXPIRES - DAY)
    assert group_questions([silent], NOW) == []
    assert group_questions([replace(silent, last=NOW)], NOW)[0].keys == ("till.example",)
    assert group_questions([replace(silent, asked=NOW - DAY)], NOW)[0].keys == ("till.example",)


@pytest.mark.parametrize("state", [SenderState.LEARNED, SenderState.DENIED, SenderState.DECLARED])
def test_what_is_decided_is_no_question(state: SenderState) -> None:
    assert group_questions([sender(state=state)], NOW) == []


def other(**more: Any) -> Sender:
    return sender(**{"vendor": "bikes", "asked": NOW - DAY, **more})


def approved(**more: Any) -> Sender:
    return other(**{"state": SenderState.LEARNED, "by": "ada", **more})


LATER = max(AGAIN.values()) + DAY


@pytest.mark.parametrize(
    ("others", "step"),
    [
        ([], AskingStep.ASK),
        ([other()], AskingStep.JOIN),
        ([other(asked=None)], AskingStep.ASK),
        ([other(asked=NOW - EXPIRES - DAY, last=NOW - EXPIRES - DAY)], AskingStep.ASK),
        ([approved()], AskingStep.WAIT),
        ([approved(asked=NOW - LATER)], AskingStep.WAIT),
        ([approved(by="canary")], AskingStep.ASK),
        ([other(state=SenderState.DENIED, by="ada")], AskingStep.ASK),
    ],
)
def test_the_owner_is_told_once_of_a_sender_at_many_vendors(others: list[Sender], step: AskingStep) -> None:
    assert next_asking(sender(asked=None), others, NOW) is step


@pytest.mark.parametrize(
    ("days", "group", "step"),
    [
        (DAY, "platform:zendesk", AskingStep.WAIT),
        (LATER, "platform:zendesk", AskingStep.ASK),
        (DAY, "unlikely", AskingStep.WAIT),
        (LATER, "unlikely", AskingStep.ASK),
        (DAY, "family:shop", AskingStep.ASK),
    ],
)
def test_another_party_of_an_answered_question_waits_for_a_while_and_a_further_domain_of_a_family_does_not(
    days: timedelta, group: str, step: AskingStep
) -> None:
    before = approved(key="zendesk/1", group=group, asked=NOW - days)
    assert next_asking(sender("zendesk/2", group=group, asked=None), [before], NOW) is step
