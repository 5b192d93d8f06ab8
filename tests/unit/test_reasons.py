"""Reasons are facts, and read as sentences where they are shown."""

import pytest

from canary.model.verdict import SENTENCES, Reason, StatedReason, state_reason


@pytest.mark.parametrize("code", Reason, ids=str)
def test_every_reason_has_a_sentence_that_can_be_filled(code: Reason) -> None:
    assert "{" in SENTENCES[code] or StatedReason(code).text == SENTENCES[code]
    assert "{" not in StatedReason(code).text


@pytest.mark.parametrize(
    ("code", "facts", "sentence"),
    [
        (Reason.KNOWN_SENDER, {"domain": "b.example"}, "b.example is a known sender for this vendor, proven by ?."),
        (Reason.BULK, {"signs": ("list-id", "precedence")}, "It is bulk mail (list-id, precedence)."),
        (Reason.ANSWERS_TO, {}, "It answers a mail to somebody that bore this address as its sender."),
        (
            Reason.ANSWERS_TO,
            {"recipient": "a@b.example", "message": "<1@b.example>"},
            "It answers a mail to a@b.example (<1@b.example>) that bore this address as its sender.",
        ),
        (
            Reason.ASKS_TO_CONFIRM,
            {"hours": 1},
            "It asks to confirm the address, which was given away 1 hour before.",
        ),
        (
            Reason.ASKS_TO_CONFIRM,
            {"hours": 5},
            "It asks to confirm the address, which was given away 5 hours before.",
        ),
        (
            Reason.HARD_TO_GUESS,
            {"odds": "1 in 10^20", "attempts": "40"},
            "Guessing this address is out of the question: 1 in 10^20 even after 40 attempts.",
        ),
        (
            Reason.HARD_TO_GUESS,
            {"odds": "1 in 10^20", "attempts": "0"},
            "Guessing this address is out of the question: 1 in 10^20 on the first try.",
        ),
    ],
)  # fmt: skip
def test_a_reason_reads_as_a_sentence(code: Reason, facts: dict[str, object], sentence: str) -> None:
    assert state_reason(code, **facts).text == sentence


def test_a_reason_keeps_the_facts_that_its_sentence_needs() -> None:
    stated = state_reason(Reason.HARD_TO_GUESS, odds="1 in 10", attempts=3, domain="a.example")
    assert stated.facts == {"odds": "1 in 10", "attempts": "3"}
