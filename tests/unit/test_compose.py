"""What is said on Slack: the answer, the evidence, and nothing that a stranger wrote gets to act."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from canary.alert.compose import defang, headline, hostile, link, slack
from canary.model.alert import Alert

HOSTILE = Alert(
    id="a", kind="case-opened", at=datetime(2026, 3, 1, tzinfo=UTC), case=7, vendor="Play & Co", verdict="spam",
    confidence=0.97, canary="play-x@in.example", sender="<!channel> evil@bad.example",
    subject="<https://bad.example|click> *bold* <!here> & www.bad.example " + "x" * 5000,
    reasons=("It says <b> and https://bad.example",) * 20, suspects=(("Silverline", 0.87), ("Play & Co", 0.09)),
)  # fmt: skip


def test_nothing_from_a_mail_can_mention_link_or_unfurl() -> None:
    said = json.dumps(slack(HOSTILE, "https://canary.example/cases/7"))
    body = said.replace("https://canary.example/cases/7", "")
    for forbidden in ("<", "https://bad", "http://", "bad.example", "<!channel>"):
        assert forbidden not in body


def test_the_answer_names_suspects_with_probabilities_and_accuses_nobody() -> None:
    said = json.dumps(slack(HOSTILE, "https://canary.example/cases/7"))
    assert "Most likely: Silverline 87%, Play &amp; Co 9%" in said
    assert headline(HOSTILE).startswith("Possible leak")


def test_the_message_keeps_within_the_limits_of_slack() -> None:
    message = slack(HOSTILE, "https://canary.example/cases/7")
    assert len(message["blocks"]) <= 20
    assert len(json.dumps(message)) < 10_000
    assert message["text"]
    assert all(len(b["text"]["text"]) <= 3000 for b in message["blocks"] if "text" in b)


def test_a_question_about_a_sender_is_told_as_a_question_and_leads_to_where_it_is_decided() -> None:
    question = replace(HOSTILE, kind="new-sender", case=0, identity="till.example", suspects=())
    said = json.dumps(slack(question, link(question, "https://canary.example")))
    assert headline(question) == "Question: till.example wrote to an address given only to Play & Co"
    assert "Does till[.]example write for Play &amp; Co?" in said
    assert "https://canary.example/senders" in said
    assert "till.example" not in said


def test_the_button_leads_to_the_case() -> None:
    message = slack(HOSTILE, "https://canary.example/cases/7")
    assert message["blocks"][-1]["elements"][0]["url"] == "https://canary.example/cases/7"


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("http://a.example/x", "hxxp://a[.]example/x"),
        ("HTTPS://a.b", "HxxPS://a[.]b"),
        ("1.5 of it. Yes", "1[.]5 of it. Yes"),
    ],
)
def test_links_are_defanged(text: str, harmless: str) -> None:
    assert defang(text) == harmless


def test_text_from_a_mail_is_one_line() -> None:
    assert "\n" not in hostile("a\n\nb\r\nc")
